"""The price list of accounts and licences: from which day on something costs how much a month."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.account_tables import LicencePriceRow
from accounts.licence_costs import (
    SHIPPED_CURRENCY,
    SHIPPED_PRICES,
    PriceList,
    check_item,
)
from foundation.errors import Conflict, InvalidInput
from foundation.money import Money

_HIGHEST = Decimal(1_000_000)


class PriceInThePast(Conflict):
    """A price holds from today on at the earliest: what was charged stays as it was."""

    code = "price_in_the_past"

    def __init__(self, valid_from: date, today: date) -> None:
        super().__init__(f"{valid_from} is past; prices hold from {today} on at the earliest.")


async def price_list(db: AsyncSession, currency: str, on: date) -> PriceList:
    """Return the prices that hold on a day; where none were set, the shipped ones in euro."""
    rows = await db.execute(
        select(LicencePriceRow.item, LicencePriceRow.price)
        .where(LicencePriceRow.currency == currency, LicencePriceRow.valid_from <= on)
        .order_by(LicencePriceRow.valid_from)
    )
    shipped = SHIPPED_PRICES if currency == SHIPPED_CURRENCY else {}
    return PriceList(currency, {**shipped, **{row.item: row.price for row in rows}})


async def set_price(
    db: AsyncSession,
    item: str,
    price: Decimal,
    currency: str,
    *,
    valid_from: date,
    today: date,
    by: str,
    now: datetime,
) -> None:
    """Set what something costs a month from a day on; set again before that day, it is replaced.

    Raises:
        InvalidInput: If there is no such thing, the price is none, or the currency is unknown.
        PriceInThePast: If the day is past.
    """
    check_item(item)
    if not 0 <= price <= _HIGHEST:
        raise InvalidInput(f"price must be 0 to {_HIGHEST}.", field="price")
    Money(price, currency)  # refuses a currency that cannot be rounded
    if valid_from < today:
        raise PriceInThePast(valid_from, today)
    new = insert(LicencePriceRow).values(
        item=item,
        currency=currency,
        valid_from=valid_from,
        price=price,
        created_at=now,
        created_by=by,
    )
    await db.execute(
        new.on_conflict_do_update(
            index_elements=["item", "currency", "valid_from"],
            set_={"price": price, "created_at": now, "created_by": by},
        )
    )
