"""Pages of a place's opening and operating hours, and of who may charge where."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from billing import access, place_hours, pricing
from billing.access import AccessControl
from billing.assignments import Place, TariffScope
from billing.conditions import parse_conditions
from billing.hours import Hours, HoursKind, PlaceHours, hours_json, parse_hours
from foundation.database import savepoint
from foundation.errors import Conflict, ExpectedError, InvalidInput, NotFound
from portal import place_doors
from portal.guard import Caller, require
from portal.pages import single_days
from portal.pages.counts import silence_limits
from portal.pages.refusals import in_words
from portal.pages.surroundings import frame_of, page, went
from portal.pages.tariffs import HOURS_OF, PLACES, SCOPES
from portal.priced_places import zone_of_place
from portal.rendering import FormErrors
from portal.routes import Context, Db, Now, PageRoute
from portal.words import Words, marked

router = APIRouter(prefix="/tariffs", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.TARIFFS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TARIFFS_WRITE))]
Text = Annotated[str, Query(max_length=300)]

KINDS: Final = {
    HoursKind.OPENING: marked("Opening hours: which tariff holds"),
    HoursKind.OPERATING: marked("Operating hours: when charging is possible"),
}
MODES: Final = {
    "weekly": marked("By the times below"),
    "always": marked("Around the clock"),
    "none": marked("None of its own: those of the place above hold"),
}
WEEKDAYS: Final = (
    marked("Monday"),
    marked("Tuesday"),
    marked("Wednesday"),
    marked("Thursday"),
    marked("Friday"),
    marked("Saturday"),
    marked("Sunday"),
)
FIELDS: Final = (
    *("scope", "id", "kind", "mode", "transition", "stops", "valid_from"),
    *(f"{name}-{day}{part}" for day in range(1, 8) for part in "ab" for name in ("from", "to")),
)
"""The fields of the form of hours; all are texts."""
_SENTENCES: Final = (
    marked("Give both a beginning and an end."),
    *single_days.SENTENCES,
    marked("Give the time of at least one day."),
    marked("The end is later than the beginning; 00:00 ends the day, and a night is two days'."),
    marked("The transition time is 0 to 720 minutes."),
    marked("The place has hours from then on or later; others must begin later."),
    marked("There is no such place, or it is not yours."),
    marked("Access is for whole stations."),
    marked("A key has 1 to 60 characters, no slash."),
    marked(
        "An access control is about some cards: name customers, contacts, token groups or"
        " providers."
    ),
    marked("The key is taken."),
)
"""What is refused here, to be translated."""


# -------------------------------------------------------------------------------------- hours


@router.get("/hours")
async def hours(
    request: Request,
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    scope: Text = "station",
    named: Annotated[str, Query(alias="id", max_length=300)] = "",
    kind: Text = HoursKind.OPENING,
) -> Response:
    """Show the hours of a place, with the form for others; without a place, ask for one."""
    chosen = HoursKind(kind) if kind in set(HoursKind) else HoursKind.OPENING
    given = {"scope": scope, "id": named.strip(), "kind": str(chosen)}
    return await _hours(request, db, now, context, caller, given)


@router.post("/hours")
async def put_hours(
    request: Request, db: Db, now: Now, context: Context, caller: Writer
) -> Response:
    """Give a place hours from a moment on; what is refused is told beside its field."""
    sent = await request.form(max_fields=500)
    given = {name: str(value)[:300] for name, value in sent.items()}
    try:
        async with await savepoint(db):
            place = pricing.place_from(given.get("scope", ""), given.get("id", "").strip())
            zone = await zone_of_place(
                db, caller, place, now, limits=silence_limits(context.settings)
            )
            kind = HoursKind(given["kind"]) if given.get("kind") in set(HoursKind) else None
            if kind is None:
                raise InvalidInput("Choose one of the list.", field="kind")
            before = [each for each in await place_hours.hours_of(db, [place]) if each.kind is kind]
            await place_doors.give_hours(
                db,
                now,
                caller,
                place,
                kind,
                hours_given(given, before[-1].hours if before else None),
                transition=timedelta(minutes=_minutes(given.get("transition", ""))),
                stops=given.get("stops") == "yes",
                valid_from=_moment(given.get("valid_from", ""), ZoneInfo(zone)),
                zone=zone,
            )
    except (InvalidInput, Conflict) as error:
        return await _hours(request, db, now, context, caller, given, error)
    return went("/tariffs/hours", done="saved", scope=place.scope, id=place.id, kind=kind)


def hours_given(given: Mapping[str, str], before: Hours | None) -> Hours | None:
    """Return the hours of a filled form; exceptional periods of the hours before are kept.

    Raises:
        InvalidInput: If a time is half given, or none is; `field` is the form's.
    """
    mode = given.get("mode", "weekly")
    if mode == "none":
        return None
    kept = {} if before is None else hours_json(before)
    kept.pop("regular_hours", None)
    kept["single_days"] = single_days.given(given)
    if mode == "always":
        return parse_hours({**kept, "twentyfourseven": True})
    regular = []
    for day in range(1, 8):
        periods = [
            period
            for part in "ab"
            if (period := single_days.period_in(given, f"from-{day}{part}", f"to-{day}{part}"))
        ]
        single_days.ensure_apart(periods, f"from-{day}b")
        regular += [{"weekday": day, **each} for each in periods]
    if not regular:
        raise InvalidInput("Give the time of at least one day.", field="from-1a")
    return parse_hours({**kept, "twentyfourseven": False, "regular_hours": regular})


def _filled(held: PlaceHours | None, today: date) -> dict[str, str]:
    """Return the fields of the form as the hours are that hold; days long over are left out."""
    if held is None:
        return {"mode": "weekly"}
    given = {
        "mode": "none" if held.hours is None else "weekly",
        "transition": str(int(held.transition.total_seconds()) // 60),
        "stops": "yes" if held.stops else "",
    }
    if held.hours is not None and held.hours.twentyfourseven:
        given["mode"] = "always"
    for day in range(1, 8):
        periods = [] if held.hours is None else held.hours.regular
        for part, each in zip(
            "ab", [each for each in periods if each.weekday == day], strict=False
        ):
            given[f"from-{day}{part}"] = each.begin.strftime("%H:%M")
            given[f"to-{day}{part}"] = each.end.strftime("%H:%M")
    return given | single_days.filled(held.hours, today)


def hours_in_words(hours: Hours | None, said: Words) -> list[str]:
    """Tell the hours, a line for each day that has any."""
    if hours is None:
        return [said.gettext("None of its own")]
    told = [said.gettext("Around the clock")] if hours.twentyfourseven else []
    for day in range(1, 8):
        times = [
            f"{each.begin:%H:%M}–{each.end:%H:%M}"  # an end of 00:00 ends the day
            for each in hours.regular
            if each.weekday == day
        ]
        if times:
            told.append(f"{said.gettext(WEEKDAYS[day - 1])} {', '.join(times)}")
    told += single_days.in_words(hours.days, said)
    single = len(hours.openings) + len(hours.closings)
    if single:
        told.append(
            said.ngettext("and %(num)s single period", "and %(num)s single periods", single)
            % {"num": single}
        )
    return told


async def _hours(
    request: Request,
    db: AsyncSession,
    now: datetime,
    context: Context,
    caller: Caller,
    given: Mapping[str, str],
    error: InvalidInput | Conflict | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    errors = {} if error is None else _hours_error(error, said)
    place, zone = None, None
    found: Sequence[PlaceHours] = ()
    if given.get("id"):
        try:
            place = pricing.place_from(given.get("scope", ""), given["id"])
            zone = await zone_of_place(
                db, caller, place, now, limits=silence_limits(context.settings)
            )
            found = await place_hours.hours_of(db, [place])
        except InvalidInput:
            place = None
            errors = {"id": said.gettext("There is no such place, or it is not yours.")}
    of_kind = [each for each in found if each.kind == given.get("kind")]
    if error is None:
        today = now.astimezone(ZoneInfo(zone or "UTC")).date()
        given = {**_filled(of_kind[-1] if of_kind else None, today), **given}
    rows = single_days.rows_of(given)
    known = [*FIELDS, *(name for row in rows for name in single_days.fields(row))]
    values = {
        "given": {**dict.fromkeys(known, ""), **given},
        "rows": rows,
        "how": [(key, said.gettext(text)) for key, text in single_days.HOW.items()],
        "errors": FormErrors(errors),
        "scopes": [(key, said.gettext(text)) for key, text in SCOPES.items()],
        "kinds": [(key, said.gettext(text)) for key, text in KINDS.items()],
        "modes": [(key, said.gettext(text)) for key, text in MODES.items()],
        "weekdays": [(day, said.gettext(word)) for day, word in enumerate(WEEKDAYS, 1)],
        "place": None if place is None else said.gettext(PLACES[place.scope]) % {"name": place.id},
        "zone": None if zone is None else ZoneInfo(zone),
        "may_write": caller.may(Permission.TARIFFS_WRITE),
        "found": [
            {
                "kind": said.gettext(HOURS_OF[each.kind]),
                "told": hours_in_words(each.hours, said),
                "minutes": int(each.transition.total_seconds()) // 60,
                "stops": each.stops or each.kind is HoursKind.OPERATING,
                "valid_from": each.valid_from,
            }
            for each in reversed(found)
        ],
    }
    return page(frame, "place_hours.html", values, status=422 if errors else 200)


def _hours_error(error: InvalidInput | Conflict, said: Words) -> dict[str, str]:
    if isinstance(error, place_hours.HoursExist):
        text = said.gettext("The place has hours from then on or later; others must begin later.")
        return {"valid_from": text}
    field = (error.field if isinstance(error, InvalidInput) else None) or "id"
    field = {"transition_minutes": "transition"}.get(field, field)
    if field == "hours.single_days":  # all else about them is refused beside its field
        return {
            "day-1": said.gettext(
                "A single day has an exceptional period as well, which a program entered."
            )
        }
    return {"from-1a" if field.startswith("hours") else field: in_words(error, said)}


def _minutes(text: str) -> int:
    text = text.strip() or "0"
    if not (text.isascii() and text.isdecimal() and len(text) < 5):
        raise InvalidInput("The transition time is 0 to 720 minutes.", field="transition")
    return int(text)


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput("Give a day and a time.", field="valid_from") from None
    if not 1971 <= local.year <= 9000:
        raise InvalidInput("Give a day and a time.", field="valid_from")
    return local


# ----------------------------------------------------------------------------- access control

_CARDS: Final = ("customers", "contacts", "token_groups", "providers")
_ALLOWED: Final = {
    "stations": TariffScope.STATION,
    "locations": TariffScope.LOCATION,
    "organisations": TariffScope.ORGANISATION,
}
_LISTS: Final = {
    "customers": marked("Customers"),
    "contacts": marked("Contacts"),
    "token_groups": marked("Token groups"),
    "providers": marked("Partners"),
    "stations": marked("Stations"),
    "locations": marked("Locations"),
    "organisations": marked("Organisations"),
}


@router.get("/access")
async def access_controls(
    request: Request, db: Db, caller: Reader, key: Annotated[str, Query(max_length=60)] = ""
) -> Response:
    """List who may charge where, with the form of one control."""
    known = {each.key: each for each in await access.controls(db, caller.scope)}
    return await _access(request, db, caller, _fields(known.get(key)))


@router.post("/access")
async def put_access_control(
    request: Request, db: Db, now: Now, context: Context, caller: Writer
) -> Response:
    """Set a control; it counts at once."""
    sent = await request.form(max_fields=30)
    given = {name: str(value) for name, value in sent.items()}
    allowed = [
        Place(scope, each) for name, scope in _ALLOWED.items() for each in _split(given, name)
    ]
    try:
        async with await savepoint(db):
            if len(allowed) > access.MOST_PLACES:
                raise InvalidInput(f"At most {access.MOST_PLACES} places.", field="allowed")
            made = await place_doors.set_access(
                db,
                now,
                silence_limits(context.settings),
                caller,
                given.get("key", "").strip(),
                conditions=parse_conditions({name: _split(given, name) for name in _CARDS}),
                allowed=allowed,
                is_on=given.get("is_on") == "yes",
            )
    except (InvalidInput, NotFound) as error:
        return await _access(request, db, caller, given, (error, allowed))
    return went("/tariffs/access", done="saved", key=made.key)


def _split(given: Mapping[str, str], name: str) -> list[str]:
    return [each.strip() for each in given.get(name, "").split(",") if each.strip()]


def _fields(control: AccessControl | None) -> dict[str, str]:
    if control is None:
        return {"is_on": "yes"}
    lists: dict[str, Sequence[str]] = {
        name: getattr(control.conditions, name) for name in _CARDS
    } | {
        name: [each.id for each in control.allowed if each.scope is scope]
        for name, scope in _ALLOWED.items()
    }
    return {
        "key": control.key,
        "is_on": "yes" if control.is_on else "",
        **{name: ", ".join(values) for name, values in lists.items()},
    }


def _in_words(control: AccessControl, names: Sequence[str], said: Words) -> str:
    fields = _fields(control)
    return "; ".join(
        f"{said.gettext(_LISTS[each])}: {fields[each]}" for each in names if fields[each]
    )


async def _access(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: Mapping[str, str],
    refused: tuple[ExpectedError, Sequence[Place]] | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    values: dict[str, Any] = {
        "given": {**dict.fromkeys(("key", "is_on", *_LISTS), ""), **given},
        "errors": FormErrors({} if refused is None else _access_error(*refused, said)),
        "lists": {name: said.gettext(text) for name, text in _LISTS.items()},
        "may_write": caller.may(Permission.TARIFFS_WRITE),
        "found": [
            {
                "key": each.key,
                "is_on": each.is_on,
                "whom": _in_words(each, _CARDS, said),
                "where": _in_words(each, tuple(_ALLOWED), said) or said.gettext("Nowhere"),
            }
            for each in await access.controls(db, caller.scope)
        ],
    }
    return page(frame, "access_controls.html", values, status=422 if refused else 200)


def _access_error(error: ExpectedError, allowed: Sequence[Place], said: Words) -> dict[str, str]:
    if not isinstance(error, InvalidInput):
        return {"key": said.gettext("The key is taken.")}
    field = error.field or "key"
    if field.startswith("allowed."):
        wrong = allowed[int(field.split(".")[1])]
        name = next(name for name, scope in _ALLOWED.items() if scope is wrong.scope)
        text = said.gettext("There is no such place, or it is not yours.")
        return {name: f"{text} ({wrong.id})"}
    if field.startswith("conditions"):
        kind = field.partition(".")[2]
        return {kind if kind in _CARDS else "customers": in_words(error, said)}
    return {"stations" if field == "allowed" else field: in_words(error, said)}
