"""What a station is set to, and the files that it sent: two tabs of its data sheet."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import equipment, files
from csms.equipment import ProgressKind
from portal.guard import Caller, require
from portal.pages.commands import desk_of
from portal.pages.station_sheets import found_station, sheet_of, tabs_of
from portal.pages.surroundings import frame_of, page
from portal.rendering import Turn, link, segment
from portal.routes import Db, Now, PageRoute
from portal.words import marked

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
LogReader = Annotated[Caller, Depends(require(Permission.FRAMES_READ))]

PER_PAGE: Final = 60
_WORKS: Final[dict[ProgressKind, str]] = {
    "firmware": marked("Firmware update"),
    "publication": marked("Firmware for its network"),
    "log": marked("Log"),
}
_WORKS_SHOWN: Final = 2
"""How many of each kind, the newest first."""


@router.get("/stations/{identity:segment}/settings")
async def settings(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    q: Annotated[str, Query(max_length=100)] = "",
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
    command: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Show the configuration keys or variables that a station has told, as they are now."""
    station = await found_station(request, db, caller.scope, identity, now)
    frame = await frame_of(request, db, caller, live=f"station/{station.identity}")
    is_16 = station.ocpp_version in (None, "1.6")
    wanted = q.strip()
    if is_16:
        found = await equipment.configuration(
            db, caller.scope, station.identity, words=wanted, after=after, limit=PER_PAGE + 1
        )
    else:
        found = await equipment.variables(
            db, caller.scope, station.identity, words=wanted, after=after, limit=PER_PAGE + 1
        )
    kept = found[:PER_PAGE]
    path = f"/stations/{segment(station.identity)}/settings"
    on = None
    if len(found) > PER_PAGE:
        on = link(path, {"q": q, "after": kept[-1].id, "n": n + PER_PAGE})
    values = {
        "view": sheet_of(station, {}, {}, {}, frame.words),
        "tabs": tabs_of(station, caller, frame.words),
        "tab": "settings",
        "desk": await desk_of(db, caller, station, frame.words, now, shown=command),
        "found": kept,
        "is_16": is_16,
        "q": q,
        "turn": Turn(n, n + len(kept) - 1, None, link(path, {"q": q}) if after else None, on),
    }
    return page(frame, "station.html", values)


@router.get("/stations/{identity:segment}/files")
async def station_files(
    request: Request,
    db: Db,
    now: Now,
    caller: LogReader,
    identity: str,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
    command: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Show how far a station is with firmware and logs, and the logs that it sent."""
    station = await found_station(request, db, caller.scope, identity, now)
    frame = await frame_of(request, db, caller, live=f"station/{station.identity}")
    found = await files.files_of(
        db, caller.scope, station.identity, after=after, limit=PER_PAGE + 1
    )
    kept = found[:PER_PAGE]
    path = f"/stations/{segment(station.identity)}/files"
    on = None
    if len(found) > PER_PAGE:
        on = link(path, {"after": kept[-1].id, "n": n + PER_PAGE})
    values = {
        "view": sheet_of(station, {}, {}, {}, frame.words),
        "tabs": tabs_of(station, caller, frame.words),
        "tab": "files",
        "firmware": station.firmware,
        "progress": [
            (kind, title, each)
            for kind, title in _WORKS.items()
            for each in await equipment.progress(
                db, caller.scope, station.identity, kind, limit=_WORKS_SHOWN, steps_at_most=20
            )
        ],
        "desk": await desk_of(db, caller, station, frame.words, now, shown=command),
        "found": kept,
        "turn": Turn(n, n + len(kept) - 1, None, path if after else None, on),
    }
    return page(frame, "station.html", values)
