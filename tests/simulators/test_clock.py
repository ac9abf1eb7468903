"""The clocks of the stations."""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from simulators.clock import HandClock, RealClock, SharedClock

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


async def test_a_hand_clock_stands_still_until_it_is_moved_and_never_goes_back() -> None:
    clock = HandClock(NOON)
    await clock.pass_time(timedelta(hours=1))
    assert clock.now() == NOON + timedelta(hours=1)
    clock.move_to(NOON)
    assert clock.now() == NOON + timedelta(hours=1)


async def test_a_real_clock_goes_by_itself_and_can_play_faster() -> None:
    clock = RealClock(pace=0.0001)
    before = clock.now()
    await clock.pass_time(timedelta(seconds=10))
    assert timedelta(0) < clock.now() - before < timedelta(seconds=10)
    assert before.tzinfo is UTC


async def test_readers_who_mapped_the_file_see_every_move_and_the_release(
    tmp_path: Path,
) -> None:
    path = tmp_path / "clock"
    clock = SharedClock(path, NOON)
    with path.open("rb") as file:
        seen = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    assert struct.unpack("<q", seen[:8]) == (1_792_065_600_000_000,)
    await clock.pass_time(timedelta(microseconds=7))
    assert struct.unpack("<q", seen[:8]) == (1_792_065_600_000_007,)
    clock.release()
    assert struct.unpack("<q", seen[:8]) == (0,)
    before = clock.now()
    await clock.pass_time(timedelta(milliseconds=1))
    clock.move_to(NOON)
    assert clock.now() > before > NOON - timedelta(days=365)
    assert struct.unpack("<q", seen[:8]) == (0,)
    clock.close()
