"""Face: stations' own pages that are reached through us, and who opened which.

An address is entered by the operator. Whoever may use remote access opens a page: for that there
is a ticket of one use and a short life, then a secret that one browser keeps, under a host name of
no other opening. Of each opening a record stays: who, when, how much.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import choice, token_urlsafe
from string import ascii_lowercase, digits
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from support.remote_page_tables import RemoteOpeningRow, RemotePageRow

TICKET_LASTS: Final = timedelta(seconds=60)
PAGES_AT_MOST: Final = 5
LONGEST_TITLE: Final = 60
_LABEL: Final = 24


class WhyEnded(StrEnum):
    """Why an opening is over."""

    CLOSED = "closed"
    """By the one who opened it."""
    LOST = "lost"
    """His access ended, or he may not use it any more."""
    IDLE = "idle"
    """Nobody used it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePage:
    """A page of a station, or of a logger beside it."""

    id: int
    station: StationId
    title: str
    url: str
    checks_certificate: bool
    entered_at: datetime
    entered_by_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Somebody opened a page; bytes are those of bodies and of what a websocket carried."""

    id: int
    station: StationId
    account: OrganisationKey
    owner: OrganisationKey
    title: str
    url: str
    checks_certificate: bool
    label: str
    login_sha256: bytes
    by: str
    by_name: str
    address: str | None
    opened_at: datetime
    last_used_at: datetime
    is_redeemed: bool
    ended_at: datetime | None
    ended_why: WhyEnded | None
    requests: int
    bytes_up: int
    bytes_down: int

    @property
    def actor(self) -> Actor:
        """Who the audit names."""
        return Actor(self.by, self.by_name, "portal", self.address)


class PageKnown(Conflict):
    """The station has a page of this title."""

    code = "remote_page_exists"

    def __init__(self, title: str) -> None:
        super().__init__(f"The station has a page {title!r} already.")


class TooManyPages(Conflict):
    """A station has enough pages."""

    code = "too_many_remote_pages"

    def __init__(self) -> None:
        super().__init__(f"A station has {PAGES_AT_MOST} pages at most.")


# ------------------------------------------------------------------------------------- pages


async def pages(db: AsyncSession, station: StationId) -> list[RemotePage]:
    """Return the pages of a station, by title."""
    rows = await db.scalars(
        select(RemotePageRow)
        .where(RemotePageRow.station == station)
        .order_by(RemotePageRow.title, RemotePageRow.id)
    )
    return [_page(each) for each in rows]


async def page(db: AsyncSession, station: StationId, number: int) -> RemotePage:
    """Return a page of a station.

    Raises:
        NotFound: If it has none of this number.
    """
    row = await db.get(RemotePageRow, number)
    if row is None or row.station != station:
        raise NotFound("page", number)
    return _page(row)


async def add(
    db: AsyncSession,
    station: StationId,
    *,
    title: str,
    url: str,
    checks_certificate: bool,
    by: Actor,
    now: datetime,
) -> RemotePage:
    """Enter the address of a page; whether it may be reached the caller has checked.

    Raises:
        InvalidInput: If it has no title.
        PageKnown, TooManyPages: If there is one of this title, or there are enough.
    """
    written = title.strip()
    if not 1 <= len(written) <= LONGEST_TITLE:
        raise InvalidInput(f"A title has 1 to {LONGEST_TITLE} characters.", field="title")
    # One after the other: they are counted.
    await db.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"remote_pages/{station}", 0)))
    )
    known = await pages(db, station)
    if any(each.title == written for each in known):
        raise PageKnown(written)
    if len(known) >= PAGES_AT_MOST:
        raise TooManyPages
    row = RemotePageRow(
        station=station,
        title=written,
        url=url,
        checks_certificate=checks_certificate,
        entered_at=now,
        entered_by=by.id,
        entered_by_name=by.name,
    )
    db.add(row)
    await db.flush()
    return _page(row)


async def remove(db: AsyncSession, station: StationId, number: int) -> RemotePage:
    """Take a page out; what is open of it ends at its next look.

    Raises:
        NotFound: If there is none.
    """
    row = await db.get(RemotePageRow, number, with_for_update=True)
    if row is None or row.station != station:
        raise NotFound("page", number)
    made = _page(row)
    await db.delete(row)
    await db.flush()
    return made


# ---------------------------------------------------------------------------------- openings


async def open_page(
    db: AsyncSession,
    found: RemotePage,
    *,
    account: OrganisationKey,
    owner: OrganisationKey,
    login_sha256: bytes,
    by: Actor,
    now: datetime,
) -> tuple[Opening, str]:
    """Open a page for somebody; return it with the ticket that his browser shows once."""
    ticket = token_urlsafe(32)
    row = RemoteOpeningRow(
        page=found.id,
        station=found.station,
        account=account,
        owner=owner,
        title=found.title,
        url=found.url,
        checks_certificate=found.checks_certificate,
        label="".join(choice(ascii_lowercase + digits) for _ in range(_LABEL)),
        ticket_sha256=_hash(ticket),
        ticket_until=now + TICKET_LASTS,
        secret_sha256=None,
        login_sha256=login_sha256,
        by=by.id,
        by_name=by.name,
        address=by.address,
        opened_at=now,
        last_used_at=now,
        ended_at=None,
        ended_why=None,
        requests=0,
        bytes_up=0,
        bytes_down=0,
    )
    db.add(row)
    await db.flush()
    return _opening(row), ticket


async def redeem(db: AsyncSession, label: str, ticket: str, now: datetime) -> str | None:
    """Use a ticket up; return the secret that the browser keeps. None: it is none, or is over."""
    row = await db.scalar(
        select(RemoteOpeningRow)
        .where(RemoteOpeningRow.ticket_sha256 == _hash(ticket))
        .with_for_update()
    )
    if row is None or row.label != label or row.secret_sha256 is not None:
        return None
    if row.ended_at is not None or now >= row.ticket_until:
        return None
    secret = token_urlsafe(32)
    row.secret_sha256, row.last_used_at = _hash(secret), now
    await db.flush()
    return secret


async def used_by(db: AsyncSession, label: str, secret: str) -> Opening | None:
    """Return the opening that a browser uses; None: it is over, or somebody else's."""
    row = await db.scalar(
        select(RemoteOpeningRow)
        .where(RemoteOpeningRow.label == label, RemoteOpeningRow.ended_at.is_(None))
        .where(RemoteOpeningRow.secret_sha256 == _hash(secret))
    )
    return None if row is None else _opening(row)


async def is_entered(db: AsyncSession, found: Opening) -> bool:
    """Tell whether the address of an opening is still one that the operator entered."""
    known = await db.scalar(
        select(RemotePageRow.id)
        .join(RemoteOpeningRow, RemoteOpeningRow.page == RemotePageRow.id)
        .where(RemoteOpeningRow.id == found.id, RemotePageRow.url == found.url)
    )
    return known is not None


async def note_use(
    db: AsyncSession, number: int, *, requests: int, up: int, down: int, now: datetime
) -> None:
    """Add what was carried, in bytes, to an opening's record."""
    row = RemoteOpeningRow
    await db.execute(
        update(row)
        .where(row.id == number)
        .values(
            requests=row.requests + requests,
            bytes_up=row.bytes_up + up,
            bytes_down=row.bytes_down + down,
            last_used_at=func.greatest(row.last_used_at, now),
        )
    )


async def end(db: AsyncSession, number: int, why: WhyEnded, now: datetime) -> Opening | None:
    """End an opening; None: it was over, or never was."""
    row = await db.get(RemoteOpeningRow, number, with_for_update=True, populate_existing=True)
    if row is None or row.ended_at is not None:
        return None
    row.ended_at, row.ended_why = now, why
    await db.flush()
    return _opening(row)


async def open_ones(db: AsyncSession) -> list[Opening]:
    """Return the openings that are not over, the longest unused first."""
    rows = await db.scalars(
        select(RemoteOpeningRow)
        .where(RemoteOpeningRow.ended_at.is_(None))
        .order_by(RemoteOpeningRow.last_used_at, RemoteOpeningRow.id)
        .limit(1000)
        .execution_options(populate_existing=True)
    )
    return [_opening(each) for each in rows]


async def opening(db: AsyncSession, station: StationId, number: int) -> Opening:
    """Return an opening of a page of a station.

    Raises:
        NotFound: If there is none.
    """
    row = await db.get(RemoteOpeningRow, number, populate_existing=True)
    if row is None or row.station != station:
        raise NotFound("opening", number)
    return _opening(row)


async def openings(
    db: AsyncSession,
    station: StationId,
    *,
    account: OrganisationKey | None = None,
    before: int | None = None,
    limit: int = 20,
) -> Sequence[Opening]:
    """Return who opened pages of a station, the newest first.

    Args:
        db: The unit of work.
        station: Whose pages.
        account: Only its people; None: everybody.
        before: Only those with a smaller number.
        limit: At most so many.
    """
    query = select(RemoteOpeningRow).where(RemoteOpeningRow.station == station)
    if account is not None:
        query = query.where(RemoteOpeningRow.account == account)
    if before is not None:
        query = query.where(RemoteOpeningRow.id < before)
    rows = await db.scalars(query.order_by(RemoteOpeningRow.id.desc()).limit(limit))
    return [_opening(each) for each in rows]


def _page(row: RemotePageRow) -> RemotePage:
    return RemotePage(
        id=row.id,
        station=StationId(row.station),
        title=row.title,
        url=row.url,
        checks_certificate=row.checks_certificate,
        entered_at=row.entered_at,
        entered_by_name=row.entered_by_name,
    )


def _opening(row: RemoteOpeningRow) -> Opening:
    return Opening(
        id=row.id,
        station=StationId(row.station),
        account=OrganisationKey(row.account),
        owner=OrganisationKey(row.owner),
        title=row.title,
        url=row.url,
        checks_certificate=row.checks_certificate,
        label=row.label,
        login_sha256=row.login_sha256,
        by=row.by,
        by_name=row.by_name,
        address=row.address,
        opened_at=row.opened_at,
        last_used_at=row.last_used_at,
        is_redeemed=row.secret_sha256 is not None,
        ended_at=row.ended_at,
        ended_why=None if row.ended_why is None else WhyEnded(row.ended_why),
        requests=row.requests,
        bytes_up=row.bytes_up,
        bytes_down=row.bytes_down,
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
