"""The price list: versions by day, never of a past one."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.licence_prices import PriceInThePast, price_list, set_price
from foundation.errors import InvalidInput

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
TODAY = date(2026, 10, 15)


async def put(db: AsyncSession, price: str, day: date, item: str = "point/all/monthly") -> None:
    await set_price(
        db, item, Decimal(price), "EUR", valid_from=day, today=TODAY, by="person/1", now=NOON
    )


async def test_each_day_has_the_newest_price_that_began(db: AsyncSession) -> None:
    await put(db, "5", date(2026, 12, 1))
    await put(db, "6", date(2027, 1, 1))
    await put(db, "5.5", date(2026, 12, 1))

    for day, price in (
        (date(2026, 11, 30), "4.00"),
        (date(2026, 12, 1), "5.5"),
        (date(2026, 12, 31), "5.5"),
        (date(2027, 1, 1), "6"),
    ):
        found = await price_list(db, "EUR", day)
        assert found.price("point/all/monthly") == Decimal(price)
    assert (await price_list(db, "CHF", TODAY)).prices == {}


async def test_what_is_no_price_is_refused(db: AsyncSession) -> None:
    await put(db, "0", TODAY)
    with pytest.raises(PriceInThePast):
        await put(db, "5", date(2026, 10, 14))
    with pytest.raises(InvalidInput):
        await put(db, "-1", TODAY)
    with pytest.raises(InvalidInput):
        await put(db, "1", TODAY, item="gold")
