"""A station's meters: their public keys, and the guard against sessions without energy."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import ghosts, meters
from csms.meters import KeysOverlap, NewKey
from csms.registry import Station
from foundation.database import savepoint
from foundation.errors import InvalidInput
from portal.context import context_of
from portal.guard import Caller, require
from portal.meter_doors import end, own, register, set_guard
from portal.pages.refusals import form_errors
from portal.pages.station_sheets import tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute

router = APIRouter(route_class=PageRoute)

Writer = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]


@router.get("/stations/{identity:segment}/meters")
async def keys(request: Request, db: Db, now: Now, caller: Writer, identity: str) -> Response:
    """Show the keys of a station's meters."""
    return await _show(request, db, caller, await _own(request, db, now, caller, identity))


@router.post("/stations/{identity:segment}/meters")
async def register_key(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    public_key: Annotated[str, Form(max_length=4000)] = "",
    evse_id: Annotated[str, Form(max_length=4)] = "0",
    meter_serial: Annotated[str, Form(max_length=100)] = "",
    curve: Annotated[str, Form(max_length=20)] = "",
    valid_from: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Register a key; what waited for it is checked again."""
    station = await _own(request, db, now, caller, identity)
    given = {
        "public_key": public_key.strip(),
        "evse_id": evse_id,
        "meter_serial": meter_serial.strip(),
        "curve": curve.strip(),
        "valid_from": valid_from,
    }
    try:
        if not evse_id.isascii() or not evse_id.isdecimal():
            raise InvalidInput("The number of the EVSE must be 0 or more.", field="evse_id")
        new = NewKey(
            evse_id=int(evse_id),
            public_key=given["public_key"],
            curve=given["curve"] or None,
            meter_serial=given["meter_serial"] or None,
            valid_from=_moment(valid_from, ZoneInfo(station.time_zone)) or now,
        )
        async with await savepoint(db):
            await register(db, now, context_of(request), caller, station, new)
    except (InvalidInput, KeysOverlap) as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="public_key")
        return await _show(request, db, caller, station, errors, given)
    return went(f"/stations/{segment(station.identity)}/meters", done="key-registered")


@router.post("/stations/{identity:segment}/meters/{key_id:int}/end")
async def end_key(
    request: Request, db: Db, now: Now, caller: Writer, identity: str, key_id: int
) -> Response:
    """End a key now: the meter was taken out."""
    station = await _own(request, db, now, caller, identity)
    await end(db, now, context_of(request), caller, station, key_id)
    return went(f"/stations/{segment(station.identity)}/meters", done="key-ended")


@router.post("/stations/{identity:segment}/meters/guard")
async def guard(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    minutes: Annotated[str, Form(max_length=4)] = "",
) -> Response:
    """Set after how many minutes without energy a session is stopped; empty: never."""
    station = await _own(request, db, now, caller, identity)
    try:
        if minutes and not (minutes.isascii() and minutes.isdecimal()):
            raise InvalidInput("minutes must be 2 to 1440.", field="minutes")
        async with await savepoint(db):
            wanted = int(minutes) if minutes else None
            await set_guard(db, now, context_of(request), caller, station, wanted)
    except InvalidInput as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise="minutes")
        return await _show(request, db, caller, station, errors)
    return went(f"/stations/{segment(station.identity)}/meters", done="guard-set")


async def _own(
    request: Request, db: AsyncSession, now: datetime, caller: Caller, identity: str
) -> Station:
    return await own(db, now, context_of(request), caller, identity)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput("This is no moment.", field="valid_from") from None


async def _show(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    minutes = await ghosts.guard_of(db, station.identity)
    values = {
        "station": station,
        "zone": ZoneInfo(station.time_zone),
        "tabs": tabs_of(station, caller, said),
        "keys": await meters.keys(db, station.identity),
        "evses": [("0", said.gettext("All of the station"))]
        + [(str(each.evse_id), f"EVSE {each.evse_id}") for each in station.evses if each.evse_id],
        "minutes": "" if minutes is None else str(minutes),
        "given": {
            "public_key": "",
            "evse_id": "0",
            "meter_serial": "",
            "curve": "",
            "valid_from": "",
            **(given or {}),
        },
        "errors": errors or FormErrors(),
    }
    return page(frame, "meters.html", values, status=422 if errors else 200)
