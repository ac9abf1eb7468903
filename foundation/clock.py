"""The only file that asks what time it is.

A `Clock` is handed down from `app/compose.py`. Business time always comes from it; time-outs use
the event loop's monotonic time and leases the database's.
"""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMAT = "<q"


class Clock(Protocol):
    """Tells the moment that business rules go by, aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the one place that may


class SetClock:
    """A clock that stands still until somebody sets it: for tests."""

    def __init__(self, at: datetime) -> None:
        assert at.tzinfo is not None
        self.at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


class SharedClock:
    """A clock that several processes read from one small file: for the demo's fast month.

    The file holds one little-endian signed 64-bit number: microseconds since 1970-01-01 UTC, or 0
    once the fast time is over and the machine's own clock counts. Whoever drives the fleet writes
    it; the server only reads.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._memory = mmap.mmap(
                file.fileno(), struct.calcsize(_FORMAT), access=mmap.ACCESS_READ
            )

    def now(self) -> datetime:
        (micros,) = struct.unpack_from(_FORMAT, self._memory, 0)
        if micros == 0:
            return SystemClock().now()
        return _EPOCH + timedelta(microseconds=micros)


def write_shared_clock(path: Path, at: datetime | None) -> None:
    """Set the file that `SharedClock` reads; None hands over to the machine's clock."""
    micros = 0 if at is None else (at - _EPOCH) // timedelta(microseconds=1)
    # In place: a reader has the file mapped, and must never find it shorter.
    with path.open("r+b" if path.exists() else "wb") as file:
        file.write(struct.pack(_FORMAT, micros))
