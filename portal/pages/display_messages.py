"""The tab "Display" of a station's data sheet: the messages that it holds, and the forms for them.

Showing, asking and clearing are commands as any others; what became of them unfolds here.
"""

import secrets
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts.permissions import Permission
from csms import charging, displays, outcomes, records
from csms.charging import Transaction
from csms.queue import Command
from csms.records import Held
from csms.registry import Station
from foundation.errors import ExpectedError, InvalidInput, NotFound
from foundation.identifiers import normalised_token
from portal import asking, command_words, display_doors
from portal.guard import Caller, require
from portal.pages.command_views import STATION
from portal.pages.commands import desk_of, number_of, sent_fields, view_of
from portal.pages.refusals import in_words
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of
from portal.rendering import FormErrors, link, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Sender = Annotated[Caller, Depends(require(Permission.COMMANDS_SEND))]

_ACTIONS: Final = ("SetDisplayMessage", "GetDisplayMessages", "ClearDisplayMessage")
_RECENT: Final = 30
_SHOWN: Final = 3
_SESSIONS: Final = 50
_LARGEST: Final = 10**9
_OVER: Final = marked("This session is over.")
_EMPTY: Final = {"language1": "en", "language2": "de", "priority": "NormalCycle"}


@router.get("/display")
async def display(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    command: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Show the messages that the station holds, by its last word."""
    station = await own_station(request, db, now, caller, identity)
    return await _page(request, db, now, caller, station, shown=command)


async def _page(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    *,
    shown: str = "",
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    said = (await frame_of(request, db, caller)).words
    desk = await desk_of(db, caller, station, said, now, shown=shown)
    answers: list[str] = []
    if desk is not None:
        asked = await outcomes.commands(db, caller.scope, station=station.identity, limit=_RECENT)
        its = [each for each in asked if each.action in _ACTIONS][:_SHOWN]
        views = tuple(view_of(each, said, caller, may_ask=desk.may_ask) for each in its)
        desk = replace(desk, places={STATION: views})
        answers = [word for each in its[:1] if (word := _answer(each, said))]
    more: dict[str, Any] = {
        "held": await records.held(db, station.identity, Held.DISPLAY_MESSAGE),
        "desk": desk,
        "answers": answers,
        "given": {**_EMPTY, **(given or {})},
        "priorities": _choices(display_doors.PRIORITIES, said),
        "states": _choices(display_doors.STATES, said),
        "sessions": [
            (str(each.transaction_id), str(each.transaction_id))
            for each in await _running(db, caller, station)
        ],
    }
    return await tab_of(request, db, caller, station, "display", more, errors)


def _choices(words: dict[str, str], said: Words) -> list[tuple[str, str]]:
    return [(key, said.gettext(word)) for key, word in words.items()]


def _answer(command: Command, said: Words) -> str:
    """Return in words why the station said no; empty where it did not."""
    status = str((command.answer or {}).get("status", ""))
    return said.gettext(display_doors.ANSWERS[status]) if status in display_doors.ANSWERS else ""


async def _running(db: AsyncSession, caller: Caller, station: Station) -> list[Transaction]:
    return list(
        await charging.transactions(
            db, caller.scope, station=station.identity, states=["active"], limit=_SESSIONS
        )
    )


@router.post("/display")
async def ask(request: Request, db: Db, now: Now, caller: Sender, identity: str) -> Response:
    """Ask the station to show a message, to tell those that it holds, or to clear one."""
    station = await own_station(request, db, now, caller, identity)
    sent = await sent_fields(request)
    try:
        action, payload = await _wish(db, caller, station, sent)
        command = await asking.ask(
            db,
            caller,
            station,
            action,
            payload,
            now=now,
            once=sent.get("once") or None,
            change_order=sent.get("change_order") or None,
        )
    except NotFound:
        raise
    except ExpectedError as error:
        said = (await frame_of(request, db, caller)).words
        errors = FormErrors({_field(error): _refusal(error, said)})
        return await _page(request, db, now, caller, station, errors=errors, given=sent)
    path = f"/stations/{segment(station.identity)}/display"
    where = link(path, {"command": command.id})
    return RedirectResponse(f"{where}#at-{STATION}", status_code=303)


def _field(error: ExpectedError) -> str:
    named = error.field if isinstance(error, InvalidInput) else None
    return "text1" if not named or named.startswith("$") else named


def _refusal(error: ExpectedError, said: Words) -> str:
    known = None if isinstance(error, InvalidInput) else command_words.REFUSALS.get(error.code)
    if known is None:
        return in_words(error, said)
    return f"{said.gettext(known.name)}. {said.gettext(known.advice)}"


async def _wish(
    db: AsyncSession, caller: Caller, station: Station, sent: dict[str, str]
) -> tuple[str, dict[str, Any]]:
    new_id = 1 + secrets.randbelow(_LARGEST)
    if sent.get("do") == "ask":
        return "GetDisplayMessages", {"requestId": new_id}
    if sent.get("do") == "clear":
        return "ClearDisplayMessage", {"id": number_of(sent.get("number", ""))}
    session: str | None = None
    preferred: tuple[str, ...] = ()
    if sent.get("session"):
        session, preferred = await _session(db, caller, station, sent["session"])
    return "SetDisplayMessage", display_doors.message_of(
        sent,
        new_id=new_id,
        version=station.ocpp_version or "1.6",
        zone=ZoneInfo(station.time_zone),
        session=session,
        preferred=preferred,
    )


async def _session(
    db: AsyncSession, caller: Caller, station: Station, number: str
) -> tuple[str, tuple[str, ...]]:
    """Return the station's own name of a running session, and its driver's languages."""
    for each in await _running(db, caller, station):
        if str(each.transaction_id) == number:
            key = "" if each.id_token is None else normalised_token(each.id_token)
            named = await displays.languages_of(db, [key])
            return each.ref, named.get(key, ())
    raise InvalidInput(_OVER, field="text1")
