"""Messages are paid from the accounts' wallets."""

import pytest

from billing import credit_prices, credit_store
from billing.credits import CreditService
from billing.sms_purse import SmsPurse
from foundation.clock import SetClock
from foundation.database import Database
from tests.billing.purses import NORTH, customers


@pytest.mark.parametrize("price", [0, 1, 3])
async def test_a_message_costs_what_the_table_says_and_nothing_is_taken_that_was_not_sent(
    database: Database, clock: SetClock, price: int
) -> None:
    await customers(database, clock)
    pays, now = SmsPurse(), clock.now()
    async with database.unit_of_work() as db:
        await credit_prices.set_price(db, CreditService.SMS, price, valid_from=now, now=now)
        await credit_store.add(db, NORTH, 3, reference="order/1", by="test", now=now)
        assert await pays.price(db, now) == price
        for reference in ("notice/1", "notice/1"):
            assert await pays.reserve(
                db, NORTH, reference=reference, about=None, by="person/1", now=now
            )
        assert await pays.available(db, NORTH) == 3 - price
        await pays.release(db, "notice/1", now=now)
        assert await pays.available(db, NORTH) == 3
        assert await pays.reserve(
            db, NORTH, reference="notice/1", about=None, by="person/1", now=now
        )
        await pays.capture(db, "notice/1", now=now)
        await pays.capture(db, "notice/1", now=now)
        assert (await credit_store.wallet(db, NORTH)).balance == 3 - price


async def test_who_has_too_little_gets_no(database: Database, clock: SetClock) -> None:
    await customers(database, clock)
    pays, now = SmsPurse(), clock.now()
    async with database.unit_of_work() as db:
        assert not await pays.reserve(
            db, NORTH, reference="notice/1", about=None, by="person/1", now=now
        )
        await credit_store.add(db, NORTH, 1, reference="order/1", by="test", now=now)
        assert await pays.reserve(
            db, NORTH, reference="notice/1", about=None, by="person/1", now=now
        )
