"""Prepaid cards: what comes on and goes off is booked once, and the ledger says the same."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books, ledger, prepaid
from billing.prepaid import CardExists, NothingLeft, OtherTopUp, StillCharges, TokenTaken
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import IdToken, PartyId, normalised_token
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


# ------------------------------------------------------- what is issued, blocked, and paid out


class Tokens:
    """Answers for the tokens of cards; `told` are the transactions that the stations told of."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}
        self.told: dict[int, int | None] = {}

    async def set_credit(
        self, db: AsyncSession, token_key: str, *, has_credit: bool, now: datetime
    ) -> None:
        if self.known.get(token_key) != "blocked":
            self.known[token_key] = "accepted" if has_credit else "no_credit"

    async def issue(self, db: AsyncSession, token: str, provider: PartyId, now: datetime) -> bool:
        assert provider == prepaid.PROVIDER
        if normalised_token(token) in self.known:
            return False
        self.known[normalised_token(token)] = "no_credit"
        return True

    async def set_blocked(
        self, db: AsyncSession, token_key: str, *, is_blocked: bool, has_credit: bool, now: datetime
    ) -> bool:
        after = "blocked" if is_blocked else "accepted" if has_credit else "no_credit"
        before, self.known[token_key] = self.known[token_key], after
        return before != after

    async def sessions(self, db: AsyncSession, token_key: str) -> Mapping[int, int | None]:
        return self.told


@pytest.fixture
async def joined(database: Database) -> AsyncIterator[tuple[AsyncSession, Tokens]]:
    """A unit of work of a database where somebody answers for tokens."""
    tokens = Tokens()
    prepaid.join(database, tokens)
    async with database.unit_of_work() as db:
        yield db, tokens


Joined = tuple[AsyncSession, Tokens]


async def test_a_card_is_issued_with_its_token_and_no_token_is_taken_over(joined: Joined) -> None:
    db, tokens = joined
    tokens.known["HERS"] = "accepted"
    assert (await prepaid.issue(db, CARD, "EUR", by="me", now=NOW)).balance == euro("0")
    assert tokens.known["PRE1"] == "no_credit"
    with pytest.raises(CardExists):
        await prepaid.issue(db, "pre1", "EUR", by="me", now=NOW)
    with pytest.raises(TokenTaken):
        await prepaid.issue(db, "hers", "EUR", by="me", now=NOW)
    with pytest.raises(InvalidInput):
        await prepaid.issue(db, "PRE-2", "XXX", by="me", now=NOW)
    await prepaid.issue(db, "PRE-2", "EUR", by="me", now=NOW)
    assert [each.token_key for each in await prepaid.cards(db)] == ["PRE1", "PRE2"]
    assert [each.token_key for each in await prepaid.cards(db, after="PRE1")] == ["PRE2"]
    assert [each.token_key for each in await prepaid.cards(db, limit=1)] == ["PRE1"]


async def test_a_blocked_card_keeps_its_money_and_charges_again_as_far_as_it_goes(
    joined: Joined,
) -> None:
    db, tokens = joined
    await prepaid.issue(db, CARD, "EUR", by="me", now=NOW)
    assert await prepaid.block(db, CARD, is_blocked=True, now=NOW)
    assert not await prepaid.block(db, CARD, is_blocked=True, now=NOW)
    await prepaid.top_up(db, CARD, euro("10"), key="r-1", by="me", now=NOW)
    assert tokens.known["PRE1"] == "blocked"
    assert await prepaid.block(db, CARD, is_blocked=False, now=NOW)
    assert (tokens.known["PRE1"], await balances(db)) == ("accepted", (Decimal(10), Decimal(-10)))
    with pytest.raises(NotFound):
        await prepaid.block(db, "NONE", is_blocked=True, now=NOW)


async def test_the_rest_is_paid_out_once_and_the_ledger_is_even(joined: Joined) -> None:
    db, tokens = joined
    await settle_in(db)
    await prepaid.issue(db, CARD, "EUR", by="me", now=NOW)
    await prepaid.top_up(db, CARD, euro("10"), key="r-1", by="me", now=NOW)
    bank = (await books.balances(db, [ledger.BANK]))[ledger.BANK]["EUR"].amount
    tokens.told[1] = None
    with pytest.raises(StillCharges):
        await prepaid.pay_out(db, CARD, key="r-2", by="me", now=NOW)
    tokens.told[1] = 1
    with pytest.raises(StillCharges):
        await prepaid.pay_out(db, CARD, key="r-2", by="me", now=NOW)
    await happen(db, ended(1, kwh="10", **HELD))
    paid = await prepaid.pay_out(db, CARD, key="r-2", by="me", now=NOW)
    assert (paid.kind, paid.amount, paid.balance) == ("paid_out", euro("-5.24"), euro("0"))
    assert await balances(db) == (Decimal(0), Decimal(0)), "what it charged went off before"
    assert tokens.known["PRE1"] == "no_credit"
    after = (await books.balances(db, [ledger.BANK]))[ledger.BANK]["EUR"].amount
    assert after - bank == Decimal("-5.24")
    assert await prepaid.pay_out(db, CARD, key="r-2", by="me", now=NOW) == paid
    assert await balances(db) == (Decimal(0), Decimal(0))
    tokens.told[1] = 2
    with pytest.raises(StillCharges):
        await prepaid.pay_out(db, CARD, key="r-3", by="me", now=NOW)
    tokens.told[1] = 1
    with pytest.raises(NothingLeft):
        await prepaid.pay_out(db, CARD, key="r-3", by="me", now=NOW)
    await prepaid.issue(db, "PRE-2", "EUR", by="me", now=NOW)
    with pytest.raises(OtherTopUp):
        await prepaid.pay_out(db, "PRE-2", key="r-2", by="me", now=NOW)
