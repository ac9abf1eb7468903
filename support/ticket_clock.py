"""Until when a ticket has to be reacted to: begun when it is opened, stopped, met, missed, ended.

What was promised is the service package of the station at the moment of the report. A station that
is monitored and has no package is seen to within the shipped times.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from billing import service_packages
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours, ServiceLevel
from support.service_times import Standing, Wait, due, standing
from support.tables import TicketRow
from support.visit_tables import TicketWaitRow, VisitRow

LONGEST_WAIT_TEXT = 1000


class Target(StrEnum):
    """What was promised within a time."""

    REMOTE = "remote"
    """Something is tried from afar."""
    ANSWER = "answer"
    """The customer is answered."""
    ON_SITE = "on_site"
    """A technician is there."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A promised time of a ticket, and how it stands."""

    target: Target
    due_at: datetime
    met_at: datetime | None
    standing: Standing


@dataclass(frozen=True, slots=True)
class TicketClock:
    """What was promised for a ticket; `waits_for` says what the customer has to do, if anything."""

    promises: tuple[Promise, ...]
    package: str | None
    waits_for: str | None
    waits_since: datetime | None


class WrongClockState(Conflict):
    """The clock stands already, or runs already."""

    code = "ticket_clock"

    def __init__(self) -> None:
        super().__init__("Somebody changed it meanwhile. Look at the ticket again.")


async def begin(db: AsyncSession, row: TicketRow) -> None:
    """Note until when a new ticket has to be reacted to, if anything was promised."""
    found = await _promised(db, row)
    if found is None:
        return
    level, hours, package = found
    row.package = package
    _set(row, level, hours, [])


async def _promised(
    db: AsyncSession, row: TicketRow
) -> tuple[ServiceLevel, BusinessHours, str | None] | None:
    if row.station is None:
        return None
    owner = OrganisationKey(row.organisation)
    station = StationId(row.station)
    package = await service_packages.package_of(db, station, owner, at=row.opened_at)
    if package is not None:
        return package.level, package.hours, package.key
    if not row.of_service:
        return None
    zone = (await directory.organisation(db, owner)).time_zone
    return SHIPPED_LEVEL, BusinessHours(zone), None


def _set(row: TicketRow, level: ServiceLevel, hours: BusinessHours, waits: list[Wait]) -> None:
    until = due(level, hours, row.opened_at, waits)
    row.remote_due_at = until.remote_at.astimezone(UTC)
    row.answer_due_at = until.answer_at.astimezone(UTC)
    row.on_site_due_at = until.on_site_at.astimezone(UTC)


async def stop(
    db: AsyncSession, ticket_id: int, waits_for: str, *, by: Actor, now: datetime
) -> None:
    """Let the clock stand: the customer has to do something.

    Raises:
        NotFound: If there is no such ticket.
        InvalidInput: If it is not said what he has to do.
        WrongClockState: If the clock stands already, or the ticket is closed.
    """
    row = await _locked(db, ticket_id)
    written = waits_for.strip()
    if not 1 <= len(written) <= LONGEST_WAIT_TEXT:
        raise InvalidInput("Say what the customer has to do.", field="waits_for")
    if row.state != "open" or await _open_wait(db, ticket_id) is not None:
        raise WrongClockState
    db.add(TicketWaitRow(ticket_id=ticket_id, waits_for=written, began_at=now, began_by=by.id))
    await db.flush()


async def resume(db: AsyncSession, ticket_id: int, *, by: Actor, now: datetime) -> None:
    """Let the clock run again: what the customer took is added to what was promised.

    Raises:
        NotFound: If there is no such ticket.
        WrongClockState: If the clock runs.
    """
    row = await _locked(db, ticket_id)
    wait = await _open_wait(db, ticket_id)
    if wait is None:
        raise WrongClockState
    wait.ended_at, wait.ended_by = max(now, wait.began_at), by.id
    await db.flush()
    found = await _promised(db, row)
    if found is not None and row.remote_due_at is not None:
        level, hours, _ = found
        ended = await db.scalars(
            select(TicketWaitRow)
            .where(TicketWaitRow.ticket_id == ticket_id)
            .order_by(TicketWaitRow.id)
        )
        _set(row, level, hours, [Wait(each.began_at, each.ended_at) for each in ended])
        await db.flush()


async def met(db: AsyncSession, ticket_id: int, target: Target, now: datetime) -> None:
    """Note that something was tried from afar, or the customer answered; the first time counts.

    Raises:
        NotFound: If there is no such ticket.
        InvalidInput: If it is the visit's: that is met by the technician's arrival.
    """
    row = await _locked(db, ticket_id)
    if target is Target.REMOTE:
        row.acted_at = row.acted_at or now
    elif target is Target.ANSWER:
        row.answered_at = row.answered_at or now
    else:
        raise InvalidInput("A technician's arrival is noted at the visit.", field="target")
    await db.flush()


async def read(db: AsyncSession, ticket_id: int, now: datetime) -> TicketClock:
    """Return what was promised for a ticket, and how it stands; of a visit, once one is planned.

    Raises:
        NotFound: If there is no such ticket.
    """
    row = await db.get(TicketRow, ticket_id)
    if row is None:
        raise NotFound("ticket", ticket_id)
    wait = await _open_wait(db, ticket_id)
    visited = (
        await db.execute(
            select(func.count(), func.min(VisitRow.arrived_at))
            .where(VisitRow.ticket_id == ticket_id)
            .where(VisitRow.state != "cancelled")
        )
    ).one()
    # What was solved before somebody had to come, or to answer, was in time by then.
    ended = row.closed_at
    told = [
        (Target.REMOTE, row.remote_due_at, row.acted_at or ended),
        (Target.ANSWER, row.answer_due_at, row.answered_at or ended),
    ]
    if visited[0]:
        told.append((Target.ON_SITE, row.on_site_due_at, visited[1] or ended))
    return TicketClock(
        tuple(
            Promise(target, due_at, at, standing(due_at, at, now, is_stopped=wait is not None))
            for target, due_at, at in told
            if due_at is not None
        ),
        row.package,
        None if wait is None else wait.waits_for,
        None if wait is None else wait.began_at,
    )


async def newly_missed(db: AsyncSession, now: datetime) -> list[int]:
    """Note, once each, the open tickets of which a promised time is over; return their numbers."""
    waits = select(TicketWaitRow.ticket_id).where(TicketWaitRow.ended_at.is_(None))
    arrived = select(VisitRow.ticket_id).where(VisitRow.arrived_at.is_not(None))
    visited = select(VisitRow.ticket_id).where(VisitRow.state != "cancelled")
    rows = await db.scalars(
        select(TicketRow)
        .where(TicketRow.state == "open", TicketRow.missed_at.is_(None))
        .where(TicketRow.id.not_in(waits))
        .where(
            or_(
                and_(TicketRow.remote_due_at < now, TicketRow.acted_at.is_(None)),
                and_(TicketRow.answer_due_at < now, TicketRow.answered_at.is_(None)),
                and_(
                    TicketRow.on_site_due_at < now,
                    TicketRow.id.in_(visited),
                    TicketRow.id.not_in(arrived),
                ),
            )
        )
        .order_by(TicketRow.id)
        .limit(500)
        .with_for_update(skip_locked=True)
    )
    found = []
    for row in rows:
        row.missed_at = now
        found.append(row.id)
    await db.flush()
    return found


async def _open_wait(db: AsyncSession, ticket_id: int) -> TicketWaitRow | None:
    return await db.scalar(
        select(TicketWaitRow)
        .where(TicketWaitRow.ticket_id == ticket_id)
        .where(TicketWaitRow.ended_at.is_(None))
    )


async def _locked(db: AsyncSession, ticket_id: int) -> TicketRow:
    row = await db.get(TicketRow, ticket_id, with_for_update=True)
    if row is None:
        raise NotFound("ticket", ticket_id)
    return row
