"""Prepaid cards: what comes on and goes off is booked once, and the ledger says the same."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books, ledger, prepaid
from billing.prepaid import CardExists, OtherTopUp
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import IdToken
from foundation.money import Money
from tests.billing.story import NOW, ended, happen, settle_in

CARD = "PRE-1"
ACCOUNT = ledger.receivable(prepaid.PROVIDER)
HELD: dict[str, Any] = {
    "id_token": IdToken(CARD),
    "token_organisation": None,
    "token_provider": prepaid.PROVIDER,
}


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def with_money(db: AsyncSession, amount: str = "10") -> None:
    await prepaid.make_card(db, CARD, "EUR", by="me", now=NOW)
    await prepaid.top_up(db, CARD, euro(amount), key="r-1", by="me", now=NOW)


async def balances(db: AsyncSession) -> tuple[Decimal, Decimal]:
    """What is on the card, and on the provider's account."""
    found = (await books.balances(db, [ACCOUNT]))[ACCOUNT]["EUR"]
    return (await prepaid.card(db, CARD)).balance.amount, found.amount


@pytest.mark.parametrize(("token", "amount"), [(CARD, "11"), ("PRE2", "10")])
async def test_a_key_that_stands_for_other_money_is_refused(
    db: AsyncSession, token: str, amount: str
) -> None:
    await with_money(db, "10")
    await prepaid.make_card(db, "PRE2", "EUR", by="me", now=NOW)
    with pytest.raises(OtherTopUp):
        await prepaid.top_up(db, token, euro(amount), key="r-1", by="me", now=NOW)
    assert (await prepaid.card(db, CARD)).balance == euro("10")
    assert (await prepaid.card(db, "PRE2")).balance == euro("0")


async def test_a_top_up_counts_once_and_stands_in_the_ledger(db: AsyncSession) -> None:
    await with_money(db)
    await prepaid.top_up(db, CARD, euro("10"), key="r-1", by="me", now=NOW)
    assert await balances(db) == (Decimal(10), Decimal(-10))
    await prepaid.top_up(db, "pre1", euro("2.50"), key="r-2", by="me", now=NOW)
    assert await balances(db) == (Decimal("12.5"), Decimal("-12.5"))


async def test_what_it_charged_goes_off_once_and_a_revision_puts_it_right(
    db: AsyncSession,
) -> None:
    await settle_in(db)
    await with_money(db)
    await happen(db, ended(1, kwh="10", **HELD))
    assert await prepaid.take_off(db, now=NOW) == 1
    assert await prepaid.take_off(db, now=NOW) == 0
    assert await balances(db) == (Decimal("5.24"), Decimal("-5.24"))
    await happen(db, ended(1, kwh="5", revision=2, **HELD))
    assert await prepaid.take_off(db, now=NOW) == 1
    assert await balances(db) == (Decimal("7.62"), Decimal("-7.62"))
    kinds = [(each.kind, each.amount.amount) for each in await prepaid.bookings(db, CARD)]
    assert kinds == [
        ("charged", Decimal("2.38")),
        ("charged", Decimal("-4.76")),
        ("top_up", Decimal(10)),
    ]


async def test_what_cannot_be_is_refused(db: AsyncSession) -> None:
    with pytest.raises(NotFound):
        await prepaid.top_up(db, CARD, euro("1"), key="x", by="me", now=NOW)
    await prepaid.make_card(db, CARD, "EUR", by="me", now=NOW)
    with pytest.raises(CardExists):
        await prepaid.make_card(db, CARD, "EUR", by="me", now=NOW)
    for amount in ("0", "-1", "1.005", "1000.01"):
        with pytest.raises(InvalidInput):
            await prepaid.top_up(db, CARD, euro(amount), key="x", by="me", now=NOW)
    swiss = Money(Decimal(1), "CHF")
    with pytest.raises(InvalidInput):
        await prepaid.top_up(db, CARD, swiss, key="x", by="me", now=NOW)
    assert (await prepaid.card(db, CARD)).balance == euro("0")
