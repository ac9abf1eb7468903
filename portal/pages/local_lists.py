"""The tab "Local list" of a station's data sheet: what it holds and should hold, and the button."""

import secrets
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms.local_lists import UNSUPPORTED
from csms.registry import Station
from foundation.database import savepoint
from foundation.errors import ExpectedError
from portal import asking, command_words, local_list_doors
from portal.guard import Caller, require
from portal.local_list_doors import Place
from portal.pages.refusals import form_errors
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of, went
from portal.rendering import FormErrors, Turn, link, segment
from portal.routes import Db, Now, PageRoute
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.COMMANDS_CONFIGURE))]

PER_PAGE: Final = 100

STATES: Final[dict[str, str]] = {
    "under_way": marked("under way"),
    "done": marked("done"),
    "refused": marked("refused by the station"),
    "unsupported": marked("the station knows no local lists"),
    "failed": marked("broken off"),
}
PLACES: Final[dict[str, tuple[str, str]]] = {
    Place.RIGHT: ("ok", marked("As it should be")),
    Place.MISSING: ("warning", marked("Missing at the station")),
    Place.DIFFERS: ("warning", marked("Otherwise at the station")),
    Place.TOO_MUCH: ("warning", marked("Too much at the station")),
    Place.UNKNOWN: ("off", marked("Not known")),
}
OUTCOMES: Final[dict[str, str]] = {
    "Failed": marked("The station could not store it."),
    "VersionMismatch": marked("The station has another version than it was sent."),
    "NotSupported": marked("The station says that it takes no lists."),
    "expired": marked("The station was away for too long."),
    "cancelled": marked("Somebody cancelled the command."),
    "no_answer": marked("The station did not answer."),
    "no_effect": marked("The station took it, and names another version since."),
    "outcome_unknown": marked("The connection was lost."),
}
_UNDER_WAY: Final = marked("The list is being brought up to date already. Wait for its end.")


@router.get("/local-list")
async def show(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    after: Annotated[int, Query(ge=0, le=10**7)] = 0,
) -> Response:
    """Show what the station holds by our books, what it should hold, and the last updates."""
    station = await own_station(request, db, now, caller, identity)
    return await _show(request, db, now, caller, station, after=after)


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    *,
    after: int = 0,
    errors: FormErrors | None = None,
    order: str = "",
) -> Response:
    said = (await frame_of(request, db, caller)).words
    more: dict[str, Any] = {"found": None}
    if station.ocpp_version is not None:
        found = await local_list_doors.shown(db, now, station)
        lines = local_list_doors.lines(found)
        kept = lines[after : after + PER_PAGE]
        path = f"/stations/{segment(station.identity)}/local-list"
        has_more = len(lines) > after + PER_PAGE
        more = {
            "found": found,
            "is_unsupported": found.held.version == UNSUPPORTED,
            "lines": [
                (
                    each.entry,
                    caller.personal(each.entry.id_token, station.organisation),
                    caller.personal(each.entry.group_id, station.organisation),
                    PLACES[each.place][0],
                    said.gettext(PLACES[each.place][1]),
                )
                for each in kept
            ],
            "updates": [
                (
                    each,
                    said.gettext(STATES[each.state]),
                    _outcome(each.outcome, said),
                    caller.personal(each.asked_by_name),
                )
                for each in found.updates
            ],
            "turn": Turn(
                after + 1,
                after + len(kept),
                len(lines),
                path if after else None,
                link(path, {"after": after + PER_PAGE}) if has_more else None,
            ),
            "may_ask": asking.may_ask(caller, station)
            and caller.may(Permission.COMMANDS_CONFIGURE),
            "needs_order": not asking.acts_for_own(caller, station),
            "order": order,
            "once": secrets.token_urlsafe(12),
        }
    return await tab_of(request, db, caller, station, "local-list", more, errors)


def _outcome(outcome: str | None, said: Words) -> str:
    return said.gettext(OUTCOMES.get(outcome, outcome)) if outcome else ""


@router.post("/local-list")
async def bring_up_to_date(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    change_order: Annotated[str, Form(max_length=50)] = "",
    once: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Have the list brought up to date, and come back to how it stands."""
    station = await own_station(request, db, now, caller, identity)
    try:
        async with await savepoint(db):
            await local_list_doors.bring_up_to_date(
                db,
                now,
                caller,
                station,
                change_order=change_order.strip() or None,
                once=once or None,
                is_page=True,
            )
    except ExpectedError as error:
        said = (await frame_of(request, db, caller)).words
        wrong = _refusal(error, said, has_order=bool(change_order.strip()))
        return await _show(request, db, now, caller, station, errors=wrong, order=change_order)
    return went(f"/stations/{segment(station.identity)}/local-list")


def _refusal(error: ExpectedError, said: Words, *, has_order: bool) -> FormErrors:
    """Return what is refused in words; why an order does not do is said by the order itself."""
    known = command_words.REFUSALS.get(error.code)
    if error.code == "local_list_under_way":
        return FormErrors({"update": said.gettext(_UNDER_WAY)})
    if known is None or (has_order and error.code == "change_order_needed"):
        return form_errors(error, said, otherwise="update")
    words = f"{said.gettext(known.name)}. {said.gettext(known.advice)}"
    return FormErrors({"update": words})
