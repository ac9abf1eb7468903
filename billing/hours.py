"""When a place is open or in operation, and when a session is to be stopped for it.

Opening hours are those of the shop: another tariff may hold outside them. Operating hours are when
charging is possible at all. Both have a transition time, which belongs to the open time on either
side: with a shop that is open from 8:00 to 18:00 and 30 minutes, a session that starts at 17:45
ends at 18:30 at the latest, and one that starts at 7:00, outside of them, at 7:30.

A single day, a holiday say, has hours of its own or none instead of those of its weekday. Days and
times are those of the place's clock: a day on which the clock is changed has 23 or 25 hours, a time
that is skipped is the moment of the change, and one that comes twice is the first.

Source: OCPI 2.2.1, 8.4.14 (Hours class); rules of the business, 1.5 (operating and opening hours).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from billing.assignments import Place
from foundation.errors import InvalidInput

_DAY: Final = timedelta(days=1)
_LOOKED_AHEAD: Final = 15
"""Days: holidays and a weekend are over by then; beyond, nobody is stopped for it."""
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_MOST: Final = 400
_MOST_OF_A_DAY: Final = 12
STABLE_FOR: Final = timedelta(days=11)
"""For so long at least nothing changes where no end is in sight."""
LONGEST_TRANSITION: Final = timedelta(hours=12)


class HoursKind(StrEnum):
    """Which hours of a place."""

    OPENING = "opening"
    OPERATING = "operating"


@dataclass(frozen=True, slots=True)
class RegularPeriod:
    """A period of each week; `weekday` is 1 for Monday to 7, an `end` of 00:00 ends the day."""

    weekday: int
    begin: time
    end: time


@dataclass(frozen=True, slots=True)
class SingleDay:
    """What a day has instead of its weekday's hours; without a period the place is closed."""

    on: date
    periods: tuple[tuple[time, time], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Regular hours in the place's zone, single days, and periods in which it is otherwise."""

    twentyfourseven: bool
    regular: tuple[RegularPeriod, ...] = ()
    days: tuple[SingleDay, ...] = ()
    openings: tuple[tuple[datetime, datetime], ...] = ()
    closings: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHours:
    """The hours of a place from a moment on; without `hours` it has none of its own any more."""

    place: Place
    kind: HoursKind
    hours: Hours | None
    transition: timedelta
    stops: bool
    valid_from: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a place is open at a moment, and until when that stays so (None: no end in sight)."""

    is_open: bool
    until: datetime | None


ALWAYS_OPEN: Final = Standing(True, None)


def hours_at(
    places: Sequence[Place],
    found: Mapping[Place, Sequence[PlaceHours]],
    kind: HoursKind,
    at: datetime,
) -> PlaceHours | None:
    """Return the hours that hold at a moment: of the most specific place that has any."""
    for place in places:
        begun = [
            each for each in found.get(place, ()) if each.kind is kind and each.valid_from <= at
        ]
        latest = max(begun, key=lambda each: each.valid_from, default=None)
        if latest is not None and latest.hours is not None:
            return latest
    return None


def standing(held: PlaceHours | None, at: datetime, time_zone: str) -> Standing:
    """Return whether a place is open at a moment, transition times included."""
    if held is None or held.hours is None:
        return ALWAYS_OPEN
    zone = ZoneInfo(time_zone)
    first = at.astimezone(zone).date() - 2 * _DAY
    for begin, end in _windows(held.hours, zone, first, held.transition):
        if at < begin:
            return Standing(False, begin)
        if at < end:
            is_over = end <= datetime.combine(first + (_LOOKED_AHEAD - 1) * _DAY, time(0), zone)
            return Standing(True, end if is_over else None)
    return Standing(False, None)


def stop_at(
    started_at: datetime,
    *,
    limit: timedelta | None,
    opening: Standing | None,
    operating: Standing,
) -> datetime | None:
    """Return when a session is to be stopped; None for never.

    Args:
        started_at: Its start.
        limit: The longest time that its tariff allows.
        opening: That of the opening hours, if the session ends with what its tariff is for.
        operating: That of the operating hours; outside of them nobody charges at all.
    """
    ends = [] if limit is None else [started_at + limit]
    if opening is not None and opening.until is not None:
        ends.append(opening.until)
    if not operating.is_open:
        ends.append(started_at)
    elif operating.until is not None:
        ends.append(operating.until)
    return min(ends, default=None)


@lru_cache(maxsize=1000)  # thousands of transactions share their place and their day
def _windows(
    hours: Hours, zone: ZoneInfo, first: date, transition: timedelta
) -> tuple[tuple[datetime, datetime], ...]:
    """Return when it is open in the days from `first` on, each with its transition times."""
    single = {each.on: each.periods for each in hours.days}
    spans = []
    for number in range(_LOOKED_AHEAD):
        day = first + number * _DAY
        for begin, end in single.get(day, _of_weekday(hours, day.isoweekday())):
            until = day + _DAY if end == time(0) else day
            span = (_utc(day, begin, zone), _utc(until, end, zone))
            if span[0] < span[1]:  # a period that the clock skips is none
                spans.append(span)
    spans = merged([*spans, *hours.openings])
    for closed_from, closed_to in hours.closings:
        spans = [
            part
            for begin, end in spans
            for part in ((begin, min(end, closed_from)), (max(begin, closed_to), end))
            if part[0] < part[1]
        ]
    return tuple(merged((begin - transition, end + transition) for begin, end in spans))


def _of_weekday(hours: Hours, weekday: int) -> tuple[tuple[time, time], ...]:
    if hours.twentyfourseven:
        return ((time(0), time(0)),)
    return tuple((each.begin, each.end) for each in hours.regular if each.weekday == weekday)


def merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return the spans in their order, those that touch as one."""
    found: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(spans):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def _utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when a clock shows a time: a skipped one is when it was changed, of two the first."""
    local = datetime.combine(day, at, zone)
    found = local.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return found
    before, after = local.replace(fold=1).astimezone(UTC), found
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // timedelta(seconds=2) * timedelta(seconds=1)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


# ------------------------------------------------------------------------------- contradictions


def check(hours: Hours, time_zone: str) -> None:
    """Refuse hours that say two things of one time; what is stored is not checked again.

    Raises:
        InvalidInput: For the first contradiction, with the day it is about; `field` names it.
    """
    for weekday in range(1, 8):
        if _overlap([(e.begin, e.end) for e in hours.regular if e.weekday == weekday]):
            raise InvalidInput(
                f"Two periods of weekday {weekday} overlap.", field="hours.regular_hours"
            )
    seen: set[date] = set()
    for day in hours.days:
        if day.on in seen:
            raise InvalidInput(f"{day.on} is given twice.", field="hours.single_days")
        seen.add(day.on)
        if _overlap(day.periods):
            raise InvalidInput(f"Two periods of {day.on} overlap.", field="hours.single_days")
    for begin, end in hours.openings:
        for closed_from, closed_to in hours.closings:
            if begin < closed_to and closed_from < end:
                raise InvalidInput(
                    f"It is opened and closed at once from {max(begin, closed_from).isoformat()}.",
                    field="hours.exceptional_closings",
                )
    zone = ZoneInfo(time_zone)
    for day in hours.days:
        begins, ends = _utc(day.on, time(0), zone), _utc(day.on + _DAY, time(0), zone)
        for name, periods in (("opening", hours.openings), ("closing", hours.closings)):
            if any(begin < ends and begins < end for begin, end in periods):
                raise InvalidInput(
                    f"{day.on} is a single day and has an exceptional {name} as well.",
                    field="hours.single_days",
                )


def _overlap(periods: Iterable[tuple[time, time]]) -> bool:
    """Tell whether two periods of a day have a time in common; an end of 00:00 ends the day."""
    ordered = sorted(periods)
    return any(end == time(0) or following < end for (_, end), (following, _) in pairwise(ordered))


# ------------------------------------------------------------------------- reading and writing


def hours_json(hours: Hours) -> dict[str, Any]:
    """Return hours as OCPI has them, and single days; `parse_hours` gives them back."""
    found: dict[str, Any] = {"twentyfourseven": hours.twentyfourseven}
    if hours.regular:
        found["regular_hours"] = [
            {
                "weekday": each.weekday,
                "period_begin": each.begin.strftime("%H:%M"),
                "period_end": each.end.strftime("%H:%M"),
            }
            for each in hours.regular
        ]
    if hours.days:
        found["single_days"] = [
            {
                "date": day.on.isoformat(),
                "periods": [
                    {
                        "period_begin": begin.strftime("%H:%M"),
                        "period_end": end.strftime("%H:%M"),
                    }
                    for begin, end in day.periods
                ],
            }
            for day in hours.days
        ]
    for name, periods in (
        ("exceptional_openings", hours.openings),
        ("exceptional_closings", hours.closings),
    ):
        if periods:
            found[name] = [
                {
                    "period_begin": begin.isoformat().replace("+00:00", "Z"),
                    "period_end": end.isoformat().replace("+00:00", "Z"),
                }
                for begin, end in periods
            ]
    return found


def parse_hours(data: object) -> Hours:
    """Read OCPI's Hours object, which may have `single_days`: dates with their periods.

    Raises:
        InvalidInput: For the first thing that is not allowed; `field` names it.
    """
    given = _record(
        data,
        "hours",
        (
            "twentyfourseven",
            "regular_hours",
            "single_days",
            "exceptional_openings",
            "exceptional_closings",
        ),
    )
    around_the_clock = given.get("twentyfourseven")
    if not isinstance(around_the_clock, bool):
        raise InvalidInput("twentyfourseven is true or false.", field="hours.twentyfourseven")
    regular = tuple(_regular(each) for each in _items(given, "regular_hours"))
    if around_the_clock and regular:
        raise InvalidInput(
            "What is open around the clock has no regular hours.", field="hours.regular_hours"
        )
    return Hours(
        twentyfourseven=around_the_clock,
        regular=tuple(sorted(regular, key=lambda each: (each.weekday, each.begin))),
        days=tuple(
            sorted((_single(e) for e in _items(given, "single_days")), key=lambda day: day.on)
        ),
        openings=_exceptional(given, "exceptional_openings"),
        closings=_exceptional(given, "exceptional_closings"),
    )


def _regular(data: object) -> RegularPeriod:
    field = "hours.regular_hours"
    given = _record(data, field, ("weekday", "period_begin", "period_end"))
    weekday = given.get("weekday")
    if isinstance(weekday, bool) or not isinstance(weekday, int) or not 1 <= weekday <= 7:
        raise InvalidInput("weekday is 1 (Monday) to 7 (Sunday).", field=field)
    return RegularPeriod(weekday, *_period(given, field))


def _single(data: object) -> SingleDay:
    field = "hours.single_days"
    given = _record(data, field, ("date", "periods"))
    try:
        on = date.fromisoformat(str(given.get("date")))
    except ValueError:
        on = date.min
    if not 1971 <= on.year <= 9000:
        raise InvalidInput("A date is written as 2026-12-24.", field=field)
    periods = given.get("periods")
    if not isinstance(periods, list | tuple) or len(periods) > _MOST_OF_A_DAY:
        raise InvalidInput(
            f"periods is a list of at most {_MOST_OF_A_DAY}; an empty one: closed.", field=field
        )
    return SingleDay(
        on,
        tuple(
            sorted(
                _period(_record(each, field, ("period_begin", "period_end")), field)
                for each in periods
            )
        ),
    )


def _period(given: Mapping[str, object], field: str) -> tuple[time, time]:
    begin, end = (_clock(given.get(name), field) for name in ("period_begin", "period_end"))
    if end != time(0) and end <= begin:
        raise InvalidInput(
            "period_end is later than period_begin; 00:00 ends the day, and a night is two"
            " periods.",
            field=field,
        )
    return begin, end


def _clock(value: object, field: str) -> time:
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise InvalidInput("A time of day is written as 08:30.", field=field)
    return time.fromisoformat(value)


def _exceptional(given: Mapping[str, object], name: str) -> tuple[tuple[datetime, datetime], ...]:
    field = f"hours.{name}"
    periods = []
    for each in _items(given, name):
        period = _record(each, field, ("period_begin", "period_end"))
        begin, end = (_moment(period.get(key), field) for key in ("period_begin", "period_end"))
        if end <= begin:
            raise InvalidInput("period_end is later than period_begin.", field=field)
        periods.append((begin, end))
    return tuple(sorted(periods))


def _moment(value: object, field: str) -> datetime:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    raise InvalidInput("A moment is written as 2026-12-24T13:30:00Z.", field=field)


def _items(given: Mapping[str, object], name: str) -> Sequence[object]:
    value = given.get(name)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or len(value) > _MOST:
        raise InvalidInput(f"{name} is a list of at most {_MOST}.", field=f"hours.{name}")
    return value


def _record(data: object, field: str, names: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{field} is an object.", field=field)
    for name in data:
        if name not in names:
            raise InvalidInput(f"{name!r} is no field of OCPI's Hours.", field=field)
    return data
