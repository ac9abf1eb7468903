"""When a job is due: local times, both changes of the clock, and what was missed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.job_schedule import (
    NoSuchTime,
    latest_due,
    moment_on,
    next_due,
    same_span_before,
    time_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(
    [ZoneInfo(each) for each in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")]
)
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))
MOMENTS = st.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001 - the zone is told beside
    datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@pytest.mark.parametrize("text", ["00:00", "06:30", "23:59", " 10:00 "])
def test_a_time_of_day_is_read(text: str) -> None:
    assert f"{time_of(text):%H:%M}" == text.strip()


@pytest.mark.parametrize(
    "text", ["24:00", "25:00", "10:60", "9:30", "10", "10:00:00", "", "-1:00", "1٠:00", "ten"]
)
def test_what_is_no_time_of_day_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(NoSuchTime, match="no time of day") as refused:
        time_of(text)
    assert refused.value.field == "execute_at"


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        ((2026, 3, 28), time(2, 30), "2026-03-28T01:30"),
        ((2026, 3, 29), time(1, 59), "2026-03-29T00:59"),
        ((2026, 3, 29), time(2, 0), "2026-03-29T01:00"),  # missing: 03:00 is the next there is
        ((2026, 3, 29), time(2, 30), "2026-03-29T01:00"),
        ((2026, 3, 29), time(3, 0), "2026-03-29T01:00"),
        ((2026, 10, 25), time(1, 59), "2026-10-24T23:59"),
        ((2026, 10, 25), time(2, 30), "2026-10-25T00:30"),  # comes twice: the first one
        ((2026, 10, 25), time(3, 0), "2026-10-25T02:00"),
    ],
)
def test_local_times_at_both_changes_of_the_clock(
    day: tuple[int, int, int], at: time, utc: str
) -> None:
    assert moment_on(date(*day), at, BERLIN) == datetime.fromisoformat(utc + "+00:00")


def test_a_doubled_hour_runs_once_and_a_missing_one_still_runs() -> None:
    for day in (date(2026, 3, 29), date(2026, 10, 25)):
        start = moment_on(day, time(0), BERLIN) - timedelta(minutes=1)
        end = moment_on(day + timedelta(days=1), time(0), BERLIN)
        due, found = start, []
        while (due := next_due(due, time(2, 30), BERLIN)) < end:
            found.append(due)
        assert len(found) == 1


@given(after=MOMENTS, at=TIMES, zone=ZONES)
def test_a_job_is_due_once_every_local_day(after: datetime, at: time, zone: ZoneInfo) -> None:
    due = next_due(after, at, zone)
    again = next_due(due, at, zone)
    assert after < due < again
    assert again.astimezone(zone).date() - due.astimezone(zone).date() == timedelta(days=1)
    assert latest_due(due, at, zone) == due
    assert latest_due(again - timedelta(seconds=1), at, zone) == due


def test_the_same_hours_of_the_weekday_are_the_local_ones() -> None:
    end = datetime(2026, 11, 2, 9, tzinfo=UTC)  # Monday, 10:00 in winter
    spans = same_span_before(end - timedelta(hours=4), end, BERLIN, 2)
    assert [each[1] for each in spans] == [
        datetime(2026, 10, 26, 9, tzinfo=UTC),
        datetime(2026, 10, 19, 8, tzinfo=UTC),  # 10:00 in summer
    ]
    assert all(last - first == timedelta(hours=4) for first, last in spans)
