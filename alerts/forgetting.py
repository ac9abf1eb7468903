"""What alerts leave behind is forgotten in the end, in small pieces, night by night.

An alert goes as a whole, with its faults, its history and who was told of it, once it has been
over for long enough. It stays while anybody refers to it: a ticket, first aid, what a rule did,
or a credit that was taken for a message about it; and while something of it is still to be told.
Open alerts, however old, are never touched.
"""

from collections.abc import Callable, Collection, Coroutine
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from alerts import forgetting_store as store
from alerts import purse
from foundation.clock import Clock
from foundation.database import Database, Joint

log = structlog.get_logger(__name__)

CRON: Final = "11 4 * * *"
BATCH: Final = 500
"""Rows that one unit of work looks at."""
BATCHES: Final = 200
"""Units of work in one night at most; the next night goes on."""

_REFERENCES: Final[Joint["References"]] = Joint("alerts.references")


class References(Protocol):
    """Who refers to alerts; fulfilled by support."""

    async def referred(self, db: AsyncSession, alerts: Collection[int]) -> set[int]:
        """Return those of the alerts that something refers to."""
        ...


def join(database: Database, references: References) -> None:
    """Say for a database who refers to alerts."""
    _REFERENCES.join(database, references)


async def forget_alerts(
    db: AsyncSession, before: datetime, *, after: int = 0, most: int = BATCH
) -> tuple[int, int | None]:
    """Forget alerts that were over before a moment and that nobody refers to.

    Nothing is forgotten where the program joined nobody who knows about references.

    Args:
        db: The unit of work.
        before: When they must have been over.
        after: Only later ones than this number.
        most: How many are looked at.

    Returns:
        How many were forgotten, and the number to go on after; None: that was all.
    """
    joined = _REFERENCES.of(db)
    if joined is None:
        return 0, None
    found = await store.over(db, before, after=after, limit=most)
    if not found:
        return 0, None
    kept = await joined.referred(db, found) | await store.still_telling(db, found)
    notices = await store.notices_of(db, set(found) - kept)
    paid = await purse.of(db).paid(db, [f"notice/{number}" for number in notices])
    kept |= {alert for number, alert in notices.items() if f"notice/{number}" in paid}
    forgotten = sorted(set(found) - kept)
    await store.forget(db, forgotten)
    return len(forgotten), found[-1] if len(found) == most else None


def forgetting(
    database: Database, clock: Clock, *, kept: timedelta
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the forgetting as periodic work; `kept`: for how long after an alert is over."""

    async def run() -> None:
        before = clock.now() - kept
        place: int | None = 0
        alerts = faults = 0
        for _ in range(BATCHES):
            async with database.unit_of_work() as db:
                gone = await store.forget_unraised(db, before, limit=BATCH)
            faults += gone
            if gone < BATCH:
                break
        for _ in range(BATCHES):
            async with database.unit_of_work() as db:
                gone, place = await forget_alerts(db, before, after=place or 0)
            alerts += gone
            if place is None:
                break
        if alerts or faults:
            log.info("alerts.forgotten", alerts=alerts, unraised=faults)

    return run
