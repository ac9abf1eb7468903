"""The rules of the business about watching, a test for each row: docs/rules.md lists them."""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import WHOLE, Scope
from alerts import alert_store, alerting, monitoring
from alerts.alerting import OPEN, Filter
from alerts.detections import Detection
from alerts.handlers import Sightings
from alerts.handlers import watch as reader
from alerts.life import AlertState
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import FaultReported, StationCameBack, StationWentOffline
from foundation.identifiers import ConnectorId, EvseId, StationId
from foundation.outbox import Delivery, Subscription
from tests.alerts.watch import HOUR, MINUTE, NORTH, SOUTH, T0, Watch, finding, watch

__all__ = ["watch"]  # a fixture, taken by its name

LEA = Actor("person/1", "Lea", "portal", None)
GROUND: dict[str, Any] = {"detection": Detection.FAULT, "cause": "GroundFailure", "evse_id": 1}


async def test_1_6_error_notifications_are_read_per_station_or_for_all_open_or_solved_by_date(
    watch: Watch,
) -> None:
    await watch.report(finding("CS-1", **GROUND))
    await watch.report(finding("CS-1", **GROUND, at=T0 + MINUTE, is_present=False))
    await watch.settle(T0 + HOUR)
    await watch.report(finding("CS-1", at=T0 + HOUR), finding("CS-2", at=T0 + 2 * HOUR))
    async with watch.database.unit_of_work() as db:
        of_one = await alerting.faults_at(db, WHOLE, "CS-1")
        assert [each.cause for each in of_one] == ["silence", "GroundFailure"]
        solved = await alerting.faults_at(db, WHOLE, "CS-1", is_open=False)
        assert [each.cause for each in solved] == ["GroundFailure"]
        assert len(await alerting.alerts(db, WHOLE)) == 3
        assert len(await alerting.alerts(db, WHOLE, OPEN)) == 2
        early = Filter(raised_from=T0, raised_before=T0 + HOUR)
        assert [each.alert.cause for each in await alerting.alerts(db, WHOLE, early)] == [
            "GroundFailure"
        ]
        [first] = await alerting.alerts(db, WHOLE, limit=1)
        rest = await alerting.alerts(db, WHOLE, after=first.alert.id)
        assert len(rest) == 2


async def test_1_6_marked_as_escalated_is_not_escalated_again_and_not_solved(watch: Watch) -> None:
    await watch.report(finding(**GROUND))
    [raised] = await watch.told()
    async with watch.database.unit_of_work() as db:
        await alerting.mark_as_escalated(db, raised.alert_id, by=LEA, now=T0 + MINUTE)
    for minute in range(2, 60):
        await watch.report(finding(**GROUND, at=T0 + minute * MINUTE))
    changes = await watch.changes()
    assert changes.count("escalated") == 1
    assert set(changes) == {"escalated", "repeated"}, "it stays one alert, however often it comes"
    async with watch.database.unit_of_work() as db:
        sheet = await alerting.alert(db, WHOLE, raised.alert_id)
        assert sheet.alert.state is AlertState.OPEN
        assert sheet.is_present


async def test_1_6_and_7_9_a_maintenance_window_of_a_station_or_a_connector_keeps_errors_quiet(
    watch: Watch,
) -> None:
    watch.windows.until = {(StationId("CS-1"), None): T0 + HOUR, (StationId("CS-2"), 1): T0 + HOUR}
    await watch.report(
        finding("CS-1"), finding("CS-2", **GROUND), finding("CS-2", **GROUND | {"evse_id": 2})
    )
    assert [each.stations for each in await watch.told()] == [("CS-2",)]
    async with watch.database.unit_of_work() as db:
        kept = await alerting.faults_at(db, WHOLE, "CS-1")
        assert [each.alert for each in kept] == [None], "it is stored, and nobody is told"
    # On its end what is still there is raised, and what is gone is not.
    await watch.report(finding("CS-1", at=T0 + 30 * MINUTE, is_present=False))
    await watch.settle(T0 + HOUR)
    told = await watch.told()
    assert [(each.change, each.stations, each.cause) for each in told] == [
        ("grown", ("CS-2",), "GroundFailure")
    ]


async def test_5_and_7_7_two_detections_on_one_plant_are_two_alerts(watch: Watch) -> None:
    await watch.report(
        finding("Y-1", detection=Detection.JOB, cause="job/1"),
        finding("Y-1", detection=Detection.JOB, cause="job/2"),
        finding("Y-2", detection=Detection.JOB, cause="job/1"),
    )
    told = await watch.told()
    assert [(each.cause, each.stations) for each in told] == [
        ("job/1", ("Y-1", "Y-2")),
        ("job/2", ("Y-1",)),
    ]


async def test_7_2_only_with_monitoring_an_alert_is_in_the_providers_queue_and_leaves_it_at_once(
    watch: Watch,
) -> None:
    queue = Filter(states=(AlertState.OPEN,), monitored=True)
    async with watch.database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into stations (identity, time_zone, admission, boot_policy,"
                " security_profile, aliases, items_per_message, free_vend, created_at)"
                " values ('CS-1', 'UTC', 'accepted', 'accept', 0, '{}', '{}', false, :at)"
            ),
            {"at": T0},
        )
    await watch.report(finding("CS-1"))
    async with watch.database.unit_of_work() as db:
        # Without it the state and the errors are there all the same.
        assert await alerting.count(db, WHOLE, OPEN) == 1
        assert await alerting.count(db, WHOLE, queue) == 0
        station = StationId("CS-1")
        await monitoring.switch_on(db, station, NORTH, by=LEA, per_month=None, now=T0)
        assert await alerting.count(db, WHOLE, queue) == 1
        await monitoring.switch_off(db, station, by=LEA, now=T0 + HOUR)
        assert await alerting.count(db, WHOLE, queue) == 0
        assert await alerting.count(db, WHOLE, OPEN) == 1


async def test_1_3_silence_is_one_alert_until_the_station_stays_back(watch: Watch) -> None:
    def silent(at: datetime) -> StationWentOffline:
        return StationWentOffline(station=StationId("CS-1"), happened_at=at, last_heard_at=T0)

    async def tell(*events: Any, now: datetime) -> None:
        async with watch.database.unit_of_work() as db:
            deliveries = [Delivery(0, each, now) for each in events]
            await Sightings(SetClock(now))(db, deliveries)

    await tell(silent(T0 + HOUR), now=T0 + HOUR)
    back = StationCameBack(station=StationId("CS-1"), happened_at=T0 + 2 * HOUR)
    await tell(back, now=T0 + 2 * HOUR)
    await tell(silent(T0 + 2 * HOUR + 5 * MINUTE), now=T0 + 2 * HOUR + 5 * MINUTE)
    await watch.settle(T0 + 3 * HOUR)
    changes = await watch.changes()
    assert changes == ["raised", "repeated"]


async def test_7_2_alerts_are_seen_by_whom_the_station_belongs_to_alone(watch: Watch) -> None:
    await watch.report(finding("CS-1"), finding("CS-2", organisation=SOUTH))
    async with watch.database.unit_of_work() as db:
        [line] = await alerting.alerts(db, Scope(frozenset({SOUTH})))
        assert line.stations == ["CS-2"]


# ------------------------------------------------------------------ what must hold of the machine


async def test_no_alert_is_lost_or_doubled_by_a_crash_between_detection_and_telling(
    watch: Watch,
) -> None:
    """The reader dies after it reported and before its delivery is off the list, twice."""
    clock = SetClock(T0)
    handle = reader(clock)
    database = Database(
        watch.database.url, routes={FaultReported.kind: (handle.reader,)}, pool_size=2
    )
    database.joined.update(watch.database.joined)
    deaths = iter((True, True))

    async def dies(db: AsyncSession, deliveries: Any) -> None:
        await handle.handle(db, deliveries)
        if next(deaths, False):
            raise ConnectionAbortedError

    event = FaultReported(
        happened_at=T0,
        station=StationId("CS-1"),
        evse_id=EvseId(1),
        connector_id=ConnectorId(1),
        error_code="GroundFailure",
        info=None,
        vendor_error_code=None,
    )
    async with database.unit_of_work() as db:
        await outbox.append(db, [event], recorded_at=T0)
    subscription = Subscription(handle.reader, handle.kinds, dies)
    for _ in range(4):
        await outbox.deliver(database, subscription, clock)
        clock.advance(MINUTE)
    await database.close()
    assert await watch.changes() == ["raised"]


async def test_two_workers_that_find_the_same_at_the_same_moment_raise_one_alert(
    watch: Watch,
) -> None:
    await asyncio.gather(
        *(watch.report(finding("Y-1"), finding(f"Y-{number}")) for number in range(2, 6))
    )
    told = await watch.told()
    assert sorted(each.change for each in told) == ["grown", "grown", "grown", "raised"]
    assert len({each.alert_id for each in told}) == 1
    async with watch.database.unit_of_work() as db:
        found = await alert_store.faults_of(db, [told[0].alert_id])
        assert len(found[told[0].alert_id]) == 5
