"""Clicks that cost something, as a ledger: who released what, and what he was told it costs.

An organisation may want two people for what costs more than so much a year: the first click then
waits, and takes effect with that of somebody else who may release costs. Of two clicks at least
the second is a person's, and a program's key speaks for whoever made it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.cost_tables import CostLimitRow, CostReleaseRow
from accounts.directory import WHOLE, Scope
from accounts.licensing import names_behind
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money

WAITS_FOR: Final = timedelta(days=14)
"""After so long a first click counts no longer."""
LOOSEN: Final = "cost_limit.loosen"
"""A higher limit, said as what it costs in a year."""
LIFT: Final = "cost_limit.lift"


class ReleaseState(StrEnum):
    """How far a release has got."""

    RELEASED = "released"
    WAITING = "waiting"
    """For the second person; nothing has happened yet."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Cost:
    """What somebody is told before he clicks, net: this month, and in a year."""

    this_month: Money
    per_year: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class CostRelease:
    """A click that costs something."""

    id: int
    at: datetime
    organisation: OrganisationKey
    deed: str
    subject: str
    released_by: str
    released_by_name: str
    cost: Cost
    state: ReleaseState
    confirmed_at: datetime | None
    confirmed_by: str | None
    confirmed_by_name: str | None

    @classmethod
    def of(cls, row: CostReleaseRow) -> Self:
        """Return what the row says."""
        return cls(
            id=row.id,
            at=row.at,
            organisation=OrganisationKey(row.organisation),
            deed=row.deed,
            subject=row.subject,
            released_by=row.released_by,
            released_by_name=row.released_by_name,
            cost=Cost(
                Money.from_minor(row.this_month_minor, row.currency),
                Money.from_minor(row.per_year_minor, row.currency),
            ),
            state=ReleaseState(row.state),
            confirmed_at=row.confirmed_at,
            confirmed_by=row.confirmed_by,
            confirmed_by_name=row.confirmed_by_name,
        )


class NotWaiting(Conflict):
    """The release waits for nobody: it was completed or withdrawn."""

    code = "release_not_waiting"

    def __init__(self, number: int) -> None:
        super().__init__(f"Release {number} does not wait for anybody.")


async def release(
    db: AsyncSession,
    organisation: OrganisationKey,
    deed: str,
    subject: str,
    cost: Cost,
    *,
    by: Actor,
    now: datetime,
) -> CostRelease:
    """Write that somebody released a cost; carry the deed out only if it came back released.

    Args:
        db: The unit of work of the deed.
        organisation: Who will pay.
        deed: As in the audit, `monitoring.activate`.
        subject: What it is done to, `station/CS-1`.
        cost: What he was told, rounded.
        by: Who clicked; that he may release costs was decided at the door.
        now: The moment.

    Returns:
        The release: `waiting` if the organisation wants a second person for so much.
    """
    if not await _needs_two(db, organisation, cost):
        return await _write(db, organisation, deed, subject, cost, ReleaseState.RELEASED, by, now)
    return await _by_two(db, organisation, deed, subject, cost, by, now)


async def _by_two(
    db: AsyncSession,
    organisation: str,
    deed: str,
    subject: str,
    cost: Cost,
    by: Actor,
    now: datetime,
) -> CostRelease:
    """Write the first of two clicks, or complete it by the second."""
    first = await db.scalar(
        select(CostReleaseRow)
        .where(
            CostReleaseRow.deed == deed,
            CostReleaseRow.subject == subject,
            CostReleaseRow.state == ReleaseState.WAITING,
        )
        .with_for_update()
    )
    if first is not None and (now - first.at > WAITS_FOR or CostRelease.of(first).cost != cost):
        first.state = ReleaseState.WITHDRAWN  # too old, or said of another price
        await db.flush()
        first = None
    if first is None:
        return await _write(db, organisation, deed, subject, cost, ReleaseState.WAITING, by, now)
    if await _is_second(db, first.released_by, by):
        first.state = ReleaseState.RELEASED
        first.confirmed_at, first.confirmed_by, first.confirmed_by_name = now, by.id, by.name
        await db.flush()
    return CostRelease.of(first)


async def _is_second(db: AsyncSession, first: str, by: Actor) -> bool:
    """Tell whether somebody is a person, and not the one who clicked first by whatever door."""
    return by.id.startswith("person/") and by.id not in await names_behind(db, first)


async def _needs_two(db: AsyncSession, organisation: str, cost: Cost) -> bool:
    limit = await db.get(CostLimitRow, organisation)
    if limit is None:
        return False
    # What was limited in another currency cannot be compared: better one person too many.
    return limit.currency != cost.per_year.currency or cost.per_year.minor > limit.per_year_minor


async def _write(
    db: AsyncSession,
    organisation: str,
    deed: str,
    subject: str,
    cost: Cost,
    state: ReleaseState,
    by: Actor,
    now: datetime,
) -> CostRelease:
    row = CostReleaseRow(
        at=now,
        organisation=organisation,
        deed=deed,
        subject=subject,
        released_by=by.id,
        released_by_name=by.name,
        this_month_minor=cost.this_month.minor,
        per_year_minor=cost.per_year.minor,
        currency=cost.per_year.currency,
        state=state,
    )
    db.add(row)
    await db.flush()
    return CostRelease.of(row)


async def withdraw(db: AsyncSession, number: int) -> None:
    """Take back a click that waits for a second person.

    Raises:
        NotWaiting: If it does not.
    """
    found = await db.execute(
        update(CostReleaseRow)
        .where(CostReleaseRow.id == number, CostReleaseRow.state == ReleaseState.WAITING)
        .values(state=ReleaseState.WITHDRAWN)
        .returning(CostReleaseRow.id)
    )
    if found.scalar_one_or_none() is None:
        raise NotWaiting(number)


async def cost_release(db: AsyncSession, number: int) -> CostRelease:
    """Return one release.

    Raises:
        NotFound: If there is none.
    """
    row = await db.get(CostReleaseRow, number)
    if row is None:
        raise NotFound("cost release", number)
    return CostRelease.of(row)


async def releases(
    db: AsyncSession, scope: Scope = WHOLE, *, before: int | None = None, limit: int = 50
) -> list[CostRelease]:
    """Return the releases of a scope, the newest first, those below a number if one is given."""
    query = select(CostReleaseRow).order_by(CostReleaseRow.id.desc()).limit(limit)
    if scope.organisations is not None:
        query = query.where(CostReleaseRow.organisation.in_(scope.organisations))
    if before is not None:
        query = query.where(CostReleaseRow.id < before)
    return [CostRelease.of(row) for row in await db.scalars(query)]


async def limit_of(db: AsyncSession, organisation: OrganisationKey) -> Money | None:
    """Return above which yearly cost an organisation wants two people; None: one is enough."""
    row = await db.get(CostLimitRow, organisation)
    return None if row is None else Money.from_minor(row.per_year_minor, row.currency)


def is_looser(before: Money | None, after: Money | None) -> bool:
    """Tell whether a limit lets one person release more than the one before; None: no limit.

    What was limited in another currency cannot be compared: it is taken for looser.
    """
    if before is None or after is None:
        return before is not None
    return before.currency != after.currency or before.amount < after.amount


async def set_limit(
    db: AsyncSession,
    organisation: OrganisationKey,
    per_year: Money | None,
    *,
    by: Actor,
    now: datetime,
) -> CostRelease | None:
    """Say above which yearly cost an organisation wants two people; None: one is enough.

    What loosens a limit takes a second person as what lies above it does: the first click waits.

    Returns:
        The click that loosens it: nothing has changed while it waits. None: it is no looser.

    Raises:
        InvalidInput: If it is negative, or no whole number of the currency's smallest unit.
    """
    if per_year is not None and (per_year.amount < 0 or not per_year.is_rounded):
        raise InvalidInput("A limit is an amount of zero or more.", field="per_year")
    row = await db.get(CostLimitRow, organisation, with_for_update=True, populate_existing=True)
    before = None if row is None else Money.from_minor(row.per_year_minor, row.currency)
    released = None
    if before is not None and is_looser(before, per_year):
        none = Money.zero(before.currency if per_year is None else per_year.currency)
        deed = LIFT if per_year is None else LOOSEN
        cost = Cost(none, per_year or none)
        released = await _by_two(
            db, organisation, deed, f"organisation/{organisation}", cost, by, now
        )
        if released.state is ReleaseState.WAITING:
            return released
    await _put_limit(db, organisation, per_year, by, now)
    return released


async def _put_limit(
    db: AsyncSession, organisation: str, per_year: Money | None, by: Actor, now: datetime
) -> None:
    if per_year is None:
        await db.execute(delete(CostLimitRow).where(CostLimitRow.organisation == organisation))
    else:
        values = {
            "per_year_minor": per_year.minor,
            "currency": per_year.currency,
            "set_at": now,
            "set_by": by.id,
        }
        await db.execute(
            insert(CostLimitRow)
            .values(organisation=organisation, **values)
            .on_conflict_do_update(index_elements=["organisation"], set_=values)
        )
    db.expire_all()
