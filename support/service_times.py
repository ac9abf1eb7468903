"""By when somebody has to react to a ticket; the clock stands while the customer has to act.

Pure: a service package promises times (`foundation.working_hours`); whatever time the customer
takes is added to them. What was promised by the clock waits by the clock, what was promised in
working days waits in working time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from foundation.errors import InvalidInput
from foundation.working_hours import BusinessHours, Deadlines, ServiceLevel, deadlines

AT_RISK: Final = timedelta(hours=2)
"""How long before its end a promised time is shown as urgent."""
_LONGEST_SEARCH_DAYS: Final = 800
_NOTHING: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class Wait:
    """The customer has to do something in [began_at, ended_at); without an end he still has."""

    began_at: datetime
    ended_at: datetime | None = None


class Standing(StrEnum):
    """How a promised time stands."""

    MET = "met"
    LATE = "late"
    """It was met, too late."""
    STOPPED = "stopped"
    """The customer has to act: the clock stands."""
    DUE = "due"
    URGENT = "urgent"
    MISSED = "missed"


def working_time(hours: BusinessHours, start: datetime, end: datetime) -> timedelta:
    """Return how much of [start, end) is working time; nothing if it ends before it begins."""
    if end <= start:
        return _NOTHING
    zone = ZoneInfo(hours.time_zone)
    start, end = start.astimezone(UTC), end.astimezone(UTC)  # in one zone, hands are subtracted
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    found = _NOTHING
    while day <= last:
        if hours.works_on(day):
            opens, closes = _bounds(hours, day)
            found += max(_NOTHING, min(end, closes) - max(start, opens))
        day += timedelta(days=1)
    return found


def after_working(hours: BusinessHours, at: datetime, more: timedelta) -> datetime:
    """Return the moment at which that much more working time has passed, in UTC.

    Raises:
        InvalidInput: If there is too little working time in the next two years.
    """
    if more <= _NOTHING:
        return at
    zone = ZoneInfo(hours.time_zone)
    at = at.astimezone(UTC)
    day, left = at.astimezone(zone).date(), more
    for _ in range(_LONGEST_SEARCH_DAYS):
        if hours.works_on(day):
            opens, closes = _bounds(hours, day)
            begins = max(at, opens)
            if begins < closes:
                if left <= closes - begins:
                    return begins + left
                left -= closes - begins
        day += timedelta(days=1)
    raise InvalidInput("There is too little working time.", field="weekdays")


def due(
    level: ServiceLevel, hours: BusinessHours, reported_at: datetime, waits: Sequence[Wait] = ()
) -> Deadlines:
    """Return by when somebody has to react, in UTC, with the time added that the customer took.

    A wait that still lasts adds nothing yet: until it ends the clock stands. One that began when a
    time was over already adds nothing to that time.

    Args:
        level: What was promised.
        hours: When somebody works.
        reported_at: When the ticket was opened.
        waits: When the customer had to act, in their order; none overlaps another.
    """
    plain = deadlines(level, hours, reported_at)
    remote, answer, on_site = (
        each.astimezone(UTC) for each in (plain.remote_at, plain.answer_at, plain.on_site_at)
    )
    for each in waits:
        if each.ended_at is None:
            continue
        if each.began_at < remote:
            remote += each.ended_at.astimezone(UTC) - max(each.began_at, reported_at)
        lost = working_time(hours, max(each.began_at, reported_at), each.ended_at)
        if each.began_at < answer:
            answer = after_working(hours, answer, lost)
        if each.began_at < on_site:
            on_site = after_working(hours, on_site, lost)
    return Deadlines(remote, answer, on_site)


def standing(
    due_at: datetime, met_at: datetime | None, now: datetime, *, is_stopped: bool
) -> Standing:
    """Return how a promised time stands; what happens at the very moment is in time."""
    if met_at is not None:
        return Standing.MET if met_at <= due_at else Standing.LATE
    if is_stopped:
        return Standing.STOPPED
    if now > due_at:
        return Standing.MISSED
    return Standing.URGENT if now > due_at - AT_RISK else Standing.DUE


def _bounds(hours: BusinessHours, day: date) -> tuple[datetime, datetime]:
    zone = ZoneInfo(hours.time_zone)
    opens = datetime.combine(day, hours.opens, zone).astimezone(UTC)
    return opens, datetime.combine(day, hours.closes, zone).astimezone(UTC)
