"""The tab "Reservations" of a station's data sheet: what it keeps and kept, for whom and by whom.

Reserving and cancelling are commands as any others; what became of them unfolds here.
"""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import equipment, outcomes
from portal import buttons
from portal.guard import Caller, require
from portal.pages.command_views import STATION
from portal.pages.commands import desk_of, view_of
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of
from portal.routes import Db, Now, PageRoute
from portal.words import marked

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]

ENDINGS: Final[dict[str, str]] = {
    "Cancelled": marked("Cancelled"),
    "Expired": marked("Ran out"),
    "Removed": marked("Given up by the station"),
    "NoTransaction": marked("Nobody charged"),
}
_ACTIONS: Final = ("ReserveNow", "CancelReservation")
_RECENT: Final = 30
_SHOWN: Final = 3
"""How many commands unfold."""


@router.get("/reservations")
async def reservations(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    command: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Show the places that the station keeps, or kept, for somebody, and the forms to do so."""
    station = await own_station(request, db, now, caller, identity)
    said = (await frame_of(request, db, caller)).words
    found = await equipment.reservations(db, caller.scope, station.identity, now)
    desk = await desk_of(db, caller, station, said, now, shown=command)
    if desk is not None:
        asked = await outcomes.commands(db, caller.scope, station=station.identity, limit=_RECENT)
        its = [each for each in asked if each.action in _ACTIONS][:_SHOWN]
        views = tuple(view_of(each, said, caller, may_ask=desk.may_ask) for each in its)
        desk = replace(desk, places={STATION: views})
    more = {
        "reservations": [
            (
                each,
                caller.personal(each.id_token),
                said.gettext(ENDINGS.get(each.ending, each.ending)) if each.ending else "",
                caller.personal(each.made_by),
                caller.personal(each.cancelled_by),
            )
            for each in found
        ],
        "desk": desk,
        "token_types": [(each, each) for each in buttons.TOKEN_TYPES],
        "evses": [
            (str(each.evse_id), each.emi3_id or f"EVSE {each.evse_id}")
            for each in station.evses
            if each.evse_id
        ],
    }
    return await tab_of(request, db, caller, station, "reservations", more)
