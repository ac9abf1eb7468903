"""Remote access to a station, bought with credits for 1 or 12 months.

Access is asked for on every use. A term that ends is renewed at the price of that day where the
account wants it and has the credits; where it has not, the access is switched off and a mail says
so: never is a shorter term booked than was asked for. Whoever switches it off keeps the paid time,
and may switch it on again until that ends; nothing is given back.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import credit_prices, credit_store
from billing.credit_mails import Letters
from billing.credit_tables import RemoteAccessRow, RemoteTermRow
from billing.credits import (
    WARNINGS_DAYS,
    NotEnoughCredits,
    Term,
    due_warning,
    first_term,
    next_term,
    remote_access,
    uncovered,
)
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Conflict, NotFound, NotPermitted
from foundation.identifiers import OrganisationKey

log = structlog.get_logger(__name__)

CRON = "* * * * *"
_AT_ONCE = 500

StillTheirs = Callable[[AsyncSession, OrganisationKey, str], Awaitable[bool]]
"""Tells whether an account still sees a station: nobody pays for one that went to somebody else."""


class RemoteAccessRuns(Conflict):
    """The account has access to the station already."""

    code = "remote_access_runs"

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(f"The remote access runs until {until.isoformat()} already.")


class NoRemoteAccess(NotPermitted):
    """The account has no remote access to the station now."""

    code = "no_remote_access"

    def __init__(self) -> None:
        super().__init__("There is no remote access to this station now. Book it with credits.")


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """An account's remote access to a station as it is set."""

    account: OrganisationKey
    station: str
    is_on: bool
    renews: bool
    months: int
    until: datetime
    """Where the newest term ends, not included."""
    person_id: int | None

    def runs(self, now: datetime) -> bool:
        """Tell whether its paid time is not over, be it on or off."""
        return now < self.until

    def is_open(self, now: datetime) -> bool:
        """Tell whether it may be used."""
        return self.is_on and self.runs(now)

    @classmethod
    def of(cls, row: RemoteAccessRow) -> Self:
        """Return what the row says."""
        return cls(
            account=OrganisationKey(row.account),
            station=row.station,
            is_on=row.is_on,
            renews=row.renews,
            months=row.months,
            until=row.until,
            person_id=row.person_id,
        )


# ------------------------------------------------------------------------------------ reading


async def access_to(
    db: AsyncSession, account: OrganisationKey, station: str
) -> RemoteAccess | None:
    """Return an account's access to a station, be it over; None if it never had any."""
    row = await db.get(RemoteAccessRow, (account, station), populate_existing=True)
    return None if row is None else RemoteAccess.of(row)


async def accesses(
    db: AsyncSession, accounts: Collection[OrganisationKey] | None = None
) -> list[RemoteAccess]:
    """Return the accesses of some accounts, or of all, the one that ends next first."""
    statement = select(RemoteAccessRow)
    if accounts is not None:
        statement = statement.where(RemoteAccessRow.account.in_(accounts))
    found = await db.execute(
        statement.order_by(RemoteAccessRow.until, RemoteAccessRow.account, RemoteAccessRow.station)
    )
    return [RemoteAccess.of(each) for each in found.scalars()]


async def terms(db: AsyncSession, account: OrganisationKey, station: str) -> list[Term]:
    """Return the paid terms of an access, oldest first."""
    found = await db.execute(
        select(RemoteTermRow)
        .where(RemoteTermRow.account == account, RemoteTermRow.station == station)
        .order_by(RemoteTermRow.valid_to)
    )
    return [_term(each) for each in found.scalars()]


# ------------------------------------------------------------------------------------- using


async def use(
    db: AsyncSession,
    account: OrganisationKey,
    station: str,
    *,
    letters: Letters | None,
    now: datetime,
) -> datetime:
    """Let somebody of the account use his access, and return until when he may.

    A term that ended this very moment is renewed first, so that one who pays for the next is not
    shut out until the periodic run has looked.

    Raises:
        NoRemoteAccess: If there is none now.
    """
    found = await access_to(db, account, station)
    if found is not None and found.is_on and found.renews and not found.runs(now):
        found = await renew(db, account, station, letters=letters, now=now)
    if found is None or not found.is_open(now):
        raise NoRemoteAccess
    covered = await terms(db, account, station)
    if not any(each.holds(now) for each in covered):
        raise NoRemoteAccess
    return found.until


async def buy(
    db: AsyncSession,
    account: OrganisationKey,
    station: str,
    months: int,
    *,
    renews: bool,
    by: str,
    person_id: int | None,
    now: datetime,
) -> RemoteAccess:
    """Book remote access from now on.

    Args:
        db: The unit of work.
        account: Who pays.
        station: The one station's identity.
        months: 1 or 12.
        renews: Whether the end of the term books the same again.
        by: Who did it, as the audit names him.
        person_id: Who hears of its end.
        now: When.

    Raises:
        InvalidInput: If the runtime is another one.
        RemoteAccessRuns: If paid time is left: it may be switched on, or be renewed at its end.
        NotEnoughCredits: If the account has too few.
    """
    service = remote_access(months)
    # The wallet is locked before the access: two who buy at once come one after the other.
    await credit_store.lock(db, account)
    row = await _locked(db, account, station)
    if row is not None and now < row.until:
        raise RemoteAccessRuns(row.until)
    cost = await credit_prices.price(db, service, now)
    reference = f"remote/{account}/{station}/{now.isoformat()}"
    await credit_store.spend(
        db,
        account,
        service,
        cost,
        reference=reference,
        by=by,
        now=now,
        about=f"station/{station}",
    )
    term = first_term(now, months, await _zone(db, account))
    if row is None:
        row = RemoteAccessRow(account=account, station=station)
        db.add(row)
    row.is_on, row.renews, row.months = True, renews, months
    row.person_id, row.by, row.changed_at = person_id, by, now
    await _add(db, row, term, cost, reference)
    return RemoteAccess.of(row)


async def switch(
    db: AsyncSession,
    account: OrganisationKey,
    station: str,
    *,
    is_on: bool | None = None,
    renews: bool | None = None,
    by: str,
    now: datetime,
) -> RemoteAccess:
    """Switch an access off, or on again in its paid time, or say whether it is to be renewed.

    Nothing is booked and nothing is given back. One that is switched off is not renewed.

    Raises:
        NoRemoteAccess: If no paid time is left.
    """
    row = await _locked(db, account, station)
    if row is None or now >= row.until:
        raise NoRemoteAccess
    if is_on is not None:
        row.is_on = is_on
        row.renews = row.renews and is_on
    if renews is not None:
        row.renews = renews and row.is_on
    row.by, row.changed_at = by, now
    await db.flush()
    return RemoteAccess.of(row)


# ---------------------------------------------------------------------------------- renewing


async def renew(
    db: AsyncSession,
    account: OrganisationKey,
    station: str,
    *,
    letters: Letters | None,
    now: datetime,
    still_theirs: StillTheirs | None = None,
) -> RemoteAccess | None:
    """Renew an access whose term is over, or switch it off where the credits do not do.

    Idempotent: one that is not due, or that somebody else renewed meanwhile, stays as it is.
    """
    await credit_store.lock(db, account)  # before the access, as everybody locks them
    row = await _locked(db, account, station)
    if row is None or not (row.is_on and row.renews) or now < row.until:
        return None if row is None else RemoteAccess.of(row)
    service = remote_access(row.months)
    cost = await credit_prices.price(db, service, row.until)
    if still_theirs is not None and not await still_theirs(db, account, station):
        return await _switched_off(db, row, "lost", cost, 0, letters, now)
    last = await _last_term(db, account, station)
    term = next_term(last, row.months, await _zone(db, account), now)
    reference = f"remote/{account}/{station}/{term.valid_from.isoformat()}"
    try:
        await credit_store.spend(
            db,
            account,
            service,
            cost,
            reference=reference,
            by="system",
            now=now,
            about=f"station/{station}",
        )
    except NotEnoughCredits as short:
        return await _switched_off(db, row, "deactivated", cost, short.available, letters, now)
    row.by, row.changed_at = "system", now
    await _add(db, row, term, cost, reference)
    log.info("remote_access.renewed", account=account, station=station, until=row.until)
    return RemoteAccess.of(row)


async def renew_due(
    database: Database,
    clock: Clock,
    letters: Letters,
    *,
    still_theirs: StillTheirs | None = None,
) -> int:
    """Renew or switch off what is due, each in a unit of work of its own; return how many."""
    now = clock.now()
    async with database.unit_of_work() as db:
        found = await db.execute(
            select(RemoteAccessRow.account, RemoteAccessRow.station)
            .where(
                RemoteAccessRow.is_on,
                RemoteAccessRow.renews,
                RemoteAccessRow.until <= now,
            )
            .order_by(RemoteAccessRow.until, RemoteAccessRow.account, RemoteAccessRow.station)
            .limit(_AT_ONCE)
        )
        due = [(OrganisationKey(account), station) for account, station in found]
    for account, station in due:
        async with database.unit_of_work() as db:
            await renew(db, account, station, letters=letters, now=now, still_theirs=still_theirs)
    return len(due)


async def warn_due(database: Database, clock: Clock, letters: Letters) -> int:
    """Warn where the balance will not do for a renewal; return how many warnings that were.

    An account's credits are counted for its renewals in the order in which they fall due.
    """
    now = clock.now()
    horizon = now + timedelta(days=max(WARNINGS_DAYS))
    warned = 0
    async with database.unit_of_work() as db:
        found = await db.execute(
            select(RemoteAccessRow)
            .where(
                RemoteAccessRow.is_on,
                RemoteAccessRow.renews,
                RemoteAccessRow.until > now,
                RemoteAccessRow.until <= horizon,
            )
            .order_by(RemoteAccessRow.account, RemoteAccessRow.until, RemoteAccessRow.station)
            .with_for_update(skip_locked=True)
        )
        rows = list(found.scalars())
        held = await credit_store.wallets(db, {OrganisationKey(each.account) for each in rows})
        costs = await credit_prices.prices(db, now)
        for account, group in groupby(rows, key=lambda each: OrganisationKey(each.account)):
            due = list(group)
            available = held[account].available if account in held else 0
            needed = [costs[remote_access(each.months)] for each in due]
            for row, is_short, cost in zip(due, uncovered(needed, available), needed, strict=True):
                days = due_warning(row.until, now, row.warned_days)
                if days is None or not is_short:
                    continue
                row.warned_days = days
                warned += 1
                await letters.remote(
                    db,
                    "warning",
                    account,
                    row.person_id,
                    station=row.station,
                    path=path_of(row.station),
                    until=row.until,
                    months=row.months,
                    needed=cost,
                    available=available,
                    days=days,
                )
    return warned


async def look_after(
    database: Database,
    clock: Clock,
    letters: Letters,
    *,
    still_theirs: StillTheirs | None = None,
) -> None:
    """Do the round of periodic work: renew, warn, and release what dead work left reserved."""
    await renew_due(database, clock, letters, still_theirs=still_theirs)
    await warn_due(database, clock, letters)
    async with database.unit_of_work() as db:
        await credit_store.release_forgotten(db, now=clock.now())


def path_of(station: str) -> str:
    """Return the portal's page of the remote access to a station."""
    return f"/stations/{quote(station, safe='')}/remote"


# ------------------------------------------------------------------------------------- within


async def _switched_off(
    db: AsyncSession,
    row: RemoteAccessRow,
    what: str,
    cost: int,
    available: int,
    letters: Letters | None,
    now: datetime,
) -> RemoteAccess:
    row.is_on, row.renews, row.by, row.changed_at = False, False, "system", now
    await db.flush()
    log.info("remote_access.switched_off", account=row.account, station=row.station, why=what)
    one_month = await credit_prices.price(db, remote_access(1), now)
    if letters is not None:
        await letters.remote(
            db,
            what,
            OrganisationKey(row.account),
            row.person_id,
            station=row.station,
            path=path_of(row.station),
            until=row.until,
            months=row.months,
            needed=cost,
            available=available,
            # Offered, never booked by itself.
            one_month=one_month if what == "deactivated" and row.months > 1 else None,
        )
    return RemoteAccess.of(row)


async def _add(
    db: AsyncSession, row: RemoteAccessRow, term: Term, cost: int, reference: str
) -> None:
    row.until, row.warned_days = term.valid_to, None
    db.add(
        RemoteTermRow(
            account=row.account,
            station=row.station,
            valid_from=term.valid_from,
            valid_to=term.valid_to,
            months=term.months,
            origin_at=term.origin_at,
            months_before=term.months_before,
            credits=cost,
            reference=reference,
        )
    )
    await db.flush()


async def _locked(
    db: AsyncSession, account: OrganisationKey, station: str
) -> RemoteAccessRow | None:
    found = await db.execute(
        select(RemoteAccessRow)
        .where(RemoteAccessRow.account == account, RemoteAccessRow.station == station)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalar_one_or_none()


async def _last_term(db: AsyncSession, account: OrganisationKey, station: str) -> Term:
    found = await db.execute(
        select(RemoteTermRow)
        .where(RemoteTermRow.account == account, RemoteTermRow.station == station)
        .order_by(RemoteTermRow.valid_to.desc())
        .limit(1)
    )
    row = found.scalar_one_or_none()
    if row is None:
        raise NotFound("term", f"{account}/{station}")
    return _term(row)


async def _zone(db: AsyncSession, account: OrganisationKey) -> ZoneInfo:
    return ZoneInfo((await directory.organisation(db, account)).time_zone)


def _term(row: RemoteTermRow) -> Term:
    return Term(row.valid_from, row.valid_to, row.months, row.origin_at, row.months_before)
