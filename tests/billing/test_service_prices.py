"""Price lists on the real database: what was stays, and the nearest list counts."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import service_prices
from billing.service_prices import PriceKnown, PriceListExists
from billing.services import Per, Service
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import UnknownCurrency
from tests.billing.test_service_months import EMP, LONG_AGO, NORTH, world


async def test_an_organisation_pays_by_the_nearest_list(db: AsyncSession) -> None:
    await world(db)
    at = LONG_AGO + timedelta(days=1)
    above = (await service_prices.price_book(db, NORTH)).price(Service.MONITORING, at)
    assert above is not None
    assert above.price_list == "standard"
    await service_prices.create(db, "own", "Own", "EUR", by="x", now=LONG_AGO)
    await service_prices.assign(db, "organisation/north", "own", valid_from=at, by="x", now=at)
    with pytest.raises(PriceKnown):
        await service_prices.assign(
            db, "organisation/north", "standard", valid_from=at, by="x", now=at
        )
    book = await service_prices.price_book(db, NORTH)
    assert book.price(Service.MONITORING, at - timedelta(seconds=1)) == above
    assert book.price(Service.MONITORING, at) is None  # its own list has no price for it
    root = await service_prices.price_book(db, OrganisationKey("root"))
    assert root.price(Service.MONITORING, at) == above
    assert (await service_prices.provider_book(db, EMP)).price(Service.ROAMING_BASE, at) is None
    found = await service_prices.price_list(db, "own")
    assert (found.prices, found.debtors) == ((), (("organisation/north", at),))


async def test_what_cannot_be_is_refused(db: AsyncSession) -> None:
    await world(db)
    now = LONG_AGO + timedelta(days=1)

    async def add(kind: str, amount: str, *, to: str = "standard", per: Per | None = None) -> None:
        await service_prices.add_price(
            db, to, kind, Decimal(amount), per=per, valid_from=now, by="x", now=now
        )

    await add("service_package/gold", "1.000001")
    await add(Service.MONITORING, "1", per=Per.CHARGE_POINT)
    for kind, amount, per in (
        ("service_package/", "1", None),
        ("licence", "1", None),
        (Service.MAINTENANCE, "-1", None),
        (Service.MAINTENANCE, "1000001", None),
        (Service.MAINTENANCE, "NaN", None),
        (Service.MAINTENANCE, "1.0000001", None),
        (Service.ROAMING_CDRS, "1", Per.MONTH),
    ):
        with pytest.raises(InvalidInput):
            await add(kind, amount, per=per)
    with pytest.raises(PriceKnown):
        await add(Service.MONITORING, "2")
    with pytest.raises(NotFound):
        await add(Service.MONITORING, "2", to="nowhere")
    with pytest.raises(NotFound):
        await service_prices.assign(
            db, "organisation/north", "nowhere", valid_from=None, by="x", now=now
        )
    with pytest.raises(InvalidInput):
        await service_prices.assign(
            db, "organisation/north", "standard", valid_from=LONG_AGO, by="x", now=now
        )
    for key, name in (("Standard!", "x"), ("ok", " ")):
        with pytest.raises(InvalidInput):
            await service_prices.create(db, key, name, "EUR", by="x", now=now)
    with pytest.raises(UnknownCurrency):
        await service_prices.create(db, "ok", "Ok", "XXX", by="x", now=now)
    with pytest.raises(PriceListExists):
        await service_prices.create(db, "standard", "Again", "EUR", by="x", now=now)
    with pytest.raises(NotFound):
        await service_prices.price_list(db, "nowhere")
    assert [each.key for each in await service_prices.price_lists(db)] == ["standard"]
