"""What credits cost, and what services cost in credits: dated tables that are never edited.

A change is a further list or price from a moment on; what is asked for a moment gets what held
then. Until somebody sets one, those hold that are shipped (see `billing.credits`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.credit_tables import CreditPriceRow, CreditTierRow
from billing.credits import (
    LARGEST_ORDER,
    SHIPPED_PRICES,
    SHIPPED_TIERS,
    CreditService,
    Tier,
    check_tiers,
)
from foundation.errors import Conflict, InvalidInput


class PriceInThePast(InvalidInput):
    """What was bought keeps its price: a new one holds from now on at the earliest."""

    code = "price_in_the_past"

    def __init__(self) -> None:
        super().__init__("A new price holds from now on at the earliest.", field="valid_from")


class PriceListExists(Conflict):
    """From this very moment on there is another one."""

    code = "price_exists"

    def __init__(self) -> None:
        super().__init__("There is another price from this very moment on.")


async def tiers(db: AsyncSession, at: datetime) -> tuple[Tier, ...]:
    """Return the price list that holds at a moment."""
    newest = (
        select(func.max(CreditTierRow.valid_from))
        .where(CreditTierRow.valid_from <= at)
        .scalar_subquery()
    )
    found = await db.execute(
        select(CreditTierRow.quantity, CreditTierRow.unit_price_micro)
        .where(CreditTierRow.valid_from == newest)
        .order_by(CreditTierRow.quantity)
    )
    listed = tuple(Tier(quantity, price) for quantity, price in found)
    return listed or SHIPPED_TIERS


async def set_tiers(
    db: AsyncSession, listed: Sequence[Tier], *, valid_from: datetime, now: datetime
) -> None:
    """Have another price list hold from a moment on.

    Raises:
        InvalidInput: If the list is none, with everything that is wrong with it.
        PriceInThePast: If it is to hold from before now on.
        PriceListExists: If there is one from that moment on.
    """
    problems = check_tiers(listed)
    if listed and listed[-1].quantity > LARGEST_ORDER:
        problems.append(f"An order has at most {LARGEST_ORDER} credits.")
    if problems:
        raise InvalidInput(" ".join(problems), field="tiers")
    if valid_from < now:
        raise PriceInThePast
    made = await db.execute(
        insert(CreditTierRow)
        .values(
            [
                {
                    "valid_from": valid_from,
                    "quantity": each.quantity,
                    "unit_price_micro": each.unit_price_micro,
                }
                for each in listed
            ]
        )
        .on_conflict_do_nothing()
        .returning(CreditTierRow.quantity)
    )
    known = await db.scalar(
        select(func.count())
        .select_from(CreditTierRow)
        .where(CreditTierRow.valid_from == valid_from)
    )
    if not len(made.all()) == len(listed) == known:
        raise PriceListExists


async def prices(db: AsyncSession, at: datetime) -> dict[CreditService, int]:
    """Return what each service costs in credits at a moment."""
    found = await db.execute(
        select(CreditPriceRow.service, CreditPriceRow.credits)
        .where(CreditPriceRow.valid_from <= at)
        .ext(distinct_on(CreditPriceRow.service))
        .order_by(CreditPriceRow.service, CreditPriceRow.valid_from.desc())
    )
    set_since = {CreditService(service): price for service, price in found}
    return {**SHIPPED_PRICES, **set_since}


async def price(db: AsyncSession, service: CreditService, at: datetime) -> int:
    """Return what a service costs in credits at a moment."""
    return (await prices(db, at))[service]


async def set_price(
    db: AsyncSession, service: CreditService, cost: int, *, valid_from: datetime, now: datetime
) -> None:
    """Have a service cost so many credits from a moment on.

    Raises:
        InvalidInput: If it has no price in credits, or not this one.
        PriceInThePast: If it is to hold from before now on.
        PriceListExists: If there is one from that moment on.
    """
    if service not in SHIPPED_PRICES:
        raise InvalidInput("Credits themselves are paid with money.", field="service")
    if not 0 <= cost <= LARGEST_ORDER:
        raise InvalidInput(f"A price is 0 to {LARGEST_ORDER} credits.", field="credits")
    if valid_from < now:
        raise PriceInThePast
    made = await db.execute(
        insert(CreditPriceRow)
        .values(service=service.value, valid_from=valid_from, credits=cost)
        .on_conflict_do_nothing()
        .returning(CreditPriceRow.service)
    )
    if made.scalar_one_or_none() is None:
        raise PriceListExists
