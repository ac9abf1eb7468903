"""Face, read: which stations there are, whose they are and since when; nothing of their state.

For what goes over all stations at once, where their state and connectors would be too much.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms.tables import StationOwnerRow, StationRow
from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class Stocked:
    """An accepted station."""

    station: StationId
    name: str | None
    owner: OrganisationKey
    entered_at: datetime


async def stock(
    db: AsyncSession, scope: Scope, stations: Collection[str] | None = None
) -> list[Stocked]:
    """Return the accepted stations that the organisations of a scope own, by identity.

    Args:
        db: The unit of work.
        scope: Whose; what is only shared is left out.
        stations: Only these.
    """
    owned = and_(StationOwnerRow.station == StationRow.identity, StationOwnerRow.valid_to.is_(None))
    query = (
        select(
            StationRow.identity,
            StationRow.name,
            StationOwnerRow.organisation,
            StationRow.created_at,
        )
        .join(StationOwnerRow, owned)
        .where(StationRow.admission == "accepted")
        .order_by(StationRow.identity)
    )
    if scope.organisations is not None:
        query = query.where(StationOwnerRow.organisation.in_(sorted(scope.organisations)))
    if stations is not None:
        query = query.where(StationRow.identity.in_(sorted(stations)))
    return [
        Stocked(StationId(identity), name, OrganisationKey(owner), entered_at)
        for identity, name, owner, entered_at in await db.execute(query)
    ]
