"""Maintenance windows as they are kept."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from foundation.clock import SetClock
from foundation.errors import NotFound
from support import maintenance_store as store
from support.maintenance import Plan, Window, WindowsContradict, WindowState
from support.maintenance_store import Windows
from tests.support.conftest import HELEN, N1, N2, NORTH, SOUTH

HOUR = timedelta(hours=1)


async def planned(db: AsyncSession, clock: SetClock, **said: Any) -> Window:
    now = clock.now()
    facts = {"starts_at": now + HOUR, "ends_at": now + 2 * HOUR} | said
    return await store.plan_window(db, N1, NORTH, Plan(**facts), evses=(1,), by=HELEN, now=now)


async def test_a_window_is_kept_as_it_was_planned_with_cards_as_they_are_compared(
    world: AsyncSession, clock: SetClock
) -> None:
    made = await planned(world, clock, locks=True, test_tokens=("20:69:c0:21",), comment="c")
    assert made == await store.window(world, WHOLE, made.id)
    assert made.plan.test_tokens == ("2069C021",)
    assert (made.organisation, made.created_by_name) == (NORTH, "Helen")
    with pytest.raises(NotFound):
        await store.window(world, Scope(frozenset({SOUTH})), made.id)


async def test_windows_are_listed_by_state_within_the_scope(
    world: AsyncSession, clock: SetClock
) -> None:
    first = await planned(world, clock)
    second = await planned(
        world, clock, starts_at=clock.now() + 3 * HOUR, ends_at=clock.now() + 4 * HOUR
    )
    await store.end_window(world, WHOLE, second.id, now=clock.now())
    clock.advance(HOUR)
    now = clock.now()

    async def listed(*states: WindowState, scope: Scope = WHOLE) -> list[int]:
        found = await store.windows(world, scope, station=N1, states=states, now=now)
        return [each.id for each in found]

    assert await listed() == [second.id, first.id]
    assert await listed(WindowState.RUNNING, WindowState.PAST) == [first.id]
    assert await listed(WindowState.WITHDRAWN) == [second.id]
    assert await listed(WindowState.COMING) == []
    assert await listed(scope=Scope(frozenset({SOUTH}))) == []
    assert await store.windows(world, WHOLE, station=N2, now=now) == []


async def test_one_that_contradicts_another_is_refused_when_made_and_when_changed(
    world: AsyncSession, clock: SetClock
) -> None:
    first = await planned(world, clock)
    with pytest.raises(WindowsContradict):
        await planned(world, clock, evses=(1,))
    now = clock.now()
    second = await planned(world, clock, starts_at=now + 2 * HOUR, ends_at=now + 3 * HOUR)
    longer = Plan(starts_at=first.plan.starts_at, ends_at=now + 3 * HOUR)
    with pytest.raises(WindowsContradict):
        await store.change_window(world, WHOLE, first.id, longer, evses=(1,), now=now)
    await store.end_window(world, WHOLE, second.id, now=now)
    changed = await store.change_window(world, WHOLE, first.id, longer, evses=(1,), now=now)
    assert changed == await store.window(world, WHOLE, first.id)


async def test_what_a_former_owner_planned_does_not_silence_the_next_ones_station(
    world: AsyncSession, clock: SetClock
) -> None:
    made = await planned(world, clock)
    clock.advance(HOUR)
    silenced = await Windows().silenced(world, [N1, N2], clock.now())
    assert silenced == {(N1, None): made.plan.ends_at}
    await world.execute(
        text("update station_owners set organisation = 'south' where station = :s"), {"s": N1}
    )
    assert await Windows().silenced(world, [N1], clock.now()) == {}
