"""How long an account runs, and when its end is told of: days, months and their borders.

A term is half-open, [starts_on, ends_on), in the account's time zone. Its end is always counted
from the original first day, so that the 31st of January stays the 31st wherever a month has one.
"""

from calendar import monthrange
from collections.abc import Set
from dataclasses import dataclass
from datetime import date, datetime, time
from datetime import timedelta as span
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

REMINDED_AT: Final = time(8)
"""The time of day of reminders, in the account's zone."""


def months_later(start: date, months: int) -> date:
    """Return the day so many months after another, clamped to its month's length.

    Args:
        start: The first day.
        months: How many; negative ones lie before it.
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))


def months_left(anchor: date, months: int, on: date) -> int:
    """Return how many months of a term are not over on a day, the running one included.

    Args:
        anchor: The original first day.
        months: How many months have been granted since then.
        on: The day.
    """
    return sum(months_later(anchor, each + 1) > on for each in range(months))


def begins_at(day: date, zone: str) -> datetime:
    """Return the moment at which a day begins in a zone (IANA)."""
    return datetime.combine(day, time(), ZoneInfo(zone))


def today(now: datetime, zone: str) -> date:
    """Return which day it is in a zone (IANA)."""
    return now.astimezone(ZoneInfo(zone)).date()


@dataclass(frozen=True, slots=True)
class Term:
    """What was granted: `months` since `anchor_on`, of which [starts_on, ends_on) is the newest."""

    anchor_on: date
    months: int
    starts_on: date
    ends_on: date

    def __post_init__(self) -> None:
        assert self.ends_on == months_later(self.anchor_on, self.months), "the end drifted"
        assert self.starts_on < self.ends_on


def first_term(start: date, months: int) -> Term:
    """Return the term of a new account."""
    return Term(start, months, start, months_later(start, months))


def renewed(term: Term, months: int, on: date) -> Term:
    """Return the term after a renewal that is approved on a day.

    Early, the new term starts at the old end, counted on from the original first day; once the
    account has expired it starts on that day, which is its first day from then on.
    """
    if on >= term.ends_on:
        return first_term(on, months)
    total = term.months + months
    return Term(term.anchor_on, total, term.ends_on, months_later(term.anchor_on, total))


# ---------------------------------------------------------------------------- reminders


class Reminder(StrEnum):
    """When an end is told of."""

    MONTH = "month"
    """One month before, on a clamped day."""
    WEEK = "week"
    """Seven days before."""
    DAY = "day"
    """On the day itself."""


def reminder_at(kind: Reminder, ends_on: date, zone: str) -> datetime:
    """Return the moment of a reminder: 08:00 in the zone (IANA)."""
    days = {
        Reminder.MONTH: months_later(ends_on, -1),
        Reminder.WEEK: ends_on - span(days=7),
        Reminder.DAY: ends_on,
    }
    return datetime.combine(days[kind], REMINDED_AT, ZoneInfo(zone))


@dataclass(frozen=True, slots=True)
class DueReminders:
    """What to do about reminders now: at most one is sent, those before it are passed over."""

    send: Reminder | None
    passed_over: tuple[Reminder, ...]


def due_reminders(
    starts_on: date, ends_on: date, zone: str, *, done: Set[Reminder], now: datetime
) -> DueReminders:
    """Return which reminder of an end is due.

    Those that would lie before the start are skipped; of several that were missed only the latest
    is sent.

    Args:
        starts_on: The first day of the term.
        ends_on: The day of expiry.
        zone: The account's zone (IANA).
        done: Those that were sent or passed over for this end.
        now: The moment.
    """
    past = [each for each in Reminder if reminder_at(each, ends_on, zone) <= now]
    skipped = [each for each in past if reminder_at(each, ends_on, zone).date() < starts_on]
    due = [each for each in past if each not in skipped]
    latest = due[-1] if due else None
    send = None if latest in done else latest
    return DueReminders(send, tuple(each for each in past if each is not send and each not in done))
