"""What the tables of alerts themselves refuse; the rest is tried through `alerts.monitoring`."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from alerts import store
from alerts.activation import Ending
from foundation.clock import SetClock
from tests.alerts.test_monitoring import world

__all__ = ["world"]  # a fixture, taken by its name


@pytest.mark.usefixtures("world")
async def test_nothing_ends_before_it_began(db: AsyncSession, clock: SetClock) -> None:
    now = clock.now()
    await store.add_activation(db, "CS-1", "north", by="x", by_name="x", now=now)
    with pytest.raises(IntegrityError):
        async with db.begin_nested():
            await store.end_activation(
                db,
                "CS-1",
                by="x",
                by_name="x",
                because=Ending.ASKED,
                now=now - timedelta(seconds=1),
            )
    ended = await store.end_activation(
        db, "CS-1", by="x", by_name="x", because=Ending.MOVED, now=now
    )
    assert ended is not None
    assert ended.active_to == now
