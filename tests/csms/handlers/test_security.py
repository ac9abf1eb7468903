"""What stations notice about themselves: kept once, told once."""

from typing import Any

from csms.handlers.security import events_notified, security_events_reported
from csms.reports import Acknowledged, NotificationReport, OcppVersion, SecurityEventReport
from foundation.events import FaultCleared, FaultReported, SecurityEventReported
from tests.csms.central import at, moment
from tests.csms.handlers.work import Work


def security(work: Work, kind: str, minutes: float, **more: Any) -> SecurityEventReport:
    payload = {"type": kind, "timestamp": at(minutes)} | more
    return work.report(OcppVersion.V16, "SecurityEventNotification", payload, SecurityEventReport)


async def test_a_security_event_is_kept_and_told_once_however_often_it_is_repeated(
    work: Work,
) -> None:
    for _ in range(3):
        report = security(work, "FirmwareUpdated", 0, techInfo="2.0")
        assert await security_events_reported(work.db, work.context, [report]) == [Acknowledged()]
    [event] = await work.told(SecurityEventReported)
    assert (event.type, event.tech_info, event.happened_at) == ("FirmwareUpdated", "2.0", moment(0))
    [row] = await work.rows("select kind, at, details from station_events")
    assert row["kind"] == "security"
    assert row["details"] == {"type": "FirmwareUpdated", "tech_info": "2.0"}


async def test_the_same_at_another_moment_or_in_other_words_is_another_event(work: Work) -> None:
    reports = [
        security(work, "FirmwareUpdated", 0),
        security(work, "FirmwareUpdated", 1),
        security(work, "FirmwareUpdated", 1, techInfo="x"),
    ]
    for report in reports:
        await security_events_reported(work.db, work.context, [report])
    assert len(await work.told(SecurityEventReported)) == 3


def notification(work: Work, *values: str) -> NotificationReport:
    data = [
        {
            "eventId": number,
            "timestamp": at(number),
            "trigger": "Alerting",
            "actualValue": value,
            "eventNotificationType": "HardWiredNotification",
            "component": {"name": "Fan"},
            "variable": {"name": "Speed"},
        }
        for number, value in enumerate(values)
    ]
    payload = {"generatedAt": at(0), "seqNo": 0, "eventData": data}
    return work.report(OcppVersion.V201, "NotifyEvent", payload, NotificationReport)


async def test_each_element_of_a_notification_is_kept_once(work: Work) -> None:
    for _ in range(2):
        report = notification(work, "0", "17")
        assert await events_notified(work.db, work.context, [report]) == [Acknowledged()]
    rows = await work.rows("select kind, at, details from station_events order by at")
    assert [row["kind"] for row in rows] == ["monitor", "monitor"]
    assert [row["details"]["actual_value"] for row in rows] == ["0", "17"]
    assert (rows[0]["details"]["component"], rows[0]["at"]) == ("Fan", moment(0))


async def test_a_notification_of_nothing_is_answered(work: Work) -> None:
    assert await events_notified(work.db, work.context, [notification(work)]) == [Acknowledged()]


async def test_what_a_monitor_finds_wrong_is_told_once(work: Work) -> None:
    for value, number in (("true", 0), ("true", 0), ("false", 1)):
        data = {
            "eventId": number,
            "timestamp": at(number),
            "trigger": "Delta",
            "actualValue": value,
            "eventNotificationType": "HardWiredMonitor",
            "component": {"name": "RCD", "evse": {"id": 1}},
            "variable": {"name": "Tripped"},
        }
        payload = {"generatedAt": at(0), "seqNo": 0, "eventData": [data]}
        report = work.report(OcppVersion.V201, "NotifyEvent", payload, NotificationReport)
        await events_notified(work.db, work.context, [report])
    [fault] = await work.told(FaultReported)
    assert (fault.error_code, fault.evse_id, fault.faulted) == ("GroundFailure", 1, True)
    [over] = await work.told(FaultCleared)
    assert over.error_code == "GroundFailure"
