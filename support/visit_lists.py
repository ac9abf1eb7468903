"""Lists of visits: of a scope, by state, ticket and station."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from support.visit_tables import VisitRow
from support.visits import Visit, VisitKind, VisitState, visit_of


async def visits_of(
    db: AsyncSession,
    scope: Scope,
    *,
    state: VisitState | None = None,
    kind: VisitKind | None = None,
    ticket: int | None = None,
    station: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Visit]:
    """Return visits, the newest first, without parts, photos and exchanged meters.

    Args:
        db: The unit of work.
        scope: Whose; a station's former owner keeps those of his time.
        state: Only those in this state.
        kind: Only repairs, or only maintenances.
        ticket: Only those of this ticket.
        station: Only those to this station.
        before: Only those with a smaller number.
        limit: At most so many.
    """
    query = select(VisitRow).order_by(VisitRow.id.desc()).limit(limit)
    if scope.organisations is not None:
        query = query.where(VisitRow.organisation.in_(sorted(scope.organisations)))
    if state is not None:
        query = query.where(VisitRow.state == state)
    if kind is not None:
        query = query.where(VisitRow.kind == kind)
    if ticket is not None:
        query = query.where(VisitRow.ticket_id == ticket)
    if station is not None:
        query = query.where(VisitRow.station == station)
    if before is not None:
        query = query.where(VisitRow.id < before)
    return [visit_of(row) for row in await db.scalars(query)]
