"""Dated price lists: what holds when, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import credit_prices
from billing.credit_prices import PriceInThePast, PriceListExists
from billing.credits import LARGEST_ORDER, SHIPPED_TIERS, CreditService, Tier
from foundation.errors import InvalidInput

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
LIST = (Tier(1, 110_000), Tier(100, 100_000))


async def test_a_list_holds_from_its_moment_on_as_a_whole(db: AsyncSession) -> None:
    await credit_prices.set_tiers(db, LIST, valid_from=LATER, now=NOW)
    assert await credit_prices.tiers(db, LATER - timedelta(seconds=1)) == SHIPPED_TIERS
    assert await credit_prices.tiers(db, LATER) == LIST
    await credit_prices.set_tiers(db, LIST[:1], valid_from=LATER + timedelta(1), now=NOW)
    assert await credit_prices.tiers(db, LATER + timedelta(2)) == LIST[:1]


async def test_a_list_that_is_none_is_refused_with_all_that_is_wrong(db: AsyncSession) -> None:
    wrong = (Tier(2, 100), Tier(LARGEST_ORDER + 1, 100))
    with pytest.raises(InvalidInput, match=r"first line.*costs no less.*at most"):
        await credit_prices.set_tiers(db, wrong, valid_from=LATER, now=NOW)
    with pytest.raises(PriceInThePast):
        await credit_prices.set_tiers(db, LIST, valid_from=NOW - timedelta(1), now=NOW)
    await credit_prices.set_tiers(db, LIST, valid_from=NOW, now=NOW)
    with pytest.raises(PriceListExists):
        await credit_prices.set_tiers(db, (Tier(1, 90_000),), valid_from=NOW, now=NOW)


async def test_a_service_has_its_price_from_a_moment_on(db: AsyncSession) -> None:
    async def set_price(service: CreditService, cost: int, at: datetime = LATER) -> None:
        await credit_prices.set_price(db, service, cost, valid_from=at, now=NOW)

    await set_price(CreditService.SMS, 2)
    assert await credit_prices.price(db, CreditService.SMS, NOW) == 1
    assert await credit_prices.price(db, CreditService.SMS, LATER) == 2
    with pytest.raises(PriceListExists):
        await set_price(CreditService.SMS, 3)
    with pytest.raises(InvalidInput):
        await set_price(CreditService.PURCHASE, 3)
    with pytest.raises(InvalidInput):
        await set_price(CreditService.SMS, -1)
    with pytest.raises(PriceInThePast):
        await set_price(CreditService.SMS, 3, NOW - timedelta(1))
    await set_price(CreditService.SMS, 0, NOW)
