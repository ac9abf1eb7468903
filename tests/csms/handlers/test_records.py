"""Stations tell what they hold: kept in the order in which they told it."""

from datetime import datetime
from typing import Any

from csms import records
from csms.handlers.records import records_told
from csms.records import Held
from csms.reports import Acknowledged, OcppVersion, Origin, RecordReport
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
