"""An installation with a root organisation."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Organisation
from foundation.clock import SetClock
from foundation.database import Database


async def made_root(db: AsyncSession, clock: SetClock) -> Organisation:
    return await directory.ensure_root(
        db,
        key="root",
        name="Operator",
        time_zone="Europe/Berlin",
        currency="EUR",
        country="DE",
        language="en",
        now=clock.now(),
    )


@pytest.fixture
async def root(db: AsyncSession, clock: SetClock) -> Organisation:
    """The root organisation, in the test's unit of work."""
    return await made_root(db, clock)


@pytest.fixture
async def kept_root(database: Database, clock: SetClock) -> Organisation:
    """The root organisation, committed."""
    async with database.unit_of_work() as db:
        return await made_root(db, clock)
