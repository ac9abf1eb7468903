"""The single days in the form of a place's hours: holidays, and days with other hours."""

from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from itertools import pairwise
from typing import Any, Final

from billing.hours import Hours, SingleDay
from foundation.errors import InvalidInput
from portal import formats
from portal.words import Words, marked

HOW: Final = {
    "closed": marked("Closed"),
    "hours": marked("Other hours"),
    "open": marked("Open all day"),
}
MOST: Final = 60
_EMPTY_ROWS: Final = 3
_SHOWN: Final = 12
_KEPT_FOR: Final = timedelta(days=3)
"""A day that is over still counts for the transition time after it."""
_WHOLE_DAY: Final = ((time(0), time(0)),)

SENTENCES: Final = (
    marked("Which day is it?"),
    marked("This is no day."),
    marked("This day is given twice."),
    marked("The day is closed, and it has times: only one of the two can be."),
    marked("The day is open all day, and it has times: only one of the two can be."),
    marked("Give the times of the day, or choose that it is closed."),
    marked("Two periods of the day overlap."),
)
"""What is refused here, to be translated."""


def fields(row: int) -> tuple[str, ...]:
    """Return the names of a row's fields."""
    times = (f"{name}-d{row}{part}" for part in "ab" for name in ("from", "to"))
    return (f"day-{row}", f"how-{row}", *times)


def rows_of(given: Mapping[str, str]) -> list[int]:
    """Return the rows to be shown: those that are filled, and a few empty ones."""
    filled = [
        row
        for row in range(1, MOST + 1)
        if any(given.get(each) for each in fields(row) if not each.startswith("how"))
    ]
    last = max(filled, default=0)
    return list(range(1, min(last + _EMPTY_ROWS, MOST) + 1))


def filled(hours: Hours | None, today: date) -> dict[str, str]:
    """Return the fields as the single days are that are not long over."""
    if hours is None:
        return {}
    found: dict[str, str] = {}
    coming = [each for each in hours.days if each.on >= today - _KEPT_FOR]
    for row, day in enumerate(coming[:MOST], 1):
        found[f"day-{row}"] = day.on.isoformat()
        found[f"how-{row}"] = "open" if day.periods == _WHOLE_DAY else "hours"
        if not day.periods:
            found[f"how-{row}"] = "closed"
        elif day.periods != _WHOLE_DAY:
            for part, (begin, end) in zip("ab", day.periods, strict=False):
                found[f"from-d{row}{part}"] = begin.strftime("%H:%M")
                found[f"to-d{row}{part}"] = end.strftime("%H:%M")
    return found


def given(form: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the single days of a filled form, as `parse_hours` takes them.

    Raises:
        InvalidInput: If a row is half filled or says two things; `field` is the form's.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in range(1, MOST + 1):
        on = form.get(f"day-{row}", "").strip()
        periods = _periods(form, row)
        if not on and not periods:
            continue
        field = f"day-{row}"
        if not on:
            raise InvalidInput("Which day is it?", field=field)
        try:
            key = date.fromisoformat(on).isoformat()
        except ValueError:
            raise InvalidInput("This is no day.", field=field) from None
        if key in found:
            raise InvalidInput("This day is given twice.", field=field)
        how = form.get(f"how-{row}", "closed")
        found[key] = {"date": key, "periods": _by(how, periods, f"from-d{row}a")}
    return list(found.values())


def _by(how: str, periods: list[dict[str, str]], field: str) -> list[dict[str, str]]:
    if how == "hours":
        if not periods:
            raise InvalidInput(
                "Give the times of the day, or choose that it is closed.", field=field
            )
        return periods
    if periods:
        state = "open all day" if how == "open" else "closed"
        raise InvalidInput(
            f"The day is {state}, and it has times: only one of the two can be.", field=field
        )
    return [{"period_begin": "00:00", "period_end": "00:00"}] if how == "open" else []


def _periods(form: Mapping[str, str], row: int) -> list[dict[str, str]]:
    found = []
    for part in "ab":
        field = f"from-d{row}{part}"
        period = period_in(form, field, f"to-d{row}{part}")
        if period is not None:
            found.append(period)
    ensure_apart(found, f"from-d{row}b")
    return found


def period_in(form: Mapping[str, str], begins: str, ends: str) -> dict[str, str] | None:
    """Return the period of two fields of a form; None where both are empty.

    Raises:
        InvalidInput: If one is missing, or it ends before it begins.
    """
    begin, end = form.get(begins, ""), form.get(ends, "")
    if not begin and not end:
        return None
    if not begin or not end:
        raise InvalidInput("Give both a beginning and an end.", field=begins)
    if end != "00:00" and end <= begin:
        raise InvalidInput(
            "The end is later than the beginning; 00:00 ends the day, and a night is two days'.",
            field=begins,
        )
    return {"period_begin": begin, "period_end": end}


def ensure_apart(periods: Sequence[Mapping[str, str]], field: str) -> None:
    """Refuse two periods of a day that have a time in common.

    Raises:
        InvalidInput: If they do.
    """
    ordered = sorted((each["period_begin"], each["period_end"]) for each in periods)
    for (_, end), (begin, _) in pairwise(ordered):
        if end == "00:00" or begin < end:
            raise InvalidInput("Two periods of the day overlap.", field=field)


def in_words(days: Sequence[SingleDay], said: Words) -> list[str]:
    """Tell single days, each in a line; of many the first ones."""
    told = [f"{formats.day(each.on, said.locale)}: {day_in_words(each, said)}" for each in days]
    more = len(told) - _SHOWN
    if more > 0:
        text = said.ngettext("and %(num)s more day", "and %(num)s more days", more)
        return [*told[:_SHOWN], text % {"num": more}]
    return told


def day_in_words(day: SingleDay, said: Words) -> str:
    """Tell what a single day has."""
    if not day.periods:
        return said.gettext(HOW["closed"])
    if day.periods == _WHOLE_DAY:
        return said.gettext(HOW["open"])
    return ", ".join(f"{begin:%H:%M}–{end:%H:%M}" for begin, end in day.periods)
