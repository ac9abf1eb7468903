"""Months as payees live them: from midnight to midnight in a time zone of their own."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from foundation.errors import InvalidInput

_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month, shown as `2026-10`."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @classmethod
    def parse(cls, written: str) -> "Month":
        """Read `2026-10`.

        Raises:
            InvalidInput: If it is anything else.
        """
        found = _MONTH.fullmatch(written)
        if found is None or found[1] == "0000":
            raise InvalidInput(f"A month is written as in 2026-10, not {written!r}.", field="month")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> "Month":
        """Return the month in which a moment lies in a zone."""
        local = at.astimezone(zone)
        return cls(local.year, local.month)

    @property
    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def previous(self) -> "Month":
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    def start(self, zone: ZoneInfo) -> datetime:
        """Return the first moment, in UTC; the month ends where the next one starts.

        Where the clocks change at midnight, the month begins with the first moment of its first
        day that exists.
        """
        return _start(self.year, self.number, zone)

    def end(self, zone: ZoneInfo) -> datetime:
        """Return the first moment that is no longer in the month, in UTC."""
        return self.next.start(zone)


@lru_cache(maxsize=1000)
def _start(year: int, month: int, zone: ZoneInfo) -> datetime:
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)
