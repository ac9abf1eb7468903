"""Stations shared with other organisations: to see, or to see and command, for a time.

A share is a dated fact, valid in [valid_from, valid_to); it ends by the clock, and is otherwise
only ended, never edited. Sharing tells nothing of who else there is: a share with an organisation
that does not exist looks the same, and does nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self, cast

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import checks, store
from accounts.tables import StationShareRow
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

Level = Literal["read", "command"]


@dataclass(frozen=True, slots=True)
class Share:
    """A station shown to an organisation; `valid_to` None: until it is ended."""

    id: int
    station: StationId
    organisation: OrganisationKey
    owner: OrganisationKey
    level: Level
    valid_from: datetime
    valid_to: datetime | None
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, row: StationShareRow) -> Self:
        """Return what the row says, but not whether it ever takes effect."""
        return cls(
            id=row.id,
            station=StationId(row.station),
            organisation=OrganisationKey(row.organisation),
            owner=OrganisationKey(row.owner),
            level=cast("Level", row.level),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            created_at=row.created_at,
            created_by=row.created_by,
        )

    def is_valid(self, at: datetime) -> bool:
        """Tell whether the share holds at a moment; the end is not included."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


async def shared_with(
    db: AsyncSession, organisations: Collection[OrganisationKey], now: datetime
) -> Mapping[StationId, Share]:
    """Return the stations shared with one of the organisations now; of several the widest share."""
    rows = await db.scalars(
        select(StationShareRow)
        .where(
            StationShareRow.organisation.in_([*map(str, organisations)]),
            ~StationShareRow.is_void,
            StationShareRow.valid_from <= now,
            or_(StationShareRow.valid_to.is_(None), StationShareRow.valid_to > now),
        )
        # The widest wins, and of these the oldest: what a dictionary takes last.
        .order_by(StationShareRow.level.desc(), StationShareRow.valid_from.desc())
    )
    return {StationId(row.station): Share.of(row) for row in rows}


async def shares_of(db: AsyncSession, station: str, owner: OrganisationKey) -> list[Share]:
    """Return all shares that the owner gave of a station, the newest first, past ones included.

    What an earlier owner gave is neither shown nor in force (`share` ends it).
    """
    rows = await db.scalars(
        select(StationShareRow)
        .where(StationShareRow.station == station, StationShareRow.owner == owner)
        .order_by(StationShareRow.id.desc())
    )
    return [Share.of(row) for row in rows]


async def share(
    db: AsyncSession,
    station: StationId,
    *,
    owner: OrganisationKey,
    organisation: str,
    level: str,
    valid_from: datetime | None,
    valid_to: datetime | None,
    created_by: str,
    now: datetime,
) -> Share:
    """Share a station; what was shared with the organisation so far ends when this begins.

    Raises:
        InvalidInput: If the organisation is the owner or no key, the level is unknown, or the
            share would be over before it begins or has ended already.
    """
    key = checks.organisation_key(organisation)
    if key == owner:
        raise InvalidInput("The station is its owner's already.", field="organisation")
    if level not in ("read", "command"):
        raise InvalidInput("level must be read or command.", field="level")
    begins = max(now, valid_from or now)
    if valid_to is not None and valid_to <= begins:
        raise InvalidInput(
            "The end must lie behind the beginning, and in the future.", field="valid_to"
        )
    for row in await _open(db, station, key, begins):
        row.valid_to = max(begins, row.valid_from)
    made = StationShareRow(
        station=station,
        organisation=key,
        owner=owner,
        level=level,
        valid_from=begins,
        valid_to=valid_to,
        created_at=now,
        created_by=created_by,
        is_void=await store.organisation(db, key) is None,
    )
    db.add(made)
    await db.flush()
    return Share.of(made)


async def end_share(
    db: AsyncSession,
    station: StationId,
    organisation: str,
    *,
    owner: OrganisationKey,
    now: datetime,
) -> list[Share]:
    """End what is shared with an organisation, at once; what was to begin later never begins.

    Raises:
        NotFound: If nothing is shared with it.
    """
    rows = [row for row in await _open(db, station, organisation, now) if row.owner == owner]
    if not rows:
        raise NotFound("share", organisation)
    for row in rows:
        row.valid_to = max(now, row.valid_from)
    await db.flush()
    return [Share.of(row) for row in rows]


async def end_all(db: AsyncSession, station: StationId, *, now: datetime) -> None:
    """End all shares of a station that gets another owner."""
    rows = await db.scalars(
        select(StationShareRow)
        .where(StationShareRow.station == station)
        .where(or_(StationShareRow.valid_to.is_(None), StationShareRow.valid_to > now))
        .with_for_update()
    )
    for row in rows:
        row.valid_to = max(now, row.valid_from)
    await db.flush()


async def _open(
    db: AsyncSession, station: str, organisation: str, at: datetime
) -> list[StationShareRow]:
    rows = await db.scalars(
        select(StationShareRow)
        .where(StationShareRow.station == station, StationShareRow.organisation == organisation)
        .where(or_(StationShareRow.valid_to.is_(None), StationShareRow.valid_to > at))
        .with_for_update()
    )
    return list(rows)
