"""Pages about tariffs: making one, the preview of a price, and the calendar of an EVSE."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from billing import price_preview, pricing
from billing.assignments import Assignment, AssignmentsOverlap, TariffScope
from billing.conditions import OpeningState, Side, conditions_json, parse_conditions
from billing.hours import HoursKind
from billing.price_preview import Price, Verdict, sample
from billing.pricing import NewAssignment
from billing.tariff_calendar import Check, CheckKind
from billing.tariff_json import InvalidTariff
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.events import TransactionStarted
from portal import decimals, priced_places
from portal.context import PortalContext
from portal.guard import Caller, require
from portal.pages import single_days
from portal.pages.counts import silence_limits
from portal.pages.refusals import in_words
from portal.pages.surroundings import frame_of, page, went
from portal.price_words import price_line
from portal.rendering import FormErrors
from portal.routes import Context, Db, Now, PageRoute
from portal.words import Words, marked

router = APIRouter(prefix="/tariffs", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.TARIFFS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.TARIFFS_WRITE))]
Text = Annotated[str, Query(max_length=100)]

DAYS_SHOWN = 31

VERDICTS: dict[Verdict, str] = {
    Verdict.HOLDS: marked("Holds"),
    Verdict.OUTRANKED: marked("Another goes first"),
    Verdict.CONDITIONS: marked("Its conditions do not hold"),
    Verdict.NOT_YET: marked("Begins later"),
    Verdict.OVER: marked("Is over"),
}

PLACES: dict[TariffScope, str] = {
    TariffScope.CONNECTOR: marked("Connector %(name)s"),
    TariffScope.EVSE: marked("EVSE %(name)s"),
    TariffScope.STATION: marked("Station %(name)s"),
    TariffScope.LOCATION: marked("Location %(name)s"),
    TariffScope.ORGANISATION: marked("Organisation %(name)s"),
}

HOURS_OF: dict[HoursKind, str] = {
    HoursKind.OPENING: marked("Opening hours"),
    HoursKind.OPERATING: marked("Operating hours"),
}

SCOPES: dict[TariffScope, str] = {
    TariffScope.STATION: marked("Station"),
    TariffScope.EVSE: marked("EVSE"),
    TariffScope.CONNECTOR: marked("Connector"),
    TariffScope.LOCATION: marked("Location"),
    TariffScope.ORGANISATION: marked("Organisation"),
}

SIDES: dict[Side, str] = {
    Side.SALE: marked("Sale: what is paid"),
    Side.PURCHASE: marked("Purchase: what the owner is credited by"),
}

HOURS: dict[str, str] = {
    "": marked("At any time"),
    OpeningState.OPEN: marked("While the place is open"),
    OpeningState.CLOSED: marked("While the place is closed"),
}

_NAMED = {
    "customers": marked("Customers: %(names)s"),
    "contacts": marked("Contacts: %(names)s"),
    "token_groups": marked("Token groups: %(names)s"),
    "providers": marked("Partners: %(names)s"),
}


def conditions_in_words(assignment: Assignment, said: Words) -> str:
    """Tell whom an assignment is for."""
    told = []
    for kind, values in conditions_json(assignment.conditions).items():
        if kind == "hours":
            told.append(said.gettext(HOURS[values]))
        else:
            told.append(said.gettext(_NAMED[kind]) % {"names": ", ".join(values)})
    return "; ".join(told) or said.gettext("Everybody")


def _row(assignment: Assignment, said: Words) -> dict[str, Any]:
    place = assignment.place
    return {
        "tariff": assignment.tariff_id,
        "place": said.gettext(PLACES[place.scope]) % {"name": place.id},
        "whom": conditions_in_words(assignment, said),
        "priority": assignment.priority,
        "side": said.gettext(SIDES[assignment.side]),
        "valid_from": None if assignment.valid_from <= pricing.ALWAYS else assignment.valid_from,
        "valid_to": assignment.valid_to,
    }


# ------------------------------------------------------------------------------------ preview


@router.get("/preview")
async def preview_price(
    request: Request,
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    station: Text = "",
    evse_id: Text = "1",
    id_token: Text = "",
    at: Text = "",
    kwh: Text = "20",
    minutes: Text = "60",
    idle_minutes: Text = "0",
) -> Response:
    """Show what a session costs at an EVSE for a token, and why, line by line."""
    frame = await frame_of(request, db, caller)
    given = {
        "station": station,
        "evse_id": evse_id,
        "id_token": id_token,
        "at": at,
        "kwh": kwh,
        "minutes": minutes,
        "idle_minutes": idle_minutes,
    }
    values: dict[str, Any] = {"given": given, "errors": FormErrors({}), "found": None}
    if not station:
        return page(frame, "tariff_preview.html", values)
    try:
        start = await _start(db, now, context, caller, given)
        usage = sample(
            start.started_at,
            _number(kwh, "kwh"),
            int(_number(minutes, "minutes")),
            int(_number(idle_minutes, "idle_minutes")),
        )
        found = await price_preview.preview(db, start, usage)
    except (InvalidInput, NotFound) as error:
        field = error.field if isinstance(error, InvalidInput) and error.field else "station"
        values["errors"] = FormErrors({field: in_words(error, frame.words)})
        return page(frame, "tariff_preview.html", values, status=422)
    said = frame.words
    considered = await priced_places.seen(db, caller, found.considered)
    values["found"] = {
        "zone": ZoneInfo(start.time_zone),
        "starts_at": start.started_at,
        "is_free": found.is_free,
        "sale": _price(found.sale, said),
        "purchase": _price(found.purchase, said)
        if caller.may(Permission.AGREEMENTS_READ)
        else None,
        "stop_at": found.stop_at,
        "is_open": None if found.opening is None else found.opening.is_open,
        "is_operating": found.operating.is_open,
        "considered": [
            {**_row(each.assignment, said), "verdict": said.gettext(VERDICTS[each.verdict])}
            for each in considered
        ],
    }
    return page(frame, "tariff_preview.html", values)


async def _start(
    db: AsyncSession,
    now: datetime,
    context: PortalContext,
    caller: Caller,
    given: Mapping[str, str],
) -> TransactionStarted:
    """Return the start that the form asks about.

    Raises:
        NotFound: If the caller sees no such station.
        InvalidInput: If something that was given is none; `field` names it.
    """
    start = await priced_places.start_at(
        db,
        caller,
        station=given["station"].strip(),
        evse_id=int(_number(given["evse_id"], "evse_id")),
        connector_id=1,
        id_token=given.get("id_token", ""),
        at=now,
        now=now,
        limits=silence_limits(context.settings),
    )
    if not given.get("at"):
        return start
    try:
        local = datetime.fromisoformat(given["at"])
    except ValueError:
        raise InvalidInput("Give a day and a time.", field="at") from None
    if not 1971 <= local.year <= 9000:
        raise InvalidInput("Give a day and a time.", field="at")
    at = local if local.tzinfo else local.replace(tzinfo=ZoneInfo(start.time_zone))
    return replace(start, started_at=at, happened_at=at)


def _number(text: str, field: str) -> Decimal:
    """Return a number as people of both languages write it.

    Raises:
        InvalidInput: If it is none.
    """
    return decimals.written(
        text.strip() or "0", field, most=1_000_000, otherwise="This is no number."
    )


def _price(price: Price | None, said: Words) -> dict[str, Any] | None:
    if price is None:
        return None
    return {
        "tariff": price.version.tariff_id,
        "lines": [price_line(each, said) for each in price.rating.lines],
        "net": price.rating.net,
        "vat": price.rating.vat,
        "gross": price.rating.gross,
    }


# ----------------------------------------------------------------------------------- calendar


@router.get("/calendar")
async def tariff_calendar(
    request: Request,
    db: Db,
    now: Now,
    context: Context,
    caller: Reader,
    station: Text = "",
    evse_id: Text = "1",
    first_day: Annotated[str, Query(alias="from", max_length=20)] = "",
) -> Response:
    """Show which tariff holds when at an EVSE in a month, and what is wrong with that."""
    frame = await frame_of(request, db, caller)
    given = {"station": station, "evse_id": evse_id, "from": first_day}
    values: dict[str, Any] = {"given": given, "errors": FormErrors({}), "found": None}
    if not station:
        return page(frame, "tariff_calendar.html", values)
    said = frame.words
    try:
        start = await _start(db, now, context, caller, {"station": station, "evse_id": evse_id})
        begins, ends = priced_places.days_from(
            start.time_zone, _day(first_day, "from"), DAYS_SHOWN, now
        )
        found = await price_preview.calendar(db, start, start=begins, end=ends)
    except (InvalidInput, NotFound) as error:
        field = error.field if isinstance(error, InvalidInput) and error.field else "station"
        values["errors"] = FormErrors({field: in_words(error, said)})
        return page(frame, "tariff_calendar.html", values, status=422)
    zone = ZoneInfo(start.time_zone)
    seen = await priced_places.seen_checks(db, caller, found.checks)
    others = await priced_places.seen_assignments(db, caller, found.others)
    values["found"] = {
        "zone": zone,
        "begins": begins.astimezone(zone).date(),
        "ends": (ends - timedelta(seconds=1)).astimezone(zone).date(),
        "spans": [
            {
                "from_at": each.from_at,
                "to_at": each.to_at,
                "row": None if each.assignment is None else _row(each.assignment, said),
            }
            for each in found.spans
        ],
        "others": [_row(each, said) for each in others],
        "days": [
            {
                "on": each.day.on,
                "kind": said.gettext(HOURS_OF[each.kind]),
                "told": single_days.day_in_words(each.day, said),
            }
            for each in found.days
        ],
        "checks": [{"check": each, "text": _check(each, said)} for each in seen],
    }
    return page(frame, "tariff_calendar.html", values)


def _check(check: Check, said: Words) -> str:
    match check.kind:
        case CheckKind.GAP:
            return said.gettext("No tariff is assigned: sessions that start then are held.")
        case CheckKind.NEVER_APPLIES:
            assert check.assignment is not None
            row = _row(check.assignment, said)
            text = said.gettext("%(tariff)s for %(place)s (%(whom)s) never holds: others go first.")
            return text % row
        case CheckKind.ELEMENT_NEVER_APPLIES:
            text = said.gettext(
                "Element %(number)s of %(tariff)s never applies: an earlier one names its prices."
            )
            return text % {"number": (check.element or 0) + 1, "tariff": check.tariff_id}
        case CheckKind.OVER:
            return said.gettext("All prices of %(tariff)s have ended.") % {
                "tariff": check.tariff_id
            }


def _day(text: str, field: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("Give a day.", field=field) from None


# ---------------------------------------------------------------------------------- a new one

FIELDS = (
    "id", "currency", "vat", "per_kwh", "start_fee", "per_hour", "step_minutes", "time_cap",
    "free_minutes", "session_limit", "blocking", "grace", "exempt_from", "exempt_to",
    "blocking_cap", "scope", "place", "valid_from", "side", "priority", "customers", "groups",
    "providers", "hours",
)  # fmt: skip
"""The fields of the form; all are texts."""


@router.get("/new")
async def new_tariff(request: Request, db: Db, caller: Writer) -> Response:
    """Ask for a new tariff."""
    home = await directory.organisation(db, caller.principal.organisation)
    given = dict.fromkeys(FIELDS, "") | {"currency": home.currency, "scope": "station"}
    return await _form(request, db, caller, given)


@router.post("/new")
async def create_tariff(
    request: Request, db: Db, now: Now, context: Context, caller: Writer
) -> Response:
    """Make a tariff and assign it; what is refused is told beside its field."""
    sent = await request.form(max_fields=60)
    given = {name: str(sent.get(name, ""))[:500] for name in FIELDS}
    try:
        async with await savepoint(db):
            document = document_of(given)
            place = pricing.place_from(given["scope"], given["place"].strip())
            zone = await priced_places.zone_of_place(
                db, caller, place, now, limits=silence_limits(context.settings)
            )
            begins = _day(given["valid_from"], "valid_from")
            made = await pricing.create_tariff(
                db,
                document,
                [
                    NewAssignment(
                        place,
                        None
                        if begins is None
                        else priced_places.days_from(zone, begins, 1, now)[0],
                        None,
                        _side(given["side"]),
                        _whole(given["priority"], "priority"),
                        parse_conditions(_conditions(given)),
                    )
                ],
                organisation=caller.principal.organisation,
                now=now,
            )
            await caller.note(
                db,
                "tariff.create",
                f"tariff/{made.tariff_id}",
                organisation=caller.principal.organisation,
                before=None,
                after={"document": document, "place": str(place)},
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        frame = await frame_of(request, db, caller)
        errors = _form_errors(error, frame.words)
        return await _form(request, db, caller, given, errors, 422)
    station = place.station
    if station is None:
        return went("/tariffs")
    return went("/tariffs/preview", station=station)


def document_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the tariff of a filled form.

    Raises:
        InvalidInput: If a number is none; `field` is the form's.
    """
    vat = {} if not given["vat"].strip() else {"vat": _number(given["vat"], "vat")}
    step = int(_number(given["step_minutes"], "step_minutes")) * 60
    components = [
        {"type": kind, "price": _number(given[field], field), "step_size": size, **vat}
        for field, kind, size in (
            ("start_fee", "FLAT", 1),
            ("per_kwh", "ENERGY", 1),
            ("per_hour", "TIME", step or 1),
        )
        if given[field].strip()
    ]
    if not components:
        raise InvalidInput("Give at least one price.", field="per_kwh")
    ours: dict[str, Any] = {}
    for field, name in (("free_minutes", "free_minutes"), ("session_limit", _LIMIT)):
        if given[field].strip():
            ours[name] = int(_number(given[field], field))
    if given["time_cap"].strip():
        ours["caps"] = [{"type": "TIME", "amount": _number(given["time_cap"], "time_cap")}]
    if given["blocking"].strip():
        fee: dict[str, Any] = {"price": _number(given["blocking"], "blocking"), "step_size": 60}
        if given["grace"].strip():
            fee["grace_minutes"] = int(_number(given["grace"], "grace"))
        if given["blocking_cap"].strip():
            fee["max_price"] = _number(given["blocking_cap"], "blocking_cap")
        fee |= {name: given[name] for name in ("exempt_from", "exempt_to") if given[name]}
        ours["blocking_fee"] = fee | vat
    return {
        "id": given["id"].strip(),
        "currency": given["currency"].strip().upper(),
        "elements": [{"price_components": components}],
        "leitstand": ours,
    }


_LIMIT = "session_limit_minutes"

_FORM_FIELDS = {
    "leitstand.free_minutes": "free_minutes",
    "leitstand.session_limit_minutes": "session_limit",
    "leitstand.caps[0].amount": "time_cap",
    "leitstand.blocking_fee.price": "blocking",
    "leitstand.blocking_fee.grace_minutes": "grace",
    "leitstand.blocking_fee.exempt_from": "exempt_from",
    "leitstand.blocking_fee.exempt_to": "exempt_to",
    "leitstand.blocking_fee.max_price": "blocking_cap",
    "conditions.customers": "customers",
    "conditions.token_groups": "groups",
    "conditions.providers": "providers",
    "conditions.hours": "hours",
}
"""Where a problem of the tariff is shown in the form; others at the id or the price."""


def _form_errors(error: InvalidInput | Conflict, said: Words) -> FormErrors:
    if isinstance(error, InvalidTariff):
        return FormErrors(
            {_field_of(each.path): said.gettext(each.text) for each in error.problems}
        )
    if isinstance(error, InvalidInput):
        field = _field_of(error.field or "place")
        return FormErrors({"place" if field == "id" else field: in_words(error, said)})
    if isinstance(error, AssignmentsOverlap):
        text = said.gettext(_OVERLAPS[error.code]) % {"tariff": error.existing.tariff_id}
        return FormErrors({"place": f"{text} ({error.code})"})
    is_taken = error.code == "tariff_exists"
    return FormErrors({"id" if is_taken else "place": in_words(error, said)})


_OVERLAPS = {
    "tariff_assignments_overlap": marked(
        "%(tariff)s is assigned there at that time already. Choose another time or a more"
        " specific place."
    ),
    "tariff_conditions_overlap": marked(
        "%(tariff)s could hold for the same session. Give one of them a higher priority, or"
        " conditions that exclude the other's."
    ),
}

_SENTENCES = (
    marked("There is no such token."),
    marked("This is no number."),
    marked("Give a day."),
    marked("Give a day and a time."),
    marked("Give at least one price."),
    marked("Energy takes time: give minutes."),
    marked("A partner's driver is no customer: name customers or providers."),
    marked("both ends of the exempt time belong together"),
)
"""Whole sentences of what is refused here, to be translated."""


def _field_of(path: str) -> str:
    if path in FIELDS:
        return path
    return _FORM_FIELDS.get(path, "per_kwh" if path.startswith("elements") else "id")


def _side(text: str) -> Side:
    if text not in list(Side):
        raise InvalidInput("side is sale or purchase.", field="side")
    return Side(text)


def _whole(text: str, field: str) -> int:
    try:
        return int(text.strip() or "0")
    except ValueError:
        raise InvalidInput("This is no number.", field=field) from None


def _conditions(given: Mapping[str, str]) -> dict[str, Any]:
    named = {
        kind: [each.strip() for each in given[field].split(",") if each.strip()]
        for field, kind in (
            ("customers", "customers"),
            ("groups", "token_groups"),
            ("providers", "providers"),
        )
    }
    return {**named, "hours": given["hours"] or None}


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: Mapping[str, str],
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    values = {
        "given": given,
        "errors": errors or FormErrors({}),
        "scopes": [(key, said.gettext(text)) for key, text in SCOPES.items()],
        "sides": [(key, said.gettext(text)) for key, text in SIDES.items()],
        "hours": [(key, said.gettext(text)) for key, text in HOURS.items()],
    }
    return page(frame, "tariff_new.html", values, status=status)
