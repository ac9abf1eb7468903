"""Playbooks and runs as they are kept."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from alerts.detections import Detection
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotFound
from support import first_aid_store as store
from support.first_aid import Playbook, Step, TakesTurns, WouldLoop
from tests.support.aid import aid
from tests.support.conftest import HELEN, N1, NORTH, SOUTH

BOOK = Playbook(
    organisation=NORTH,
    name="Locks",
    detection=Detection.FAULT,
    causes=("ConnectorLockFailure",),
    steps=(Step.UNLOCK,),
    per_day=2,
)


async def test_a_playbook_is_off_until_it_is_switched_on_and_is_gone_when_taken_away(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    made = await store.put(world, BOOK, by=HELEN, now=now)
    assert made == await store.playbook(world, WHOLE, made.id)
    assert not made.is_on
    on = await store.put(world, replace(made, is_on=True), by=HELEN, now=now)
    assert await store.playbooks(world, WHOLE) == [on]
    assert await store.playbooks(world, Scope(frozenset({SOUTH}))) == []
    with pytest.raises(NotFound):
        await store.playbook(world, Scope(frozenset({SOUTH})), made.id)
    await store.retire(world, WHOLE, made.id, by=HELEN, now=now)
    assert await store.playbooks(world, WHOLE) == []


async def test_what_would_loop_or_takes_turns_is_not_written(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    on = await store.put(world, replace(BOOK, is_on=True), by=HELEN, now=now)
    with pytest.raises(TakesTurns):
        await store.put(world, replace(BOOK, is_on=True), by=HELEN, now=now)
    with pytest.raises(WouldLoop):
        await store.put(world, replace(BOOK, steps=(Step.UNLOCK,) * 2), by=HELEN, now=now)
    await store.put(world, BOOK, by=HELEN, now=now)
    assert [each.is_on for each in await store.playbooks(world, WHOLE)] == [True, False]
    assert (await store.put(world, on, by=HELEN, now=now)).id == on.id


async def test_a_run_is_looked_after_by_one_at_a_time(database: Database, clock: SetClock) -> None:
    at = await aid(database, clock)
    await at.playbook()
    await at.fault()
    async with database.unit_of_work() as db:
        [number] = await store.due(db, clock.now())
        first = await store.locked(db, number)
        assert first is not None
        async with database.unit_of_work() as other:
            assert await store.locked(other, number) is None
    async with database.unit_of_work() as db:
        await store.save(db, replace(first, due_at=clock.now().replace(year=2030)))
    async with database.unit_of_work() as db:
        assert await store.due(db, clock.now()) == []
        assert not await store.is_busy(db, N1, but=0)
        assert await store.used_since(db, N1, clock.now()) == 0
