"""The tab "Charging profiles" of a station: what it has, what that comes to, and what it says."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from accounts.permissions import Permission
from csms.charging_profiles import Hindrance, Purpose, Unit
from csms.composite_schedule import Composite
from csms.known_profiles import OwnAnswer, Source
from csms.queue import Command
from csms.registry import Station
from foundation.database import savepoint
from foundation.errors import ExpectedError, InvalidInput
from portal import asking, command_words, profile_doors
from portal.charts import Chart
from portal.guard import Caller, require
from portal.pages.commands import desk_of
from portal.pages.refusals import in_words
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of
from portal.profile_doors import Shown
from portal.rendering import FormErrors, link, segment
from portal.routes import Db, Now, PageRoute
from portal.step_charts import Curve, StepWords, stepped
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Sender = Annotated[Caller, Depends(require(Permission.COMMANDS_SEND))]

PURPOSES: Final[dict[str, str]] = {
    Purpose.STATION_MAX: marked("Limit of the whole station"),
    Purpose.EXTERNAL: marked("Limit set by others"),
    Purpose.NOTIFIED: marked("Limit set by others"),
    Purpose.TX_DEFAULT: marked("For every session"),
    Purpose.TX: marked("For one session"),
    Purpose.PRIORITY: marked("While charging with priority"),
    Purpose.LOCAL_GENERATION: marked("Generated on site, on top of the limits"),
}
SOURCES: Final[dict[str, str]] = {
    Source.REPORTED: marked("Reported by the station"),
    Source.SENT: marked("Sent by us, accepted"),
    Source.NOTIFIED: marked("Reported by the station"),
}
HINDRANCES: Final[dict[str, str]] = {
    Hindrance.SEVERAL_SCHEDULES: marked("The vehicle chooses among several schedules."),
    Hindrance.EACH_PHASE: marked("Its phases have limits of their own."),
    Hindrance.NOT_CHARGING_ONLY: marked("It discharges, or follows a set point."),
    Hindrance.BY_STATE_OF_CHARGE: marked("Its limit depends on the vehicle's state of charge."),
    Hindrance.RANDOM_DELAY: marked("The station delays it at random."),
    Hindrance.NO_LIMIT: marked("It names no limit."),
    Hindrance.NO_START: marked("It does not say when it begins."),
    Hindrance.DISORDERED: marked("Its periods are not in order."),
    Hindrance.UNKNOWN_WORDS: marked("It has words that the standard does not know."),
    Hindrance.OTHER_UNIT: marked("With direct current, watts are not converted into amperes."),
}
HOURS: Final = (1, 6, 24, 72)
_SENTENCES: Final = (
    marked("The station has no such charge point."),
    marked("OCPP 1.6 has no question for charging profiles."),
    marked("A limit is 0 to 1000000, to a tenth."),
    marked("A limit holds for 366 days at most."),
    marked("A stack level is 0 to 9."),
    marked("Enter a day and a time."),
)
"""What is refused here, to be translated."""
_GIVEN: Final = {"limit": "", "starts_at": "", "ends_at": "", "level": "1", "change_order": ""}


@router.get("/charging-profiles")
async def show(
    request: Request,
    db: Db,
    now: Now,
    caller: Reader,
    identity: str,
    evse: Annotated[int, Query(ge=0, le=10**6)] = 0,
    unit: Annotated[str, Query(max_length=1)] = "A",
    hours: Annotated[int, Query(ge=1, le=168)] = 24,
    command: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """Show the profiles of a station, and what they come to at an EVSE over the next hours."""
    station = await own_station(request, db, now, caller, identity)
    view = _View(evse, Unit.W if unit == Unit.W else Unit.A, hours)
    return await _show(request, db, now, caller, station, view, shown=command)


class _View:
    """What is looked at: the whole station or an EVSE, the unit, and how far ahead."""

    def __init__(self, evse_id: int, unit: Unit, hours: int) -> None:
        self.evse_id = evse_id
        self.unit = unit
        self.hours = hours

    def link(self, station: Station, **more: str) -> str:
        path = f"/stations/{segment(station.identity)}/charging-profiles"
        looked_at: dict[str, int | str] = {
            "evse": self.evse_id,
            "unit": self.unit.value,
            "hours": self.hours,
        }
        return link(path, {**looked_at, **more})


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    view: _View,
    *,
    shown: str = "",
    errors: FormErrors | None = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    zone = ZoneInfo(station.time_zone)
    found = await profile_doors.shown(db, now, station, view.evse_id, view.unit, view.hours * 3600)
    may_ask = asking.may_ask(caller, station) and station.ocpp_version is not None
    evses = sorted(each.evse_id for each in station.evses if each.evse_id)
    more: dict[str, Any] = {
        "found": found,
        "view": view,
        "places": [("0", said.gettext("The whole station"))]
        + [(str(each), said.gettext("EVSE %(number)s") % {"number": each}) for each in evses],
        "units": [(Unit.A, said.gettext("Amperes of each phase")), (Unit.W, said.gettext("Watts"))],
        "hours": [
            (str(each), said.ngettext("%(num)s hour", "%(num)s hours", each) % {"num": each})
            for each in HOURS
        ],
        "lines": [
            (
                each,
                said.gettext(PURPOSES[each.profile.purpose])
                if each.profile.purpose
                else said.gettext("Unknown"),
                said.gettext(SOURCES[each.source]),
                said.gettext(HINDRANCES[each.profile.hindrance])
                if each.profile.hindrance and each.is_told
                else "",
                may_ask
                and caller.may(Permission.COMMANDS_CONFIGURE)
                and profile_doors.may_be_cleared(each),
            )
            for each in found.profiles
        ],
        "chart": _chart(found, view, now, zone, said),
        "why_not": _why_not(found.refused, said),
        "answer_why_not": _why_not(found.answer.refused, said) if found.answer else "",
        "may_ask": may_ask,
        "may_set": may_ask and caller.may(Permission.COMMANDS_CONFIGURE),
        "needs_order": not asking.acts_for_own(caller, station),
        "given": _GIVEN
        | {
            "starts_at": _local(now, zone),
            "ends_at": _local(now + timedelta(hours=4), zone),
        }
        | dict(given or {}),
        "once": secrets.token_urlsafe(12),
        "is_16": station.ocpp_version == "1.6",
        "desk": await desk_of(db, caller, station, said, now, shown=shown),
    }
    return await tab_of(request, db, caller, station, "charging-profiles", more, errors)


def _why_not(refused: Any, said: Words) -> str:
    if refused is None:
        return ""
    why = said.gettext(HINDRANCES[refused.why])
    named = said.gettext("Profile %(number)s cannot be computed by us.")
    return f"{named % {'number': refused.profile}} {why}"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).replace(tzinfo=None).isoformat(timespec="minutes")


def _chart(found: Shown, view: _View, now: datetime, zone: ZoneInfo, said: Words) -> Chart | None:
    """Return ours as a step curve, and the station's beside it; None where nothing limits."""
    theirs = _comparable(found.answer, view.unit)
    known = [each for each in (found.ours, theirs) if each is not None]
    if not any(step.limit is not None for each in known for step in each.steps):
        return None
    begins = now.replace(microsecond=0)
    until = begins + timedelta(hours=view.hours)
    moments = {begins}
    for each in known:
        changes = [each.starts_at + timedelta(seconds=step.start_s) for step in each.steps]
        moments.update(at for at in [*changes, each.ends_at] if begins < at < until)
    ordered = sorted(moments)
    curves = [Curve(said.gettext("By our figures"), _values(found.ours, ordered))]
    if theirs is not None:
        curves.append(Curve(said.gettext("By the station's answer"), _values(theirs, ordered)))
    words = StepWords(
        title=said.gettext("What may be drawn"),
        description=said.gettext(
            "The limit from now on by the known charging profiles, and as the station answered."
        ),
        moment=said.gettext("From"),
        unit=view.unit.value,
    )
    return stepped("composite", ordered, until, curves, zone, words, said.locale)


def _comparable(answer: OwnAnswer | None, unit: Unit) -> Composite | None:
    if answer is None or answer.theirs is None or answer.theirs.unit is not unit:
        return None
    return answer.theirs


def _values(made: Composite | None, moments: list[datetime]) -> list[float | None]:
    steps = [None if made is None else made.at(each) for each in moments]
    return [None if each is None or each.limit is None else float(each.limit) for each in steps]


# ---------------------------------------------------------------------------------------- doing


@router.post("/charging-profiles")
async def do(request: Request, db: Db, now: Now, caller: Sender, identity: str) -> Response:
    """Ask the station, clear a profile or set a limit, and come back to where that stood."""
    station = await own_station(request, db, now, caller, identity)
    form = await request.form(max_fields=30)
    given = {name: str(value)[:100] for name, value in form.items()}
    view = _View(
        _whole(given.get("evse", "")),
        Unit.W if given.get("unit") == Unit.W else Unit.A,
        min(max(_whole(given.get("hours", "24")), 1), 168),
    )
    try:
        async with await savepoint(db):
            command = await _do(db, now, caller, station, view, given)
    except ExpectedError as error:
        said = (await frame_of(request, db, caller)).words
        wrong = _refusal(error, said, has_order=bool(given.get("change_order")))
        kept = {name: given[name] for name in _GIVEN if name in given}
        known = {0, *(each.evse_id for each in station.evses)}
        if view.evse_id not in known:
            view = _View(0, view.unit, view.hours)
        return await _show(request, db, now, caller, station, view, errors=wrong, given=kept)
    where = view.link(station, command=command.id)
    return RedirectResponse(f"{where}#at-station", status_code=303)


async def _do(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    view: _View,
    given: Mapping[str, str],
) -> Command:
    more: dict[str, Any] = {"once": given.get("once") or None}
    if given.get("change_order", "").strip():
        more["change_order"] = given["change_order"].strip()
    match given.get("do"):
        case "read":
            return await profile_doors.read_profiles(db, now, caller, station, **more)
        case "composite":
            return await profile_doors.read_composite(
                db, now, caller, station, view.evse_id, view.unit, view.hours * 3600, **more
            )
        case "clear":
            number = given.get("number", "")
            return await profile_doors.clear(db, now, caller, station, number, **more)
        case "limit":
            zone = ZoneInfo(station.time_zone)
            return await profile_doors.set_limit(
                db,
                now,
                caller,
                station,
                evse_id=view.evse_id,
                unit=view.unit,
                limit=_decimal(given.get("limit", "")),
                starts_at=_moment(given.get("starts_at", ""), zone, "starts_at"),
                ends_at=_moment(given.get("ends_at", ""), zone, "ends_at"),
                level=_whole(given.get("level", "")),
                **more,
            )
        case _:
            raise InvalidInput("There is no such command.", field="do")


def _whole(text: str) -> int:
    """Return a whole number; what is none is refused by whoever gets -1."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else -1


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise InvalidInput("Enter a number.", field="limit") from None
    if not value.is_finite() or abs(value) > 10**9:
        raise InvalidInput("Enter a number.", field="limit")
    return value


def _moment(text: str, zone: ZoneInfo, field: str) -> datetime:
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("Enter a day and a time.", field=field) from None
    if not 2000 <= local.year <= 2200:
        raise InvalidInput("Enter a day and a time.", field=field)
    return local.replace(tzinfo=zone) if local.tzinfo is None else local


def _refusal(error: ExpectedError, said: Words, *, has_order: bool) -> FormErrors:
    """Return what is refused in words; why an order does not do is said by the order itself."""
    if isinstance(error, InvalidInput):
        field = error.field or "ask"
        return FormErrors({_FIELDS.get(field, field): in_words(error, said)})
    known = command_words.REFUSALS.get(error.code)
    if known is None or (has_order and error.code == "change_order_needed"):
        return FormErrors({"ask": in_words(error, said)})
    words = f"{said.gettext(known.name)}. {said.gettext(known.advice)}"
    return FormErrors({"ask": words})


_FIELDS: Final = {"evse_id": "limit-evse"}
"""Where a refusal stands in the form."""
