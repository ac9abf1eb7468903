"""The metering points of accounts: how many datapoints are in use, and which tier comes of them.

What is metered is known above this room: whoever knows fulfils `MeteringPoints`, and
`app/compose.py` joins them. A datapoint is a stored series, one for each connector and measurand.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.account_tables import AccountRow, PointLicenceRow
from accounts.periods import today
from accounts.tables import OrganisationRow
from accounts.tiers import (
    Function,
    LicenceKind,
    LicenceModel,
    Licences,
    MeteringPoint,
    Tier,
    account_tier,
    stopping,
)
from foundation.errors import Conflict, NotFound
from foundation.identifiers import OrganisationKey
from foundation.statements import tuples


class MeteringPoints(Protocol):
    """Knows what is metered for organisations."""

    async def points(
        self, db: AsyncSession, organisations: Collection[OrganisationKey]
    ) -> Sequence[MeteringPoint]:
        """Return their metering points as they are now, in a total order."""
        ...


class DatapointsFull(Conflict):
    """The account has no datapoint left; those it has keep working."""

    code = "datapoints_full"

    def __init__(self, most: int, wanted: int) -> None:
        self.most, self.wanted = most, wanted
        super().__init__(
            f"The account has {most} datapoints, and {wanted} would be in use. Apply for more."
        )


class TierWouldDrop(Conflict):
    """The account would come to a lower tier, and functions would stop; one has to agree to it."""

    code = "tier_would_drop"

    def __init__(self, before: Tier, after: Tier, stops: Sequence[Function]) -> None:
        self.before, self.after, self.stops = before, after, tuple(stops)
        named = "; ".join(each.label for each in stops)
        super().__init__(
            f"The account's tier would drop from {before.value} to {after.value}. This would"
            f" stop until it rises again: {named}. Agree to it, or add licences first."
        )


@dataclass(frozen=True, slots=True)
class PointLicence:
    """Licences for metering points of an account, valid in [starts_on, ends_on)."""

    id: int
    kind: LicenceKind
    model: LicenceModel
    quantity: int
    starts_on: date
    ends_on: date | None

    def holds(self, on: date) -> bool:
        """Tell whether they count on a day."""
        return self.starts_on <= on and (self.ends_on is None or on < self.ends_on)

    @property
    def licences(self) -> Licences:
        """How many of each kind these are."""
        if self.kind is LicenceKind.ALL:
            return Licences(all=self.quantity)
        return Licences(heat_water_gas=self.quantity)


@dataclass(frozen=True, slots=True)
class Metered:
    """What is metered for an account now, with its licences and what comes of both."""

    points: tuple[MeteringPoint, ...]
    licences: Licences

    @property
    def datapoints(self) -> int:
        """How many datapoints are in use."""
        return sum(each.datapoints for each in self.points)

    @property
    def tier(self) -> Tier:
        """The lowest of the points' tiers."""
        return account_tier(self.points, self.licences)


_COVERED = """
with recursive down as (
    select %b::text as key
    union
    select o.key from organisations o join down on o.parent = down.key
    where not exists (
        select 1 from accounts a where a.organisation = o.key and a.archived_at is null)
)
select key from down
"""


async def covered(db: AsyncSession, organisation: OrganisationKey) -> frozenset[OrganisationKey]:
    """Return whom an account is for: its organisation and those below without one of their own."""
    return frozenset(row[0] for row in await tuples(db, _COVERED, [organisation]))


async def metered(
    db: AsyncSession,
    source: MeteringPoints,
    organisation: OrganisationKey,
    *,
    on: date,
    without: int | None = None,
) -> Metered:
    """Return what is metered for an organisation's account, with the licences of a day.

    Args:
        db: The unit of work.
        source: Knows what is metered.
        organisation: Whose account.
        on: The day.
        without: The number of licences that do not count.
    """
    found = await source.points(db, sorted(await covered(db, organisation)))
    licences = sum(
        (
            each.licences
            for each in await licences_of(db, organisation)
            if each.holds(on) and each.id != without
        ),
        start=Licences(),
    )
    return Metered(tuple(found), licences)


async def licences_of(db: AsyncSession, organisation: OrganisationKey) -> list[PointLicence]:
    """Return the licences for metering points of an account, past ones included, oldest first."""
    rows = await db.scalars(
        select(PointLicenceRow)
        .where(PointLicenceRow.organisation == organisation)
        .order_by(PointLicenceRow.id)
    )
    return [_licence(row) for row in rows]


def _licence(row: PointLicenceRow) -> PointLicence:
    return PointLicence(
        row.id,
        LicenceKind(row.kind),
        LicenceModel(row.model),
        row.quantity,
        row.starts_on,
        row.ends_on,
    )


_ACCOUNT_ABOVE = """
with recursive up as (
    select key, parent, 0 as depth from organisations where key = %b::text
    union all
    select o.key, o.parent, up.depth + 1 from organisations o join up on o.key = up.parent
)
select a.organisation from up join accounts a on a.organisation = up.key
where a.archived_at is null
order by up.depth limit 1
"""


async def account_above(db: AsyncSession, organisation: str) -> OrganisationKey | None:
    """Return whose account counts for an organisation: its own, or the nearest above it."""
    found = await tuples(db, _ACCOUNT_ABOVE, [organisation])
    return OrganisationKey(found[0][0]) if found else None


async def points_changed(
    db: AsyncSession,
    source: MeteringPoints,
    organisation: OrganisationKey,
    *,
    agrees: bool,
    now: datetime,
) -> None:
    """Hold what was just added for an organisation against its account, in the same unit of work.

    For the doors at which people add stations and connectors. What a station brings by itself is
    recorded whatever the account says: nothing that is charged is ever refused.

    Args:
        db: The unit of work of the change.
        source: Knows what is metered.
        organisation: Whose points changed.
        agrees: Whether whoever asks knows that functions will stop, and wants it all the same.
        now: The moment.

    Raises:
        DatapointsFull: If there are more datapoints now than the account has, and than before.
        TierWouldDrop: If functions would stop, and nobody agreed to it.
    """
    key = await account_above(db, organisation)
    if key is None:
        return
    row = await locked_account(db, key)
    zone = await zone_of(db, key)
    found = await metered(db, source, key, on=today(now, zone))
    if found.datapoints > row.datapoints and found.datapoints > row.datapoints_used:
        raise DatapointsFull(row.datapoints, found.datapoints)
    must_be_agreed(Tier(row.tier), found.tier, agrees=agrees)
    note_count(row, found, now)
    await db.flush()


def must_be_agreed(before: Tier, after: Tier, *, agrees: bool) -> None:
    """Refuse what makes functions stop unless somebody agreed to it.

    Raises:
        TierWouldDrop: With the list of what would stop.
    """
    stops = stopping(before, after)
    if stops and not agrees:
        raise TierWouldDrop(before, after, stops)


def note_count(row: AccountRow, found: Metered, now: datetime) -> tuple[Function, ...]:
    """Keep what was counted on the account; return the functions that stop by it."""
    before = Tier(row.tier)
    row.datapoints_used, row.tier, row.counted_at = found.datapoints, found.tier.value, now
    return stopping(before, found.tier)


async def locked_account(db: AsyncSession, organisation: OrganisationKey) -> AccountRow:
    """Return an account's row, locked until the unit of work ends.

    Raises:
        NotFound: If the organisation has none.
    """
    row = await db.get(AccountRow, organisation, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("account", organisation)
    return row


async def zone_of(db: AsyncSession, organisation: OrganisationKey) -> str:
    """Return the time zone (IANA) of an account: its organisation's."""
    zone = await db.scalar(
        select(OrganisationRow.time_zone).where(OrganisationRow.key == organisation)
    )
    assert zone is not None, f"the organisation {organisation!r} is gone"
    return zone


async def end_licences(
    db: AsyncSession,
    source: MeteringPoints,
    organisation: OrganisationKey,
    licence_id: int,
    *,
    agrees: bool,
    now: datetime,
) -> PointLicence:
    """End licences of the monthly subscription from today on; the running month stays charged.

    Raises:
        NotFound: If there are no such licences that still hold.
        Conflict: If they are multi-year ones, whose term was bought.
        TierWouldDrop: If functions would stop, and nobody agreed to it.
    """
    row = await locked_account(db, organisation)
    on = today(now, await zone_of(db, organisation))
    licence = await db.scalar(
        select(PointLicenceRow)
        .where(PointLicenceRow.id == licence_id, PointLicenceRow.organisation == organisation)
        .where(or_(PointLicenceRow.ends_on.is_(None), PointLicenceRow.ends_on > on))
        .with_for_update()
    )
    if licence is None:
        raise NotFound("licence", licence_id)
    if licence.model == LicenceModel.MULTI_YEAR:
        raise Conflict("These licences were bought for a term; they end by themselves.")
    found = await metered(db, source, organisation, on=on, without=licence_id)
    must_be_agreed(Tier(row.tier), found.tier, agrees=agrees)
    licence.ends_on, licence.next_month_on = max(on, licence.starts_on), None
    note_count(row, found, now)
    await db.flush()
    return _licence(licence)
