"""What is to be done by hand because monitoring was switched."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from alerts import monitoring, monitoring_tasks
from alerts.monitoring_tasks import TaskKind
from foundation.clock import SetClock
from foundation.errors import NotFound
from tests.alerts.test_monitoring import LEA, NORTH, SOUTH, STATION, world  # noqa: F401

pytestmark = pytest.mark.usefixtures("world")


async def kinds(db: AsyncSession, scope: Scope = WHOLE) -> list[TaskKind]:
    return [each.kind for each in await monitoring_tasks.open_tasks(db, scope, stations=[STATION])]


async def test_each_switch_opens_its_task_and_makes_the_other_needless(
    db: AsyncSession, clock: SetClock
) -> None:
    assert await kinds(db) == []
    await monitoring.switch_on(db, STATION, NORTH, by=LEA, per_month=None, now=clock.now())
    await monitoring.switch_on(db, STATION, NORTH, by=LEA, per_month=None, now=clock.now())
    assert await kinds(db) == [TaskKind.SEND_STICKERS]
    clock.advance(timedelta(minutes=1))
    await monitoring.switch_off(db, STATION, by=LEA, now=clock.now())
    assert await kinds(db) == [TaskKind.REMOVE_STICKERS]


async def test_a_task_is_done_once_and_only_by_those_who_see_it(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    await monitoring.switch_on(db, STATION, NORTH, by=LEA, per_month=None, now=now)
    theirs = Scope(frozenset({SOUTH}))
    assert await kinds(db, theirs) == []
    sending = TaskKind.SEND_STICKERS
    with pytest.raises(NotFound):
        await monitoring_tasks.done(db, theirs, STATION, sending, by=LEA, now=now)
    assert await monitoring_tasks.done(db, WHOLE, STATION, sending, by=LEA, now=now) == NORTH
    assert await kinds(db) == []
    with pytest.raises(NotFound):
        await monitoring_tasks.done(db, WHOLE, STATION, sending, by=LEA, now=now)


async def test_another_evse_id_than_the_sticker_shows_asks_for_another_sticker(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    old, new = {1: "DE*ABC*E1", 2: None}, {1: "DE*ABC*E7", 2: "DE*ABC*E2"}
    await monitoring.evse_ids_changed(db, STATION, old, new, now=now)
    assert await kinds(db) == []  # nobody monitors it
    await monitoring.switch_on(db, STATION, NORTH, by=LEA, per_month=None, now=now)
    await monitoring.evse_ids_changed(db, STATION, old, new, now=now)
    assert await kinds(db) == [TaskKind.SEND_STICKERS]  # the sheet will show the new ones
    await monitoring_tasks.done(db, WHOLE, STATION, TaskKind.SEND_STICKERS, by=LEA, now=now)
    first = {2: None}, {2: "DE*ABC*E2"}
    await monitoring.evse_ids_changed(db, STATION, *first, now=now)
    assert await kinds(db) == []  # there was no sticker
    for _ in range(2):
        await monitoring.evse_ids_changed(db, STATION, old, new, now=now)
    assert await kinds(db) == [TaskKind.CHANGE_STICKERS]
    await monitoring.switch_off(db, STATION, by=LEA, now=now)
    assert await kinds(db) == [TaskKind.REMOVE_STICKERS]
