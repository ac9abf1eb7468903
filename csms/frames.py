"""The OCPP log: everything said on the wire, written behind by COPY.

It is diagnostics, not evidence: what money rests on is committed with its effect in `reports`. So
when writing falls behind or the database is away, the oldest lines are dropped and counted.
"""

import asyncio
from collections import deque
from datetime import datetime

from csms.store import copy_frames
from foundation import metrics
from foundation.database import Database, DatabaseAway

Line = tuple[str, datetime, str, int, str, str | None]
"""station, at, direction (in or out), epoch, raw, note"""

_EVERY_S = 0.5


class FrameLog:
    """Collects lines and writes them in batches.

    Args:
        database: Where they go.
        batch: Lines of one COPY at most.
        most: Lines kept in memory at most.
    """

    def __init__(self, database: Database, *, batch: int, most: int) -> None:
        self._database = database
        self._batch = batch
        self._lines: deque[Line] = deque(maxlen=most)
        self._most = most
        self._writing = asyncio.Lock()

    def add(self, line: Line) -> None:
        """Take a line; never waits."""
        if len(self._lines) == self._most:
            metrics.frames_dropped.inc()
        self._lines.append(line)

    async def run(self) -> None:
        """Write behind, for ever."""
        while True:
            await self.flush()
            await asyncio.sleep(_EVERY_S)

    async def flush(self) -> None:
        """Write everything that is there now, unless the database is away.

        What somebody else is writing is written, too, when this returns.
        """
        async with self._writing:
            while self._lines:
                count = min(self._batch, len(self._lines))
                lines = [self._lines.popleft() for _ in range(count)]
                try:
                    async with self._database.unit_of_work() as db:
                        await copy_frames(db, lines)
                except DatabaseAway:
                    self._lines.extendleft(reversed(lines))
                    return
                except asyncio.CancelledError:
                    self._lines.extendleft(reversed(lines))  # whoever flushes last writes them
                    raise
