"""Stations tell what they hold: kept in the order in which they told it."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event

from csms import records
from csms.handlers.charging_needs import needs_told, schedules_told
from csms.handlers.records import records_told
from csms.records import Held
from csms.reports import (
    Acknowledged,
    ChargingNeedsReport,
    OcppVersion,
    Origin,
    RecordReport,
    VehicleScheduleReport,
)
from foundation.identifiers import StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work


def report(action: str, payload: dict[str, Any], at: datetime) -> RecordReport:
    origin = Origin(StationId("CS-1"), OcppVersion.V21, 1, at, "m-1", action, "{}")
    return RecordReport(origin, payload)


async def test_a_stream_that_is_opened_and_closed_in_one_batch_is_closed(work: Work) -> None:
    stream = {"id": 4, "variableMonitoringId": 71, "params": {"interval": 5}}
    opened = report("OpenPeriodicEventStream", {"constantStreamData": stream}, moment(0))
    closed = report("ClosePeriodicEventStream", {"id": 4}, moment(1))
    answers = await records_told(work.db, work.context, [opened, closed])
    assert answers == [Acknowledged(), Acknowledged()]
    [found] = await records.held(work.db, StationId("CS-1"), Held.EVENT_STREAM)
    assert (found.state, found.content) == ("Closed", stream)


async def test_controls_of_all_lists_of_a_report_are_kept(work: Work) -> None:
    curve = {"id": "a", "curveType": "VoltVar", "isDefault": False, "isSuperseded": True}
    said = {"requestId": 1, "curve": [curve], "freqDroop": [{"id": "b", "isDefault": True}]}
    await records_told(work.db, work.context, [report("ReportDERControl", said, moment(0))])
    found = await records.held(work.db, StationId("CS-1"), Held.DER_CONTROL)
    assert [(each.key, each.content["controlType"], each.state) for each in found] == [
        ("a", "VoltVar", "Superseded"),
        ("b", "FreqDroop", None),
    ]


SCHEDULE = {
    "id": 1,
    "chargingRateUnit": "A",
    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
}
PROFILE = {
    "id": 5,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": [SCHEDULE],
}


@pytest.mark.parametrize(
    ("action", "kind", "handle", "payload"),
    [
        (
            "NotifyChargingLimit",
            RecordReport,
            records_told,
            {"chargingLimit": {"chargingLimitSource": "EMS"}},
        ),
        ("ClearedChargingLimit", RecordReport, records_told, {"chargingLimitSource": "EMS"}),
        (
            "ReportChargingProfiles",
            RecordReport,
            records_told,
            {
                "requestId": 1,
                "chargingLimitSource": "CSO",
                "tbc": True,
                "evseId": 1,
                "chargingProfile": [PROFILE],
            },
        ),
        (
            "NotifyPriorityCharging",
            RecordReport,
            records_told,
            {"transactionId": "t", "activated": True},
        ),
        (
            "NotifyEVChargingNeeds",
            ChargingNeedsReport,
            needs_told,
            {"chargingNeeds": {"requestedEnergyTransfer": "DC"}},
        ),
        (
            "NotifyEVChargingSchedule",
            VehicleScheduleReport,
            schedules_told,
            {"timeBase": "2026-10-15T12:00:00Z", "chargingSchedule": SCHEDULE},
        ),
    ],
)
async def test_fifty_reports_take_as_many_statements_as_one(
    work: Work, action: str, kind: Any, handle: Any, payload: dict[str, Any]
) -> None:
    statements: list[str] = []
    sync = (await work.db.connection()).sync_connection
    assert sync is not None
    event.listen(sync, "before_cursor_execute", lambda *told: statements.append(told[2]))

    async def taken_for(count: int) -> int:
        before = len(statements)
        reports = []
        for number in range(count):
            station = StationId(f"CS-{1 + number % 2}")
            origin = Origin(station, OcppVersion.V21, 1, moment(0), "m", action, "{}")
            reports.append(kind(origin, {"evseId": 1 + number // 2} | payload))
        assert len(await handle(work.db, work.context, reports)) == count
        return len(statements) - before

    assert await taken_for(50) == await taken_for(1) > 0
