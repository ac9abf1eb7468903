"""Calls: all of them, and the record of one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from portal import masking
from portal.guard import Caller, require
from portal.pages.support_parts import number_of_path, support_tabs
from portal.pages.surroundings import frame_of, page
from portal.rendering import Turn, link
from portal.routes import Db, PageRoute
from support import calls, tickets

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.CALLS_READ))]

PER_PAGE = 50


@router.get("/support/calls")
async def call_list(
    request: Request,
    db: Db,
    caller: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List calls, the newest first."""
    wanted = q.strip()
    sees = caller.may(Permission.CRM_READ)
    found = await calls.calls(
        db, caller.scope, q=wanted or None, by_caller=sees, before=before, limit=PER_PAGE + 1
    )
    kept = found[:PER_PAGE]
    on = None
    if len(found) > PER_PAGE:
        on = link("/support/calls", {"q": wanted, "before": kept[-1].id, "n": n + len(kept)})
    back = link("/support/calls", {"q": wanted}) if before else None
    frame = await frame_of(request, db, caller)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "calls",
        "q": wanted,
        "sees": sees,
        "found": [masking.call(caller, each) for each in kept],
        "turn": Turn(n, n + len(kept) - 1, None, back, on),
    }
    return page(frame, "calls.html", values)


@router.get("/support/calls/{number:segment}")
async def one_call(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show the record of a call."""
    found = await calls.call(db, caller.scope, number_of_path("call", number))
    frame = await frame_of(request, db, caller)
    led_to = []
    if caller.may(Permission.TICKETS_READ):
        led_to = await tickets.tickets(db, caller.scope, call_id=found.id)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "calls",
        "call": masking.call(caller, found),
        "tickets": led_to,
    }
    return page(frame, "call.html", values)
