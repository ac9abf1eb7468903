"""Visits: who pays, what the technician is handed, what he did, and what both wrote down."""

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from accounts.directory import WHOLE
from accounts.permissions import Permission
from foundation.errors import InvalidInput, NotFound
from portal import paging, visit_doors
from portal.api.models import Number
from portal.api.visit_models import (
    CloseBody,
    CoverBody,
    DispatchBody,
    Dispatched,
    DocumentBody,
    ExchangeBody,
    NewVisit,
    PartBody,
    PhotoBody,
    VisitModel,
    visit_model,
)
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now
from portal.support_deeds import told_of_visit, visit_changed
from support import tickets, visit_papers, visit_reporting, visits
from support.interventions import DispatchPackage
from support.visit_lists import visits_of
from support.visit_reports import file_name
from support.visits import TechnicianOnWay, Visit, VisitKind, VisitState, WrongVisitState

router = APIRouter(tags=["support"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))]

_PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {}}, "description": "A PDF/A."},
}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/jpeg": {}, "image/png": {}, "image/webp": {}},
        "description": "As it came.",
    },
}


@router.get("/visits", summary="List visits")
async def list_visits(
    db: Db,
    caller: Reader,
    state: VisitState | None = None,
    kind: VisitKind | None = None,
    ticket: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    station: Annotated[str | None, Query(max_length=48)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[VisitModel]:
    """The newest first."""
    before = paging.decoded(cursor, int)
    found = await visits_of(
        db,
        caller.scope,
        state=state,
        kind=kind,
        ticket=ticket,
        station=station,
        before=None if before is None else before[0],
        limit=limit + 1,
    )
    return paging.page(
        found, limit, shown=lambda each: _shown(caller, each), key=lambda each: (each.id,)
    )


@router.post("/tickets/{number}/visits", status_code=201, summary="Plan a visit")
async def plan_visit(
    response: Response, db: Db, now: Now, caller: Writer, number: Number, body: NewVisit
) -> VisitModel:
    """For an open ticket about a station; it has one open visit at most."""
    ticket = await tickets.ticket(db, caller.scope, number)
    made = await visits.plan(db, ticket, body.kind, by=caller.actor, now=now)
    await visit_changed(db, caller, "visit.plan", made, now)
    response.headers["location"] = f"/api/v1/visits/{made.id}"
    return _shown(caller, made)


@router.get("/visits/{number}", summary="Get a visit")
async def get_visit(db: Db, caller: Reader, number: Number) -> VisitModel:
    """With parts, photos and exchanged meters."""
    return _shown(caller, await visits.visit(db, caller.scope, number))


@router.put("/visits/{number}/cover", summary="Decide who pays")
async def decide_visit_cover(
    db: Db, now: Now, caller: Writer, number: Number, body: CoverBody
) -> VisitModel:
    """Before the dispatch; afterwards a change waits for a second person (`wanted`)."""
    before = await visits.visit(db, caller.scope, number)
    made = await visits.decide(db, before.id, body.cover, body.reason, by=caller.actor, now=now)
    await visit_changed(db, caller, "visit.cover", made, now, before)
    return _shown(caller, made)


@router.post("/visits/{number}/cover/confirm", summary="Confirm a change of who pays")
async def confirm_visit_cover(db: Db, now: Now, caller: Writer, number: Number) -> VisitModel:
    """As a second person."""
    before = await visits.visit(db, caller.scope, number)
    made = await visits.confirm_cover(db, before.id, by=caller.actor, now=now)
    await visit_changed(db, caller, "visit.cover_confirm", made, now, before)
    return _shown(caller, made)


@router.post("/visits/{number}/dispatch", summary="Send a technician")
async def dispatch_visit(
    db: Db, now: Now, context: Context, caller: Writer, number: Number, body: DispatchBody
) -> Dispatched:
    """After it was decided who pays, to monitored stations. Sent again, an earlier link ends."""
    before = await visits.visit(db, caller.scope, number)
    made, link = await visit_doors.dispatch(
        db,
        caller,
        context,
        before,
        DispatchPackage(body.latitude, body.longitude, body.fault_analysis, body.contact),
        TechnicianOnWay(body.technician, body.phone or None, body.email or None),
        word=body.word,
        now=now,
    )
    return Dispatched(visit=_shown(caller, made), link=link)


@router.post("/visits/{number}/cancel", summary="Call a visit off")
async def cancel_visit(db: Db, now: Now, caller: Writer, number: Number) -> VisitModel:
    """As long as it is not documented."""
    before = await visits.visit(db, caller.scope, number)
    made = await visits.cancel(db, before.id, by=caller.actor, now=now)
    await visit_changed(db, caller, "visit.cancel", made, now, before)
    return _shown(caller, made)


@router.post("/visits/{number}/arrive", summary="Note that the technician is there")
async def arrive_at_visit(db: Db, now: Now, caller: Writer, number: Number) -> VisitModel:
    """The first time counts: it is what was promised for."""
    before = await visits.visit(db, caller.scope, number)
    made = await visits.arrive(db, before.id, now)
    return await _done(db, caller, "visit.arrive", made, now, arrived_at=str(made.arrived_at))


@router.post("/visits/{number}/parts", status_code=201, summary="Note a part")
async def add_visit_part(
    db: Db, now: Now, caller: Writer, number: Number, body: PartBody
) -> VisitModel:
    """While the visit is under way."""
    found = await _under_way(db, caller, number)
    await visit_papers.add_part(
        db,
        found.id,
        body.name,
        body.pieces,
        body.serial_number,
        by_name=caller.actor.name,
        now=now,
    )
    return await _done(db, caller, "visit.part", found, now, part=body.name, pieces=body.pieces)


@router.post("/visits/{number}/exchanges", status_code=201, summary="Note an exchanged meter")
async def add_visit_exchange(
    db: Db, now: Now, caller: Writer, number: Number, body: ExchangeBody
) -> VisitModel:
    """The registers reckon with it when the visit is closed."""
    found = await _under_way(db, caller, number)
    await visit_papers.add_exchange(
        db,
        found.id,
        body.what,
        body.evse_id,
        last_wh=body.last_wh,
        first_wh=body.first_wh,
        serial_number=body.serial_number,
        by_name=caller.actor.name,
        now=now,
    )
    return await _done(
        db,
        caller,
        "visit.exchange",
        found,
        now,
        evse_id=body.evse_id,
        last_wh=str(body.last_wh),
        first_wh=str(body.first_wh),
    )


@router.post("/visits/{number}/photos", status_code=201, summary="Add a photo")
async def add_visit_photo(
    db: Db, now: Now, caller: Writer, number: Number, body: PhotoBody
) -> VisitModel:
    """The same picture again is nothing."""
    found = await _under_way(db, caller, number)
    try:
        content = base64.b64decode(body.content, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("This is no base64.", field="content") from None
    await visit_papers.add_photo(
        db, found.id, content, body.caption, by_name=caller.actor.name, now=now
    )
    return await _done(db, caller, "visit.photo", found, now, size_bytes=len(content))


@router.get(
    "/visits/{number}/photos/{photo}",
    summary="Get a photo",
    response_class=Response,
    responses=_PICTURE,
)
async def get_visit_photo(db: Db, caller: Reader, number: Number, photo: Number) -> Response:
    """As what its bytes are."""
    found = await visits.visit(db, caller.scope, number)
    kind, content = await visit_papers.photo(db, found.id, photo)
    return Response(content, media_type=kind)


@router.post("/visits/{number}/document", summary="Document a visit")
async def document_visit(
    db: Db, now: Now, caller: Writer, number: Number, body: DocumentBody
) -> VisitModel:
    """As the technician; it may be written again until the agent closes the visit."""
    before = await visits.visit(db, caller.scope, number)
    made = await visits.document(
        db,
        before.id,
        [body.outcome],
        text=body.text,
        measures=body.measures,
        consent=body.consent,
        by_name=caller.actor.name,
        now=now,
    )
    await visit_changed(db, caller, "visit.document", made, now, before)
    return _shown(caller, made)


@router.post("/visits/{number}/close", summary="Close a visit")
async def close_visit(
    db: Db, now: Now, context: Context, caller: Writer, number: Number, body: CloseBody
) -> VisitModel:
    """As the agent. Books what it costs, and reports to the owner by mail."""
    before = await visits.visit(db, caller.scope, number)
    made = await visit_doors.close(
        db, caller, context, before, body.text, work=body.work, parts=body.parts, now=now
    )
    return _shown(caller, made)


@router.get(
    "/visits/{number}/report",
    summary="Get the report of a visit",
    response_class=Response,
    responses=_PDF,
)
async def get_visit_report(
    db: Db, caller: Reader, number: Number, language: Literal["en", "de"] | None = None
) -> Response:
    """Of a closed one, as the owner got it; in his language unless said otherwise."""
    found = await visits.visit(db, caller.scope, number)
    try:
        paper = await visit_reporting.paper_of(db, found, language=language)
    except WrongVisitState:
        raise NotFound("report", number) from None
    return Response(
        paper,
        media_type="application/pdf",
        headers={"content-disposition": f'attachment; filename="{file_name(found)}"'},
    )


async def _under_way(db: Db, caller: Caller, number: int) -> Visit:
    """Return a visit that is being worked at.

    Raises:
        WrongVisitState: If nobody was sent, or it is over.
    """
    found = await visits.visit(db, caller.scope, number)
    if found.state not in (VisitState.DISPATCHED, VisitState.DOCUMENTED):
        raise WrongVisitState(found.state)
    return found


async def _done(
    db: Db, caller: Caller, deed: str, found: Visit, now: Now, **after: object
) -> VisitModel:
    await caller.note(
        db,
        deed,
        f"visit/{found.id}",
        organisation=found.organisation,
        after=after or told_of_visit(found),
        now=now,
    )
    return _shown(caller, await visits.visit(db, WHOLE, found.id))


def _shown(caller: Caller, found: Visit) -> VisitModel:
    sees = caller.may(Permission.CRM_READ)
    return visit_model(found, sees_people=sees, sees_contact=sees)
