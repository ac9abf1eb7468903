"""Tickets: what somebody has to put right, from hand to hand until it is closed."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.directory import Person
from accounts.permissions import Permission
from alerts import alerting
from alerts.given_names import names_of
from csms import stickers
from foundation.errors import InvalidInput
from foundation.identifiers import StationId
from portal import alert_words, masking
from portal.guard import Caller, require
from portal.pages.counts import forget_counts
from portal.pages.support import ticket_problem
from portal.pages.support_parts import number_of_path, support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.support_deeds import ticket_changed
from portal.words import Words
from support import first_aid_store, ticket_clock, ticket_rounds, tickets, visits
from support.first_aid import Run
from support.tickets import LONGEST_TEXT, Ticket, TicketState, WrongTicketState

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))]

PER_PAGE = 50


@router.get("/support/tickets")
async def ticket_list(
    request: Request,
    db: Db,
    caller: Reader,
    state: Annotated[str, Query(max_length=10)] = "open",
    q: Annotated[str, Query(max_length=100)] = "",
    station: Annotated[str, Query(max_length=48)] = "",
    mine: bool = False,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List tickets, the newest first; the open ones unless said otherwise."""
    chosen = TicketState(state) if state in set(TicketState) else None
    wanted = q.strip()
    me = caller.principal.person_id
    found = await tickets.tickets(
        db,
        caller.scope,
        state=chosen,
        station=station or None,
        assigned_to=me if mine else None,
        q=wanted or None,
        before=before,
        limit=PER_PAGE + 1,
    )
    kept = found[:PER_PAGE]
    query = {
        "state": chosen or "all",
        "q": wanted,
        "station": station,
        "mine": "true" if mine else "",
    }
    on = None
    if len(found) > PER_PAGE:
        on = link("/support/tickets", {**query, "before": kept[-1].id, "n": n + len(kept)})
    back = link("/support/tickets", query) if before else None
    frame = await frame_of(request, db, caller)
    filters = [
        (title, link("/support/tickets", {**query, "state": key, "mine": only}), is_chosen)
        for title, key, only, is_chosen in (
            (frame.words.gettext("Open"), "open", "", chosen is TicketState.OPEN and not mine),
            (frame.words.gettext("Mine"), "open", "true", mine),
            (frame.words.gettext("Closed"), "closed", "", chosen is TicketState.CLOSED),
            (frame.words.gettext("All"), "all", "", chosen is None and not mine),
        )
    ]
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "tickets",
        "found": [masking.ticket(caller, each) for each in kept],
        "filters": filters,
        "q": wanted,
        "state": query["state"],
        "filtered": bool(wanted or station or mine),
        "people": dict(_named(caller, await _people(db, caller))),
        "turn": Turn(n, n + len(kept) - 1, None, back, on),
    }
    return page(frame, "tickets.html", values)


def _named(caller: Caller, people: list[Person]) -> list[tuple[int, str]]:
    """Return people by their names, or by those they sign in by where names are masked."""
    sees = caller.may(Permission.CRM_READ)
    return [(each.id, each.name if sees else each.user_name) for each in people]


async def _people(db: AsyncSession, caller: Caller) -> list[Person]:
    """Those who can be given a ticket: who is active and in the asker's sight."""
    return [each for each in await directory.people(db, caller.scope) if each.active]


# ------------------------------------------------------------------------------ a new one


@router.get("/support/tickets/new")
async def new_ticket(
    request: Request,
    db: Db,
    caller: Writer,
    station: Annotated[str, Query(max_length=48)] = "",
    alert: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    """Show the form of a new ticket; of an alert, with what is known of it."""
    if alert is None:
        return await _form(request, db, caller, {"station": station})
    known = await ticket_rounds.open_ticket_of(db, alert)
    found = await alerting.alert(db, caller.scope, alert)
    if known is not None:
        return went(f"/support/tickets/{known}")
    said = (await frame_of(request, db, caller)).words
    cause = found.alert.cause
    names = await names_of(db, [cause])
    sent = {
        "alert": str(alert),
        "station": found.stations[0] if found.stations else "",
        "title": alert_words.what(found.alert.detection, cause, said, names),
        "text": ", ".join(found.stations),
    }
    return await _form(request, db, caller, sent)


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    sent: Mapping[str, str],
    errors: FormErrors | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "tickets",
        "sent": sent,
        "errors": errors or FormErrors(),
    }
    return page(frame, "ticket_new.html", values, status=422 if errors else 200)


@router.post("/support/tickets")
async def open_ticket(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    station: Annotated[str, Form(max_length=60)] = "",
    title: Annotated[str, Form(max_length=300)] = "",
    text: Annotated[str, Form(max_length=9000)] = "",
    alert: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Open a ticket, about a station or about none; from an alert, if it says so."""
    said = (await frame_of(request, db, caller)).words
    problem = ticket_problem(title, text, said)
    identity = StationId(station.strip())
    if identity:
        owner = (await stickers.owners(db, [identity])).get(identity)
        if owner is None or not caller.scope.covers(owner):
            problem |= {"station": said.gettext("There is no such station.")}
    number = None
    if alert:
        number = number_of_path("alert", alert)
        await alerting.alert(db, caller.scope, number)
        known = await ticket_rounds.open_ticket_of(db, number)
        if known is not None:
            return went(f"/support/tickets/{known}")
    if problem:
        sent = {"station": station, "title": title, "text": text, "alert": alert}
        return await _form(request, db, caller, sent, FormErrors(problem))
    made = await tickets.open_ticket(
        db,
        caller.scope,
        title=title,
        text=text,
        station=identity or None,
        organisation=caller.principal.organisation,
        alert_id=number,
        by=caller.actor,
        now=now,
    )
    await ticket_changed(db, caller, "ticket.open", made, now)
    forget_counts(request)
    return went(f"/support/tickets/{made.id}", done="ticket-opened")


# ------------------------------------------------------------------------------ one


@router.get("/support/tickets/{number:segment}")
async def one_ticket(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show a ticket with its history, what was promised for it, and its visits."""
    found = await tickets.ticket(db, caller.scope, number_of_path("ticket", number))
    return await _show(request, db, caller, found)


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    found: Ticket,
    errors: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    known = await visits.of_ticket(db, found.id)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "tickets",
        "visits": known,
        "aid": await _aid(db, caller, found),
        "open_visit": any(each.is_open for each in known),
        "clock": await ticket_clock.read(db, found.id, frame.now),
        "ticket": masking.ticket(caller, found),
        "owner": (await directory.organisation(db, found.organisation)).name,
        "people": _named(caller, await _people(db, caller)),
        "may_call": caller.may(Permission.CALLS_READ),
        "errors": FormErrors(errors or {}),
        "sent": sent or {},
    }
    return page(frame, "ticket.html", values, status=422 if errors else 200)


async def _aid(db: AsyncSession, caller: Caller, found: Ticket) -> list[Run]:
    """Return what first aid tried for the alert that a ticket came from."""
    if found.alert_id is None:
        return []
    return await first_aid_store.runs_of(db, caller.scope, alerts=[found.alert_id])


@router.post("/support/tickets/{number:segment}/note")
async def note(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    text: Annotated[str, Form(max_length=9000)] = "",
) -> Response:
    """Write to a ticket."""
    found = await tickets.ticket(db, caller.scope, number_of_path("ticket", number))
    said = (await frame_of(request, db, caller)).words
    problem = _text_problem("text", text, said)
    if problem:
        return await _show(request, db, caller, found, problem, {"text": text})
    await tickets.note(db, found.id, text, by=caller.actor, now=now)
    return went(f"/support/tickets/{found.id}")


@router.post("/support/tickets/{number:segment}/assign")
async def assign(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    person: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Give a ticket to somebody in the asker's sight, or to nobody."""
    found = await tickets.ticket(db, caller.scope, number_of_path("ticket", number))
    said = (await frame_of(request, db, caller)).words
    chosen = int(person) if person.isascii() and person.isdecimal() and len(person) < 19 else None
    if person and chosen not in {each.id for each in await _people(db, caller)}:
        return await _show(
            request, db, caller, found, {"person": said.gettext("There is no such person.")}
        )
    try:
        made = await tickets.assign(db, found.id, chosen, by=caller.actor, now=now)
    except (WrongTicketState, InvalidInput):
        return await _show(request, db, caller, found, {"person": _closed(said)})
    await ticket_changed(db, caller, "ticket.assign", made, now, found)
    return went(f"/support/tickets/{found.id}")


@router.post("/support/tickets/{number:segment}/close")
async def close(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    outcome: Annotated[str, Form(max_length=9000)] = "",
) -> Response:
    """Close a ticket, saying what came of it."""
    found = await tickets.ticket(db, caller.scope, number_of_path("ticket", number))
    said = (await frame_of(request, db, caller)).words
    problem = _text_problem("outcome", outcome, said)
    if not problem:
        try:
            made = await tickets.close(db, found.id, outcome, by=caller.actor, now=now)
        except WrongTicketState:
            problem = {"outcome": _closed(said)}
        else:
            await ticket_changed(db, caller, "ticket.close", made, now, found)
            forget_counts(request)
            return went(f"/support/tickets/{found.id}", done="ticket-closed")
    return await _show(request, db, caller, found, problem, {"outcome": outcome})


@router.post("/support/tickets/{number:segment}/reopen")
async def reopen(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    reason: Annotated[str, Form(max_length=9000)] = "",
) -> Response:
    """Open a closed ticket again."""
    found = await tickets.ticket(db, caller.scope, number_of_path("ticket", number))
    said = (await frame_of(request, db, caller)).words
    problem = _text_problem("reason", reason, said)
    if not problem:
        try:
            made = await tickets.reopen(db, found.id, reason, by=caller.actor, now=now)
        except WrongTicketState:
            problem = {"reason": said.gettext("Somebody opened it again already.")}
        else:
            await ticket_changed(db, caller, "ticket.reopen", made, now, found)
            forget_counts(request)
            return went(f"/support/tickets/{found.id}")
    return await _show(request, db, caller, found, problem, {"reason": reason})


def _text_problem(name: str, text: str, said: Words) -> dict[str, str]:
    if not text.strip():
        return {name: said.gettext("Write something here.")}
    if len(text.strip()) > LONGEST_TEXT:
        return {name: said.gettext("This is too long. Shorten it.")}
    return {}


def _closed(said: Words) -> str:
    return said.gettext("Somebody closed it meanwhile.")
