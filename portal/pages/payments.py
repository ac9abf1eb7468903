"""The payments of all stations: what drivers paid at terminals and by code, what is owed first."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from portal import payments_shown
from portal.guard import Caller, require
from portal.pages.sessions import day_of, midnight
from portal.pages.surroundings import frame_of, page
from portal.payments_shown import OWED, STATES, Wanted
from portal.rendering import Turn, link
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

PER_PAGE: Final = 50
_STAND_OUT: Final = 10
_PATH: Final = "/payments"

Reader = Annotated[Caller, Depends(require(Permission.TRANSACTIONS_READ))]


@router.get("/payments")
async def payments(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    station: Annotated[str, Query(max_length=48)] = "",
    state: Annotated[str, Query(max_length=30)] = "",
    wanted_from: Annotated[str, Query(alias="from", max_length=10)] = "",
    wanted_to: Annotated[str, Query(alias="to", max_length=10)] = "",
    before: Annotated[str, Query(max_length=500)] = "",
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List payments, the newest first; what is to be looked into stands out before them."""
    frame = await frame_of(request, db, caller)
    first, last = day_of(wanted_from), day_of(wanted_to)
    state = state if state in (*STATES, OWED) else ""
    query = {
        "station": station.strip(),
        "from": first.isoformat() if first else "",
        "to": last.isoformat() if last else "",
    }
    wanted = Wanted(
        station=station.strip(),
        state=state,
        since=midnight(first, frame.zone),
        until=midnight(last + timedelta(days=1) if last else None, frame.zone),
    )
    place = payments_shown.place_of(before)
    found = await payments_shown.listed(
        db, caller.scope, wanted, now=now, before=place, limit=PER_PAGE + 1
    )
    outstanding: list[payments_shown.Shown] = []
    if place is None and state == OWED:
        outstanding = await payments_shown.unpaid_sessions(
            db, caller.scope, wanted, now=now, limit=PER_PAGE
        )
    elif place is None and not state:
        outstanding = await payments_shown.owed(
            db, caller.scope, wanted, now=now, limit=_STAND_OUT + 1
        )
    kept = found[:PER_PAGE]
    on = None
    if len(found) > PER_PAGE:
        going_on = {"before": payments_shown.cursor_behind(kept[-1]), "n": n + PER_PAGE}
        on = link(_PATH, {**query, "state": state, **going_on})
    back = link(_PATH, {**query, "state": state}) if n > 1 else None
    values = {
        "lines": kept,
        "turn": Turn(n, n + len(kept) - 1, None, back, on),
        "outstanding": outstanding if state else outstanding[:_STAND_OUT],
        "is_more": not state and len(outstanding) > _STAND_OUT,
        "path_owed": link(_PATH, {**query, "state": OWED}),
        "state": state,
        "query": query,
        "filtered": bool(state or any(query.values())),
        "filters": [(each, link(_PATH, {**query, "state": each})) for each in (OWED, *STATES)],
    }
    return page(frame, "payments.html", values)
