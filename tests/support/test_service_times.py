"""By when somebody has to react, with the time that the customer took."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from foundation.working_hours import SHIPPED_LEVEL, BusinessHours, deadlines
from support.service_times import (
    Standing,
    Wait,
    after_working,
    due,
    standing,
    working_time,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = BusinessHours("Europe/Berlin", holidays=frozenset({date(2026, 12, 25)}))
MONDAY = datetime(2026, 10, 12, 9, tzinfo=BERLIN)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=BERLIN)


def test_working_time_is_that_between_opening_and_closing_on_working_days() -> None:
    assert working_time(HOURS, at(12, 9), at(12, 11)) == timedelta(hours=2)
    assert working_time(HOURS, at(12, 17), at(13, 9)) == timedelta(hours=2)
    assert working_time(HOURS, at(16, 17), at(19, 9)) == timedelta(hours=2)  # a weekend between
    assert working_time(HOURS, at(12, 19), at(13, 7)) == timedelta(0)
    assert working_time(HOURS, at(12, 11), at(12, 9)) == timedelta(0)


def test_the_clock_stands_while_the_customer_has_to_act() -> None:
    """Two hours of work taken from Monday: the answer is due two hours into Wednesday."""
    wait = Wait(at(12, 10), at(12, 12))
    plain, shifted = due(SHIPPED_LEVEL, HOURS, MONDAY), due(SHIPPED_LEVEL, HOURS, MONDAY, [wait])
    assert plain.remote_at == at(12, 13)
    assert shifted.remote_at == at(12, 15)
    assert plain.answer_at == at(13, 18)
    assert shifted.answer_at == at(14, 10)
    assert plain.on_site_at == at(19, 18)
    assert shifted.on_site_at == at(20, 10)


def test_a_night_of_waiting_moves_what_counts_by_the_clock_alone() -> None:
    shifted = due(SHIPPED_LEVEL, HOURS, at(12, 17), [Wait(at(12, 18), at(13, 8))])
    assert shifted.remote_at == at(13, 11)
    assert shifted.answer_at == at(13, 18)


def test_a_wait_that_began_too_late_saves_nothing_and_one_that_lasts_adds_nothing_yet() -> None:
    plain = due(SHIPPED_LEVEL, HOURS, MONDAY)
    late = due(SHIPPED_LEVEL, HOURS, MONDAY, [Wait(at(12, 13), at(12, 14))])
    assert late.remote_at == plain.remote_at
    assert due(SHIPPED_LEVEL, HOURS, MONDAY, [Wait(at(12, 10))]) == plain


def test_an_hour_of_work_more_across_the_change_of_clocks_is_an_hour() -> None:
    """On 25 October 2026 clocks go back; who works nights and Sundays works an hour more."""
    nights = BusinessHours("Europe/Berlin", time(0), time(6), weekdays=frozenset(range(7)))
    start = datetime(2026, 10, 25, 0, tzinfo=BERLIN)
    end = datetime(2026, 10, 25, 6, tzinfo=BERLIN)
    assert working_time(nights, start, end) == timedelta(hours=7)
    assert after_working(nights, start, timedelta(hours=7)) == end


def test_hours_in_which_nobody_works_are_refused() -> None:
    never = BusinessHours("UTC", weekdays=frozenset())
    with pytest.raises(InvalidInput):
        after_working(never, MONDAY, timedelta(minutes=1))
    assert after_working(never, MONDAY, timedelta(0)) == MONDAY


moments = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
spans = st.timedeltas(timedelta(0), timedelta(days=20))


@given(reported=moments, after=spans, lasts=spans)
def test_waiting_never_makes_anything_due_earlier(
    reported: datetime, after: timedelta, lasts: timedelta
) -> None:
    began = reported + after
    plain = due(SHIPPED_LEVEL, HOURS, reported)
    shifted = due(SHIPPED_LEVEL, HOURS, reported, [Wait(began, began + lasts)])
    assert plain == deadlines(SHIPPED_LEVEL, HOURS, reported)
    assert shifted.remote_at >= plain.remote_at
    assert shifted.answer_at >= plain.answer_at
    assert shifted.on_site_at >= plain.on_site_at


@given(start=moments, more=spans)
def test_working_time_and_its_end_agree(start: datetime, more: timedelta) -> None:
    assert working_time(HOURS, start, after_working(HOURS, start, more)) == more


@pytest.mark.parametrize(
    ("due_hour", "met", "stopped", "expected"),
    [
        (12, 11, False, Standing.MET),
        (12, 12, False, Standing.MET),
        (12, 13, False, Standing.LATE),
        (15, None, False, Standing.DUE),
        (11, None, False, Standing.URGENT),
        (9, None, False, Standing.MISSED),
        (9, None, True, Standing.STOPPED),
        (15, None, True, Standing.STOPPED),
    ],
)
def test_how_a_promised_time_stands_at_ten(
    due_hour: int, met: int | None, stopped: bool, expected: Standing
) -> None:
    met_at = None if met is None else at(12, met)
    assert standing(at(12, due_hour), met_at, at(12, 10), is_stopped=stopped) is expected
