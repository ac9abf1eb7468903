"""How long probes of silent stations are kept; those that go on are never touched."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from csms.silence_tables import StationProbeRow
from foundation.clock import Clock
from foundation.database import Database

CRON: Final = "29 4 * * *"
BATCH: Final = 2000
"""Rows that one unit of work deletes."""
BATCHES: Final = 200
"""Units of work in one night at most; the next night goes on."""


async def forget(db: AsyncSession, before: datetime, *, most: int = BATCH) -> int:
    """Forget probes that ended before a moment, the oldest first; return how many."""
    some = (
        select(StationProbeRow.id)
        .where(StationProbeRow.ended_at < before)
        .order_by(StationProbeRow.ended_at)
        .limit(most)
    )
    gone = await db.execute(
        delete(StationProbeRow)
        .where(StationProbeRow.id.in_(some))
        .returning(StationProbeRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())


def forgetting(
    database: Database, clock: Clock, *, kept: timedelta
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the forgetting as periodic work; `kept`: for how long after a probe ended."""

    async def run() -> None:
        before = clock.now() - kept
        for _ in range(BATCHES):
            async with database.unit_of_work() as db:
                if await forget(db, before) < BATCH:
                    return

    return run
