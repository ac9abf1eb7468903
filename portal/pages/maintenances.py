"""Yearly maintenances: which are overdue, due, planned and done; many are planned at once."""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from portal import visit_doors
from portal.guard import Caller, require
from portal.pages.counts import forget_counts
from portal.pages.support_parts import support_tabs
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import Turn, link
from portal.routes import Db, Now, PageRoute
from support import yearly_maintenance
from support.yearly_maintenance import MaintenanceState

router = APIRouter(route_class=PageRoute)

PATH = "/support/maintenances"
PER_PAGE = 100

Reader = Annotated[Caller, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TICKETS_WRITE))]


@router.get(PATH)
async def maintenances(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    state: Annotated[str, Query(max_length=10)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
    n: Annotated[int, Query(ge=1, le=10**6)] = 1,
) -> Response:
    """List the stations whose package has a yearly maintenance, the soonest due first."""
    known = await yearly_maintenance.maintenances(db, caller.scope, now=now)
    chosen = MaintenanceState(state) if state in set(MaintenanceState) else None
    wanted = q.strip().casefold()
    counts = Counter(each.state for each in known)
    found = [
        each
        for each in known
        if chosen in (None, each.state)
        and wanted in f"{each.station} {each.name or ''} {each.organisation}".casefold()
    ]
    shown = found[n - 1 : n - 1 + PER_PAGE]
    query = {"state": chosen or "", "q": q.strip()}
    behind = n + PER_PAGE
    on = link(PATH, {**query, "n": behind}) if len(found) >= behind else None
    back = link(PATH, query) if n > 1 else None
    frame = await frame_of(request, db, caller)
    values = {
        "tabs": support_tabs(caller, frame.words),
        "tab": "maintenances",
        "found": shown,
        "counts": [
            (each.value, link(PATH, {"state": each, "q": q.strip()}), each is chosen, counts[each])
            for each in MaintenanceState
        ],
        "all": (link(PATH, {"q": q.strip()}), chosen is None, len(known)),
        "q": q.strip(),
        "state": chosen or "",
        "turn": Turn(n, n + len(shown) - 1, len(found), back, on),
    }
    return page(frame, "maintenances.html", values)


@router.post(PATH)
async def plan(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    station: Annotated[list[str] | None, Form(max_length=PER_PAGE)] = None,
) -> Response:
    """Make tickets of the chosen ones; of one it is shown."""
    made = await visit_doors.plan_maintenances(db, caller, sorted(set(station or ())), now=now)
    forget_counts(request)
    if len(made) == 1:
        return went(f"/support/tickets/{made[0][1]}")
    return went(PATH, state="planned") if made else went(PATH)
