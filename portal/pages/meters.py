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
from csms.meter_signatures import InvalidMeterKey
from csms.meters import KeyDiffers, KeysOverlap, NewKey
from csms.registry import Station
from foundation.database import savepoint
from foundation.errors import InvalidInput
from portal.context import context_of
from portal.guard import Caller, require
from portal.meter_doors import end, own, register, set_guard, take_over
from portal.pages.refusals import form_errors, in_words
from portal.pages.station_sheets import tabs_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words

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


@router.post("/stations/{identity:segment}/meters/take-over")
async def take_over_key(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    evse_id: Annotated[str, Form(max_length=9)] = "",
    reported: Annotated[str, Form(max_length=64)] = "",
    typed: Annotated[str, Form(max_length=4000)] = "",
) -> Response:
    """Take a reported key over, if it is the one that was typed from the type plate."""
    station = await _own(request, db, now, caller, identity)
    try:
        if not (evse_id.isascii() and evse_id.isdecimal()):
            raise InvalidInput("The number of the EVSE must be 0 or more.", field="typed")
        async with await savepoint(db):
            await take_over(
                db,
                now,
                context_of(request),
                caller,
                station,
                evse_id=int(evse_id),
                reported=reported,
                typed=typed,
            )
    except (InvalidInput, KeysOverlap) as error:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({f"typed-{evse_id}-{reported[:8]}": _why_not(error, said)})
        kept = {"typed": typed, "reported": reported, "at": evse_id}
        return await _show(request, db, caller, station, errors, kept)
    return went(f"/stations/{segment(station.identity)}/meters", done="key-taken-over")


def _why_not(error: InvalidInput | KeysOverlap, said: Words) -> str:
    """Tell why a reported key was not taken over, and where it differs from the type plate."""
    if isinstance(error, KeysOverlap):
        return said.gettext("The meter has a key. If the meter was exchanged, end that one first.")
    if isinstance(error, InvalidMeterKey):
        return said.gettext("This is neither a fingerprint of 64 digits nor a key.")
    if not isinstance(error, KeyDiffers):
        return in_words(error, said)
    found = error.difference
    facts = {"typed": found.typed, "reported": found.reported, "group": found.group}
    if found.group is None:
        text = said.gettext(
            "Not taken over: the key you typed is of curve %(typed)s, the reported one of"
            " %(reported)s."
        )
    else:
        text = said.gettext(
            "Not taken over: group %(group)s differs. You typed %(typed)s, the station reported"
            " %(reported)s."
        )
    return text % facts


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
        "reported": [
            {
                "key": each,
                "id": f"typed-{each.evse_id}-{each.fingerprint[:8]}",
                "fingerprint": meters.grouped(each.fingerprint),
                "digits": meters.grouped(each.key.text),
            }
            for each in await meters.reported_keys(db, station.identity)
        ],
        "evses": [("0", said.gettext("All of the station"))]
        + [(str(each.evse_id), f"EVSE {each.evse_id}") for each in station.evses if each.evse_id],
        "minutes": "" if minutes is None else str(minutes),
        "given": {
            "public_key": "",
            "evse_id": "0",
            "meter_serial": "",
            "curve": "",
            "valid_from": "",
            "typed": "",
            "reported": "",
            "at": "",
            **(given or {}),
        },
        "errors": errors or FormErrors(),
    }
    return page(frame, "meters.html", values, status=422 if errors else 200)
