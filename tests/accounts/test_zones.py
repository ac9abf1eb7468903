"""The time zones that an organisation had."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import zones
from accounts.zones import ZoneChanged
from foundation.clock import SetClock
from tests.accounts.test_cost_releases import ROOT, root

__all__ = ["root"]  # a fixture, taken by its name


@pytest.mark.usefixtures("root")
async def test_changes_are_kept_and_what_is_none_is_not(db: AsyncSession, clock: SetClock) -> None:
    now = clock.now()
    await zones.note_change(db, ROOT, before="Europe/Berlin", after="Europe/Berlin", now=now)
    assert await zones.changes(db, ROOT) == []
    await zones.note_change(db, ROOT, before="Europe/Berlin", after="UTC", now=now)
    await zones.note_change(db, ROOT, before="UTC", after="Asia/Tokyo", now=now)  # at once again
    later = now + timedelta(days=1)
    await zones.note_change(db, ROOT, before="Asia/Tokyo", after="UTC", now=later)
    assert await zones.changes(db, ROOT) == [
        ZoneChanged(now, "Europe/Berlin", "Asia/Tokyo"),
        ZoneChanged(later, "Asia/Tokyo", "UTC"),
    ]
