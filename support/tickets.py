"""The face of tickets: opened, given to somebody, written to, closed with an outcome."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import Scope
from alerts import monitoring
from csms import stickers
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from support import ticket_clock
from support.tables import TicketNoteRow, TicketRow

LONGEST_TEXT = 8000
LONGEST_TITLE = 200


class TicketState(StrEnum):
    """Whether somebody still has to do something."""

    OPEN = "open"
    CLOSED = "closed"


class TicketNoteKind(StrEnum):
    """What a line of a ticket tells."""

    NOTE = "note"
    ASSIGNED = "assigned"
    CLOSED = "closed"
    REOPENED = "reopened"
    HANDED_BACK = "handed_back"
    """The service ended: it is the operator's again."""


@dataclass(frozen=True, slots=True)
class TicketNote:
    """One line of a ticket's history; of an assignment the text is the name."""

    at: datetime
    by: str
    by_name: str
    kind: TicketNoteKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Something that somebody has to put right."""

    id: int
    organisation: OrganisationKey
    station: StationId | None
    evse_id: int | None
    call_id: int | None
    title: str
    text: str
    state: TicketState
    opened_at: datetime
    opened_by: str
    opened_by_name: str
    assigned_to: int | None
    closed_at: datetime | None
    outcome: str | None
    alert_id: int | None = None
    of_service: bool = False
    package: str | None = None
    notes: tuple[TicketNote, ...] = field(default=())


class WrongTicketState(Conflict):
    """The ticket's state does not allow it."""

    code = "ticket_state"

    def __init__(self, state: str) -> None:
        super().__init__(f"The ticket is {state}.")


# ------------------------------------------------------------------------------- writing


async def open_ticket(
    db: AsyncSession,
    scope: Scope,
    *,
    title: str,
    text: str = "",
    station: StationId | None = None,
    organisation: OrganisationKey,
    evse_id: int | None = None,
    call_id: int | None = None,
    alert_id: int | None = None,
    by: Actor,
    now: datetime,
) -> Ticket:
    """Open a ticket, about a station or about an organisation as a whole.

    If the station is monitored it is the service's to see to; its clock begins.

    Args:
        db: A unit of work.
        scope: What the asker may see.
        title: What is wrong, in a few words.
        text: What is known of it.
        station: The station it is about; its owner is whose ticket it is.
        organisation: Whose ticket it is where it is about no station.
        evse_id: The EVSE's number at the station.
        call_id: The call that it came from.
        alert_id: The alert that it came from.
        by: Who opens it.
        now: The moment.

    Raises:
        InvalidInput: If the title is missing or a text too long.
        NotFound: If the station or organisation is not in scope.
    """
    owner = organisation
    if station is not None:
        found = (await stickers.owners(db, [station])).get(station)
        if found is None or not scope.covers(found):
            raise NotFound("station", station)
        owner = found
    elif not scope.covers(owner):
        raise NotFound("organisation", owner)
    else:
        await directory.organisation(db, owner)  # the whole installation covers any key
    row = TicketRow(
        organisation=owner,
        station=station,
        evse_id=evse_id,
        call_id=call_id,
        title=_text(title, "title", LONGEST_TITLE),
        text=_text(text, "text", LONGEST_TEXT, may_be_empty=True),
        state=TicketState.OPEN,
        opened_at=now,
        opened_by=by.id,
        opened_by_name=by.name,
        assigned_to=None,
        closed_at=None,
        closed_by=None,
        outcome=None,
        alert_id=alert_id,
        of_service=station is not None and bool(await monitoring.active(db, [station])),
    )
    db.add(row)
    await ticket_clock.begin(db, row)
    await db.flush()
    return _ticket(row, ())


async def assign(
    db: AsyncSession, ticket_id: int, person_id: int | None, *, by: Actor, now: datetime
) -> Ticket:
    """Give an open ticket to somebody, or to nobody; giving it to whom it has is nothing.

    Raises:
        NotFound: If there is no such ticket.
        InvalidInput: If there is no such person, or he was deactivated.
        WrongTicketState: If it is closed.
    """
    row = await _open(db, ticket_id)
    name = ""
    if person_id is not None:
        try:
            person = await directory.person(db, person_id)
        except NotFound as error:
            raise InvalidInput("There is no such person.", field="person") from error
        if not person.active:
            raise InvalidInput(f"{person.name} was deactivated.", field="person")
        name = person.name
    if row.assigned_to != person_id:
        row.assigned_to = person_id
        await _note(db, row, TicketNoteKind.ASSIGNED, name, by, now)
    return await _with_notes(db, row)


async def note(
    db: AsyncSession,
    ticket_id: int,
    text: str,
    *,
    by: Actor,
    now: datetime,
    kind: TicketNoteKind = TicketNoteKind.NOTE,
) -> Ticket:
    """Write to a ticket; also to a closed one, which stays closed.

    Raises:
        NotFound: If there is no such ticket.
        InvalidInput: If the text is missing or too long.
    """
    row = await _locked(db, ticket_id)
    await _note(db, row, kind, _text(text, "text", LONGEST_TEXT), by, now)
    return await _with_notes(db, row)


async def close(
    db: AsyncSession, ticket_id: int, outcome: str, *, by: Actor, now: datetime
) -> Ticket:
    """Close a ticket, saying what came of it.

    Raises:
        NotFound: If there is no such ticket.
        InvalidInput: If the outcome is missing or too long.
        WrongTicketState: If it is closed already.
    """
    row = await _open(db, ticket_id)
    written = _text(outcome, "outcome", LONGEST_TEXT)
    row.state, row.closed_at, row.closed_by, row.outcome = TicketState.CLOSED, now, by.id, written
    await _note(db, row, TicketNoteKind.CLOSED, written, by, now)
    return await _with_notes(db, row)


async def reopen(
    db: AsyncSession, ticket_id: int, reason: str, *, by: Actor, now: datetime
) -> Ticket:
    """Open a closed ticket again, saying why; the outcome stays in its history.

    Raises:
        NotFound: If there is no such ticket.
        InvalidInput: If the reason is missing or too long.
        WrongTicketState: If it is open.
    """
    row = await _locked(db, ticket_id)
    if row.state != TicketState.CLOSED:
        raise WrongTicketState(row.state)
    written = _text(reason, "reason", LONGEST_TEXT)
    row.state, row.closed_at, row.closed_by, row.outcome = TicketState.OPEN, None, None, None
    await _note(db, row, TicketNoteKind.REOPENED, written, by, now)
    return await _with_notes(db, row)


async def _note(
    db: AsyncSession,
    row: TicketRow,
    kind: TicketNoteKind,
    text: str,
    by: Actor,
    now: datetime,
) -> None:
    db.add(TicketNoteRow(ticket_id=row.id, at=now, by=by.id, by_name=by.name, kind=kind, text=text))
    await db.flush()


def _text(text: str, name: str, most: int, *, may_be_empty: bool = False) -> str:
    written = text.strip()
    if not written and not may_be_empty:
        raise InvalidInput(f"{name} is empty.", field=name)
    if len(written) > most:
        raise InvalidInput(f"{name} has at most {most} characters.", field=name)
    return written


async def _locked(db: AsyncSession, ticket_id: int) -> TicketRow:
    row = await db.get(TicketRow, ticket_id, with_for_update=True)
    if row is None:
        raise NotFound("ticket", ticket_id)
    return row


async def _open(db: AsyncSession, ticket_id: int) -> TicketRow:
    row = await _locked(db, ticket_id)
    if row.state != TicketState.OPEN:
        raise WrongTicketState(row.state)
    return row


# ------------------------------------------------------------------------------- reading


async def ticket(db: AsyncSession, scope: Scope, ticket_id: int) -> Ticket:
    """Return a ticket with its history.

    Raises:
        NotFound: If there is none in scope.
    """
    row = await db.get(TicketRow, ticket_id)
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("ticket", ticket_id)
    return await _with_notes(db, row)


async def tickets(
    db: AsyncSession,
    scope: Scope,
    *,
    state: TicketState | None = None,
    station: str | None = None,
    assigned_to: int | None = None,
    call_id: int | None = None,
    q: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Ticket]:
    """Return tickets without their history, the newest first.

    Args:
        db: A unit of work.
        scope: Whose tickets.
        state: Only those in this state.
        station: Only those about this station.
        assigned_to: Only those that this person has.
        call_id: Only those that came from this call.
        q: A part of title, text or station.
        before: Only those below this number: the next page.
        limit: How many at most.
    """
    query = _in_scope(select(TicketRow), scope)
    if state is not None:
        query = query.where(TicketRow.state == state)
    if station is not None:
        query = query.where(TicketRow.station == station)
    if assigned_to is not None:
        query = query.where(TicketRow.assigned_to == assigned_to)
    if call_id is not None:
        query = query.where(TicketRow.call_id == call_id)
    if q:
        query = query.where(
            or_(
                TicketRow.title.icontains(q, autoescape=True),
                TicketRow.text.icontains(q, autoescape=True),
                TicketRow.station.icontains(q, autoescape=True),
            )
        )
    if before is not None:
        query = query.where(TicketRow.id < before)
    rows = await db.scalars(query.order_by(TicketRow.id.desc()).limit(limit))
    return [_ticket(row, ()) for row in rows]


async def open_tickets(db: AsyncSession, scope: Scope) -> int:
    """Return how many tickets are open."""
    query = select(TicketRow.id).where(TicketRow.state == TicketState.OPEN)
    if scope.organisations is not None:
        query = query.where(TicketRow.organisation.in_(scope.organisations))
    found = await db.scalar(select(func.count()).select_from(query.subquery()))
    return found or 0


def _in_scope(query: Select[TicketRow], scope: Scope) -> Select[TicketRow]:
    if scope.organisations is None:
        return query
    return query.where(TicketRow.organisation.in_(scope.organisations))


async def _with_notes(db: AsyncSession, row: TicketRow) -> Ticket:
    notes = await db.scalars(
        select(TicketNoteRow).where(TicketNoteRow.ticket_id == row.id).order_by(TicketNoteRow.id)
    )
    return _ticket(
        row,
        tuple(
            TicketNote(each.at, each.by, each.by_name, TicketNoteKind(each.kind), each.text)
            for each in notes
        ),
    )


def _ticket(row: TicketRow, notes: tuple[TicketNote, ...]) -> Ticket:
    return Ticket(
        id=row.id,
        organisation=OrganisationKey(row.organisation),
        station=None if row.station is None else StationId(row.station),
        evse_id=row.evse_id,
        call_id=row.call_id,
        title=row.title,
        text=row.text,
        state=TicketState(row.state),
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        opened_by_name=row.opened_by_name,
        assigned_to=row.assigned_to,
        closed_at=row.closed_at,
        outcome=row.outcome,
        alert_id=row.alert_id,
        of_service=row.of_service,
        package=row.package,
        notes=notes,
    )
