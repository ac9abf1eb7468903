"""1.6: Firmware Management, Remote Trigger, Smart Charging: TC_044, 045, 054 to 059, 066, 067."""

from datetime import timedelta
from typing import Any

import pytest

from csms import known_profiles
from csms.queue import CommandState
from csms.records import Held
from foundation.identifiers import StationId
from tests.conformance.case import is_our_place, with_file_places
from tests.conformance.charge_point import ChargePoint, booted
from tests.csms.central import CARD, Central, wh

EFFECTIVE, ACCEPTED = CommandState.EFFECTIVE, CommandState.ACCEPTED
REJECTED, FAILED = CommandState.REJECTED, CommandState.FAILED


@pytest.fixture
async def case(central: Central) -> ChargePoint:
    with_file_places(central)
    return await booted(central)


# ------------------------------------------------------------------------------- firmware


def update(case: ChargePoint) -> dict[str, Any]:
    return {
        "location": "https://firmware.example/one-2.bin",
        "retrieveDate": case.central.clock.now().isoformat(),
    }


async def test_tc_044_1_firmware_is_downloaded_and_installed(case: ChargePoint) -> None:
    command = await case.asked_for("UpdateFirmware", update(case), {})
    assert (await case.was_asked("UpdateFirmware"))["location"].endswith("one-2.bin")
    await case.tells("FirmwareStatusNotification", None, "Downloading", "Downloaded", "Installing")
    await case.connect()
    assert (await case.boot())["status"] == "Accepted"
    await case.tells("FirmwareStatusNotification", None, "Installed")
    await case.becomes(command, EFFECTIVE)
    assert await case.steps("firmware") == ["Downloading", "Downloaded", "Installing", "Installed"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("044_2", ("Downloading", "DownloadFailed")),
        ("044_3", ("Downloading", "Downloaded", "Installing", "InstallationFailed")),
    ],
)
async def test_tc_044_2_and_3_firmware_that_fails(
    case: ChargePoint, number: str, words: tuple[str, ...]
) -> None:
    command = await case.asked_for("UpdateFirmware", update(case), {})
    await case.tells("FirmwareStatusNotification", None, *words)
    await case.becomes(command, FAILED)
    assert await case.steps("firmware") == list(words)


@pytest.mark.parametrize(
    ("number", "word", "ours", "state"),
    [
        ("045_1", "Uploaded", "Uploaded", EFFECTIVE),
        ("045_2", "UploadFailed", "UploadFailure", FAILED),  # the word of 2.0.1
    ],
)
async def test_tc_045_1_and_2_diagnostics_have_a_place_of_ours(
    case: ChargePoint, number: str, word: str, ours: str, state: CommandState
) -> None:
    command = await case.asked_for(
        "GetDiagnostics", {"location": ""}, {"file_name": "diagnostics.zip"}
    )
    assert is_our_place((await case.was_asked("GetDiagnostics"))["location"])
    await case.tells("DiagnosticsStatusNotification", None, "Uploading", word)
    await case.becomes(command, state)
    assert (await case.steps("log"))[-1] == ours


async def test_tc_079_the_security_log(case: ChargePoint) -> None:
    command = await case.asked_for(
        "GetLog", {"logType": "SecurityLog", "requestId": 4, "log": {"remoteLocation": ""}}
    )
    assert is_our_place((await case.was_asked("GetLog"))["log"]["remote_location"])
    for word in ("Uploading", "Uploaded"):
        said = {"status": word, "requestId": 4}
        assert await case.call("LogStatusNotification", said) == {}
    await case.becomes(command, EFFECTIVE)
    assert await case.steps("log") == ["Uploading", "Uploaded"]


@pytest.mark.parametrize(
    ("number", "words", "state"),
    [
        (
            "080",
            ("Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"),
            EFFECTIVE,
        ),
        ("081", ("Downloading", "Downloaded", "InvalidSignature"), FAILED),
    ],
)
async def test_tc_080_and_tc_081_signed_firmware(
    case: ChargePoint, number: str, words: tuple[str, ...], state: CommandState
) -> None:
    firmware = {
        "location": "https://firmware.example/one-2.bin",
        "retrieveDateTime": case.central.clock.now().isoformat(),
        "signingCertificate": "-----BEGIN CERTIFICATE-----",
        "signature": "c2lnbmF0dXJl",
    }
    command = await case.asked_for("SignedUpdateFirmware", {"requestId": 6, "firmware": firmware})
    assert (await case.was_asked("SignedUpdateFirmware"))["firmware"]["signature"] == "c2lnbmF0dXJl"
    for word in words:
        case.central.clock.advance(timedelta(seconds=1))
        said = {"status": word, "requestId": 6}
        assert await case.call("SignedFirmwareStatusNotification", said) == {}
    if number == "081":
        event = {
            "type": "InvalidFirmwareSignature",
            "techInfo": "one-2.bin",
            "timestamp": case.central.clock.now().isoformat(),
        }
        assert await case.call("SecurityEventNotification", event) == {}
        assert (await case.events())[-1]["type"] == "InvalidFirmwareSignature"
    await case.becomes(command, state)
    assert await case.steps("firmware") == list(words)


# ------------------------------------------------------------------------------- triggers


async def test_tc_054_trigger_each_message(case: ChargePoint) -> None:
    number = await case.charging()
    for wanted in ("MeterValues", "Heartbeat", "StatusNotification"):
        command = await case.asked_for(
            "TriggerMessage", {"requestedMessage": wanted, "connectorId": 1}
        )
        assert (await case.was_asked("TriggerMessage"))["requested_message"] == wanted
        await case.becomes(command, ACCEPTED)
        if wanted == "MeterValues":
            await case.measure(number, 2000)
            measured = await case.central.readings(number)
            assert [each.energy_register_wh for each in measured] == [wh(2000)]
        elif wanted == "Heartbeat":
            await case.heartbeat()
        else:
            await case.status("Charging")
        await case.becomes(command, EFFECTIVE)
    for wanted in ("DiagnosticsStatusNotification", "FirmwareStatusNotification"):
        command = await case.asked_for("TriggerMessage", {"requestedMessage": wanted})
        await case.tells(wanted, None, "Idle")
        await case.becomes(command, EFFECTIVE)
    command = await case.asked_for(
        "TriggerMessage",
        {"requestedMessage": "FirmwareStatusNotification"},
        {"status": "NotImplemented"},
    )
    await case.becomes(command, REJECTED)


async def test_tc_055_trigger_for_a_connector_that_it_does_not_have(case: ChargePoint) -> None:
    command = await case.asked_for(
        "TriggerMessage",
        {"requestedMessage": "StatusNotification", "connectorId": 9},
        {"status": "Rejected"},
    )
    assert (await case.was_asked("TriggerMessage"))["connector_id"] == 9
    assert (await case.becomes(command, REJECTED)).answer == {"status": "Rejected"}
    await case.status("Preparing")
    await case.central.system.commanding.tick()
    await case.becomes(command, REJECTED)
    known = await case.central.rows(
        "select evse_id, original_status from connectors where station = :station",
        station=case.identity,
    )
    assert known == [{"evse_id": 1, "original_status": "Preparing"}], "nobody made one up"


# -------------------------------------------------------------------------- smart charging


def profile(purpose: str, **more: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": 5,
        "stackLevel": 1,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "duration": 86400,
            "startSchedule": "2026-10-15T00:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0, "numberPhases": 3}],
        },
    } | more


async def held(case: ChargePoint) -> dict[int, dict[str, Any]]:
    """The profiles that we know it to have, with their connectors, by their numbers."""
    found = await case.held(Held.CHARGING_PROFILE)
    return {int(each.key): dict(each.content) for each in found}


async def test_tc_056_a_default_profile(case: ChargePoint) -> None:
    valid = {"validFrom": "2026-10-15T00:00:00Z", "validTo": "2026-10-16T00:00:00Z"}
    command = await case.asked_for(
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": profile("TxDefaultProfile", **valid)},
    )
    sent = (await case.was_asked("SetChargingProfile"))["cs_charging_profiles"]
    assert (sent["charging_profile_purpose"], sent["stack_level"]) == ("TxDefaultProfile", 1)
    assert sent["valid_to"] == "2026-10-16T00:00:00Z"
    [period] = sent["charging_schedule"]["charging_schedule_period"]
    assert period["limit"] == 6
    await case.becomes(command, EFFECTIVE)
    kept = (await held(case))[5]
    assert kept["evseId"] == 1
    told = kept["chargingProfile"]
    assert (told["chargingProfilePurpose"], told["stackLevel"]) == ("TxDefaultProfile", 1)
    assert (told["validFrom"], told["validTo"]) == (valid["validFrom"], valid["validTo"])
    [schedule] = told["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 6.0, "numberPhases": 3}
    ]


async def test_tc_057_a_profile_for_the_running_transaction(case: ChargePoint) -> None:
    number = await case.charging()
    command = await case.asked_for(
        "SetChargingProfile",
        {"connectorId": 1, "csChargingProfiles": profile("TxProfile", transactionId=number)},
    )
    sent = (await case.was_asked("SetChargingProfile"))["cs_charging_profiles"]
    assert sent["transaction_id"] == number
    await case.becomes(command, EFFECTIVE)
    told = (await held(case))[5]["chargingProfile"]
    assert (told["chargingProfilePurpose"], told["transactionId"]) == ("TxProfile", number)


async def test_tc_059_a_remote_start_with_its_profile(case: ChargePoint) -> None:
    command = await case.asked_for(
        "RemoteStartTransaction",
        {"connectorId": 1, "idTag": CARD, "chargingProfile": profile("TxProfile")},
    )
    sent = await case.was_asked("RemoteStartTransaction")
    assert sent["charging_profile"]["charging_profile_purpose"] == "TxProfile"
    assert "transaction_id" not in sent["charging_profile"]
    number, _ = await case.start()
    assert (await case.becomes(command, EFFECTIVE)).transaction_id == number
    async with case.central.database.unit_of_work() as db:
        [kept] = await known_profiles.known(db, StationId(case.identity))
    assert kept.source is known_profiles.Source.SENT
    assert (kept.profile.purpose, kept.profile.transaction) == ("TxProfile", str(number))


async def test_tc_066_a_composite_schedule_is_told(case: ChargePoint) -> None:
    schedule = {
        "charging_rate_unit": "W",
        "charging_schedule_period": [{"start_period": 0, "limit": 4140.0}],
    }
    command = await case.asked_for(
        "GetCompositeSchedule",
        {"connectorId": 1, "duration": 300, "chargingRateUnit": "W"},
        {"status": "Accepted", "connector_id": 1, "charging_schedule": schedule},
    )
    asked = await case.was_asked("GetCompositeSchedule")
    assert (asked["duration"], asked["charging_rate_unit"]) == (300, "W")
    done = await case.becomes(command, EFFECTIVE)
    assert done.answer is not None
    [period] = done.answer["chargingSchedule"]["chargingSchedulePeriod"]
    assert period["limit"] == 4140
    async with case.central.database.unit_of_work() as db:
        kept = (await known_profiles.own_answers(db, StationId(case.identity)))[1]
    assert kept.theirs is not None
    assert [each.limit for each in kept.theirs.steps] == [4140]


@pytest.mark.parametrize(
    "payload",
    [
        {"id": 5},
        {"connectorId": 1, "chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1},
        {},
    ],
    ids=["by_id", "by_criteria", "all"],
)
async def test_tc_067_clear_charging_profiles(case: ChargePoint, payload: dict[str, Any]) -> None:
    for connector, told in (
        (0, profile("ChargePointMaxProfile", chargingProfileId=4)),
        (1, profile("TxDefaultProfile")),
        (1, profile("TxDefaultProfile", chargingProfileId=6, stackLevel=2)),
        (2, profile("TxDefaultProfile", chargingProfileId=7)),
    ):
        asked = {"connectorId": connector, "csChargingProfiles": told}
        await case.becomes(await case.asked_for("SetChargingProfile", asked), EFFECTIVE)
    assert set(await held(case)) == {4, 5, 6, 7}
    command = await case.asked_for("ClearChargingProfile", payload)
    assert len(await case.was_asked("ClearChargingProfile")) == len(payload)
    await case.becomes(command, EFFECTIVE)
    assert set(await held(case)) == ({4, 6, 7} if payload else set())
