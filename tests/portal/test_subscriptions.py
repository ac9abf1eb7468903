"""Switching services as every door does it; the API's tests tell the rest."""

from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import cost_releases
from billing.services import Subscription
from foundation.clock import SetClock
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import subscriptions
from portal.subscriptions import Debtor
from tests.portal.test_monitoring import KAI, LEA, ROOT, station


async def test_the_second_persons_click_gives_the_service(
    db: AsyncSession, clock: SetClock
) -> None:
    await station(db, clock)
    now = clock.now()
    await cost_releases.set_limit(db, ROOT, Money(Decimal(0), "CHF"), by=LEA, now=now)
    debtor = await Debtor.of_organisation(db, OrganisationKey("root"))
    service = Subscription.CREDIT_NOTES
    first = await subscriptions.switch_on(db, debtor, service, by=LEA, now=now)
    assert (first.waits, first.since) == (True, None)
    second = await subscriptions.switch_on(db, debtor, service, by=KAI, now=now)
    assert (second.waits, second.changed, second.since) == (False, True, now)
    off = await subscriptions.switch_off(db, debtor, service, by=LEA, now=now)
    assert (off.changed, off.price, off.fee) == (True, None, None)
    assert not (await subscriptions.switch_off(db, debtor, service, by=LEA, now=now)).changed
