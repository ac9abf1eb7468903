"""Pages of load balancing: what a location may draw, who has how much of it, and why."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import load_balancers, registry
from csms.balancing import LimitReason, Settings, Strategy, Why, Window
from csms.load_balancers import Decision
from foundation.database import savepoint
from foundation.errors import InvalidInput
from portal import balancing_doors, paging
from portal.balancing_doors import Balanced, clock_of
from portal.charts import Chart
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Frame, segment
from portal.routes import Db, Now, PageRoute
from portal.step_charts import Curve, StepWords, stepped
from portal.words import Words, marked

router = APIRouter(prefix="/load-balancing", route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.LOCATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.LOCATIONS_WRITE))]

REASONS: Final[dict[str, str]] = {
    LimitReason.CONNECTION: marked("What the grid connection carries"),
    LimitReason.TIME_TABLE: marked("The time table"),
    LimitReason.SIGNAL: marked("A signal from outside"),
}
WHYS: Final[dict[str, str]] = {
    Why.ALL: marked("All that it can take"),
    Why.TAKES_LESS: marked("The vehicle takes less; others have the rest"),
    Why.SHARED: marked("Its share"),
    Why.WAITS: marked("Waits: there is not the least for everybody"),
    Why.IGNORES: marked("Takes more than it was told"),
    Why.AWAY: marked("No connection: kept for it"),
}
STRATEGIES: Final[dict[str, str]] = {
    Strategy.FAIR: marked("All alike"),
    Strategy.PRIORITY: marked("By priority"),
}
DAYS: Final = {
    "": marked("Not used"),
    "1,2,3,4,5": marked("Monday to Friday"),
    "6,7": marked("Saturday and Sunday"),
    "1,2,3,4,5,6,7": marked("Every day"),
}
KINDS: Final = {
    "limit_w": marked("At most, in watts, all charging together"),
    "limit_a": marked("At most, in amperes of each phase"),
    "used_a": marked("What the building takes, in amperes"),
}
_WINDOWS: Final = 4
_SIGNAL: Final = {"source": "", "kind": "limit_w", "value": "", "minutes": "60"}
_OF_SIGNAL: Final = dict.fromkeys(KINDS, "value") | {"ends_at": "minutes"}
"""Where a refusal of a signal stands in its form."""

_FIELDS: Final = (
    *("is_on", "limit_a", "strategy", "minimum_a", "fallback_a", "change_every_s"),
    *(f"{name}-{row}" for row in range(_WINDOWS) for name in ("days", "from", "to", "limit")),
)
_SENTENCES: Final = (
    marked("The limit is 6 to 10000 amperes."),
    marked("The least is 6 to 32 amperes."),
    marked("Without a connection it is 0, or 6 to 500 amperes."),
    marked("Changes are 10 to 3600 seconds apart."),
    marked("Two limits hold at one time."),
    marked(
        "All charge points together would fall back to more than the lowest limit allows."
        " Choose less, or 0."
    ),
    marked("Name one or more days, 1 (Monday) to 7."),
    marked("A time of day is 00:00 to 24:00."),
    marked("It ends when it begins."),
    marked("A limit is 0 to 10000 amperes."),
    marked("No station with a charge point stands there."),
    marked("Enter a number."),
    marked("It ends before it begins, or is over."),
    marked("A signal holds for 31 days at most."),
    marked("The source has 1 to 100 characters."),
    marked("A charge point carries 6 to 1000 amperes."),
    marked("A priority is 0 to 9; the higher comes first."),
)
"""What is refused here, to be translated."""


@router.get("")
async def overview(
    request: Request, db: Db, caller: Reader, cursor: paging.Cursor = None
) -> Response:
    """List the locations and whether they are balanced."""
    frame = await frame_of(request, db, caller)
    after = paging.decoded(cursor, str)
    found = await registry.locations(
        db, caller.scope, after=after[0] if after else None, limit=paging.DEFAULT_LIMIT + 1
    )
    shown = found[: paging.DEFAULT_LIMIT]
    more = paging.encoded(shown[-1].key) if len(found) > len(shown) else None
    balancers = await load_balancers.balancers(db, [each.key for each in shown])
    values = {"locations": shown, "balancers": balancers, "more": more}
    return page(frame, "load_balancing.html", values)


@router.get("/{key:segment}")
async def show(request: Request, db: Db, now: Now, caller: Reader, key: str) -> Response:
    """Show a location's load: what may be drawn now, who has it, and how that came."""
    return await _show(request, db, now, caller, key)


@router.post("/{key:segment}")
async def set_up(request: Request, db: Db, now: Now, caller: Writer, key: str) -> Response:
    """Set how it is balanced; what is refused is told beside its field."""
    given = await _given(request)
    try:
        async with await savepoint(db):
            settings = _settings(given)
            is_on = given.get("is_on") == "yes"
            await balancing_doors.set_up(db, now, caller, key, settings, is_on=is_on)
    except InvalidInput as error:
        return await _show(request, db, now, caller, key, given, error, otherwise="limit_a")
    return went(f"/load-balancing/{segment(key)}", done="saved")


@router.post("/{key:segment}/signals")
async def signal(request: Request, db: Db, now: Now, caller: Writer, key: str) -> Response:
    """Take in a signal from now on for some minutes."""
    given = await _given(request)
    kind = given.get("kind", "")
    try:
        async with await savepoint(db):
            minutes = _number(given.get("minutes", ""), "minutes")
            value = _number(given.get("value", ""), "value")
            said = {name: value if name == kind else None for name in KINDS}
            await balancing_doors.signal(
                db,
                now,
                caller,
                key,
                source=given.get("source", ""),
                limit_a=said["limit_a"],
                limit_w=said["limit_w"],
                used_a=said["used_a"],
                starts_at=None,
                ends_at=now + timedelta(minutes=min(int(minutes), 10**6)),
            )
    except InvalidInput as error:
        field = _OF_SIGNAL.get(error.field or "", error.field)
        wrong = InvalidInput(str(error), field=field)
        return await _show(request, db, now, caller, key, given, wrong, otherwise="value")
    return went(f"/load-balancing/{segment(key)}", done="saved")


@router.post("/{key:segment}/signals/{number:int}/end")
async def end_signal(db: Db, now: Now, caller: Writer, key: str, number: int) -> Response:
    """End a signal now."""
    await balancing_doors.end_signal(db, now, caller, key, number)
    return went(f"/load-balancing/{segment(key)}", done="removed")


@router.post("/{key:segment}/points/{station:segment}/{evse_id:int}")
async def set_point(
    request: Request, db: Db, now: Now, caller: Writer, key: str, station: str, evse_id: int
) -> Response:
    """Set what is particular to a charge point."""
    given = await _given(request)
    try:
        async with await savepoint(db):
            most = given.get("most_a", "").strip()
            await balancing_doors.set_point(
                db,
                now,
                caller,
                key,
                station,
                evse_id,
                most_a=int(_number(most, "most_a")) if most else None,
                priority=int(_number(given.get("priority", "0"), "priority")),
                rotation=given.get("rotation", ""),
            )
    except InvalidInput as error:
        return await _show(request, db, now, caller, key, given, error, otherwise="most_a")
    return went(f"/load-balancing/{segment(key)}", done="saved")


# ------------------------------------------------------------------------------------- forms


async def _given(request: Request) -> dict[str, str]:
    sent = await request.form(max_fields=60)
    return {name: str(value)[:200] for name, value in sent.items()}


def _settings(given: Mapping[str, str]) -> Settings:
    """Return what a filled form says.

    Raises:
        InvalidInput: If a field holds no number or no time.
    """
    windows = []
    for row in range(_WINDOWS):
        days = given.get(f"days-{row}", "")
        if not days:
            continue
        if not all(each.isdecimal() and each.isascii() for each in days.split(",")):
            raise InvalidInput("Name one or more days, 1 (Monday) to 7.", field=f"days-{row}")
        windows.append(
            Window(
                frozenset(int(each) for each in days.split(",")),
                _minute(given.get(f"from-{row}", ""), f"from-{row}"),
                _minute(given.get(f"to-{row}", ""), f"to-{row}") or 24 * 60,
                int(_number(given.get(f"limit-{row}", ""), f"limit-{row}")),
            )
        )
    strategy = given.get("strategy", "")
    return Settings(
        limit_a=int(_number(given.get("limit_a", ""), "limit_a")),
        strategy=Strategy(strategy) if strategy in set(Strategy) else Strategy.FAIR,
        minimum_a=int(_number(given.get("minimum_a", ""), "minimum_a")),
        fallback_a=int(_number(given.get("fallback_a", ""), "fallback_a")),
        change_every=timedelta(
            seconds=int(_number(given.get("change_every_s", ""), "change_every_s"))
        ),
        windows=tuple(windows),
    )


def _filled(found: Balanced) -> dict[str, str]:
    """Return the fields of the form as it is set up."""
    made = found.balancer
    filled = dict.fromkeys(_FIELDS, "")
    if made is None:
        return filled | {"minimum_a": "6", "fallback_a": "0", "change_every_s": "60"}
    settings = made.settings
    filled |= {
        "is_on": "yes" if made.is_on else "",
        "limit_a": str(settings.limit_a),
        "strategy": str(settings.strategy),
        "minimum_a": str(settings.minimum_a),
        "fallback_a": str(settings.fallback_a),
        "change_every_s": str(int(settings.change_every.total_seconds())),
    }
    for row, each in enumerate(settings.windows[:_WINDOWS]):
        filled[f"days-{row}"] = ",".join(map(str, sorted(each.days)))
        filled[f"from-{row}"] = clock_of(each.from_minute)
        filled[f"to-{row}"] = clock_of(each.to_minute % (24 * 60))
        filled[f"limit-{row}"] = str(each.limit_a)
    return filled


def _number(text: str, field: str) -> Decimal:
    try:
        value = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise InvalidInput("Enter a number.", field=field) from None
    if not value.is_finite() or abs(value) > 10**9:
        raise InvalidInput("Enter a number.", field=field)
    return value


def _minute(text: str, field: str) -> int:
    hours, _, minutes = text.partition(":")
    parts = [hours, minutes[:2]]
    if not all(each.isascii() and each.isdecimal() for each in parts):
        raise InvalidInput("A time of day is 00:00 to 24:00.", field=field)
    return int(hours) * 60 + int(minutes[:2])


# ---------------------------------------------------------------------------------- showing


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    key: str,
    given: dict[str, str] | None = None,
    error: InvalidInput | None = None,
    *,
    otherwise: str = "limit_a",
) -> Response:
    frame = await frame_of(request, db, caller)
    found = await balancing_doors.balanced(db, now, caller, key)
    zone = ZoneInfo(found.location.time_zone)
    decisions = await balancing_doors.day(db, now, key)
    errors = form_errors(error, frame.words, otherwise=otherwise) if error else FormErrors()
    filled = _filled(found)
    values = {
        "found": found,
        "zone": zone,
        "given": filled | (given or {}) if given and "limit_a" in given else filled,
        "said": _SIGNAL | (given or {}),
        "errors": errors,
        "days": _days(filled, frame.words),
        "rows": range(_WINDOWS),
        "reasons": _in_words(REASONS, frame.words),
        "whys": _in_words(WHYS, frame.words),
        "strategies": list(_in_words(STRATEGIES, frame.words).items()),
        "kinds": list(_in_words(KINDS, frame.words).items()),
        "rotations": [(each, each) for each in ("RST", "STR", "TRS")],
        "chart": _chart(frame, decisions, now, zone) if decisions else None,
        "may_write": caller.may(Permission.LOCATIONS_WRITE),
        "may_set": caller.may(Permission.LOCATIONS_WRITE)
        and caller.may(Permission.COMMANDS_CONFIGURE),
    }
    return page(frame, "load_balanced.html", values, status=422 if error else 200)


def _in_words(marks: Mapping[str, str], said: Words) -> dict[str, str]:
    return {key: said.gettext(text) for key, text in marks.items()}


def _days(filled: Mapping[str, str], said: Words) -> list[tuple[str, str]]:
    """Return the days to choose from; those that are set otherwise as they are."""
    known = {key: said.gettext(text) for key, text in DAYS.items()}
    other = {value for name, value in filled.items() if name.startswith("days-")}
    return [*known.items(), *((each, each) for each in sorted(other - set(known)))]


def _chart(frame: Frame, decisions: Sequence[Decision], now: datetime, zone: ZoneInfo) -> Chart:
    said = frame.words
    words = StepWords(
        title=said.gettext("Load of the last day"),
        description=said.gettext(
            "What all together might draw of the phase that carries most, what the limit was, and"
            " what was measured."
        ),
        moment=said.gettext("Moment"),
        unit="A",
    )
    curves = [
        Curve(said.gettext("Allotted"), [float(each.allowed_a) for each in decisions]),
        Curve(said.gettext("Limit"), [float(each.limit_a) for each in decisions]),
        Curve(
            said.gettext("Measured"),
            [None if each.taken_a is None else float(each.taken_a) for each in decisions],
        ),
    ]
    moments = [each.decided_at for each in decisions]
    return stepped("load", moments, now, curves, zone, words, frame.words.locale)
