"""What profiles a station has by all we know, and its own answer held against ours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from csms import known_profiles, records
from csms.charging_profiles import Hindrance, UncomputableProfile, Unit
from csms.composite_schedule import Charging, Composite
from csms.handlers.records import records_told
from csms.known_profiles import Source
from csms.queue import CommandState
from csms.reports import OcppVersion, RecordReport
from foundation.identifiers import StationId
from tests.conformance import charge_point, charging_station, paying_station
from tests.csms.central import CARD, Central, moment
from tests.csms.handlers.work import Work

STATION = StationId("CS-1")
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
YES = {"status": "Accepted"}


def profile(number: int, purpose: str, limit: float, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [
            {
                "id": 1,
                "startSchedule": "2026-10-15T00:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
            }
        ],
    } | more


async def sent(work: Work, evse_id: int, made: dict[str, Any]) -> None:
    payload = {"evseId": evse_id, "chargingProfile": made}
    await records.answered(work.db, STATION, "SetChargingProfile", payload, YES, moment(0))


async def told(work: Work, action: str, payload: dict[str, Any]) -> None:
    report = work.report(OcppVersion.V21, action, payload, RecordReport)
    await records_told(work.db, work.context, [report])


async def ours(work: Work, evse_id: int = 1, unit: Unit = Unit.A) -> Composite:
    return await known_profiles.composite_of(
        work.db, STATION, evse_id, starts_at=NOON, duration_s=3600, unit=unit
    )


async def an_evse(work: Work, connector: str = "cType2") -> None:
    await work.rows(
        "with e as (insert into evses (station, evse_id) values ('CS-1', 1) returning *)"
        " insert into connectors (station, evse_id, connector_id, type)"
        " select station, evse_id, 1, :type from e returning 1",
        type=connector,
    )


async def test_what_was_sent_is_known_until_the_station_reports_it_itself(work: Work) -> None:
    await sent(work, 0, profile(3, "ChargingStationMaxProfile", 32))
    await sent(work, 1, profile(4, "TxDefaultProfile", 16))
    reported = {
        "requestId": 1,
        "chargingLimitSource": "CSO",
        "evseId": 1,
        "chargingProfile": [profile(4, "TxDefaultProfile", 10)],
    }
    await told(work, "ReportChargingProfiles", reported)
    limit = {
        "chargingLimit": {"chargingLimitSource": "EMS"},
        "evseId": 1,
        "chargingSchedule": profile(0, "", 8)["chargingSchedule"],
    }
    await told(work, "NotifyChargingLimit", limit)
    unsaid = {"chargingLimit": {"chargingLimitSource": "SO"}}
    await told(work, "NotifyChargingLimit", unsaid)
    found = await known_profiles.known(work.db, STATION)
    assert [(each.profile.number, each.source, each.limiter, each.is_told) for each in found] == [
        ("3", Source.SENT, None, True),
        ("SO/0", Source.NOTIFIED, "SO", False),
        ("EMS/1", Source.NOTIFIED, "EMS", True),
        ("4", Source.REPORTED, "CSO", True),
    ]
    # The amount that nobody told is not known to limit anything, and stands in nobody's way.
    [step] = (await ours(work)).steps
    assert (step.limit, step.profiles) == (Decimal(8), ("EMS/1",))


async def test_a_profile_in_words_of_1_6_counts_as_any_other(work: Work) -> None:
    old = {
        "connectorId": 0,
        "csChargingProfiles": {
            "chargingProfileId": 5,
            "stackLevel": 1,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6900.0}],
            },
        },
    }
    await records.answered(work.db, STATION, "SetChargingProfile", old, YES, moment(0))
    [step] = (await ours(work)).steps
    assert (step.limit, step.profiles) == (Decimal(10), ("5",))


async def test_where_all_plugs_carry_direct_current_units_are_not_mixed(work: Work) -> None:
    await an_evse(work, "cCCS2")
    await sent(work, 1, profile(4, "TxDefaultProfile", 16))
    assert [each.limit for each in (await ours(work)).steps] == [Decimal(16)]
    with pytest.raises(UncomputableProfile):
        await ours(work, unit=Unit.W)


ASKED = {"evseId": 1, "duration": 3600}


def answer(*limits: tuple[int, float]) -> dict[str, Any]:
    return {
        "status": "Accepted",
        "schedule": {
            "evseId": 1,
            "duration": 3600,
            "scheduleStart": "2026-10-15T12:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [
                {"startPeriod": start, "limit": limit} for start, limit in limits
            ],
        },
    }


async def test_an_answer_is_kept_beside_ours_and_what_differs(work: Work) -> None:
    await sent(work, 1, profile(4, "TxDefaultProfile", 16))
    said = answer((0, 16), (1800, 32))
    await known_profiles.answered(work.db, STATION, ASKED, said, NOON)
    found = (await known_profiles.own_answers(work.db, STATION))[1]
    assert found.theirs is not None
    assert [(each.start_s, each.limit) for each in found.theirs.steps] == [
        (0, Decimal(16)),
        (1800, Decimal(32)),
    ]
    assert found.ours == await ours(work)
    [one] = found.differences
    assert (one.starts_at, one.theirs, one.ours) == (
        NOON + timedelta(minutes=30),
        Decimal(32),
        Decimal(16),
    )
    assert one.ends_at == NOON + timedelta(hours=1)
    # The next answer takes its place; a refusal has no schedule, and an error is no answer.
    await known_profiles.answered(work.db, STATION, ASKED, answer((0, 16)), NOON)
    assert (await known_profiles.own_answers(work.db, STATION))[1].differences == []
    error = {"error_code": "InternalError"}
    await known_profiles.answered(work.db, STATION, ASKED, error, NOON)
    assert (await known_profiles.own_answers(work.db, STATION))[1].theirs is not None
    await known_profiles.answered(work.db, STATION, ASKED, {"status": "Rejected"}, NOON)
    assert (await known_profiles.own_answers(work.db, STATION))[1].theirs is None


async def test_an_answer_is_kept_though_ours_cannot_be_computed(work: Work) -> None:
    odd = profile(4, "TxDefaultProfile", 16)
    odd["chargingSchedule"][0]["randomizedDelay"] = 60
    await sent(work, 1, odd)
    await known_profiles.answered(work.db, STATION, ASKED, answer((0, 16)), NOON)
    found = (await known_profiles.own_answers(work.db, STATION))[1]
    assert found.theirs is not None
    assert found.ours is None
    assert found.refused is not None
    assert (found.refused.profile, found.refused.why) == ("4", Hindrance.RANDOM_DELAY)


# ---------------------------------------------------------------------------- over a real socket


async def test_a_2_x_stations_answer_is_held_against_what_it_accepted(central: Central) -> None:
    case = await charging_station.booted(central)
    await case.begin()
    payload = {"evseId": 1, "chargingProfile": profile(4, "TxProfile", 16, transactionId=case.ref)}
    await case.becomes(await case.asked_for("SetChargingProfile", payload), CommandState.EFFECTIVE)
    start = central.clock.now().replace(microsecond=0)
    schedule = {
        "evse_id": 1,
        "duration": 600,
        "schedule_start": start.isoformat(),
        "charging_rate_unit": "W",
        "charging_schedule_period": [{"start_period": 0, "limit": 22080.0}],
    }
    command = await case.asked_for(
        "GetCompositeSchedule",
        {"evseId": 1, "duration": 600, "chargingRateUnit": "W"},
        {"status": "Accepted", "schedule": schedule},
    )
    await case.becomes(command, CommandState.EFFECTIVE)
    async with central.database.unit_of_work() as db:
        station = StationId(case.identity)
        there = await known_profiles.circumstances(db, station)
        found = (await known_profiles.own_answers(db, station))[1]
    assert isinstance(there.evses[1], Charging)
    assert there.evses[1].ref == case.ref
    [one] = found.differences
    assert (one.theirs, one.ours) == (Decimal(22080), Decimal(11040))


async def test_a_1_6_stations_transaction_is_known_by_its_number(central: Central) -> None:
    case = await charge_point.booted(central)
    number = await case.charging()
    own = {
        "chargingProfileId": 9,
        "transactionId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
        },
    }
    command = await case.asked_for(
        "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": own}
    )
    await case.becomes(command, CommandState.EFFECTIVE)
    schedule = {
        "charging_rate_unit": "A",
        "charging_schedule_period": [{"start_period": 0, "limit": 10.0}],
    }
    said = {"status": "Accepted", "connector_id": 1, "charging_schedule": schedule}
    command = await case.asked_for("GetCompositeSchedule", {"connectorId": 1, "duration": 60}, said)
    await case.becomes(command, CommandState.EFFECTIVE)
    async with central.database.unit_of_work() as db:
        found = (await known_profiles.own_answers(db, StationId(case.identity)))[1]
    assert found.ours is not None
    assert [(each.limit, each.profiles) for each in found.ours.steps] == [(Decimal(10), ("9",))]
    assert found.differences == []


async def limits(central: Central, station: str) -> list[tuple[str, str | None]]:
    async with central.database.unit_of_work() as db:
        found = await known_profiles.known(db, StationId(station))
    return [(each.profile.number, each.profile.transaction) for each in found]


async def test_a_starts_profile_is_the_stations_until_its_transaction_ends(
    central: Central,
) -> None:
    case = await charging_station.booted(central)
    case.answers["RequestStartTransaction"] = {"status": "Accepted"}
    started = {
        "evseId": 1,
        "idToken": {"idToken": CARD, "type": "ISO14443"},
        "remoteStartId": 7,
        "chargingProfile": profile(6, "TxProfile", 12),
    }
    command = await case.asked_for("RequestStartTransaction", started)
    await case.becomes(command, CommandState.ACCEPTED)
    assert await limits(central, case.identity) == [("6", None)]
    await case.begin(remoteStartId=7)
    await case.becomes(command, CommandState.EFFECTIVE)
    assert await limits(central, case.identity) == [("6", case.ref)]
    own = profile(4, "TxProfile", 16, transactionId=case.ref)
    case.answers["SetChargingProfile"] = {"status": "Accepted"}
    told = await case.asked_for("SetChargingProfile", {"evseId": 1, "chargingProfile": own})
    await case.becomes(told, CommandState.EFFECTIVE)
    assert await limits(central, case.identity) == [("4", case.ref), ("6", case.ref)]
    await case.end()
    assert await limits(central, case.identity) == []


async def test_a_profile_of_a_start_that_the_station_refused_is_not_kept(central: Central) -> None:
    case = await charging_station.booted(central)
    started = {
        "evseId": 1,
        "idToken": {"idToken": CARD, "type": "ISO14443"},
        "remoteStartId": 7,
        "chargingProfile": profile(6, "TxProfile", 12),
    }
    no = {"status": "Rejected"}
    command = await case.asked_for("RequestStartTransaction", started, no)
    await case.becomes(command, CommandState.REJECTED)
    assert await limits(central, case.identity) == []


async def test_priority_charging_holds_while_the_station_says_so(central: Central) -> None:
    case = await paying_station.paying(central)
    await case.begin()
    station = StationId(case.identity)
    first = profile(8, "PriorityCharging", 32)
    usual = profile(4, "TxProfile", 10, transactionId=case.ref)
    case.answers["SetChargingProfile"] = {"status": "Accepted"}
    for each in (first, usual):
        payload = {"evseId": 1, "chargingProfile": each}
        command = await case.asked_for("SetChargingProfile", payload)
        await case.becomes(command, CommandState.EFFECTIVE)

    async def limit() -> Decimal | None:
        async with central.database.unit_of_work() as db:
            [step] = (
                await known_profiles.composite_of(
                    db,
                    station,
                    1,
                    starts_at=central.clock.now().replace(microsecond=0),
                    duration_s=60,
                    unit=Unit.A,
                )
            ).steps
        return step.limit

    assert await limit() == 10
    # The driver pressed the station's own button; the last time with the words of the first.
    for activated, expected in ((True, 32), (False, 10), (True, 32), (False, 10)):
        central.clock.at += timedelta(seconds=1)
        case.now()
        said = {"transactionId": case.ref, "activated": activated}
        assert await case.call("NotifyPriorityCharging", said) == {}
        assert await limit() == expected
    use = {"transactionId": case.ref, "activate": True}
    await case.becomes(await case.asked_for("UsePriorityCharging", use), CommandState.EFFECTIVE)
    assert await limit() == 32
