"""Orders of credits: placed, invoiced, matched, paid, released, cancelled."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from accounts import directory
from billing import charges, credit_orders
from billing.credit_orders import (
    Order,
    OrderAlreadyBooked,
    OrderDiffers,
    OrderNotOpen,
    OrderState,
    ShopOrder,
)
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.money import Money
from tests.billing.purses import NORTH, SOUTH, balance, customers, mails_of

SHOPS = ShopOrder(
    number="S-1",
    user_name="anna",
    quantity=100,
    net=Money(Decimal("11.90"), "EUR"),
    ordered_at=datetime(2026, 10, 14, 9, tzinfo=UTC),
    payment=None,
    is_invoiced=True,
)


async def placed(database: Database, clock: SetClock, quantity: int = 100) -> Order:
    async with database.unit_of_work() as db:
        return await credit_orders.place(
            db, NORTH, quantity, by="person/1", person_id=None, source="portal", now=clock.now()
        )


async def taken(database: Database, clock: SetClock, order: ShopOrder) -> Order:
    async with database.unit_of_work() as db:
        return await credit_orders.take_in(db, order, by="shop", letters=None, now=clock.now())


async def test_an_order_keeps_the_price_of_its_day_and_waits_for_an_invoice(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    order = await placed(database, clock, 1000)
    async with database.unit_of_work() as db:
        assert await credit_orders.order(db, order.number) == order
        [booked] = await charges.open_charges(db)
        with pytest.raises(NotFound):
            await credit_orders.order(db, "CR-999999")
    assert order.offer.net == booked.charge.net
    assert (order.net.text, order.unit_price_micro) == ("104.00", 104_000)
    assert booked.charge.key == f"credits/{order.number}"


async def test_orders_are_listed_by_account_and_state_the_newest_first(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    first, second = await placed(database, clock), await placed(database, clock)
    await taken(database, clock, replace(SHOPS, user_name="nobody"))
    async with database.unit_of_work() as db:
        await credit_orders.release(db, first.number, by="f", letters=None, now=clock.now())
        own = await credit_orders.orders(db, {NORTH})
        waiting = await credit_orders.orders(
            db, states=[OrderState.OPEN, OrderState.UNMATCHED], limit=5
        )
        unpaid = await credit_orders.orders(db, {NORTH}, is_unpaid=True, before=own[0].id)
        assert await credit_orders.orders(db, {SOUTH}) == []
    assert [each.number for each in own] == [second.number, first.number]
    assert [each.number for each in waiting] == ["S-1", second.number]
    assert [each.number for each in unpaid] == [first.number]


async def test_a_cancelled_order_takes_its_charge_back_and_is_never_booked(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    order = await placed(database, clock)
    async with database.unit_of_work() as db:
        cancelled = await credit_orders.cancel(db, order.number, now=clock.now())
        found = await charges.open_charges(db)
        for attempt in (
            credit_orders.cancel(db, order.number, now=clock.now()),
            credit_orders.release(db, order.number, by="f", letters=None, now=clock.now()),
            credit_orders.pay(db, order.number, "b", by="f", letters=None, now=clock.now()),
        ):
            with pytest.raises(OrderNotOpen):
                await attempt
    assert cancelled.state is OrderState.CANCELLED
    assert sum(each.charge.net.amount for each in found) == 0
    assert await balance(database) == 0


async def test_what_was_released_is_not_released_again_nor_cancelled(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    order = await placed(database, clock)
    async with database.unit_of_work() as db:
        with pytest.raises(InvalidInput):
            await credit_orders.pay(db, order.number, " ", by="f", letters=None, now=clock.now())
        await credit_orders.release(db, order.number, by="f", letters=None, now=clock.now())
        with pytest.raises(OrderAlreadyBooked):
            await credit_orders.release(db, order.number, by="f", letters=None, now=clock.now())
        with pytest.raises(OrderNotOpen):
            await credit_orders.cancel(db, order.number, now=clock.now())
    assert await balance(database) == 100


async def test_a_shops_order_is_taken_in_once_and_paid_when_it_says_so(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    assert (await taken(database, clock, SHOPS)).state is OrderState.OPEN
    assert (await taken(database, clock, SHOPS)).state is OrderState.OPEN
    paid = replace(SHOPS, payment="card")
    assert (await taken(database, clock, paid)).state is OrderState.BOOKED
    assert (await taken(database, clock, paid)).state is OrderState.BOOKED
    with pytest.raises(OrderDiffers):
        await taken(database, clock, replace(SHOPS, quantity=99))
    assert await balance(database) == 100
    async with database.unit_of_work() as db:
        assert await charges.open_charges(db) == []  # the shop wrote the invoice


async def test_an_order_in_the_queue_is_paid_matched_and_then_booked(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    unknown = replace(SHOPS, user_name="anne", is_invoiced=False)
    assert (await taken(database, clock, unknown)).state is OrderState.UNMATCHED
    async with database.unit_of_work() as db:
        assert await charges.open_charges(db) == []  # nobody knows whose it is
        await credit_orders.pay(db, "S-1", "bank", by="f", letters=made.letters, now=clock.now())
        with pytest.raises(OrderNotOpen):
            await credit_orders.release(db, "S-1", by="f", letters=None, now=clock.now())
    async with database.unit_of_work() as db:
        with pytest.raises(NotFound):
            await credit_orders.match(
                db, "S-1", type(NORTH)("nowhere"), by="f", letters=None, now=clock.now()
            )
    async with database.unit_of_work() as db:
        order = await credit_orders.match(
            db, "S-1", NORTH, by="f", letters=made.letters, now=clock.now()
        )
        assert len(await charges.open_charges(db)) == 1
        with pytest.raises(OrderNotOpen):
            await credit_orders.match(db, "S-1", SOUTH, by="f", letters=None, now=clock.now())
    assert order.state is OrderState.BOOKED
    assert await balance(database) == 100
    assert len(await mails_of(database)) == 1


async def test_a_shops_order_that_is_none_is_refused_by_its_field(
    database: Database, clock: SetClock
) -> None:
    for wrong, place in (
        (replace(SHOPS, number="CR-000001"), "number"),
        (replace(SHOPS, number="no number"), "number"),
        (replace(SHOPS, quantity=0), "quantity"),
        (replace(SHOPS, net=Money(Decimal("11.901"), "EUR")), "net"),
        (replace(SHOPS, net=Money(Decimal(0), "EUR")), "net"),
        (replace(SHOPS, net=Money(Decimal(12), "CHF")), "net"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await taken(database, clock, wrong)
        assert refused.value.field == place


async def test_somebody_who_left_gets_no_order_by_his_name(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    async with database.unit_of_work() as db:
        await directory.create_person(
            db, "boss", {"roles": ["administrator"]}, password_hash=None, now=clock.now()
        )
        await directory.change_person(db, made.anna.id, {"active": False})
    assert (await taken(database, clock, SHOPS)).state is OrderState.UNMATCHED
