"""Terms and reminders: clamped days that never drift."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts import periods
from accounts.periods import Reminder, due_reminders, first_term, months_later, renewed

BERLIN = "Europe/Berlin"
days = st.dates(date(2000, 1, 1), date(2080, 12, 31))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2026, 1, 15), -1, date(2025, 12, 15)),
    ],
)
def test_a_day_is_clamped_to_the_length_of_its_month(start: date, months: int, end: date) -> None:
    assert months_later(start, months) == end


@given(start=days, parts=st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_however_often_a_term_is_renewed_its_end_does_not_drift(
    start: date, parts: list[int]
) -> None:
    term = first_term(start, parts[0])
    for months in parts[1:]:
        before = term
        term = renewed(term, months, term.ends_on - timedelta(days=1))
        assert term.starts_on == before.ends_on, "no gap and no overlap"

    assert term.ends_on == months_later(start, sum(parts))


@given(start=days, months=st.integers(1, 60), late=st.integers(0, 500))
def test_a_renewal_after_the_end_begins_on_the_day_of_its_approval(
    start: date, months: int, late: int
) -> None:
    term = first_term(start, 12)
    on = term.ends_on + timedelta(days=late)

    assert renewed(term, months, on) == first_term(on, months)


@given(start=days, months=st.integers(1, 40), on=st.integers(0, 1300))
def test_the_months_left_and_those_that_are_over_make_the_term(
    start: date, months: int, on: int
) -> None:
    day = start + timedelta(days=on)
    left = periods.months_left(start, months, day)

    assert 0 <= left <= months
    assert (left > 0) == (day < months_later(start, months)), "the running month is left"


def test_reminders_come_at_eight_in_the_accounts_zone_on_both_sides_of_the_change_of_clocks() -> (
    None
):
    summer = periods.reminder_at(Reminder.DAY, date(2026, 10, 24), BERLIN)
    winter = periods.reminder_at(Reminder.DAY, date(2026, 10, 26), BERLIN)

    assert summer.astimezone(UTC) == datetime(2026, 10, 24, 6, tzinfo=UTC)
    assert winter.astimezone(UTC) == datetime(2026, 10, 26, 7, tzinfo=UTC)


def test_the_first_reminder_of_the_end_of_march_is_on_the_last_of_february() -> None:
    at = periods.reminder_at(Reminder.MONTH, date(2026, 3, 31), BERLIN)

    assert at == datetime(2026, 2, 28, 8, tzinfo=ZoneInfo(BERLIN))


@given(
    start=days,
    months=st.integers(1, 14),
    looks=st.lists(st.integers(0, 500 * 24), max_size=30),
)
def test_each_reminder_is_sent_at_most_once_and_never_an_earlier_one_after_a_later(
    start: date, months: int, looks: list[int]
) -> None:
    ends = months_later(start, months)
    begin = periods.begins_at(start, BERLIN).astimezone(UTC)
    done: set[Reminder] = set()
    sent: list[Reminder] = []
    for hours in sorted(looks):
        due = due_reminders(start, ends, BERLIN, done=done, now=begin + timedelta(hours=hours))
        if due.send is not None:
            sent.append(due.send)
        done |= {*due.passed_over, *([due.send] if due.send else [])}

    assert sent == [each for each in Reminder if each in sent]
    assert len(sent) == len(set(sent))


def test_a_reminder_that_would_lie_before_the_start_is_skipped() -> None:
    start, end = date(2026, 10, 10), date(2026, 10, 20)
    before = datetime(2026, 10, 12, tzinfo=UTC)
    after = datetime(2026, 10, 13, 12, tzinfo=UTC)

    assert due_reminders(start, end, BERLIN, done=set(), now=before).send is None
    assert due_reminders(start, end, BERLIN, done=set(), now=after).send is Reminder.WEEK
