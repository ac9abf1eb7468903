"""What people enter about who hears of alerts, read strictly: numbers, times of day, waits."""

import re
from collections.abc import Collection, Iterable
from datetime import time, timedelta
from typing import Final

from alerts.notices import LONGEST_REPEAT, LONGEST_WAIT, Shift
from foundation.errors import InvalidInput

_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_FILLING: Final = re.compile(r"[ ./()\u00a0-]")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_MOST_SHIFTS: Final = 21
_SHORTEST_REPEAT: Final = timedelta(minutes=15)


class InvalidNumber(InvalidInput):
    """This is no phone number that can be called from everywhere."""

    code = "invalid_number"

    def __init__(self) -> None:
        super().__init__(
            "A phone number has its country's code and 7 to 15 digits, as in +49 170 1234567.",
            field="target",
        )


class NoSuchTime(InvalidInput):
    """No day has this time."""

    code = "no_such_time"

    def __init__(self, field: str) -> None:
        super().__init__("A time of day is from 00:00 to 23:59, as in 06:30.", field=field)


def phone_number(entered: str) -> str:
    """Return a number in E.164, as in `+491701234567`; blanks, dots and brackets are left out.

    Raises:
        InvalidNumber: If it is none, or lacks its country's code.
    """
    text = _FILLING.sub("", entered.strip().replace("(0)", ""))
    if text.startswith("00"):
        text = f"+{text[2:]}"
    if not _NUMBER.fullmatch(text):
        raise InvalidNumber
    return text


def time_of_day(entered: str, field: str) -> time:
    """Return a time of day to the minute.

    Raises:
        NoSuchTime: If no day has it.
    """
    found = _TIME.fullmatch(entered.strip())
    if found is None:
        raise NoSuchTime(field)
    return time(int(found[1]), int(found[2]))


def quiet_hours(begins: str | None, until: str | None) -> tuple[time, time] | None:
    """Return quiet hours; None: there are none.

    Raises:
        NoSuchTime: If one of the times is none.
        InvalidInput: If only one is given, or both are the same: that would be all day.
    """
    if not begins and not until:
        return None
    span = (time_of_day(begins or "", "quiet_from"), time_of_day(until or "", "quiet_until"))
    if span[0] == span[1]:
        raise InvalidInput("Quiet hours do not last all day.", field="quiet_until")
    return span


def shift(weekdays: Collection[int], begins: str, until: str) -> Shift:
    """Return an on-call shift.

    Raises:
        NoSuchTime: If one of the times is none.
        InvalidInput: If no weekday is named, or one that is none (0: Monday … 6: Sunday).
    """
    if not weekdays or not set(weekdays) <= set(range(7)):
        raise InvalidInput("Name weekdays, from 0 (Monday) to 6 (Sunday).", field="on_call")
    return Shift(frozenset(weekdays), time_of_day(begins, "on_call"), time_of_day(until, "on_call"))


def shifts(entered: Iterable[Shift]) -> tuple[Shift, ...]:
    """Return the shifts of a week.

    Raises:
        InvalidInput: If there are too many.
    """
    found = tuple(entered)
    if len(found) > _MOST_SHIFTS:
        raise InvalidInput(f"There are at most {_MOST_SHIFTS} shifts.", field="on_call")
    return found


def wait(minutes: int) -> timedelta:
    """Return how long after the raising somebody is told.

    Raises:
        InvalidInput: If it is negative, or too long.
    """
    found = timedelta(minutes=min(minutes, 10**6))
    if not timedelta(0) <= found <= LONGEST_WAIT:
        raise InvalidInput("Wait for 0 to 2880 minutes (two days).", field="after_minutes")
    return found


def reminder(minutes: int | None) -> timedelta | None:
    """Return how often somebody is reminded; None: the default.

    Raises:
        InvalidInput: If that is too often, or hardly ever.
    """
    if minutes is None:
        return None
    found = timedelta(minutes=min(minutes, 10**6))
    if not _SHORTEST_REPEAT <= found <= LONGEST_REPEAT:
        raise InvalidInput("Remind every 15 to 43200 minutes (30 days).", field="repeat_minutes")
    return found
