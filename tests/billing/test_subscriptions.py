"""Who has which service, since when."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing import subscriptions
from billing.services import Subscription
from foundation.clock import SetClock

NORTH = "organisation/north"
ROAMING = Subscription.ROAMING


async def test_a_service_is_had_from_the_first_click_to_the_end(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    later = now + timedelta(days=1)
    assert not await subscriptions.has(db, NORTH, ROAMING, at=now)
    assert await subscriptions.switch_on(db, NORTH, ROAMING, by="x", now=now)
    assert not await subscriptions.switch_on(db, NORTH, ROAMING, by="x", now=later)
    assert await subscriptions.has(db, NORTH, ROAMING, at=now)
    assert not await subscriptions.has(db, NORTH, Subscription.CREDIT_NOTES, at=now)
    assert await subscriptions.switch_off(db, NORTH, ROAMING, by="x", now=later)
    assert not await subscriptions.switch_off(db, NORTH, ROAMING, by="x", now=later)
    assert not await subscriptions.has(db, NORTH, ROAMING, at=later)
    assert await subscriptions.switch_on(db, NORTH, ROAMING, by="x", now=later)
    found = await subscriptions.subscriptions(db, None, before=later)
    assert [(each.active_from, each.active_to) for each in found] == [(now, later)]
    both = await subscriptions.subscriptions(db, [NORTH], before=later + timedelta(seconds=1))
    assert [each.active_to for each in both] == [later, None]
