"""How far clocks are off, and what their moments are worth."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.skew import (
    LATEST_DELIVERY,
    OLDEST,
    TOLERANCE,
    CorrectedMoment,
    SkewEstimate,
    corrected,
    is_implausible,
)

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NONE = timedelta(0)


def estimate(*pairs: tuple[timedelta, timedelta]) -> timedelta:
    """The skew after pairs of (when heard after NOW, how far ahead the station's clock was)."""
    learned = SkewEstimate()
    for heard, ahead in pairs:
        learned.observe(NOW + heard + ahead, NOW + heard)
    return learned.skew()


# ----------------------------------------------------------------------------------- learning


def test_nothing_is_claimed_of_a_clock_that_nobody_knows() -> None:
    assert SkewEstimate().skew() == NONE


def test_one_late_message_proves_nothing() -> None:
    assert estimate((NONE, -3 * 60 * MINUTE)) == NONE


def test_two_messages_apart_that_are_off_by_the_same_prove_a_wrong_clock() -> None:
    two_hours = 120 * MINUTE
    assert estimate((NONE, two_hours), (30 * SECOND, two_hours)) == two_hours
    assert estimate((NONE, -two_hours), (MINUTE, -two_hours + MINUTE)) == -two_hours + MINUTE


def test_two_messages_at_the_same_time_prove_nothing() -> None:
    """A queue that is worked off comes all at once."""
    two_hours = 120 * MINUTE
    assert estimate((NONE, -two_hours), (29 * SECOND, -two_hours)) == NONE


def test_a_queue_that_is_worked_off_slowly_proves_nothing() -> None:
    told = [(place * 10 * SECOND, -180 * MINUTE + place * 15 * MINUTE) for place in range(8)]
    assert estimate(*told) == NONE


def test_a_burst_counts_as_one_message() -> None:
    learned = SkewEstimate()
    for place in range(20):
        heard = NOW + place * SECOND / 10
        learned.observe(heard - 60 * MINUTE, heard)
    assert learned.skew() == NONE


def test_what_is_off_by_no_more_than_the_tolerance_is_right() -> None:
    assert estimate((NONE, TOLERANCE), (MINUTE, TOLERANCE)) == NONE
    above = TOLERANCE + SECOND
    assert estimate((NONE, above), (MINUTE, above)) == above


def test_a_clock_that_was_set_meanwhile_is_right_again() -> None:
    two_hours = 120 * MINUTE
    assert estimate((NONE, two_hours), (MINUTE, two_hours), (2 * MINUTE, NONE)) == NONE


def test_a_clock_that_was_never_set_can_be_corrected_and_one_at_year_1_cannot() -> None:
    since_1970 = datetime(1970, 1, 1, tzinfo=UTC) - NOW
    assert estimate((NONE, since_1970), (MINUTE, since_1970)) == since_1970
    since_1 = datetime(1, 1, 2, tzinfo=UTC) - NOW
    assert estimate((NONE, since_1), (MINUTE, since_1)) == NONE


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(-(10**9), 10**9)), max_size=20))
def test_a_skew_always_fits_where_it_is_stored(pairs: list[tuple[int, int]]) -> None:
    found = estimate(*[(heard * SECOND, ahead * SECOND) for heard, ahead in sorted(pairs)])
    assert abs(found.total_seconds()) < 2**31
    assert found == NONE or abs(found) > TOLERANCE


# ----------------------------------------------------------------------------------- correcting


@pytest.mark.parametrize(
    ("reported", "implausible"),
    [
        (NOW, False),
        (NOW + TOLERANCE, False),
        (NOW + TOLERANCE + SECOND, True),
        (NOW - LATEST_DELIVERY, False),
        (NOW - LATEST_DELIVERY - SECOND, True),
        (datetime(1970, 1, 1, tzinfo=UTC), True),
    ],
)
def test_which_moments_can_only_come_from_a_wrong_clock(
    reported: datetime, implausible: bool
) -> None:
    assert is_implausible(reported, NOW) is implausible


def test_no_moment_lies_before_ocpp() -> None:
    early = OLDEST + LATEST_DELIVERY
    assert is_implausible(OLDEST - SECOND, early - SECOND)
    assert not is_implausible(OLDEST, early - SECOND)


def test_a_plausible_moment_is_left_as_it_is() -> None:
    late = NOW - 60 * MINUTE
    assert corrected(late, NOW, NONE) == CorrectedMoment(late, doubtful=False)


def test_a_known_skew_is_taken_off_and_doubted() -> None:
    two_hours = 120 * MINUTE
    assert corrected(NOW + two_hours, NOW, two_hours) == CorrectedMoment(NOW, doubtful=True)
    since_1970 = datetime(1970, 1, 1, tzinfo=UTC) - NOW
    told = datetime(1969, 12, 31, 23, tzinfo=UTC)
    assert corrected(told, NOW, since_1970) == CorrectedMoment(NOW - 60 * MINUTE, doubtful=True)


def test_an_impossible_moment_becomes_that_of_receipt() -> None:
    assert corrected(NOW + 60 * MINUTE, NOW, NONE) == CorrectedMoment(NOW, doubtful=True)


def test_nothing_happens_after_it_is_heard() -> None:
    assert corrected(NOW + MINUTE, NOW, NONE) == CorrectedMoment(NOW, doubtful=False)


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-(2**31), 2**31).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_any_moment_can_be_corrected(reported: datetime, skew: timedelta) -> None:
    found = corrected(reported, NOW, skew)
    assert OLDEST <= found.at <= NOW
    assert not is_implausible(found.at, NOW)
