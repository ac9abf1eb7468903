"""By when somebody has to react: working hours, holidays, and what was promised by them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from foundation.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When somebody works: from `opens` to `closes` on `weekdays` (Monday is 0), by local time."""

    time_zone: str
    opens: time = time(8)
    closes: time = time(18)
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = frozenset()

    def works_on(self, day: date) -> bool:
        """Tell whether it is a working day."""
        return day.weekday() in self.weekdays and day not in self.holidays


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """By when what has to happen, by a service package.

    `remote_within` counts on the clock, night and weekend included. An answer is due by the end of
    the n-th working day after the report, a technician on site by the end of the n-th.
    """

    remote_within: timedelta
    answer_within_days: int
    on_site_within_days: int


SHIPPED_LEVEL: Final = ServiceLevel(timedelta(hours=4), 1, 5)
"""Remote within 4 h, an answer on the next working day, on site within 5 working days."""

_LONGEST_SEARCH_DAYS = 400


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The moments by which a service level has to be met, in UTC terms of the given zone."""

    remote_at: datetime
    answer_at: datetime
    on_site_at: datetime


def deadlines(level: ServiceLevel, hours: BusinessHours, reported_at: datetime) -> Deadlines:
    """Return by when somebody has to react to what was reported.

    What is reported after closing time, or on a day off, counts as reported on the next working
    day's opening; so the first working day after it is the one behind that.

    Raises:
        InvalidInput: If there is no working day within a year.
    """
    zone = ZoneInfo(hours.time_zone)
    local = reported_at.astimezone(zone)
    day = local.date()
    if not hours.works_on(day) or local.time() >= hours.closes:
        day = _working_day_after(hours, day, 1)
    return Deadlines(
        remote_at=reported_at + level.remote_within,
        answer_at=_closing(hours, _working_day_after(hours, day, level.answer_within_days), zone),
        on_site_at=_closing(hours, _working_day_after(hours, day, level.on_site_within_days), zone),
    )


def _working_day_after(hours: BusinessHours, day: date, count: int) -> date:
    for _ in range(_LONGEST_SEARCH_DAYS):
        if count == 0:
            return day
        day += timedelta(days=1)
        count -= hours.works_on(day)
    raise InvalidInput("There is no working day within a year.", field="weekdays")


def _closing(hours: BusinessHours, day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, hours.closes, zone)
