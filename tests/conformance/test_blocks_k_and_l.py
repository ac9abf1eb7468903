"""2.0.1: smart charging (K) and firmware (L), each by what comes of it."""

from decimal import Decimal
from typing import Any

import pytest
from ocpp.charge_point import camel_to_snake_case

from accounts.directory import WHOLE
from csms import equipment, known_profiles
from csms.queue import Command, CommandState, Failure
from csms.records import Held
from foundation.identifiers import StationId
from tests.conformance.case import with_file_places
from tests.conformance.charging_station import TOKEN, ChargingStation, booted, sample
from tests.csms.asking import seen
from tests.csms.central import Central

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED, FAILED = CommandState.REJECTED, CommandState.FAILED


@pytest.fixture
async def case(central: Central) -> ChargingStation:
    with_file_places(central)
    return await booted(central)


# ------------------------------------------------------------------------ K smart charging


def profile(purpose: str, *, limit: float = 6.0, kind: str = "Absolute", **more: Any) -> Any:
    schedule: dict[str, Any] = {
        "id": 1,
        "chargingRateUnit": "A",
        "duration": 86400,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit, "numberPhases": 3}],
    }
    if kind != "Relative":
        schedule["startSchedule"] = "2026-10-15T00:00:00Z"
    return {
        "id": 5,
        "stackLevel": 1,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
    } | more


async def known(case: ChargingStation) -> list[known_profiles.KnownProfile]:
    """What limits it, by all that the central system knows."""
    async with case.central.database.unit_of_work() as db:
        return await known_profiles.known(db, StationId(case.identity))


VALID = {"validFrom": "2026-10-15T00:00:00Z", "validTo": "2026-10-16T00:00:00Z"}


@pytest.mark.parametrize(
    ("number", "evse", "purpose", "more"),
    [
        ("k_01", 1, "TxDefaultProfile", VALID),
        ("k_03", 0, "ChargingStationMaxProfile", {"limit": 8.0}),
        ("k_10", 0, "TxDefaultProfile", {}),
        ("k_19_daily", 1, "TxDefaultProfile", {"kind": "Recurring", "recurrencyKind": "Daily"}),
        ("k_19_weekly", 1, "TxDefaultProfile", {"kind": "Recurring", "recurrencyKind": "Weekly"}),
    ],
)
async def test_k_01_03_10_and_19_a_profile_is_set(
    case: ChargingStation, number: str, evse: int, purpose: str, more: dict[str, Any]
) -> None:
    payload = {"evseId": evse, "chargingProfile": profile(purpose, **more)}
    command = await case.asked_for("SetChargingProfile", payload)
    assert await case.was_asked("SetChargingProfile") == camel_to_snake_case(payload)
    await case.becomes(command, EFFECTIVE)
    [kept] = await case.held(Held.CHARGING_PROFILE)
    assert (kept.key, kept.content) == ("5", payload)


async def test_k_02_a_transaction_profile_without_its_transaction(case: ChargingStation) -> None:
    chosen = profile("TxProfile", kind="Relative", transactionId="nobody")
    command = await case.asked_for(
        "SetChargingProfile", {"evseId": 1, "chargingProfile": chosen}, {"status": "Rejected"}
    )
    await case.becomes(command, REJECTED)
    assert await case.held(Held.CHARGING_PROFILE) == []


async def test_k_04_and_k_70_profiles_replace_and_stand_beside_each_other(
    case: ChargingStation,
) -> None:
    others: list[dict[str, Any]] = [{"limit": 8.0}, {"limit": 10.0}, {"id": 6, "stackLevel": 2}]
    for more in others:
        command = await case.asked_for(
            "SetChargingProfile",
            {"evseId": 1, "chargingProfile": profile("TxDefaultProfile", **more)},
        )
        await case.becomes(command, EFFECTIVE)
    sent = [each["charging_profile"] for name, each in case.asked if name == "SetChargingProfile"]
    assert [(each["id"], each["stack_level"]) for each in sent] == [(5, 1), (5, 1), (6, 2)]
    assert {
        each.key: each.content["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"][
            0
        ]["limit"]
        for each in await case.held(Held.CHARGING_PROFILE)
    } == {"5": 10.0, "6": 6.0}


@pytest.mark.parametrize(
    ("number", "payload", "answer", "state", "left"),
    [
        ("k_05", {"chargingProfileId": 5}, "Accepted", EFFECTIVE, "6789"),
        (
            "k_06",
            {
                "chargingProfileCriteria": {
                    "evseId": 1,
                    "chargingProfilePurpose": "TxDefaultProfile",
                    "stackLevel": 1,
                }
            },
            "Accepted",
            EFFECTIVE,
            "6789",
        ),
        ("k_08", {"chargingProfileId": 99}, "Unknown", REJECTED, "56789"),
        ("k_08_of_ours", {"chargingProfileId": 5}, "Unknown", REJECTED, "6789"),
    ],
)
async def test_k_05_06_and_08_profiles_are_cleared(
    case: ChargingStation,
    number: str,
    payload: dict[str, Any],
    answer: str,
    state: CommandState,
    left: str,
) -> None:
    """What a station does not know any more when it is asked to clear it is gone, too."""
    await case.begin()
    for evse, told in (
        (1, profile("TxDefaultProfile")),
        (1, profile("TxDefaultProfile", id=6, stackLevel=2)),
        (2, profile("TxDefaultProfile", id=7)),
        (0, profile("ChargingStationMaxProfile", id=8)),
        (1, profile("TxProfile", id=9, transactionId=case.ref)),
    ):
        command = await case.asked_for(
            "SetChargingProfile", {"evseId": evse, "chargingProfile": told}
        )
        await case.becomes(command, EFFECTIVE)
    command = await case.asked_for("ClearChargingProfile", payload, {"status": answer})
    assert await case.was_asked("ClearChargingProfile") == camel_to_snake_case(payload)
    await case.becomes(command, state)
    assert [each.key for each in await case.held(Held.CHARGING_PROFILE)] == list(left)


async def test_k_15_a_station_without_smart_charging(case: ChargingStation) -> None:
    case.refuses.add("SetChargingProfile")
    command = await case.asked_for(
        "SetChargingProfile", {"evseId": 1, "chargingProfile": profile("TxDefaultProfile")}
    )
    assert (await case.becomes(command, FAILED)).failure is Failure.CALL_ERROR
    assert await case.held(Held.CHARGING_PROFILE) == []


EXTERNAL = "ChargingStationExternalConstraints"


@pytest.mark.parametrize(
    ("number", "evse", "criteria"),
    [
        ("k_29", 0, {}),
        ("k_30", 1, {}),
        ("k_31", None, {}),
        ("k_32", None, {"chargingProfileId": [5]}),
        ("k_33", 1, {"stackLevel": 1}),
        ("k_34", 1, {"chargingLimitSource": ["CSO"]}),
        ("k_35", 1, {"chargingProfilePurpose": "TxDefaultProfile"}),
        ("k_36", 1, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}),
        ("k_52", 0, {"chargingProfilePurpose": EXTERNAL}),
    ],
)
async def test_k_29_to_36_and_k_52_profiles_are_reported_in_parts(
    case: ChargingStation, number: str, evse: int | None, criteria: dict[str, Any]
) -> None:
    """What a report without any criterion leaves out is gone; others say nothing of the rest."""
    old = {"evseId": 1, "chargingProfile": profile("TxDefaultProfile", id=9)}
    await case.becomes(await case.asked_for("SetChargingProfile", old), EFFECTIVE)
    payload: dict[str, Any] = {"requestId": 8, "chargingProfile": criteria}
    if evse is not None:
        payload["evseId"] = evse
    command = await case.asked_for("GetChargingProfiles", payload)
    assert await case.was_asked("GetChargingProfiles") == camel_to_snake_case(payload)
    await case.becomes(command, ACCEPTED)
    purpose = criteria.get("chargingProfilePurpose", "TxDefaultProfile")
    source = "EMS" if purpose == EXTERNAL else "CSO"
    for place in range(2):
        assert (await seen(case.central, command)).state is ACCEPTED, "parts of it are missing"
        said = {
            "requestId": 8,
            "chargingLimitSource": source,
            "evseId": evse or 0,
            "tbc": place == 0,
            "chargingProfile": [profile(purpose, id=place, limit=6.0 + place)],
        }
        assert await case.call("ReportChargingProfiles", said) == {}
    await case.becomes(command, EFFECTIVE)
    known = {each.key: each for each in await case.held(Held.CHARGING_PROFILE)}
    assert {key: (known[key].content, known[key].state) for key in ("0", "1")} == {
        str(place): (
            {
                "evseId": evse or 0,
                "chargingProfile": profile(purpose, id=place, limit=6.0 + place),
            },
            source,
        )
        for place in range(2)
    }
    assert ("9" in known) == (number != "k_31")


async def test_k_52_constraints_of_others_outlast_that_ours_are_cleared(
    case: ChargingStation,
) -> None:
    """By criteria a station clears no ChargingStationExternalConstraints (K10.FR.04)."""
    ours = {"evseId": 0, "chargingProfile": profile("ChargingStationMaxProfile")}
    await case.becomes(await case.asked_for("SetChargingProfile", ours), EFFECTIVE)
    theirs = {
        "requestId": 8,
        "chargingLimitSource": "EMS",
        "evseId": 0,
        "chargingProfile": [profile(EXTERNAL, id=3)],
    }
    assert await case.call("ReportChargingProfiles", theirs) == {}
    criteria = {"chargingProfileCriteria": {"evseId": 0, "stackLevel": 1}}
    await case.becomes(await case.asked_for("ClearChargingProfile", criteria), EFFECTIVE)
    [kept] = await known(case)
    assert (kept.profile.number, kept.profile.purpose) == ("3", EXTERNAL)
    assert (kept.source, kept.limiter) == (known_profiles.Source.REPORTED, "EMS")


@pytest.mark.parametrize("place", [{"evseId": 1}, {}], ids=["an EVSE", "anywhere"])
async def test_k_37_a_remote_start_with_its_profile(
    case: ChargingStation, place: dict[str, int]
) -> None:
    payload = {
        "idToken": TOKEN,
        "remoteStartId": 9,
        "chargingProfile": profile("TxProfile", kind="Relative"),
    } | place
    command = await case.asked_for("RequestStartTransaction", payload)
    assert await case.was_asked("RequestStartTransaction") == camel_to_snake_case(payload)
    await case.begin(remoteStartId=9)
    await case.becomes(command, EFFECTIVE)
    [kept] = await known(case)
    assert kept.source is known_profiles.Source.SENT
    assert (kept.profile.evse_id, kept.profile.number) == (1, "5")
    assert (kept.profile.purpose, kept.profile.transaction) == ("TxProfile", case.ref)
    [held] = await case.held(Held.CHARGING_PROFILE)
    assert held.content["chargingProfile"] == payload["chargingProfile"]
    await case.end()
    assert await known(case) == [], "it goes with its transaction"


@pytest.mark.parametrize(("number", "evse"), [("k_43", 1), ("k_44", 0)])
async def test_k_43_and_44_a_composite_schedule(
    case: ChargingStation, number: str, evse: int
) -> None:
    schedule = {
        "evse_id": evse,
        "duration": 300,
        "schedule_start": "2026-10-15T20:00:00Z",
        "charging_rate_unit": "W",
        "charging_schedule_period": [{"start_period": 0, "limit": 4140.0}],
    }
    command = await case.asked_for(
        "GetCompositeSchedule",
        {"evseId": evse, "duration": 300, "chargingRateUnit": "W"},
        {"status": "Accepted", "schedule": schedule},
    )
    done = await case.becomes(command, EFFECTIVE)
    assert done.answer is not None
    assert done.answer["schedule"]["chargingSchedulePeriod"][0]["limit"] == 4140
    assert await case.was_asked("GetCompositeSchedule") == {
        "evse_id": evse,
        "duration": 300,
        "charging_rate_unit": "W",
    }
    async with case.central.database.unit_of_work() as db:
        answers = await known_profiles.own_answers(db, StationId(case.identity))
    assert list(answers) == [evse]
    theirs = answers[evse].theirs
    assert theirs is not None
    assert [each.limit for each in theirs.steps] == [4140]


async def limited(case: ChargingStation, source: str, limit: float) -> None:
    """Somebody beside us limits what the first EVSE draws."""
    said = {
        "evseId": 1,
        "chargingLimit": {"chargingLimitSource": source},
        "chargingSchedule": [profile("TxProfile", limit=limit)["chargingSchedule"][0]],
    }
    case.now()
    assert await case.call("NotifyChargingLimit", said) == {}


async def limits(case: ChargingStation) -> dict[str | None, tuple[int, list[Decimal]]]:
    """By who limits it: at which EVSE, and to how much."""
    return {
        each.limiter: (each.profile.evse_id, [one.limit for one in each.profile.periods])
        for each in await known(case)
    }


async def test_k_48_a_limit_of_others_holds_until_they_tell_another(case: ChargingStation) -> None:
    await limited(case, "EMS", 8)
    await limited(case, "SO", 12)
    assert await limits(case) == {"EMS": (1, [Decimal(8)]), "SO": (1, [Decimal(12)])}
    await limited(case, "EMS", 6)
    assert await limits(case) == {"EMS": (1, [Decimal(6)]), "SO": (1, [Decimal(12)])}
    assert await case.transactions() == []


@pytest.mark.parametrize("number", ["k_50", "k_51"])
async def test_k_50_and_51_a_limit_of_others_is_gone_once_it_is_cleared(
    case: ChargingStation, number: str
) -> None:
    if number == "k_51":
        await case.begin()
    await limited(case, "EMS", 6)
    await limited(case, "SO", 12)
    cleared = {"chargingLimitSource": "EMS", "evseId": 1}
    assert await case.call("ClearedChargingLimit", cleared) == {}
    assert await limits(case) == {"SO": (1, [Decimal(12)])}
    if number == "k_51":
        reading = sample(1500, "Other", case.now())
        await case.event("Updated", "ChargingRateChanged", "Charging", meterValue=[reading])
        assert (await case.transaction()).state == "active"
        await case.end(wh=2000)
        assert (await case.transaction()).energy_wh == 1000


async def test_k_60_a_profile_for_the_running_transaction(case: ChargingStation) -> None:
    await case.begin()
    payload = {
        "evseId": 1,
        "chargingProfile": profile("TxProfile", kind="Relative", transactionId=case.ref),
    }
    command = await case.asked_for("SetChargingProfile", payload)
    assert await case.was_asked("SetChargingProfile") == camel_to_snake_case(payload)
    await case.becomes(command, EFFECTIVE)
    [kept] = await case.held(Held.CHARGING_PROFILE)
    assert kept.content == payload
    assert [each.profile.transaction for each in await known(case)] == [case.ref]
    await case.end()
    assert await known(case) == [], "it goes with its transaction"


# -------------------------------------------------------------------------------- firmware


async def update(
    case: ChargingStation, request: int = 51, answer: str = "Accepted", **firmware: Any
) -> Command:
    wanted = {
        "location": "https://firmware.example/two.bin",
        "retrieveDateTime": case.now(),
        "signingCertificate": "-----BEGIN CERTIFICATE-----",
        "signature": "c2lnbmF0dXJl",
    } | firmware
    return await case.asked_for(
        "UpdateFirmware", {"requestId": request, "firmware": wanted}, {"status": answer}
    )


DOWNLOADED = ("Downloading", "Downloaded", "SignatureVerified")


@pytest.mark.parametrize(
    ("number", "words", "state"),
    [
        ("l_01", (*DOWNLOADED, "Installing", "InstallRebooting", "Installed"), EFFECTIVE),
        ("l_02", (*DOWNLOADED, "InstallScheduled", "Installing", "Installed"), EFFECTIVE),
        ("l_03", ("DownloadScheduled", *DOWNLOADED, "Installing", "Installed"), EFFECTIVE),
        ("l_06", ("Downloading", "Downloaded", "InvalidSignature"), FAILED),
        ("l_07", ("Downloading", "DownloadFailed"), FAILED),
        ("l_08", (*DOWNLOADED, "Installing", "InstallVerificationFailed"), FAILED),
        ("l_09", (*DOWNLOADED, "Installing", "InstallationFailed"), FAILED),
    ],
)
async def test_l_01_to_l_09_an_update_to_its_end(
    case: ChargingStation, number: str, words: tuple[str, ...], state: CommandState
) -> None:
    soon: dict[str, Any] = {
        "l_02": {"installDateTime": "2026-10-16T02:00:00Z"},
        "l_03": {"retrieveDateTime": "2026-10-16T01:00:00Z"},
    }.get(number, {})
    command = await update(case, **soon)
    asked = await case.was_asked("UpdateFirmware")
    sent = asked["firmware"]
    assert (asked["request_id"], sent["location"]) == (51, "https://firmware.example/two.bin")
    assert (sent["signature"], "BEGIN CERTIFICATE" in sent["signing_certificate"]) == (
        "c2lnbmF0dXJl",
        True,
    )
    for name, at in camel_to_snake_case(soon).items():
        assert sent[name] == at
    for word in words:
        await case.tells("FirmwareStatusNotification", 51, word)
        if word == "InvalidSignature":
            event = {"type": "InvalidFirmwareSignature", "timestamp": case.now()}
            assert await case.call("SecurityEventNotification", event) == {}
            assert (await case.events())[-1]["type"] == "InvalidFirmwareSignature"
        if word in ("InstallRebooting", "InstallationFailed"):
            await case.connect()
            assert (await case.boot())["status"] == "Accepted"
    await case.becomes(command, state)
    assert await case.steps("firmware", 51) == list(words)


@pytest.mark.parametrize(
    ("number", "answer"), [("l_04", "RevokedCertificate"), ("l_05", "InvalidCertificate")]
)
async def test_l_04_and_l_05_a_certificate_that_it_does_not_take(
    case: ChargingStation, number: str, answer: str
) -> None:
    command = await update(case, answer=answer)
    said = {"type": "InvalidFirmwareSigningCertificate", "timestamp": case.now()}
    assert await case.call("SecurityEventNotification", said) == {}
    assert (await case.becomes(command, REJECTED)).answer == {"status": answer}
    assert (await case.events())[-1]["type"] == "InvalidFirmwareSigningCertificate"
    assert await case.heard_of("firmware") == [], "nothing is under way"


@pytest.mark.parametrize(
    ("number", "answer", "second"),
    [("l_10", "AcceptedCanceled", EFFECTIVE), ("l_11", "Rejected", REJECTED)],
)
async def test_l_10_and_l_11_a_second_update_while_one_runs(
    case: ChargingStation, number: str, answer: str, second: CommandState
) -> None:
    first = await update(case)
    await case.tells("FirmwareStatusNotification", 51, "Downloading")
    other = await update(case, 52, answer)
    kept = 52 if answer == "AcceptedCanceled" else 51
    await case.tells("FirmwareStatusNotification", kept, *DOWNLOADED, "Installed")
    await case.becomes(other, second)
    if answer == "Rejected":
        await case.becomes(first, EFFECTIVE)
        assert "Installed" in await case.steps("firmware", 51)
    else:
        assert (await case.becomes(first, FAILED)).failure is Failure.NO_EFFECT
        assert await case.steps("firmware", 51) == ["Downloading"]
        assert (await case.steps("firmware", 52))[-1] == "Installed"


async def test_l_13_an_update_waits_for_a_transaction(case: ChargingStation) -> None:
    await case.begin()
    command = await update(case)
    await case.tells("FirmwareStatusNotification", 51, *DOWNLOADED, "InstallScheduled")
    await case.status("Unavailable", evse=2)
    assert await case.shown(2) == "Unavailable"
    await case.end()
    await case.tells("FirmwareStatusNotification", 51, "Installing", "Installed")
    await case.becomes(command, EFFECTIVE)
    assert (await case.transaction()).state == "ended"
    assert await case.steps("firmware", 51) == [
        *DOWNLOADED,
        "InstallScheduled",
        "Installing",
        "Installed",
    ]


@pytest.mark.parametrize(
    ("number", "word", "state"),
    [
        ("l_17", "Published", EFFECTIVE),
        ("l_19", "InvalidChecksum", FAILED),
        ("l_20", "PublishFailed", FAILED),
        ("l_24", "DownloadFailed", FAILED),
    ],
)
async def test_l_17_19_20_and_24_firmware_is_published(
    case: ChargingStation, number: str, word: str, state: CommandState
) -> None:
    command = await case.asked_for(
        "PublishFirmware",
        {
            "location": "https://firmware.example/two.bin",
            "checksum": "0123456789abcdef0123456789abcdef",
            "requestId": 61,
        },
    )
    assert await case.was_asked("PublishFirmware") == {
        "location": "https://firmware.example/two.bin",
        "checksum": "0123456789abcdef0123456789abcdef",
        "request_id": 61,
    }
    said: dict[str, Any] = {"status": word, "requestId": 61}
    if word == "Published":
        said["location"] = ["http://controller.example/two.bin"]
    assert await case.call("PublishFirmwareStatusNotification", said) == {}
    await case.becomes(command, state)
    assert await case.steps("publication", 61) == [word]
    async with case.central.database.unit_of_work() as db:
        [told] = await equipment.progress(db, WHOLE, StationId(case.identity), "publication")
    is_there = word == "Published"
    assert told.steps[-1].note == ("http://controller.example/two.bin" if is_there else None)


@pytest.mark.parametrize(
    ("number", "answer", "state"),
    [
        ("l_21", "Unpublished", EFFECTIVE),
        ("l_22", "NoFirmware", REJECTED),
        ("l_23", "DownloadOngoing", REJECTED),
    ],
)
async def test_l_21_to_l_23_firmware_is_unpublished(
    case: ChargingStation, number: str, answer: str, state: CommandState
) -> None:
    command = await case.asked_for(
        "UnpublishFirmware",
        {"checksum": "0123456789abcdef0123456789abcdef"},
        {"status": answer},
    )
    assert await case.was_asked("UnpublishFirmware") == {
        "checksum": "0123456789abcdef0123456789abcdef"
    }
    assert (await case.becomes(command, state)).answer == {"status": answer}
