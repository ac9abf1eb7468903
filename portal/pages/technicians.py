"""The technician's page, for a phone: by his one-time link, or signed in.

The link has no login: its unguessable secret is the permission, for the first device that redeems
it, until the visit is over. It shows the one visit and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, File, Form, UploadFile
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import audit
from accounts.audit import Actor
from accounts.directory import WHOLE
from accounts.permissions import Permission
from csms import registry
from csms.whereabouts import Registered
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from portal import decimals, guard
from portal.guard import Caller
from portal.pages.support_parts import number_of_path
from portal.pages.surroundings import bare_frame, page, went
from portal.pages.visits import in_words, picture_of, tried_before
from portal.problems import NotSignedIn
from portal.rendering import FormErrors
from portal.routes import Db, Now, PageRoute
from portal.support_deeds import told_of_visit
from portal.support_words import EXCHANGED, MAIN_OUTCOMES
from support import tickets, visit_papers, visits
from support.interventions import MainOutcome
from support.visit_papers import Exchanged
from support.visits import LINK_VALID_FOR, Visit, VisitState

router = APIRouter(route_class=PageRoute)

COOKIE: Final = "leitstand_visit"
_KWH_MOST: Final = 10**9
_WH: Final = 1000

Line = Annotated[str, Form(max_length=300)]
Text = Annotated[str, Form(max_length=9000)]


@dataclass(frozen=True, slots=True)
class Work:
    """A visit in its technician's hands.

    Attributes:
        visit: Which.
        path: Where his page stands.
        by: Who the audit names.
        sees_contact: Whether the contact is his to see.
    """

    visit: Visit
    path: str
    by: Actor
    sees_contact: bool


async def _work(request: Request, db: Db, now: Now) -> Work:
    """Return the visit of the device's link, or that of the path for who is signed in.

    Raises:
        NotFound: There is none that is his.
        NotSignedIn: The path names a visit, and nobody is signed in.
        PermissionMissing: He may not see to tickets.
    """
    number = request.path_params.get("number")
    if number is None:
        found = await visits.by_device(db, request.cookies.get(COOKIE, ""), now)
        if found is None:
            raise NotFound("visit", "")
        name = found.technician.name if found.technician is not None else ""
        address = None if request.client is None else request.client.host
        return Work(found, "/visit", Actor(f"visit/{found.id}", name, "portal", address), True)
    caller = guard.caller_or_none(request)
    if caller is None:
        raise NotSignedIn
    caller.must_have(Permission.TICKETS_WRITE)
    found = await visits.visit(db, caller.scope, number_of_path("visit", number))
    if found.state not in (VisitState.DISPATCHED, VisitState.DOCUMENTED):
        raise NotFound("visit", number)
    seen = await _sees_contact(db, caller, found)
    return Work(found, f"/support/visits/{found.id}/technician", caller.actor, seen)


async def _sees_contact(db: AsyncSession, caller: Caller, found: Visit) -> bool:
    """Tell whether somebody sees the contact: by right, or since the ticket is in his hands."""
    if caller.may(Permission.CRM_READ):
        return True
    ticket = await tickets.ticket(db, WHOLE, found.ticket_id)
    me = caller.principal.person_id
    return me is not None and ticket.assigned_to == me


AtWork = Annotated[Work, Depends(_work)]


# ------------------------------------------------------------------------------ the link


@router.get("/visit/{secret:segment}")
async def link(request: Request, db: Db, now: Now, secret: str) -> Response:
    """Show what the link opens; only the button uses it up, since mail programs look into links."""
    kept = await visits.by_device(db, request.cookies.get(COOKIE, ""), now)
    if await visits.by_link(db, secret, now) is None:
        if kept is not None:
            return went("/visit")
        return page(bare_frame(request), "visit_link.html", {"secret": None}, status=404)
    return page(bare_frame(request), "visit_link.html", {"secret": secret})


@router.post("/visit/{secret:segment}/open")
async def redeem(request: Request, db: Db, now: Now, secret: str) -> Response:
    """Use the link up: this device has the page from now on."""
    device = await visits.redeem(db, secret, now)
    if device is None:
        return page(bare_frame(request), "visit_link.html", {"secret": None}, status=404)
    response = went("/visit")
    response.set_cookie(
        COOKIE,
        device,
        max_age=int(LINK_VALID_FOR.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


# ------------------------------------------------------------------------------ the page


@router.get("/visit")
@router.get("/support/visits/{number:segment}/technician")
async def work_page(request: Request, db: Db, work: AtWork) -> Response:
    """Show where to go, what is wrong, whom to ask, and what to write down."""
    return await _show(request, db, work)


async def _show(
    request: Request,
    db: AsyncSession,
    work: Work,
    errors: Mapping[str, str] | None = None,
    sent: Mapping[str, str] | None = None,
) -> Response:
    frame = bare_frame(request)
    visit = work.visit
    site = (await Registered().of(db, [visit.station])).get(visit.station)
    key = None if site is None else site.location
    places = [] if key is None else await registry.locations(db, WHOLE, key=key)
    known = {
        "outcome": visit.outcome or "",
        "text": visit.technician_text or "",
        "measures": visit.measures or "",
        "consent": visit.consent or "",
    }
    values = {
        "visit": visit,
        "path": work.path,
        "place": places[0] if places else None,
        "zone": frame.zone if site is None else ZoneInfo(site.time_zone),
        "sees_contact": work.sees_contact,
        "tried": await tried_before(db, visit, frame.words),
        "outcomes": [
            (each.value, frame.words.gettext(MAIN_OUTCOMES[each])) for each in MainOutcome
        ],
        "exchanged": [(each.value, frame.words.gettext(EXCHANGED[each])) for each in Exchanged],
        "errors": FormErrors(errors or {}),
        "sent": known | dict(sent or {}),
        "is_saved": request.query_params.get("done") == "saved",
    }
    return page(frame, "visit_work.html", values, status=422 if errors else 200)


async def _refused(
    request: Request,
    db: AsyncSession,
    work: Work,
    error: InvalidInput | Conflict,
    otherwise: str,
    sent: Mapping[str, str] | None = None,
) -> Response:
    field = (error.field if isinstance(error, InvalidInput) else None) or otherwise
    words = in_words(error, bare_frame(request).words)
    return await _show(request, db, work, {field: words}, sent)


async def _done(
    db: AsyncSession, work: Work, deed: str, now: datetime, **after: object
) -> Response:
    await audit.record(
        db,
        work.by,
        deed,
        f"visit/{work.visit.id}",
        organisation=work.visit.organisation,
        after=after,
        now=now,
    )
    return went(work.path, done="saved")


# ------------------------------------------------------------------------------ what he does


@router.post("/visit/arrive")
@router.post("/support/visits/{number:segment}/technician/arrive")
async def arrive(db: Db, now: Now, work: AtWork) -> Response:
    """Note that he is there."""
    made = await visits.arrive(db, work.visit.id, now)
    return await _done(db, work, "visit.arrive", now, arrived_at=str(made.arrived_at))


@router.post("/visit/part")
@router.post("/support/visits/{number:segment}/technician/part")
async def part(
    request: Request,
    db: Db,
    now: Now,
    work: AtWork,
    part: Line = "",
    pieces: Line = "1",
    serial: Line = "",
) -> Response:
    """Note a part that was put in."""
    try:
        number = int(decimals.written(pieces, "pieces", most=10_000))
        await visit_papers.add_part(
            db, work.visit.id, part, number, serial, by_name=work.by.name, now=now
        )
    except InvalidInput as error:
        sent = {"part": part, "pieces": pieces, "serial": serial}
        return await _refused(request, db, work, error, "part", sent)
    return await _done(db, work, "visit.part", now, part=part.strip(), pieces=number)


@router.post("/visit/photo")
@router.post("/support/visits/{number:segment}/technician/photo")
async def add_photo(
    request: Request,
    db: Db,
    now: Now,
    work: AtWork,
    photo: Annotated[UploadFile | None, File()] = None,
    caption: Line = "",
) -> Response:
    """Keep a picture."""
    content = b"" if photo is None else await photo.read()
    try:
        await visit_papers.add_photo(
            db, work.visit.id, content, caption, by_name=work.by.name, now=now
        )
    except (InvalidInput, Conflict) as error:
        return await _refused(request, db, work, error, "photo")
    return await _done(db, work, "visit.photo", now, size_bytes=len(content))


@router.get("/visit/photos/{photo:segment}")
@router.get("/support/visits/{number:segment}/technician/photos/{photo:segment}")
async def photo(db: Db, work: AtWork, photo: str) -> Response:
    """Show a picture of the visit."""
    return await picture_of(db, work.visit, photo)


@router.post("/visit/exchange")
@router.post("/support/visits/{number:segment}/technician/exchange")
async def exchange(
    request: Request,
    db: Db,
    now: Now,
    work: AtWork,
    what: Line = "meter",
    exchange_evse: Line = "1",
    last_kwh: Line = "",
    first_kwh: Line = "0",
    new_serial: Line = "",
) -> Response:
    """Note an exchanged meter or station: the last reading of the old, the first of the new."""
    sent = {
        "exchange_evse": exchange_evse,
        "last_kwh": last_kwh,
        "first_kwh": first_kwh,
        "new_serial": new_serial,
    }
    try:
        async with await savepoint(db):
            evse = int(decimals.written(exchange_evse, "exchange_evse", least=1, most=1000))
            last, first = (
                Decimal(_WH * decimals.written(text, name, most=_KWH_MOST))
                for name, text in (("last_kwh", last_kwh), ("first_kwh", first_kwh))
            )
            await visit_papers.add_exchange(
                db,
                work.visit.id,
                Exchanged(what) if what in set(Exchanged) else Exchanged.METER,
                evse,
                last_wh=last,
                first_wh=first,
                serial_number=new_serial,
                by_name=work.by.name,
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        return await _refused(request, db, work, error, "exchange_evse", sent)
    return await _done(
        db, work, "visit.exchange", now, evse_id=evse, last_wh=str(last), first_wh=str(first)
    )


@router.post("/visit/document")
@router.post("/support/visits/{number:segment}/technician/document")
async def document(
    request: Request,
    db: Db,
    now: Now,
    work: AtWork,
    outcome: Annotated[list[str] | None, Form()] = None,
    text: Text = "",
    measures: Text = "",
    consent: Text = "",
) -> Response:
    """Keep what he writes: exactly one main outcome, further measures, the customer's consent."""
    chosen = [each for each in outcome or () if each in set(MainOutcome)]
    sent = {
        "outcome": chosen[0] if chosen else "",
        "text": text,
        "measures": measures,
        "consent": consent,
    }
    try:
        async with await savepoint(db):
            made = await visits.document(
                db,
                work.visit.id,
                [MainOutcome(each) for each in chosen],
                text=text,
                measures=measures,
                consent=consent,
                by_name=work.by.name,
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        return await _refused(request, db, work, error, "text", sent)
    return await _done(db, work, "visit.document", now, **told_of_visit(made))
