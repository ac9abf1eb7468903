"""Lists of visits."""

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from foundation.clock import SetClock
from support import visits
from support.visit_lists import visits_of
from support.visits import VisitKind, VisitState
from tests.support.conftest import HELEN, N1, N2, NORTH, SOUTH
from tests.support.visiting import planned, ticket_about


async def test_visits_are_listed_by_scope_state_kind_ticket_and_station(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    first = await planned(world, now)
    ticket = await ticket_about(world, now, N2)
    second = await visits.plan(world, ticket, VisitKind.MAINTENANCE, by=HELEN, now=now)
    await visits.cancel(world, first.id, by=HELEN, now=now)
    both = [second.id, first.id]

    async def found(scope: Scope = WHOLE, **more: object) -> list[int]:
        return [each.id for each in await visits_of(world, scope, **more)]  # type: ignore[arg-type]

    assert await found() == both
    assert await found(Scope(frozenset({NORTH}))) == both
    assert await found(Scope(frozenset({SOUTH}))) == []
    assert await found(state=VisitState.PLANNED) == [second.id]
    assert await found(kind=VisitKind.REPAIR) == [first.id]
    assert await found(ticket=ticket.id) == [second.id]
    assert await found(station=N1) == [first.id]
    assert await found(before=second.id) == [first.id]
    assert await found(limit=1) == [second.id]
