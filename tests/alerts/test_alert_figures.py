"""How many alerts there were each day, and how long they waited and lasted."""

from datetime import date, timedelta

from accounts.audit import Actor
from accounts.directory import WHOLE, Scope
from alerts import alert_figures, alerting
from alerts.alert_figures import LIMITS, NEVER
from alerts.detections import Detection
from tests.alerts.watch import HOUR, MINUTE, NORTH, SOUTH, T0, Watch, finding, watch

__all__ = ["watch"]  # a fixture, taken by its name
LEA = Actor("person/1", "Lea", "portal", None)


async def test_alerts_are_counted_by_the_readers_day_and_by_how_long_they_took(
    watch: Watch,
) -> None:
    late = T0.replace(hour=23, minute=30)  # half past midnight in Berlin
    await watch.report(finding("A"), finding("B", detection=Detection.FAULT, cause="x"))
    await watch.report(finding("C", at=late))
    async with watch.database.unit_of_work() as db:
        await alerting.acknowledge(db, 1, by=LEA, now=T0 + 3 * MINUTE)
        await alerting.acknowledge(db, 2, by=LEA, now=T0 + 20 * MINUTE)
        await alerting.close(db, 2, by=LEA, note="known", now=T0 + 30 * MINUTE)
    await watch.report(
        finding("B", detection=Detection.FAULT, cause="x", at=T0 + MINUTE, is_present=False)
    )
    await watch.settle(T0 + 26 * HOUR)
    async with watch.database.unit_of_work() as db:
        found = await alert_figures.figures(
            db, WHOLE, since=T0 - timedelta(days=1), zone="Europe/Berlin"
        )
        later = await alert_figures.figures(db, WHOLE, since=late, zone="UTC")
        others = await alert_figures.figures(
            db, Scope(frozenset({SOUTH})), since=T0, zone="Europe/Berlin"
        )
        mine = await alert_figures.figures(db, Scope(frozenset({NORTH})), since=T0, zone="UTC")
    assert found.days == {
        date(2026, 11, 2): {Detection.OFFLINE: 1, Detection.FAULT: 1},
        date(2026, 11, 3): {Detection.OFFLINE: 1},
    }
    assert found.taken.counts == (1, 0, 1, 0, 0, 0)
    assert found.taken.median == timedelta(minutes=11, seconds=30)
    assert found.gone.counts == (0, 0, 0, 0, 0, 1), "what was closed by hand is left out"
    assert len(NEVER.counts) == len(LIMITS) + 1
    assert later.days == {date(2026, 11, 2): {Detection.OFFLINE: 1}}
    assert (others.days, others.taken, others.gone) == ({}, NEVER, NEVER)
    assert sum(sum(each.values()) for each in mine.days.values()) == 3
