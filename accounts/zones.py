"""Which time zones an organisation had: its months are counted by the one they began with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.cost_tables import ZoneChangeRow
from foundation.identifiers import OrganisationKey


@dataclass(frozen=True, slots=True)
class ZoneChanged:
    """At a moment an organisation's time zone (IANA) became another."""

    at: datetime
    before: str
    after: str


async def note_change(
    db: AsyncSession, organisation: OrganisationKey, *, before: str, after: str, now: datetime
) -> None:
    """Write that an organisation's time zone was changed, if it was."""
    if before == after:
        return
    written = insert(ZoneChangeRow).values(
        organisation=organisation, at=now, before=before, after=after
    )
    await db.execute(
        written.on_conflict_do_update(index_elements=["organisation", "at"], set_={"after": after})
    )


async def changes(db: AsyncSession, organisation: OrganisationKey) -> list[ZoneChanged]:
    """Return the changes of an organisation's time zone, the oldest first."""
    rows = await db.scalars(
        select(ZoneChangeRow)
        .where(ZoneChangeRow.organisation == organisation)
        .order_by(ZoneChangeRow.at)
    )
    return [ZoneChanged(row.at, row.before, row.after) for row in rows]
