"""A station's reachability: when its silence counts, and what probes did before an alarm."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms.connectivity import SilenceLimits
from csms.registry import Station
from foundation.database import savepoint
from foundation.errors import InvalidInput
from portal.context import context_of
from portal.guard import Caller, require
from portal.meter_doors import own
from portal.pages.refusals import in_words
from portal.pages.station_sheets import tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.silence_doors import reachability, set_limits

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]


@router.get("/stations/{identity:segment}/reachability")
async def show(request: Request, db: Db, now: Now, caller: Reader, identity: str) -> Response:
    """Show when a station's silence counts."""
    station = await own(db, now, context_of(request), caller, identity)
    return await _show(request, db, now, caller, station)


@router.post("/stations/{identity:segment}/reachability")
async def change(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    pending_after_min: Annotated[str, Form(max_length=5)] = "",
    offline_after_min: Annotated[str, Form(max_length=5)] = "",
) -> Response:
    """Set the station's own limits in minutes; both empty: those of the installation."""
    context = context_of(request)
    station = await own(db, now, context, caller, identity)
    given = {
        "pending_after_min": pending_after_min.strip(),
        "offline_after_min": offline_after_min.strip(),
    }
    try:
        async with await savepoint(db):
            await set_limits(db, now, context, caller, station, _entered(given))
    except InvalidInput as error:
        said = (await frame_of(request, db, caller)).words
        field = _FIELDS.get(error.field or "", error.field or "pending_after_min")
        errors = FormErrors({field: in_words(error, said)})
        return await _show(request, db, now, caller, station, errors, given)
    return went(f"/stations/{segment(station.identity)}/reachability", done="limits-set")


def _entered(given: dict[str, str]) -> SilenceLimits | None:
    if not any(given.values()):
        return None
    for field, value in given.items():
        if not (value.isascii() and value.isdecimal()):
            raise InvalidInput("Enter both limits in whole minutes, or neither.", field=field)
    return SilenceLimits(
        timedelta(minutes=int(given["pending_after_min"])),
        timedelta(minutes=int(given["offline_after_min"])),
    )


_FIELDS = {"pending_after_s": "pending_after_min", "offline_after_s": "offline_after_min"}


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    found = await reachability(db, now, context_of(request), caller, station)
    kept = {
        "pending_after_min": str(int(found.limits.pending_after.total_seconds() // 60)),
        "offline_after_min": str(int(found.limits.offline_after.total_seconds() // 60)),
    }
    values = {
        "station": station,
        "tabs": tabs_of(station, caller, frame.words),
        "may_set": caller.may(Permission.STATIONS_WRITE),
        "found": found,
        "kept": kept,
        "given": given or (kept if found.is_own else dict.fromkeys(kept, "")),
        "errors": errors or FormErrors(),
    }
    return page(frame, "reachability.html", values, status=422 if errors else 200)
