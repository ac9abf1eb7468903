"""Face: visits of technicians, from the decision who pays to what both wrote down.

The decisions are those of `support.interventions`; here they are stored. A visit belongs to a
ticket about a station, and a ticket has one open visit at most.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_urlsafe
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from csms import stickers
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from foundation.mail import check_address
from support import services_given, tickets
from support.hotline import bar_to_dispatch, refusal
from support.interventions import (
    Cover,
    CoverDecision,
    DispatchPackage,
    Documentation,
    MainOutcome,
    SecondPersonNeeded,
    check_closing,
    check_dispatch,
    decide_cover,
)
from support.tables import TicketRow
from support.tickets import LONGEST_TEXT, Ticket, TicketState
from support.visit_papers import Exchange, Part, Photo, exchanges_of, parts_of, photos_of
from support.visit_tables import VisitRow

LINK_VALID_FOR: Final = timedelta(days=14)
_SHORT: Final = 200


class VisitKind(StrEnum):
    """Why somebody goes there."""

    REPAIR = "repair"
    MAINTENANCE = "maintenance"
    """The yearly one, by the service package."""


class VisitState(StrEnum):
    """How far a visit is."""

    PLANNED = "planned"
    DISPATCHED = "dispatched"
    DOCUMENTED = "documented"
    """By the technician; the agent's part is still missing."""
    CLOSED = "closed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TechnicianOnWay:
    """Who is sent; the phone and the mail as they were entered."""

    name: str
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A technician goes to a station; money is net, in minor units of `currency`."""

    id: int
    ticket_id: int
    organisation: OrganisationKey
    station: StationId
    kind: VisitKind
    state: VisitState
    planned_at: datetime
    planned_by_name: str
    cover: CoverDecision | None
    cover_by_name: str | None
    cover_at: datetime | None
    wanted: CoverDecision | None
    """A change of who pays that waits for a second person."""
    wanted_by_name: str | None
    package: DispatchPackage | None
    technician: TechnicianOnWay | None
    dispatched_at: datetime | None
    link_until: datetime | None
    is_link_used: bool
    arrived_at: datetime | None
    outcome: MainOutcome | None
    measures: str | None
    consent: str | None
    technician_text: str | None
    technician_by_name: str | None
    technician_at: datetime | None
    agent_text: str | None
    agent_by_name: str | None
    agent_at: datetime | None
    work_minor: int | None
    parts_minor: int | None
    currency: str | None
    ended_at: datetime | None
    parts: tuple[Part, ...] = ()
    photos: tuple[Photo, ...] = ()
    exchanges: tuple[Exchange, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether something still has to be done."""
        return self.state not in (VisitState.CLOSED, VisitState.CANCELLED)


class WrongVisitState(Conflict):
    """The visit's state does not allow it."""

    code = "visit_state"

    def __init__(self, state: str) -> None:
        self.state = state
        super().__init__(f"The visit is {state}.")


class VisitUnderWay(Conflict):
    """A ticket has one open visit at most, and none is left behind when it is closed."""

    code = "visit_open"

    def __init__(self) -> None:
        super().__init__("A visit for this ticket is still open.")


# ------------------------------------------------------------------------------- planning


async def plan(
    db: AsyncSession, ticket: Ticket, kind: VisitKind, *, by: Actor, now: datetime
) -> Visit:
    """Plan a visit for an open ticket about a station.

    Raises:
        InvalidInput: If the ticket is about no station.
        WrongTicketState: If it is closed.
        VisitUnderWay: If one is open already.
    """
    if ticket.station is None:
        raise InvalidInput("A visit needs a station.", field="station")
    locked = await db.get(TicketRow, ticket.id, with_for_update=True, populate_existing=True)
    assert locked is not None
    if locked.state != TicketState.OPEN:
        raise tickets.WrongTicketState(locked.state)
    if any(each.is_open for each in await of_ticket(db, ticket.id)):
        raise VisitUnderWay
    row = VisitRow(
        ticket_id=ticket.id,
        organisation=ticket.organisation,
        station=ticket.station,
        kind=kind,
        state=VisitState.PLANNED,
        planned_at=now,
        planned_by=by.id,
        planned_by_name=by.name,
    )
    db.add(row)
    await db.flush()
    return await _whole(db, row)


async def decide(
    db: AsyncSession, number: int, cover: Cover, reason: str, *, by: Actor, now: datetime
) -> Visit:
    """Decide who pays; after the dispatch a change waits for a second person.

    Raises:
        NotFound: If there is no such visit.
        InvalidInput: If the reason is missing.
        WrongVisitState: If the visit is over.
    """
    row = await _open(db, number)
    before = _cover(row)
    is_dispatched = row.state != VisitState.PLANNED
    written = _text(reason, "reason", LONGEST_TEXT)
    wanted = CoverDecision(cover, written, by.id)
    try:
        decided = decide_cover(wanted, is_dispatched=is_dispatched, before=before)
    except SecondPersonNeeded:
        row.wanted_cover, row.wanted_reason = cover, written
        row.wanted_by, row.wanted_by_name = by.id, by.name
    else:
        _set_cover(row, decided, by.name, now)
    await db.flush()
    return await _whole(db, row)


async def confirm_cover(db: AsyncSession, number: int, *, by: Actor, now: datetime) -> Visit:
    """Confirm, as a second person, the change of who pays.

    Raises:
        NotFound: If there is no such visit, or nothing that waits for a second person.
        SecondPersonNeeded: If it is the first one again.
        WrongVisitState: If the visit is over.
    """
    row = await _open(db, number)
    if row.wanted_cover is None or row.wanted_by is None:
        raise NotFound("change of who pays", number)
    assert row.wanted_reason is not None
    wanted = CoverDecision(Cover(row.wanted_cover), row.wanted_reason, row.wanted_by, by.id)
    decided = decide_cover(wanted, is_dispatched=True, before=_cover(row))
    _set_cover(row, decided, row.wanted_by_name or "", now)
    await db.flush()
    return await _whole(db, row)


def _set_cover(row: VisitRow, decided: CoverDecision, by_name: str, now: datetime) -> None:
    row.cover, row.cover_reason = decided.cover, decided.reason
    row.cover_by, row.cover_by_name, row.cover_second = decided.by, by_name, decided.second
    row.cover_at = now
    row.wanted_cover = row.wanted_reason = row.wanted_by = row.wanted_by_name = None


async def dispatch(
    db: AsyncSession,
    number: int,
    package: DispatchPackage,
    technician: TechnicianOnWay,
    *,
    is_own: bool = False,
    word: str = "",
    by: Actor,
    now: datetime,
) -> tuple[Visit, str]:
    """Send a technician, or say anew who is sent and with what; an earlier link ends.

    Args:
        db: The unit of work.
        number: The visit's.
        package: What he is handed: all of it is mandatory.
        technician: Who.
        is_own: Whether the sender is of the organisation to which the station belongs.
        word: Who of that organisation agreed, and how: needed where the service package sends
            nobody. It becomes a note of the ticket.
        by: Who sends him.
        now: The moment.

    Returns:
        The visit, and the secret of the link by which one device opens the technician's page.

    Raises:
        NotFound: If there is no such visit.
        CoverUndecided: If nobody decided who pays.
        InvalidInput: If something is missing, or a mail address is none.
        Barred: If it is a repair, and the station is not monitored, or its package sends
            nobody and the operator's word is missing.
        WrongVisitState: If he documented it already, or the visit is over.
    """
    row = await _open(db, number)
    if row.state == VisitState.DOCUMENTED:
        raise WrongVisitState(row.state)
    check_dispatch(package, _cover(row))
    name = _text(technician.name, "technician", _SHORT)
    if technician.email:
        check_address(technician.email)
    station = StationId(row.station)
    said = _text(word, "word", _SHORT, may_be_empty=True)
    service = await services_given.service_of(
        db, station, OrganisationKey(row.organisation), now=now
    )
    bar = bar_to_dispatch(
        service, is_maintenance=row.kind == VisitKind.MAINTENANCE, is_own=is_own, word=said
    )
    if bar is not None:
        raise refusal(bar, station, service)
    if said:
        await tickets.note(db, row.ticket_id, said, by=by, now=now)
    row.latitude, row.longitude = package.latitude, package.longitude
    row.fault_analysis = _text(package.fault_analysis, "fault_analysis", LONGEST_TEXT)
    row.contact = _text(package.contact, "contact", LONGEST_TEXT)
    row.technician = name
    row.technician_phone = technician.phone or None
    row.technician_email = technician.email or None
    row.state, row.dispatched_at, row.dispatched_by = VisitState.DISPATCHED, now, by.id
    secret = token_urlsafe(32)
    row.link_sha256, row.link_until, row.device_sha256 = _hash(secret), now + LINK_VALID_FOR, None
    await db.flush()
    return await _whole(db, row), secret


async def cancel(
    db: AsyncSession, number: int, *, by: Actor, now: datetime, is_former: bool = False
) -> Visit:
    """Call a visit off that was not documented yet; its link ends.

    Args:
        db: The unit of work.
        number: The visit's.
        by: Who.
        now: The moment.
        is_former: Also where the station is another owner's by now.

    Raises:
        NotFound: If there is no such visit.
        WrongVisitState: If it was documented, or is over.
    """
    row = await _locked(db, number) if is_former else await _open(db, number)
    if row.state not in (VisitState.PLANNED, VisitState.DISPATCHED):
        raise WrongVisitState(row.state)
    _end(row, VisitState.CANCELLED, by, now)
    await db.flush()
    return await _whole(db, row)


# ---------------------------------------------------------------------- the technician's page


async def by_link(db: AsyncSession, secret: str, now: datetime) -> Visit | None:
    """Return the visit that an unused link leads to; None: used, over, or never was."""
    row = await _by_link(db, secret, now)
    return None if row is None else await _whole(db, row)


async def redeem(db: AsyncSession, secret: str, now: datetime) -> str | None:
    """Let the device that comes first have the page: the link is used up.

    Returns:
        The secret that the device keeps; None: the link was used, is over, or never was.
    """
    row = await _by_link(db, secret, now)
    if row is None:
        return None
    device = token_urlsafe(32)
    row.device_sha256 = _hash(device)
    await db.flush()
    return device


async def by_device(db: AsyncSession, secret: str, now: datetime) -> Visit | None:
    """Return the visit that a device may open; None: it is over, or another link was made."""
    row = await db.scalar(select(VisitRow).where(VisitRow.device_sha256 == _hash(secret)))
    if row is None or not _is_link_valid(row, now):
        return None
    return await _whole(db, row)


async def _by_link(db: AsyncSession, secret: str, now: datetime) -> VisitRow | None:
    row = await db.scalar(
        select(VisitRow).where(VisitRow.link_sha256 == _hash(secret)).with_for_update()
    )
    if row is None or row.device_sha256 is not None or not _is_link_valid(row, now):
        return None
    return row


def _is_link_valid(row: VisitRow, now: datetime) -> bool:
    is_open = row.state in (VisitState.DISPATCHED, VisitState.DOCUMENTED)
    return is_open and row.link_until is not None and now < row.link_until


async def arrive(db: AsyncSession, number: int, now: datetime) -> Visit:
    """Note that the technician is there; a second time changes nothing.

    Raises:
        WrongVisitState: If nobody was sent.
    """
    row = await _under_way(db, number)
    if row.arrived_at is None:
        row.arrived_at = now
        await db.flush()
    return await _whole(db, row)


async def document(
    db: AsyncSession,
    number: int,
    outcomes: Collection[MainOutcome],
    *,
    text: str,
    measures: str = "",
    consent: str = "",
    by_name: str,
    now: datetime,
) -> Visit:
    """Keep what the technician writes: the outcome, further measures, the customer's consent.

    He may write it again until the agent has closed the visit.

    Raises:
        InvalidInput: If it has not exactly one main outcome, no text, or a foreign source was
            removed without the customer's recorded consent.
        WrongVisitState: If nobody was sent, or the visit is over.
    """
    row = await _under_way(db, number)
    written = _text(text, "text", LONGEST_TEXT)
    asked = _text(consent, "consent", LONGEST_TEXT, may_be_empty=True)
    further = _text(measures, "measures", LONGEST_TEXT, may_be_empty=True)
    # The agent's half follows: for all else it has to be fit to be closed.
    complete = Documentation(
        outcomes, consent=asked or None, by_technician=written, by_agent="follows"
    )
    row.outcome = check_closing(complete)
    row.consent, row.measures = asked or None, further or None
    row.technician_text, row.technician_by_name, row.technician_at = written, by_name, now
    row.arrived_at = row.arrived_at or now
    row.state = VisitState.DOCUMENTED
    await db.flush()
    return await _whole(db, row)


# ------------------------------------------------------------------------------- closing


async def close(
    db: AsyncSession, number: int, text: str, *, by: Actor, now: datetime
) -> tuple[Visit, VisitRow]:
    """Keep what the agent writes, and close the visit.

    Returns:
        The visit, and its row for whoever books what it costs.

    Raises:
        NotFound: If there is no such visit.
        InvalidInput: If the text is missing.
        NotDocumented: If the technician has not documented it.
        SecondPersonNeeded: If a change of who pays still waits.
        WrongVisitState: If the visit is over, or nobody was sent.
    """
    row = await _under_way(db, number)
    if row.wanted_cover is not None:
        raise SecondPersonNeeded
    written = _text(text, "agent_text", LONGEST_TEXT)
    check_closing(
        Documentation(
            [MainOutcome(row.outcome)] if row.outcome else [MainOutcome.RECONFIGURED],
            consent=row.consent,
            by_technician=row.technician_text,
            by_agent=written,
        )
    )
    row.agent_text, row.agent_by, row.agent_by_name, row.agent_at = written, by.id, by.name, now
    _end(row, VisitState.CLOSED, by, now)
    await db.flush()
    return await _whole(db, row), row


def _end(row: VisitRow, state: VisitState, by: Actor, now: datetime) -> None:
    row.state, row.ended_at, row.ended_by = state, now, by.id
    row.link_sha256 = row.device_sha256 = row.link_until = None


# ------------------------------------------------------------------------------- reading


async def visit(db: AsyncSession, scope: Scope, number: int) -> Visit:
    """Return a visit with its parts, photos and exchanged meters.

    Raises:
        NotFound: If there is none in scope.
    """
    row = await db.get(VisitRow, number)
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("visit", number)
    return await _whole(db, row)


async def of_ticket(db: AsyncSession, ticket_id: int) -> list[Visit]:
    """Return the visits of a ticket, the newest first, without what belongs to them."""
    rows = await db.scalars(
        select(VisitRow).where(VisitRow.ticket_id == ticket_id).order_by(VisitRow.id.desc())
    )
    return [visit_of(row) for row in rows]


async def of_station(db: AsyncSession, scope: Scope, station: StationId) -> Sequence[Visit]:
    """Return the visits to a station while it was the scope's, the newest first."""
    rows = await db.scalars(
        select(VisitRow).where(VisitRow.station == station).order_by(VisitRow.id.desc())
    )
    return [visit_of(each) for each in rows if scope.covers(OrganisationKey(each.organisation))]


async def _locked(db: AsyncSession, number: int) -> VisitRow:
    row = await db.get(VisitRow, number, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("visit", number)
    return row


async def _open(db: AsyncSession, number: int) -> VisitRow:
    row = await _locked(db, number)
    if row.state in (VisitState.CLOSED, VisitState.CANCELLED):
        raise WrongVisitState(row.state)
    owner = (await stickers.owners(db, [StationId(row.station)])).get(StationId(row.station))
    if owner != row.organisation:
        # What is decided now would be another owner's to pay.
        raise WrongVisitState("of a former owner")
    return row


async def _under_way(db: AsyncSession, number: int) -> VisitRow:
    row = await _locked(db, number)
    if row.state not in (VisitState.DISPATCHED, VisitState.DOCUMENTED):
        raise WrongVisitState(row.state)
    return row


async def _whole(db: AsyncSession, row: VisitRow) -> Visit:
    return replace(
        visit_of(row),
        parts=await parts_of(db, row.id),
        photos=await photos_of(db, row.id),
        exchanges=await exchanges_of(db, row.id),
    )


def _cover(row: VisitRow) -> CoverDecision | None:
    if row.cover is None:
        return None
    assert row.cover_reason is not None
    assert row.cover_by is not None
    return CoverDecision(Cover(row.cover), row.cover_reason, row.cover_by, row.cover_second)


def visit_of(row: VisitRow) -> Visit:
    """Return a visit as its row says, without what belongs to it."""
    wanted = None
    if row.wanted_cover is not None:
        assert row.wanted_reason is not None
        assert row.wanted_by is not None
        wanted = CoverDecision(Cover(row.wanted_cover), row.wanted_reason, row.wanted_by)
    package = None
    if row.fault_analysis is not None and row.contact is not None:
        package = DispatchPackage(row.latitude, row.longitude, row.fault_analysis, row.contact)
    technician = None
    if row.technician is not None:
        technician = TechnicianOnWay(row.technician, row.technician_phone, row.technician_email)
    return Visit(
        id=row.id,
        ticket_id=row.ticket_id,
        organisation=OrganisationKey(row.organisation),
        station=StationId(row.station),
        kind=VisitKind(row.kind),
        state=VisitState(row.state),
        planned_at=row.planned_at,
        planned_by_name=row.planned_by_name,
        cover=_cover(row),
        cover_by_name=row.cover_by_name,
        cover_at=row.cover_at,
        wanted=wanted,
        wanted_by_name=row.wanted_by_name,
        package=package,
        technician=technician,
        dispatched_at=row.dispatched_at,
        link_until=row.link_until,
        is_link_used=row.device_sha256 is not None,
        arrived_at=row.arrived_at,
        outcome=None if row.outcome is None else MainOutcome(row.outcome),
        measures=row.measures,
        consent=row.consent,
        technician_text=row.technician_text,
        technician_by_name=row.technician_by_name,
        technician_at=row.technician_at,
        agent_text=row.agent_text,
        agent_by_name=row.agent_by_name,
        agent_at=row.agent_at,
        work_minor=row.work_minor,
        parts_minor=row.parts_minor,
        currency=row.currency,
        ended_at=row.ended_at,
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _text(text: str, name: str, most: int, *, may_be_empty: bool = False) -> str:
    written = text.strip()
    if not written and not may_be_empty:
        raise InvalidInput(f"{name} is empty.", field=name)
    if len(written) > most:
        raise InvalidInput(f"{name} has at most {most} characters.", field=name)
    return written
