"""Maintenance windows of a station: the tab of its data sheet where they are planned and ended."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms.registry import Station
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound
from portal import maintenance_deeds as deeds
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked
from support import maintenance_store
from support.maintenance import (
    NoSuchTime,
    Plan,
    Window,
    WindowsContradict,
    WindowState,
    moment_of,
)

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}/maintenance-windows")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Text = Annotated[str, Form(max_length=40)]
Long = Annotated[str, Form(max_length=6000)]
Many = Annotated[list[str], Form()]

TAB: Final = "maintenance-windows"
_SHOWN: Final = 100
_OPEN: Final = (WindowState.COMING, WindowState.RUNNING)
_SENTENCES: Final = (
    marked("A maintenance window cannot begin in the past."),
    marked("It ends before it begins."),
    marked("It lasts 366 days at most."),
    marked("A window that locks lasts 7 days at most; for longer, a written order is needed."),
    marked("The station has no such EVSE."),
    marked("Test cards only mean something where it locks."),
    marked(
        "Cards are checked for the station as a whole: with test cards the window is about all"
        " EVSEs."
    ),
    marked("At most 20 test cards."),
    marked("A card's number has 1 to 255 characters."),
    marked("At most 1,000 characters."),
    marked("It has begun: its start stays."),
    marked("It has begun: end it and make another one."),
    marked("It cannot end in the past."),
    marked("This maintenance window is over; it cannot be changed."),
    marked("Give a day and a time."),
)
"""What the rules of windows refuse: whole sentences, translated where they are shown."""


@router.get("")
async def windows(request: Request, db: Db, now: Now, caller: Reader, identity: str) -> Response:
    """Show the station's windows, the newest first, and the form for another one."""
    station = await own_station(request, db, now, caller, identity)
    return await _page(request, db, now, caller, station)


async def _page(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: Mapping[str, Any] | None = None,
) -> Response:
    found = await maintenance_store.windows(
        db, caller.scope, station=station.identity, now=now, limit=_SHOWN
    )
    zone = ZoneInfo(station.time_zone)
    blank = {
        "starts_at": "",
        "ends_at": "",
        "evses": [],
        "locks": "",
        "tokens": "",
        "comment": "",
    }
    more = {
        "windows": [
            {
                "window": each,
                "state": each.state(now),
                "is_open": each.state(now) in _OPEN,
                "end": _local(each.plan.ends_at, zone),
                "tokens": [caller.personal(token) for token in each.plan.test_tokens],
                "by": caller.personal(each.created_by_name),
            }
            for each in found
        ],
        "may_plan": caller.may(Permission.ALERTS_WRITE),
        "may_lock": caller.may(Permission.COMMANDS_SEND),
        "evses": [(each.evse_id, each.emi3_id) for each in station.evses if each.evse_id > 0],
        "given": given or blank,
    }
    return await tab_of(request, db, caller, station, TAB, more, errors)


@router.post("")
async def plan(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    starts_at: Text = "",
    ends_at: Text = "",
    evse: Many = [],  # noqa: B006 - never changed
    locks: Text = "",
    tokens: Long = "",
    comment: Long = "",
) -> Response:
    """Plan a window."""
    station = await own_station(request, db, now, caller, identity)
    zone = ZoneInfo(station.time_zone)
    try:
        wanted = Plan(
            evses=tuple(_evse(each) for each in evse),
            starts_at=_moment(starts_at, zone, "starts_at"),
            ends_at=_moment(ends_at, zone, "ends_at"),
            locks=bool(locks),
            test_tokens=tuple(tokens.replace(",", " ").split()),
            comment=comment,
        )
        await deeds.plan(db, caller, station, wanted, now=now)
    except (InvalidInput, Conflict) as error:
        given = {
            "starts_at": starts_at,
            "ends_at": ends_at,
            "evses": evse,
            "locks": locks,
            "tokens": tokens,
            "comment": comment,
        }
        errors = await _errors(request, db, caller, error, "starts_at")
        return await _page(request, db, now, caller, station, errors, given)
    return _went(station)


@router.post("/{number}")
async def change(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    number: str,
    ends_at: Text = "",
    comment: Long = "",
) -> Response:
    """Let a window end at another time."""
    station = await own_station(request, db, now, caller, identity)
    window = await _window(db, caller, station, number)
    zone = ZoneInfo(station.time_zone)
    try:
        end = window.plan.ends_at
        if ends_at != _local(end, zone):
            end = _moment(ends_at, zone, "ends_at")
        wanted = replace(window.plan, ends_at=end, comment=comment)
        await deeds.change(db, caller, station, window, wanted, now=now)
    except (InvalidInput, Conflict) as error:
        errors = await _errors(request, db, caller, error, "ends_at", of=window)
        return await _page(request, db, now, caller, station, errors)
    return _went(station)


@router.post("/{number}/end")
async def end(
    request: Request, db: Db, now: Now, caller: Writer, identity: str, number: str
) -> Response:
    """End a window now, or take it back."""
    station = await own_station(request, db, now, caller, identity)
    window = await _window(db, caller, station, number)
    try:
        await deeds.end(db, caller, window, now=now)
    except Conflict as error:
        errors = await _errors(request, db, caller, error, "ends_at", of=window)
        return await _page(request, db, now, caller, station, errors)
    return _went(station)


def _went(station: Station) -> Response:
    return went(f"/stations/{segment(station.identity)}/{TAB}", done="saved")


async def _window(db: AsyncSession, caller: Caller, station: Station, number: str) -> Window:
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise NotFound("maintenance window", number)
    found = await maintenance_store.window(db, caller.scope, int(number))
    if found.station != station.identity:
        raise NotFound("maintenance window", number)
    return found


async def _errors(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    error: ExpectedError,
    otherwise: str,
    *,
    of: Window | None = None,
) -> FormErrors:
    said: Words = (await frame_of(request, db, caller)).words
    if isinstance(error, NoSuchTime):
        text = said.gettext("This time does not exist: the clocks are put forward over it.")
        found = FormErrors({error.field or otherwise: text})
    elif isinstance(error, WindowsContradict):
        text = said.gettext("Another window is about the same time and EVSE.")
        found = FormErrors({otherwise: text})
    else:
        found = form_errors(error, said, otherwise=otherwise)
    if of is None:
        return found
    return FormErrors({f"{name}-{of.id}": why for name, why in found.messages.items()})


def _evse(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise InvalidInput("The station has no such EVSE.", field="evses")
    return int(text)


def _moment(text: str, zone: ZoneInfo, field: str) -> datetime:
    try:
        wanted = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("Give a day and a time.", field=field) from None
    if wanted.tzinfo is not None or not 2000 <= wanted.year <= 9000:
        raise InvalidInput("Give a day and a time.", field=field)
    return moment_of(wanted, zone, field=field)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")
