"""The stations' clocks: the machine's own, one set by hand, and one that runs fast for everybody.

The fast clock is a small file that the fleet writes and the central system reads: one
little-endian signed 64-bit number, microseconds since 1970-01-01 UTC, or 0 once the machine's own
time counts again.
"""

import asyncio
import os
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMAT = "<q"


class Clock(Protocol):
    """What a station goes by: the moment, and a way to let time pass."""

    def now(self) -> datetime: ...

    async def pass_time(self, by: timedelta) -> None: ...


class RealClock:
    """The machine's clock. `pace` is how many real seconds stand for one second of a story."""

    def __init__(self, pace: float = 1.0) -> None:
        assert pace > 0
        self._pace = pace

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the simulators' one place that may

    async def pass_time(self, by: timedelta) -> None:
        await asyncio.sleep(by.total_seconds() * self._pace)


class HandClock:
    """Stands still until it is moved; passing time takes none."""

    def __init__(self, at: datetime) -> None:
        assert at.tzinfo is not None
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def move_to(self, at: datetime) -> None:
        """Go on to a later moment; an earlier one is ignored, since time does not go back."""
        self._at = max(self._at, at)

    async def pass_time(self, by: timedelta) -> None:
        self.move_to(self._at + by)


class SharedClock(HandClock):
    """A hand clock that others read from a file; `release` hands over to the machine's clock.

    The bytes are replaced in place: a reader that has mapped the file never sees it shorter.
    """

    def __init__(self, path: Path, at: datetime) -> None:
        super().__init__(at)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        self._released = False
        self._write(self.now())

    def now(self) -> datetime:
        return RealClock().now() if self._released else super().now()

    def move_to(self, at: datetime) -> None:
        super().move_to(at)
        if not self._released:
            self._write(super().now())

    async def pass_time(self, by: timedelta) -> None:
        if self._released:
            await RealClock().pass_time(by)
        else:
            await super().pass_time(by)

    def release(self) -> None:
        """From now on it is the machine's time, here and for all readers."""
        self._released = True
        os.pwrite(self._file, struct.pack(_FORMAT, 0), 0)

    def close(self) -> None:
        os.close(self._file)

    def _write(self, at: datetime) -> None:
        micros = (at - _EPOCH) // timedelta(microseconds=1)
        os.pwrite(self._file, struct.pack(_FORMAT, micros), 0)
