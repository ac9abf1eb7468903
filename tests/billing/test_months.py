"""Months in the zones of payees."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.months import Month
from foundation.errors import InvalidInput

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
).map(ZoneInfo)
MONTHS = st.builds(Month, st.integers(1990, 2060), st.integers(1, 12))


def test_a_month_is_written_with_two_digits() -> None:
    assert str(Month.parse("2026-03")) == "2026-03"
    assert Month.parse("2026-03") == Month(2026, 3)


@pytest.mark.parametrize("written", ["2026-00", "2026-13", "26-01", "2026-1", "2026-01 ", ""])
def test_what_is_no_month_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        Month.parse(written)
    assert refusal.value.field == "month"


def test_december_is_followed_by_january() -> None:
    assert Month(2026, 12).next == Month(2027, 1)
    assert Month(2027, 1).previous == Month(2026, 12)
    assert Month(2026, 12).first_day == date(2026, 12, 1)


def test_a_month_with_a_change_of_the_clocks_is_an_hour_longer_or_shorter() -> None:
    october, march = Month(2026, 10), Month(2026, 3)
    assert october.end(BERLIN) - october.start(BERLIN) == timedelta(hours=745)
    assert march.end(BERLIN) - march.start(BERLIN) == timedelta(hours=743)


def test_the_last_evening_in_utc_is_the_next_month_in_vienna() -> None:
    at = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
    assert Month.of(at, ZoneInfo("Europe/Vienna")) == Month(2026, 4)
    assert Month.of(at, ZoneInfo("UTC")) == Month(2026, 3)


@given(month=MONTHS, zone=ZONES)
def test_months_follow_each_other_without_a_gap(month: Month, zone: ZoneInfo) -> None:
    start, end = month.start(zone), month.end(zone)
    assert month.next.start(zone) == end
    assert month.next.previous == month
    assert Month.of(start, zone) == month
    assert Month.of(end - timedelta(microseconds=1), zone) == month
    assert Month.of(end, zone) == month.next
