"""When an error-detection job is due: a time of day where its stations stand, once every day.

A local time that is missing when summer time begins is taken at the next time that there is; one
that comes twice when summer time ends is taken once, the first time.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from foundation.errors import InvalidInput

HOURS_MAX: Final = 168
"""The longest span that a job looks at: a week."""

_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)


class NoSuchTime(InvalidInput):
    """What was given is no time of day."""

    code = "no_such_time"

    def __init__(self, given: str) -> None:
        super().__init__(
            f"{given[:20]!r} is no time of day: write it from 00:00 to 23:59, as in 06:30.",
            field="execute_at",
        )


def time_of(text: str) -> time:
    """Return a time of day written as `HH:MM`.

    Raises:
        NoSuchTime: If there is none such.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None or not text.isascii():
        raise NoSuchTime(text)
    return time(int(found[1]), int(found[2]))


def moment_on(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when a local time of a day is, in UTC.

    Args:
        day: By the local calendar.
        at: The time of day; where the day lacks it, the next one that there is counts.
        zone: Of the site.
    """
    wall = datetime.combine(day, at)
    while not _exists(wall, zone):
        wall += _MINUTE
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone).astimezone(UTC)
    return there.astimezone(zone).replace(tzinfo=None) == wall


def next_due(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """Return when a daily job is due next, later than a moment."""
    day = after.astimezone(zone).date() - _DAY
    while (due := moment_on(day, at, zone)) <= after:
        day += _DAY
    return due


def latest_due(until: datetime, at: time, zone: ZoneInfo) -> datetime:
    """Return when a daily job was due last, at a moment or before it.

    What was due earlier and missed is not made up for: it runs once.
    """
    day = until.astimezone(zone).date() + _DAY
    while (due := moment_on(day, at, zone)) > until:
        day -= _DAY
    return due


def same_span_before(
    start: datetime, end: datetime, zone: ZoneInfo, weeks: int
) -> list[tuple[datetime, datetime]]:
    """Return the same local hours of the same weekday in weeks before, the newest first.

    Args:
        start: Of the span, included.
        end: Not included.
        zone: Whose local hours.
        weeks: How many.
    """
    local = end.astimezone(zone)
    length = end - start
    found = []
    for week in range(1, weeks + 1):
        day = local.date() - week * 7 * _DAY
        there = moment_on(day, local.time().replace(tzinfo=None, fold=0), zone)
        found.append((there - length, there))
    return found
