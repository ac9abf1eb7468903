"""Charging needs in one unit of work; `tests.conformance` shows the way over a socket."""

from typing import Any

from csms import records
from csms.handlers.charging_needs import needs_told, schedules_told
from csms.handlers.records import records_told
from csms.records import Held
from csms.reports import (
    ChargingNeedsReport,
    NeedsAnswer,
    OcppVersion,
    RecordReport,
    VehicleScheduleReport,
)
from foundation.identifiers import StationId
from tests.csms.handlers.work import Work

NEEDS = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}}
SCHEDULE: dict[str, Any] = {
    "timeBase": "2026-10-15T12:00:00Z",
    "evseId": 1,
    "chargingSchedule": {
        "id": 1,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    },
}


async def test_needs_where_nothing_charges_are_kept_and_rejected(work: Work) -> None:
    report = work.report(OcppVersion.V201, "NotifyEVChargingNeeds", NEEDS, ChargingNeedsReport)
    assert await needs_told(work.db, work.context, [report, report]) == [
        NeedsAnswer("Rejected"),
        NeedsAnswer("Rejected"),
    ]
    [kept] = await records.held(work.db, StationId("CS-1"), Held.CHARGING_NEEDS)
    assert (kept.key, kept.state, kept.content) == ("1", "Rejected", NEEDS)
    assert await work.rows("select id from commands") == []


async def test_a_schedule_is_fine_where_nothing_was_given(work: Work) -> None:
    report = work.report(
        OcppVersion.V201, "NotifyEVChargingSchedule", SCHEDULE, VehicleScheduleReport
    )
    [answer] = await schedules_told(work.db, work.context, [report])
    assert answer.is_within
    [kept] = await records.held(work.db, StationId("CS-1"), Held.VEHICLE_SCHEDULE)
    assert kept.state == "Accepted"


async def test_limits_of_others_and_profiles_that_stations_report_are_kept(work: Work) -> None:
    def told(action: str, payload: dict[str, Any]) -> RecordReport:
        return work.report(OcppVersion.V201, action, payload, RecordReport)

    limit = {"evseId": 1, "chargingLimit": {"chargingLimitSource": "EMS"}}
    profile = {
        "id": 5,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [SCHEDULE["chargingSchedule"]],
    }
    reported = {
        "requestId": 1,
        "chargingLimitSource": "CSO",
        "evseId": 1,
        "chargingProfile": [profile],
    }
    await records_told(
        work.db,
        work.context,
        [told("NotifyChargingLimit", limit), told("ReportChargingProfiles", reported)],
    )
    station = StationId("CS-1")
    [held] = await records.held(work.db, station, Held.CHARGING_LIMIT)
    assert (held.key, held.content) == ("EMS/1", limit)
    [held] = await records.held(work.db, station, Held.CHARGING_PROFILE)
    assert (held.key, held.state) == ("5", "CSO")
    gone = {"evseId": 1, "chargingLimitSource": "EMS"}
    await records_told(work.db, work.context, [told("ClearedChargingLimit", gone)])
    assert await records.held(work.db, station, Held.CHARGING_LIMIT) == []
    cleared = {"chargingProfileCriteria": {"evseId": 1, "stackLevel": 0}}
    at = work.clock.now()
    yes = {"status": "Accepted"}
    await records.answered(work.db, station, "ClearChargingProfile", cleared, yes, at)
    assert await records.held(work.db, station, Held.CHARGING_PROFILE) == []
    old = {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 9,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": SCHEDULE["chargingSchedule"],
        },
    }
    await records.answered(work.db, station, "SetChargingProfile", old, yes, at)
    [held] = await records.held(work.db, station, Held.CHARGING_PROFILE)
    assert (held.key, held.content["evseId"]) == ("9", 1)
    assert held.content["chargingProfile"]["id"] == 9
    await records.answered(work.db, station, "ClearChargingProfile", {"id": 9}, yes, at)
    assert await records.held(work.db, station, Held.CHARGING_PROFILE) == []
