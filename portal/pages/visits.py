"""Visits of technicians: who pays, what he is handed, what he did, and what it costs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.directory import WHOLE
from accounts.permissions import Permission
from alerts import monitoring
from csms import registry
from foundation.database import savepoint
from foundation.errors import ExpectedError, InvalidInput, NotFound
from foundation.mail import InvalidAddress
from portal import decimals, first_aid_words, visit_doors
from portal.context import context_of
from portal.guard import Caller, require
from portal.pages.counts import forget_counts
from portal.pages.station_sheets import found_station
from portal.pages.support_parts import number_of_path, support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.support_deeds import visit_changed
from portal.support_words import COVERS
from portal.words import Words
from support import (
    first_aid_store,
    services_given,
    ticket_clock,
    tickets,
    visit_ends,
    visit_papers,
    visit_reporting,
    visits,
)
from support.hotline import Barred, NoDispatch, NotMonitored, bar_to_dispatch
from support.interventions import (
    Cover,
    CoverUndecided,
    DispatchPackage,
    NotDocumented,
    SecondPersonNeeded,
)
from support.ticket_clock import Target, WrongClockState
from support.tickets import WrongTicketState
from support.visit_reports import file_name
from support.visits import (
    TechnicianOnWay,
    Visit,
    VisitKind,
    VisitState,
    VisitUnderWay,
    WrongVisitState,
)

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))]
Line = Annotated[str, Form(max_length=300)]
Text = Annotated[str, Form(max_length=9000)]

_DEGREES_MOST: Final = 180


# ------------------------------------------------------------------------------ the ticket's


@router.post("/support/tickets/{number:segment}/visit")
async def plan(
    request: Request, db: Db, now: Now, caller: Writer, number: str, kind: Line = "repair"
) -> Response:
    """Plan a visit for a ticket; the one that is open already is shown."""
    found = await tickets.ticket(db, caller.scope, number_of_path("ticket", number))
    if kind not in set(VisitKind):
        raise NotFound("kind of visit", kind)
    try:
        async with await savepoint(db):
            made = await visits.plan(db, found, VisitKind(kind), by=caller.actor, now=now)
    except (VisitUnderWay, WrongTicketState, InvalidInput):
        return went(f"/support/tickets/{found.id}")
    await visit_changed(db, caller, "visit.plan", made, now)
    return went(f"/support/visits/{made.id}")


@router.post("/support/tickets/{number:segment}/clock")
async def clock(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    deed: Line = "",
    waits_for: Text = "",
) -> Response:
    """Stop a ticket's clock, let it run again, or note that somebody reacted."""
    found = await tickets.ticket(db, caller.scope, number_of_path("ticket", number))
    try:
        async with await savepoint(db):
            if deed == "stop":
                await ticket_clock.stop(db, found.id, waits_for, by=caller.actor, now=now)
            elif deed == "resume":
                await ticket_clock.resume(db, found.id, by=caller.actor, now=now)
            elif deed in set(Target):
                await ticket_clock.met(db, found.id, Target(deed), now)
            else:
                raise NotFound("deed", deed)
    except (WrongClockState, InvalidInput):
        return went(f"/support/tickets/{found.id}")
    await caller.note(
        db,
        "ticket.clock",
        f"ticket/{found.id}",
        organisation=found.organisation,
        after={"deed": deed, "waits_for": waits_for.strip() or None},
        now=now,
    )
    return went(f"/support/tickets/{found.id}")


# ------------------------------------------------------------------------------ one


@router.get("/support/visits/{number:segment}")
async def one_visit(request: Request, db: Db, now: Now, caller: Reader, number: str) -> Response:
    """Show a visit: what was decided, handed over and done."""
    found = await _found(db, caller, number)
    return await _show(request, db, now, caller, found)


async def _found(db: AsyncSession, caller: Caller, number: str) -> Visit:
    return await visits.visit(db, caller.scope, number_of_path("visit", number))


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    found: Visit,
    errors: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
    link: str = "",
) -> Response:
    frame = await frame_of(request, db, caller)
    ticket = await tickets.ticket(db, WHOLE, found.ticket_id)
    sees = caller.may(Permission.CRM_READ)
    is_his = caller.principal.person_id is not None and (
        ticket.assigned_to == caller.principal.person_id
    )
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "tickets",
        "visit": found,
        "ticket": ticket,
        "owner": (await directory.organisation(db, found.organisation)).name,
        "covers": [(each.value, frame.words.gettext(COVERS[each])) for each in Cover],
        "will": await visit_ends.expected(db, found, now),
        "person": caller.personal,
        "sees_contact": sees or is_his,
        "is_first": found.wanted is not None and found.wanted.by == caller.actor.id,
        "errors": FormErrors(errors or {}),
        "sent": await _proposed(request, db, now, caller, found) | dict(sent or {}),
        "link": link,
        "bar": bar_to_dispatch(
            await services_given.service_of(db, found.station, found.organisation, now=now),
            is_maintenance=found.kind is VisitKind.MAINTENANCE,
            is_own=caller.principal.organisation == found.organisation,
            word="",
        ),
    }
    return page(frame, "visit.html", values, status=422 if errors else 200)


async def _proposed(
    request: Request, db: AsyncSession, now: datetime, caller: Caller, found: Visit
) -> dict[str, str]:
    """Return what the form of the dispatch says before somebody types: what is known already."""
    if found.package is not None:
        is_seen = caller.may(Permission.CRM_READ)
        sent = (found.technician if is_seen else None) or TechnicianOnWay("")
        return {
            "latitude": f"{found.package.latitude}",
            "longitude": f"{found.package.longitude}",
            "fault_analysis": found.package.fault_analysis,
            "contact": found.package.contact,
            "technician": sent.name,
            "phone": sent.phone or "",
            "email": sent.email or "",
            "word": "",
        }
    said = (await frame_of(request, db, caller)).words
    known = {
        "latitude": "",
        "longitude": "",
        "fault_analysis": "\n".join(await tried_before(db, found, said)),
        "contact": "",
        "technician": "",
        "phone": "",
        "email": "",
        "word": "",
    }
    if found.state is not VisitState.PLANNED or not caller.may(Permission.CRM_READ):
        return known
    try:
        station = await found_station(request, db, caller.scope, found.station, now)
    except NotFound:
        return known
    if station.location is not None:
        for place in await registry.locations(db, caller.scope, key=station.location):
            if place.latitude is not None and place.longitude is not None:
                known |= {"latitude": f"{place.latitude}", "longitude": f"{place.longitude}"}
    stored = await monitoring.technician(db, found.station, found.organisation)
    if stored is not None:
        known |= {
            "technician": stored.name,
            "phone": stored.phone or "",
            "email": stored.email or "",
        }
    owner = await directory.organisation(db, found.organisation)
    known["contact"] = ", ".join(filter(None, (owner.name, owner.email)))
    return known


async def tried_before(db: AsyncSession, found: Visit, said: Words) -> list[str]:
    """Return what first aid tried for the alert that a visit's ticket came from, line by line."""
    ticket = await tickets.ticket(db, WHOLE, found.ticket_id)
    if ticket.alert_id is None:
        return []
    runs = await first_aid_store.runs_of(db, WHOLE, alerts=[ticket.alert_id])
    owner = await directory.organisation(db, found.organisation)
    return first_aid_words.trail(
        [each for each in runs if each.organisation == found.organisation],
        ZoneInfo(owner.time_zone),
        said,
    )


# ------------------------------------------------------------------------------ what is done


@router.post("/support/visits/{number:segment}/cover")
async def decide_cover(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    cover: Line = "",
    reason: Text = "",
) -> Response:
    """Decide who pays, with a reason; after the dispatch a second person confirms a change."""
    found = await _found(db, caller, number)
    said = (await frame_of(request, db, caller)).words
    sent = {"cover": cover, "reason": reason}
    if cover not in set(Cover):
        problem = {"cover": said.gettext("Decide who pays.")}
        return await _show(request, db, now, caller, found, problem, sent)
    try:
        async with await savepoint(db):
            made = await visits.decide(db, found.id, Cover(cover), reason, by=caller.actor, now=now)
    except (InvalidInput, WrongVisitState) as error:
        return await _show(request, db, now, caller, found, _problem(error, said, "reason"), sent)
    await visit_changed(db, caller, "visit.cover", made, now, found)
    return went(f"/support/visits/{found.id}", done="asked-second" if made.wanted else "saved")


@router.post("/support/visits/{number:segment}/cover/confirm")
async def confirm_cover(
    request: Request, db: Db, now: Now, caller: Writer, number: str
) -> Response:
    """Confirm, as a second person, the change of who pays."""
    found = await _found(db, caller, number)
    said = (await frame_of(request, db, caller)).words
    try:
        async with await savepoint(db):
            made = await visits.confirm_cover(db, found.id, by=caller.actor, now=now)
    except (SecondPersonNeeded, WrongVisitState) as error:
        return await _show(request, db, now, caller, found, _problem(error, said, "cover"))
    await visit_changed(db, caller, "visit.cover_confirm", made, now, found)
    return went(f"/support/visits/{found.id}", done="saved")


@router.post("/support/visits/{number:segment}/dispatch")
async def dispatch(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    latitude: Line = "",
    longitude: Line = "",
    fault_analysis: Text = "",
    contact: Text = "",
    technician: Line = "",
    phone: Line = "",
    email: Line = "",
    word: Line = "",
) -> Response:
    """Send the technician: the link to his page is shown this once, and mailed to him."""
    found = await _found(db, caller, number)
    said = (await frame_of(request, db, caller)).words
    sent = {
        "latitude": latitude,
        "longitude": longitude,
        "fault_analysis": fault_analysis,
        "contact": contact,
        "technician": technician,
        "phone": phone,
        "email": email,
        "word": word,
    }
    try:
        async with await savepoint(db):
            degrees = [
                decimals.written(
                    text,
                    name,
                    least=-_DEGREES_MOST,
                    most=_DEGREES_MOST,
                    otherwise="The station's coordinates are missing.",
                )
                for name, text in (("latitude", latitude), ("longitude", longitude))
            ]
            made, link = await visit_doors.dispatch(
                db,
                caller,
                context_of(request),
                found,
                DispatchPackage(degrees[0], degrees[1], fault_analysis, contact),
                TechnicianOnWay(technician, phone.strip() or None, email.strip() or None),
                word=word,
                now=now,
            )
    except (InvalidInput, CoverUndecided, Barred, WrongVisitState) as error:
        problem = _problem(error, said, "technician")
        return await _show(request, db, now, caller, found, problem, sent)
    return await _show(request, db, now, caller, made, link=link)


@router.post("/support/visits/{number:segment}/cancel")
async def cancel(request: Request, db: Db, now: Now, caller: Writer, number: str) -> Response:
    """Call a visit off."""
    found = await _found(db, caller, number)
    said = (await frame_of(request, db, caller)).words
    try:
        async with await savepoint(db):
            made = await visits.cancel(db, found.id, by=caller.actor, now=now)
    except WrongVisitState as error:
        return await _show(request, db, now, caller, found, _problem(error, said, "technician"))
    await visit_changed(db, caller, "visit.cancel", made, now, found)
    return went(f"/support/tickets/{found.ticket_id}", done="saved")


@router.post("/support/visits/{number:segment}/close")
async def close(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    agent_text: Text = "",
    work: Line = "",
    parts: Line = "",
) -> Response:
    """Document as the agent, close the visit, and book what it costs."""
    found = await _found(db, caller, number)
    said = (await frame_of(request, db, caller)).words
    sent = {"agent_text": agent_text, "work": work, "parts": parts}
    try:
        async with await savepoint(db):
            amounts = [
                decimals.written(text, name, most=visit_ends.MOST) if text.strip() else None
                for name, text in (("work", work), ("parts", parts))
            ]
            await visit_doors.close(
                db,
                caller,
                context_of(request),
                found,
                agent_text,
                work=amounts[0],
                parts=amounts[1],
                now=now,
            )
    except (InvalidInput, NotDocumented, SecondPersonNeeded, WrongVisitState) as error:
        problem = _problem(error, said, "agent_text")
        return await _show(request, db, now, caller, found, problem, sent)
    forget_counts(request)
    return went(f"/support/visits/{found.id}", done="visit-closed")


@router.get("/support/visits/{number:segment}/report")
async def report(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Give the report of a closed visit as a PDF, in the page's language."""
    found = await _found(db, caller, number)
    said = (await frame_of(request, db, caller)).words
    try:
        paper = await visit_reporting.paper_of(db, found, language=said.language)
    except WrongVisitState:
        raise NotFound("report", found.id) from None
    return Response(
        paper,
        media_type="application/pdf",
        headers={"content-disposition": f'inline; filename="{file_name(found)}"'},
    )


@router.get("/support/visits/{number:segment}/photos/{photo:segment}")
async def photo(db: Db, caller: Reader, number: str, photo: str) -> Response:
    """Show a picture of a visit."""
    found = await _found(db, caller, number)
    return await picture_of(db, found, photo)


async def picture_of(db: AsyncSession, found: Visit, number: str) -> Response:
    """Answer with a picture, as what its bytes are."""
    kind, content = await visit_papers.photo(db, found.id, number_of_path("photo", number))
    headers = {"cache-control": "private, max-age=3600"}
    return Response(content, media_type=kind, headers=headers)


def _problem(error: ExpectedError, said: Words, otherwise: str) -> dict[str, str]:
    return {_field(error, otherwise): in_words(error, said)}


def _field(error: ExpectedError, otherwise: str) -> str:
    if isinstance(error, CoverUndecided):
        return "cover"
    if isinstance(error, InvalidAddress):
        return "email"
    if isinstance(error, NoDispatch):
        return "word"
    return (error.field if isinstance(error, InvalidInput) else None) or otherwise


def in_words(error: ExpectedError, said: Words) -> str:
    """Return why something about a visit was refused."""
    match error:
        case CoverUndecided():
            return said.gettext(
                "Decide first whether it is warranty, guarantee or chargeable, and why."
            )
        case NoDispatch():
            return said.gettext(
                "Its service package sends nobody: write down who of its operator agreed, and how."
            )
        case NotMonitored():
            return said.gettext(
                "The station is not monitored: a technician is sent to monitored stations."
            )
        case SecondPersonNeeded():
            return said.gettext("After the dispatch a second person has to confirm who pays.")
        case NotDocumented():
            return said.gettext("The technician has not documented the visit yet.")
        case WrongVisitState():
            return said.gettext("The visit does not allow it any more. Look at it again.")
        case InvalidAddress():
            return said.gettext("This is no mail address.")
        case InvalidInput() if error.field in ("latitude", "longitude"):
            return said.gettext("The station's coordinates are missing.")
        case InvalidInput() if error.field in ("work", "parts"):
            return said.gettext("Write the sum as a number.")
        case InvalidInput() if error.field == "consent":
            return said.gettext("The customer's consent is not on record.")
        case InvalidInput() if error.field == "main_outcome":
            return said.gettext("Name exactly one main outcome.")
        case InvalidInput() if error.field == "photo":
            return said.gettext("A photo is a JPEG, PNG or WebP of 7 MB at most.")
        case InvalidInput() if error.field in ("exchange_evse", "last_kwh", "first_kwh"):
            return said.gettext("Write the EVSE's number and both readings as numbers.")
        case InvalidInput() if error.field in ("part", "pieces"):
            return said.gettext("Name the part, and how many pieces.")
        case InvalidInput():
            return said.gettext("Write something here.")
    return said.gettext("Somebody changed it meanwhile. Look at it again.")
