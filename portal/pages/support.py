"""The support console: the search is the page, and the call's record runs along.

Whatever is done at a station from here is done during a call: the first deed opens its record,
and each is a line of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts.permissions import Permission
from csms.registry import Station
from foundation.errors import ExpectedError, InvalidInput, NotFound
from foundation.identifiers import StationId
from portal import asking, hotline_doors, masking, support_deeds
from portal.buttons import BUTTONS
from portal.context import context_of
from portal.guard import Caller, require, signed_in
from portal.pages.command_views import STATION
from portal.pages.commands import (
    Refused,
    desk_of,
    number_of,
    press_button,
    refusal,
    sent_fields,
)
from portal.pages.counts import forget_counts
from portal.pages.station_sheets import found_station
from portal.pages.support_card import Choice, card_of, choices
from portal.pages.support_parts import number_of_path, support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, link
from portal.routes import Db, Now, PageRoute
from portal.support_words import CALL_OUTCOMES
from portal.words import Words
from support import calls, services_given, tickets
from support.calls import Call, NoteKind

router = APIRouter(route_class=PageRoute)

Agent = Annotated[Caller, Depends(require(Permission.CALLS_WRITE))]

BY_PHONE = (
    "start",
    "stop",
    "unlock",
    "restart_soft",
    "restart_hard",
    "clear_cache",
    "read_configuration",
    "fetch_diagnostics",
    "trigger",
    "out_of_service",
    "cancel_reservation",
)
"""What may be done on a call (rules.md 7.4); the last but one with an end."""

ONLY_WRITTEN = ("change_configuration", "update_firmware")
"""Buttons that need a written order; tariff, access, profile and network besides."""

_MY_CALLS = 10
_RECENT_CALLS = 10


@router.get("/support")
async def console(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(signed_in)],
    q: Annotated[str, Query(max_length=200)] = "",
    station: Annotated[str, Query(max_length=48)] = "",
    command: Annotated[str, Query(max_length=30)] = "",
    token: Annotated[str, Query(max_length=255)] = "",
    session: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show the console; those without calls go on to what of support is theirs."""
    if not caller.may(Permission.CALLS_READ):
        if caller.may(Permission.CHANGE_ORDERS_READ):
            return went("/support/orders")
        caller.must_have(Permission.TICKETS_READ)
        return went("/support/tickets")
    return await _console(
        request,
        db,
        now,
        caller,
        q=q,
        station=station,
        command=command,
        token=token,
        session=session,
    )


async def _console(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    *,
    q: str = "",
    station: str = "",
    command: str = "",
    token: str = "",
    session: str = "",
    refused: Refused | None = None,
    errors: FormErrors | None = None,
    sent: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    wanted = q.strip()
    found: list[Choice] = []
    if station or wanted:
        found = await choices(request, db, caller.scope, wanted or station, now)
        if station:
            found = [each for each in found if each.station == station][:1] or [
                Choice(StationId(station), 0, "", "")
            ]
    chosen = found[0] if len(found) == 1 else None
    live = f"station/{chosen.station}" if chosen is not None else ""
    frame = await frame_of(request, db, caller, live=live)
    settings = context_of(request).settings
    values: dict[str, object] = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "console",
        "q": wanted,
        "choices": found if chosen is None else [],
        "hotline": (settings.hotline_number or "", settings.hotline_hours or ""),
        "errors": errors or FormErrors(),
        "sent": sent or {},
        "card": None,
        "desk": None,
    }
    if chosen is None:
        mine = await calls.calls(db, caller.scope, open_by=caller.principal.id, limit=_MY_CALLS)
        recent = await calls.calls(db, caller.scope, limit=_RECENT_CALLS)
        values |= {
            "mine": [masking.call(caller, each) for each in mine],
            "recent": [masking.call(caller, each) for each in recent],
        }
        return page(frame, "support.html", values, status=status)
    card = await card_of(
        request, db, caller, chosen, frame.words, now, token=token.strip(), session=session
    )
    desk = await desk_of(db, caller, card.station, frame.words, now, refused=refused, shown=command)
    bar = hotline_doors.bar_by_phone(
        caller,
        card.station,
        await services_given.service_of(
            db, card.station.identity, card.station.organisation, now=now
        ),
    )
    if desk is not None and caller.may(Permission.CALLS_WRITE):
        # Buttons that would only be refused are not shown.
        may_ask = desk.may_ask and bar is None
        desk = replace(
            desk,
            may_ask=may_ask,
            elsewhere=link(f"/support/stations/{card.station.identity}/commands"),
        )
    values |= {
        "card": card,
        "bar": bar,
        "desk": desk,
        "earlier": [masking.call(caller, each) for each in card.earlier],
        "call": None if card.call is None else masking.call(caller, card.call),
        "where": where(card.station.identity, wanted),
        "by_phone": [BUTTONS[each] for each in BY_PHONE if each in BUTTONS],
        "only_written": [BUTTONS[each] for each in ONLY_WRITTEN],
        "needs_order": not asking.acts_for_own(caller, card.station),
        "outcomes": CALL_OUTCOMES,
    }
    return page(frame, "support.html", values, status=status)


def where(identity: str, q: str) -> str:
    """Return the address of the console at a station, as it was found."""
    return link("/support", {"q": q} if q else {"station": identity})


# --------------------------------------------------------------------------------- the record


async def running_call(
    db: AsyncSession, caller: Caller, station: Station, evse_id: int, *, now: datetime
) -> Call:
    """Return the agent's running call about a station; one is opened if there is none."""
    mine = await calls.calls(
        db, caller.scope, station=station.identity, open_by=caller.principal.id, limit=1
    )
    if mine:
        return mine[0]
    emi3_id = next((each.emi3_id for each in station.evses if each.evse_id == evse_id), None)
    made = await calls.open_call(
        db,
        caller.scope,
        station=station.identity,
        organisation=caller.principal.organisation,
        evse_id=evse_id or None,
        emi3_id=emi3_id,
        by=caller.actor,
        now=now,
    )
    await support_deeds.call_opened(db, caller, made, now)
    return made


@router.post("/support/stations/{identity:segment}/call")
async def keep_call(
    request: Request,
    db: Db,
    now: Now,
    caller: Agent,
    identity: str,
    evse: Annotated[int, Form(ge=0, le=10**6)] = 0,
    q: Annotated[str, Form(max_length=200)] = "",
    who: Annotated[str, Form(max_length=200)] = "",
    concern: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Open the record of a call, or change who calls and what about."""
    station = await found_station(request, db, caller.scope, identity, now)
    call = await running_call(db, caller, station, evse, now=now)
    facts: dict[str, str | None] = {"concern": concern}
    if caller.may(Permission.CRM_READ):  # who does not see it does not overwrite it either
        facts["caller"] = who
    made = await calls.change_call(db, call.id, facts, now=now)
    await support_deeds.call_changed(db, caller, call, made, now)
    return went_back(station.identity, q, done="call-kept")


@router.post("/support/stations/{identity:segment}/note")
async def write_note(
    request: Request,
    db: Db,
    now: Now,
    caller: Agent,
    identity: str,
    evse: Annotated[int, Form(ge=0, le=10**6)] = 0,
    q: Annotated[str, Form(max_length=200)] = "",
    text: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Write a line into the call's record."""
    station = await found_station(request, db, caller.scope, identity, now)
    if text.strip():
        call = await running_call(db, caller, station, evse, now=now)
        await calls.note(db, call.id, NoteKind.NOTE, text, by=caller.actor, now=now)
    return went_back(station.identity, q)


@router.post("/support/stations/{identity:segment}/commands")
async def press(request: Request, db: Db, now: Now, caller: Agent, identity: str) -> Response:
    """Ask the station for what a button stands for; it becomes a line of the record."""
    station = await found_station(request, db, caller.scope, identity, now)
    sent = await sent_fields(request)
    button = BUTTONS.get(sent.get("do", ""))
    if button is None:
        raise InvalidInput("There is no such command.", field="do")
    caller.must_have(
        Permission.COMMANDS_CONFIGURE if button.configures else Permission.COMMANDS_SEND
    )
    place = sent.get("place") or STATION
    q = _found_by(sent.get("back", ""))
    call = await running_call(db, caller, station, number_of(sent.get("evse", "")), now=now)
    try:
        command = await press_button(
            db, caller, station, button, sent, now=now, reason="call", reference=str(call.id)
        )
    except ExpectedError as error:
        if isinstance(error, NotFound):
            raise
        words = (await frame_of(request, db, caller)).words
        refused = refusal(error, button, place, sent, words)
        await calls.note(db, call.id, NoteKind.COMMAND, refused.title, by=caller.actor, now=now)
        return await _console(
            request,
            db,
            now,
            caller,
            q=q,
            station=station.identity,
            refused=refused,
            status=422 if isinstance(error, InvalidInput) else 409,
        )
    await calls.note(
        db,
        call.id,
        NoteKind.COMMAND,
        command.action,
        subject=command.id,
        by=caller.actor,
        now=now,
    )
    path = link("/support", {**_query(station.identity, q), "command": command.id})
    return RedirectResponse(f"{path}#at-{place}", status_code=303)


@router.post("/support/stations/{identity:segment}/token")
async def check_token(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(require(Permission.TOKENS_READ))],
    identity: str,
    evse: Annotated[int, Form(ge=0, le=10**6)] = 0,
    q: Annotated[str, Form(max_length=200)] = "",
    token: Annotated[str, Form(max_length=255)] = "",
) -> Response:
    """Check a token, and say so in the call's record; the token itself is not written there."""
    caller.must_have(Permission.CALLS_WRITE)
    station = await found_station(request, db, caller.scope, identity, now)
    if not token.strip():
        return went_back(station.identity, q)
    call = await running_call(db, caller, station, evse, now=now)
    shown = token.strip()
    ending = f"…{shown[-4:]}" if len(shown) > 4 else "…"
    await calls.note(db, call.id, NoteKind.TOKEN, ending, by=caller.actor, now=now)
    return went("/support", **_query(station.identity, q), token=shown)


@router.post("/support/stations/{identity:segment}/ticket")
async def open_ticket(
    request: Request,
    db: Db,
    now: Now,
    caller: Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))],
    identity: str,
    evse: Annotated[int, Form(ge=0, le=10**6)] = 0,
    q: Annotated[str, Form(max_length=200)] = "",
    title: Annotated[str, Form(max_length=300)] = "",
    text: Annotated[str, Form(max_length=9000)] = "",
) -> Response:
    """Open a ticket from the call."""
    caller.must_have(Permission.CALLS_WRITE)
    station = await found_station(request, db, caller.scope, identity, now)
    said = (await frame_of(request, db, caller)).words
    problem = ticket_problem(title, text, said)
    if problem:
        return await _console(
            request,
            db,
            now,
            caller,
            q=q,
            station=station.identity,
            errors=FormErrors(problem),
            sent={"title": title, "text": text},
            status=422,
        )
    call = await running_call(db, caller, station, evse, now=now)
    made = await tickets.open_ticket(
        db,
        caller.scope,
        title=title,
        text=text,
        station=station.identity,
        organisation=station.organisation,
        evse_id=evse or None,
        call_id=call.id,
        by=caller.actor,
        now=now,
    )
    await calls.note(
        db, call.id, NoteKind.TICKET, made.title, subject=str(made.id), by=caller.actor, now=now
    )
    await support_deeds.ticket_changed(db, caller, "ticket.open", made, now)
    forget_counts(request)
    return went_back(station.identity, q, done="ticket-opened")


def ticket_problem(title: str, text: str, said: Words) -> dict[str, str]:
    """Return what is wrong with a new ticket, by field."""
    if not title.strip():
        return {"title": said.gettext("Say in a few words what is wrong.")}
    if len(title.strip()) > 200:
        return {"title": said.gettext("A title has at most 200 characters.")}
    if len(text.strip()) > tickets.LONGEST_TEXT:
        return {"text": said.gettext("This is too long. Shorten it.")}
    return {}


@router.post("/support/calls/{number:segment}/close")
async def close_call(
    request: Request,
    db: Db,
    now: Now,
    caller: Agent,
    number: str,
    outcome: Annotated[str, Form(max_length=20)] = "",
    text: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """End a call with its outcome, and be ready for the next one."""
    before = await calls.call(db, caller.scope, number_of_path("call", number))
    if outcome not in CALL_OUTCOMES:
        said = (await frame_of(request, db, caller)).words
        return await _console(
            request,
            db,
            now,
            caller,
            station=before.station or "",
            errors=FormErrors({"outcome": said.gettext("Choose how the call ended.")}),
            sent={"outcome_text": text},
            status=422,
        )
    closed = await calls.close_call(db, before.id, outcome, text=text, by=caller.actor, now=now)
    await support_deeds.call_closed(db, caller, closed, now)
    return went("/support", done="call-closed")


def went_back(identity: str, q: str, done: str = "") -> Response:
    """Go on at the console, at the same station."""
    query = _query(identity, q)
    return went("/support", **({**query, "done": done} if done else query))


def _query(identity: str, q: str) -> dict[str, str]:
    return {"q": q.strip(), "station": identity} if q.strip() else {"station": identity}


def _found_by(back: str) -> str:
    """Return the search of the page that a button stood on."""
    return parse_qs(urlsplit(back).query).get("q", [""])[0][:200]
