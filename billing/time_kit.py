"""Examples of time that go wrong elsewhere, computed for the zones that an installation has.

Each says what must come out and what does: 31 January plus a month, the leap day, the change to
summer time and back, the same moment in the months of two zones. Nothing here reads a clock; the
rules of time are the zones' own (IANA).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from accounts.periods import months_later
from billing.months import Month


@dataclass(frozen=True, slots=True)
class Example:
    """Something that was computed; `expected` is what the calendar says."""

    key: str
    zone: str
    about: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        return self.expected == self.found


def examples(zones: Iterable[str], year: int) -> list[Example]:
    """Return the examples of a year for each zone, then for each two of them.

    Args:
        zones: IANA names.
        year: Whose changes of the clocks are tried.
    """
    names = sorted(set(zones))
    found: list[Example] = []
    for name in names:
        zone = ZoneInfo(name)
        found += _days(name, year)
        found += _lengths(name, zone, year)
        found += _borders(name, zone, year)
        found += _leap_day(name, zone, year)
    found += _two_zones(names, year)
    return found


def _days(name: str, year: int) -> Iterator[Example]:
    """A month after the last of January is the last of February, and is not lost in March."""
    last = date(year, 1, 31)
    end_of_february = Month(year, 3).first_day - timedelta(days=1)
    yield Example(
        "month_after_31_january", name, str(last), str(end_of_february), str(months_later(last, 1))
    )
    yield Example(
        "two_months_after_31_january", name, str(last), f"{year}-03-31", str(months_later(last, 2))
    )


def _lengths(name: str, zone: ZoneInfo, year: int) -> Iterator[Example]:
    """A month is as long as its days, and the hour that the clocks are put on or back."""
    for number in range(1, 13):
        month = Month(year, number)
        start, end = month.start(zone), month.end(zone)
        days = (month.next.first_day - month.first_day).days
        moved = _offset(start, zone) - _offset(end, zone)
        if moved:
            yield Example(
                "clocks_change",
                name,
                str(month),
                _hours(timedelta(days=days) + moved),
                _hours(end - start),
            )


def _borders(name: str, zone: ZoneInfo, year: int) -> Iterator[Example]:
    """The last instant of a year is in December, the next one in January."""
    border = Month(year, 12).end(zone)
    for at, expected in (
        (border - timedelta(microseconds=1), f"{year:04}-12"),
        (border, f"{year + 1:04}-01"),
    ):
        found = str(Month.of(at, zone))
        yield Example("border_of_the_year", name, at.isoformat(), expected, found)


def _leap_day(name: str, zone: ZoneInfo, year: int) -> Iterator[Example]:
    """The leap day belongs to February, and March begins after it."""
    leap = next(each for each in range(year, year + 9) if _is_leap(each))
    noon = datetime(leap, 2, 29, 12, tzinfo=zone).astimezone(UTC)
    yield Example("leap_day", name, f"{leap}-02-29", f"{leap}-02", str(Month.of(noon, zone)))
    after = str(months_later(date(leap, 2, 29), 12))
    yield Example("year_after_leap_day", name, f"{leap}-02-29", f"{leap + 1}-02-28", after)


def _two_zones(names: list[str], year: int) -> Iterator[Example]:
    """A moment between two zones' midnights is in two months: each payee's is his own."""
    month = Month(year, 6)
    starts = sorted((month.start(ZoneInfo(name)), name) for name in names)
    for (early, eastern), (late, western) in pairwise(starts):
        if early == late:
            continue
        at = early + (late - early) / 2
        found = f"{Month.of(at, ZoneInfo(eastern))} {Month.of(at, ZoneInfo(western))}"
        about = f"{eastern}, {western}: {at.isoformat()}"
        yield Example("two_zones", eastern, about, f"{month} {month.previous}", found)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):g} h"
