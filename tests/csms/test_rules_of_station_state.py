"""The rules of the business about a station's state, a test for each row: docs/rules.md lists them.

What a station says comes in at the handlers, the watch looks round every minute.
"""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE
from alerts.sightings import findings_of
from csms import registry, store
from csms.connectivity import SilenceLimits, StationState
from csms.handlers.availability import statuses_reported
from csms.handlers.security import events_notified
from csms.queue import CommandState
from csms.reports import NotificationReport, OcppVersion, StatusReport
from csms.silence import ProbeCounts, look_round, probe_counts
from csms.silence_limits import set_limits
from csms.store import Opened
from foundation.errors import InvalidInput
from foundation.events import FaultReported, StationCameBack, StationWentOffline
from foundation.identifiers import StationId
from foundation.settings import Settings
from tests.csms.handlers.work import OWNER, Work

CS_1 = StationId("CS-1")
LIMITS = SilenceLimits()
PING_FOR = timedelta(seconds=70)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def day(work: Work) -> Work:
    """A day on which somebody has been listening for long; CS-1 has just connected."""
    now = work.clock.now()
    since = {"now": now, "since": now - timedelta(days=1)}
    await work.db.execute(text("insert into silence_rounds values (1, :now, :since)"), since)
    node = "insert into nodes values ('node', :since, clock_timestamp() + interval '1 hour')"
    await work.db.execute(text(node), {"since": since["since"]})
    await connect(work)
    return work


async def connect(work: Work) -> None:
    opened = Opened(CS_1, "node", OcppVersion.V16, "", work.clock.now())
    await store.open_connections(work.db, [opened])


async def close(work: Work) -> None:
    await work.db.execute(
        text("update station_connections set closed_at = :now"), {"now": work.clock.now()}
    )


async def hear(work: Work) -> None:
    """The station says something: what, does not matter, since the socket notes any frame."""
    rows = await work.rows("select epoch from station_connections where station = 'CS-1'")
    await store.note_heard(work.db, [(CS_1, rows[0]["epoch"], work.clock.now())])


async def minutes(work: Work, number: int, *, heard: bool = False) -> None:
    for _ in range(number):
        work.clock.at += MINUTE
        if heard:
            await hear(work)
        await look_round(work.db, LIMITS, now=work.clock.now(), ping_for=PING_FOR)


async def shown(work: Work, **limits: Any) -> registry.Station:
    used = SilenceLimits(**limits) if limits else LIMITS
    return await registry.station(work.db, WHOLE, CS_1, work.clock.now(), limits=used)


async def test_1_3_online_while_a_message_was_seen_within_the_pending_limit(day: Work) -> None:
    await minutes(day, 30)
    assert (await shown(day)).state is StationState.ONLINE
    await minutes(day, 1)
    assert (await shown(day)).state is not StationState.ONLINE
    await hear(day)
    assert (await shown(day)).state is StationState.ONLINE


async def test_1_3_pending_after_30_minutes_which_is_adjustable(day: Work) -> None:
    assert Settings().pending_after_s == 30 * 60
    await minutes(day, 31)
    assert (await shown(day)).state is StationState.PENDING
    assert (await shown(day, pending_after=40 * MINUTE)).state is StationState.ONLINE
    assert await day.told(StationWentOffline) == []


async def test_1_3_offline_after_60_minutes_which_is_adjustable_and_told_once(day: Work) -> None:
    assert Settings().offline_after_s == 60 * 60
    await close(day)
    await minutes(day, 60)
    assert (await shown(day)).state is StationState.PENDING
    await minutes(day, 30)
    assert (await shown(day)).state is StationState.OFFLINE
    longer = await shown(day, pending_after=40 * MINUTE, offline_after=120 * MINUTE)
    assert longer.state is StationState.PENDING
    assert [each.station for each in await day.told(StationWentOffline)] == [CS_1]


async def test_1_3_and_7_9_never_connected_is_a_fourth_state(day: Work) -> None:
    await day.db.execute(text("delete from station_connections"))
    await minutes(day, 90)
    assert (await shown(day)).state is StationState.NEVER_CONNECTED
    assert await day.told(StationWentOffline) == []


async def test_7_9_limits_per_station_must_exceed_the_heartbeat_interval(day: Work) -> None:
    async def limit(pending: timedelta) -> None:
        limits = SilenceLimits(pending, pending * 2)
        await set_limits(
            day.db, CS_1, limits, heartbeat_interval_s=300, by="person/1", now=day.clock.now()
        )

    with pytest.raises(InvalidInput):
        await limit(5 * MINUTE)
    await limit(6 * MINUTE)
    await close(day)
    await minutes(day, 7)
    assert (await shown(day)).state is StationState.PENDING
    await minutes(day, 6)
    assert (await shown(day)).state is StationState.OFFLINE
    assert len(await day.told(StationWentOffline)) == 1


async def test_7_9_a_closed_socket_shows_disconnected_at_once_beside_the_state(day: Work) -> None:
    assert (await shown(day)).connected
    await close(day)
    station = await shown(day)
    assert (station.connected, station.state) == (False, StationState.ONLINE)


async def test_7_9_recovery_is_told_only_after_stability(day: Work) -> None:
    await close(day)
    await minutes(day, 61)
    await connect(day)
    await minutes(day, 4, heard=True)
    assert await day.told(StationCameBack) == []
    await minutes(day, 3, heard=True)
    assert [each.station for each in await day.told(StationCameBack)] == [CS_1]


async def test_faulted_with_no_error_is_no_fault(day: Work) -> None:
    async def say(error: str) -> None:
        day.clock.at += MINUTE
        moment = day.clock.at.isoformat().replace("+00:00", "Z")
        payload = {
            "connectorId": 1,
            "status": "Faulted",
            "errorCode": error,
            "timestamp": moment,
        }
        report = day.report(OcppVersion.V16, "StatusNotification", payload, StatusReport)
        await statuses_reported(day.db, day.context, [report])

    await say("NoError")
    assert await day.told(FaultReported) == []
    assert not (await shown(day)).is_faulted
    await say("GroundFailure")
    [fault] = await day.told(FaultReported)
    assert (fault.error_code, fault.faulted) == ("GroundFailure", True)
    assert (await shown(day)).is_faulted


async def test_2_0_1_monitors_are_faults_and_operating_warnings(day: Work) -> None:
    def element(number: int, trigger: str, component: str, variable: str, value: str) -> Any:
        return {
            "eventId": number,
            "timestamp": day.clock.at.isoformat().replace("+00:00", "Z"),
            "trigger": trigger,
            "actualValue": value,
            "eventNotificationType": "HardWiredMonitor",
            "component": {"name": component, "evse": {"id": 1}},
            "variable": {"name": variable},
        }

    data = [
        element(1, "Delta", "ConnectorPlugRetentionLock", "Problem", "true"),
        element(2, "Alerting", "TemperatureSensor", "Temperature", "91"),
        element(3, "Periodic", "TemperatureSensor", "Temperature", "30"),
    ]
    payload = {"generatedAt": data[0]["timestamp"], "seqNo": 0, "eventData": data}
    report = day.report(OcppVersion.V201, "NotifyEvent", payload, NotificationReport)
    await events_notified(day.db, day.context, [report])
    found = [
        (finding.detection, finding.cause)
        for each in await day.told(FaultReported)
        for finding in findings_of(each, OWNER)
        if finding.is_present
    ]
    assert found == [("fault", "ConnectorLockFailure"), ("warning", "HighTemperature")]


async def _to_the_question(day: Work) -> None:
    await day.db.execute(
        text("update stations set ocpp_version = 'ocpp1.6', booted_at = :now"),
        {"now": day.clock.now()},
    )
    await minutes(day, 63)


async def _counted(day: Work) -> ProbeCounts:
    now = day.clock.now()
    return await probe_counts(day.db, WHOLE, start=now - timedelta(days=1), end=now + MINUTE)


async def test_8_5_a_missed_deadline_is_probed_and_an_answer_saves_the_alarm(day: Work) -> None:
    await _to_the_question(day)
    [asked] = await day.rows("select action, payload from commands")
    assert asked["action"] == "GetConfiguration"
    assert asked["payload"] == {"key": ["HeartbeatInterval"]}
    assert await day.told(StationWentOffline) == []
    await day.db.execute(
        text("update commands set state = :state, answered_at = :now"),
        {"state": CommandState.EFFECTIVE, "now": day.clock.now()},
    )
    await minutes(day, 5, heard=True)
    assert await day.told(StationWentOffline) == []
    assert await _counted(day) == ProbeCounts(saved=1, closed=0, no_answer=0)


async def test_8_5_only_if_the_probe_fails_there_is_an_alarm(day: Work) -> None:
    await _to_the_question(day)
    await minutes(day, 5)
    assert len(await day.told(StationWentOffline)) == 1
    assert await _counted(day) == ProbeCounts(saved=0, closed=0, no_answer=1)
