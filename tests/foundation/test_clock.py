"""Clocks: the machine's, one that stands still, one that several processes share."""

import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.clock import SetClock, SharedClock, SystemClock, write_shared_clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def test_the_machines_clock_is_aware_and_goes_on() -> None:
    first, second = SystemClock().now(), SystemClock().now()
    assert first.utcoffset() == timedelta(0)
    assert first <= second


def test_a_set_clock_moves_only_by_hand() -> None:
    clock = SetClock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)


def test_a_set_clock_speaks_utc_whatever_it_was_set_with() -> None:
    clock = SetClock(NOON.astimezone(timezone(timedelta(hours=2))))
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.now() == NOON


def test_a_set_clock_refuses_a_time_of_nowhere() -> None:
    SetClock(NOON)
    with pytest.raises(AssertionError):
        SetClock(NOON.replace(tzinfo=None))


def test_readers_of_a_shared_clock_follow_its_writer(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    write_shared_clock(file, NOON)
    one, two = SharedClock(file), SharedClock(file)
    assert one.now() == two.now() == NOON
    write_shared_clock(file, NOON + timedelta(days=1))
    assert one.now() == two.now() == NOON + timedelta(days=1)


def test_once_its_time_is_over_a_shared_clock_is_the_machines(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    write_shared_clock(file, None)
    before = SystemClock().now()
    assert before <= SharedClock(file).now() <= SystemClock().now()


@settings(deadline=None)  # it is about files
@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment != EPOCH))
def test_a_shared_moment_is_read_as_it_was_written(moment: datetime) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clock"
        write_shared_clock(file, moment)
        assert SharedClock(file).now() == moment
