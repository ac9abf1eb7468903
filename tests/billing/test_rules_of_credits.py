"""The rules of credits, row by row: rules.md 5 and 7.7 (what is only about sending SMS comes with
the channel). Each test was seen red once, by breaking its rule.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from billing import (
    charges,
    credit_orders,
    credit_prices,
    credit_store,
    portal_use,
    remote_access,
)
from billing.credit_orders import OrderPaidTwice, OrderState, ShopOrder
from billing.credits import (
    SHIPPED_PRICES,
    SHIPPED_TIERS,
    CreditService,
    NotEnoughCredits,
    Tier,
    euros,
    first_term,
    next_term,
    offer,
)
from billing.remote_access import NoRemoteAccess
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.money import Money
from tests.billing.purses import NORTH, SOUTH, balance, customers, fill, mails_of

BERLIN = ZoneInfo("Europe/Berlin")
STATION = "N-1"


def shop_order(user_name: str, *, number: str = "S-1", payment: str | None = "card") -> ShopOrder:
    return ShopOrder(
        number=number,
        user_name=user_name,
        quantity=100,
        net=Money(Decimal("11.90"), "EUR"),
        ordered_at=datetime(2026, 10, 14, 9, tzinfo=UTC),
        payment=payment,
        is_invoiced=False,
    )


def stand_at(clock: SetClock, moment: datetime) -> None:
    """Move the clock to a moment that lies ahead."""
    clock.advance(moment - clock.now())


async def buy(database: Database, clock: SetClock, months: int, *, renews: bool = True) -> datetime:
    async with database.unit_of_work() as db:
        made = await remote_access.buy(
            db,
            NORTH,
            STATION,
            months,
            renews=renews,
            by="person/1",
            person_id=None,
            now=clock.now(),
        )
    return made.until


async def may_use(database: Database, clock: SetClock) -> bool:
    async with database.unit_of_work() as db:
        try:
            await remote_access.use(db, NORTH, STATION, letters=None, now=clock.now())
        except NoRemoteAccess:
            return False
    return True


# ----------------------------------------------------------------------------- 5: seed rows


async def test_5_credits_are_prepaid_and_never_expire(database: Database, clock: SetClock) -> None:
    with pytest.raises(NotEnoughCredits):
        async with database.unit_of_work() as db:
            await credit_store.spend(
                db, NORTH, CreditService.SMS, 1, reference="a", by="p", now=clock.now()
            )
    await fill(database, 1, clock.now())
    clock.advance(timedelta(days=36_500))
    async with database.unit_of_work() as db:
        await credit_store.release_forgotten(db, now=clock.now())
    assert await balance(database) == 1


def test_5_price_is_about_0_099_to_0_119_euro_by_quantity_with_a_discount() -> None:
    prices = [each.unit_price_micro for each in SHIPPED_TIERS]
    assert (max(prices), min(prices)) == (119_000, 99_000)
    discounts = [offer(each.quantity, SHIPPED_TIERS).discount for each in SHIPPED_TIERS]
    assert discounts == sorted(discounts)
    assert Decimal(0) <= discounts[0] < discounts[-1] <= Decimal("0.2")


async def test_5_premium_services_are_portal_use_sms_and_remote_access(
    database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        assert set(await credit_prices.prices(db, clock.now())) == {
            CreditService.PORTAL_USE,
            CreditService.SMS,
            CreditService.REMOTE_1,
            CreditService.REMOTE_12,
        }


def test_5_cost_of_services() -> None:
    assert SHIPPED_PRICES[CreditService.SMS] == 1
    assert SHIPPED_PRICES[CreditService.REMOTE_1] == 50
    assert SHIPPED_PRICES[CreditService.REMOTE_12] == 240


async def test_5_ordering_by_user_name_and_a_separate_mail_when_booked(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    async with database.unit_of_work() as db:
        await credit_orders.take_in(
            db, shop_order("anna"), by="shop", letters=made.letters, now=clock.now()
        )
    assert await balance(database) == 100
    mails = await mails_of(database)
    assert [(each.recipient, each.language, each.subject) for each in mails] == [
        ("anna@north.example", "de", "100 Credits sind gebucht")
    ]
    assert "S-1" in mails[0].body


async def test_5_invoice_is_for_the_purchase_and_each_use_is_a_line_of_its_own(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    async with database.unit_of_work() as db:
        order = await credit_orders.place(
            db, NORTH, 500, by="person/1", person_id=None, source="portal", now=clock.now()
        )
        await credit_orders.release(db, order.number, by="person/2", letters=None, now=clock.now())
    await buy(database, clock, 1)
    async with database.unit_of_work() as db:
        reserved = await credit_store.reserve(
            db,
            NORTH,
            CreditService.SMS,
            1,
            reference="alert/7",
            by="person/1",
            now=clock.now(),
            about=f"station/{STATION}",
        )
        await credit_store.capture(db, reserved.reference, now=clock.now())
        lines = await credit_store.bookings(db, NORTH)
        [charge] = await charges.open_charges(db)
    assert [(each.service.value, each.quantity, each.balance_after) for each in lines] == [
        ("sms", -1, 449),
        ("remote_1", -50, 450),
        ("purchase", 500, 500),
    ]
    assert charge.charge.kind is charges.ChargeKind.CREDITS
    assert charge.charge.debtor == charges.organisation(NORTH)
    assert (charge.charge.quantity, charge.charge.net.text) == (Decimal(500), "54.50")


async def test_5_remote_set_up_for_1_or_12_months_with_an_option_to_extend(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    await fill(database, 1000, clock.now())
    with pytest.raises(InvalidInput):
        await buy(database, clock, 6)
    await buy(database, clock, 1, renews=False)
    async with database.unit_of_work() as db:
        found = await remote_access.access_to(db, NORTH, STATION)
        assert found is not None
        assert found.renews is False
        changed = await remote_access.switch(
            db, NORTH, STATION, renews=True, by="person/1", now=clock.now()
        )
        assert changed.renews is True


async def test_5_no_credits_at_the_renewal_deactivates_and_sends_a_mail(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 50, clock.now())
    stand_at(clock, await buy(database, clock, 1))
    assert await remote_access.renew_due(database, clock, made.letters) == 1
    assert await may_use(database, clock) is False
    async with database.unit_of_work() as db:
        found = await remote_access.access_to(db, NORTH, STATION)
    assert found is not None
    assert (found.is_on, found.renews) == (False, False)
    mails = await mails_of(database)
    assert [(each.recipient, each.language, each.subject) for each in mails] == [
        ("kasse@north.example", "de", f"Fernzugriff auf {STATION} ist abgeschaltet")
    ]
    assert await remote_access.renew_due(database, clock, made.letters) == 0


# ------------------------------------------------------------------------- 7.7: decision rows


def test_7_7_no_percentage_in_code_the_discount_is_computed_from_the_list_price() -> None:
    assert all(99_000 <= each.unit_price_micro <= 119_000 for each in SHIPPED_TIERS)
    real = (Tier(1, 119_000), Tier(5000, 95_200))
    assert offer(5000, real).discount == Decimal("0.2")
    assert offer(1, real).discount == 0
    assert offer(2500, SHIPPED_TIERS).discount == Decimal("0.168067")


def test_7_7_unit_prices_below_a_cent_are_micro_euro_and_rounded_once_per_order() -> None:
    tiers = (Tier(1, 1_500),)
    assert offer(1, tiers).net.text == "0.00"
    assert offer(333, tiers).net.text == "0.50"  # 0.4995, not 333 times 0.00
    assert euros(1_500).amount == Decimal("0.001500")


def test_7_7_the_whole_order_has_the_tier_of_its_quantity_with_a_warning() -> None:
    assert offer(249, SHIPPED_TIERS).net.text == "29.63"
    assert offer(250, SHIPPED_TIERS).net.text == "28.50"
    warned = offer(240, SHIPPED_TIERS)  # 28.56
    assert warned.cheaper is not None
    assert warned.cheaper.quantity == 250
    assert offer(239, SHIPPED_TIERS).cheaper is None  # 28.44


async def test_7_7_an_imported_orders_user_name_is_matched_exactly_or_by_hand(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)

    async def state(name: str, number: str) -> OrderState:
        async with database.unit_of_work() as db:
            order = shop_order(name, number=number)
            taken = await credit_orders.take_in(
                db, order, by="shop", letters=made.letters, now=clock.now()
            )
        return taken.state

    assert await state("anna", "S-1") is OrderState.BOOKED
    for number, name in enumerate(("Anna", " anna", "anna@north.example", "ann", ""), start=2):
        assert await state(name, f"S-{number}") is OrderState.UNMATCHED
    assert await balance(database) == 100
    async with database.unit_of_work() as db:
        await credit_orders.match(
            db, "S-2", NORTH, by="person/2", letters=made.letters, now=clock.now()
        )
    assert await balance(database) == 200


async def test_7_7_credits_are_booked_on_payment_once_by_order_number_with_one_mail(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    async with database.unit_of_work() as db:
        order = await credit_orders.place(
            db, NORTH, 100, by="p", person_id=made.anna.id, source="portal", now=clock.now()
        )
    assert await balance(database) == 0

    async def pay(payment: str) -> None:
        async with database.unit_of_work() as db:
            await credit_orders.pay(
                db, order.number, payment, by="f", letters=made.letters, now=clock.now()
            )

    await pay("bank 1")
    with pytest.raises(OrderPaidTwice):
        await pay("bank 2")
    assert await balance(database) == 100
    assert len(await mails_of(database)) == 1
    async with database.unit_of_work() as db:
        again = await credit_orders.order(db, order.number)
        # The last line of defence, should the state ever lie: one booking per order number.
        booked = await credit_store.booking_of(db, f"order/{order.number}")
        assert booked is not None
        added = await credit_store.add(
            db, NORTH, 100, reference=f"order/{order.number}", by="p", now=clock.now()
        )
        assert added == booked
    assert (again.payment, again.state) == ("bank 1", OrderState.BOOKED)


async def test_7_7_released_by_staff_before_the_payment_books_once(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    async with database.unit_of_work() as db:
        order = await credit_orders.place(
            db, NORTH, 100, by="p", person_id=None, source="portal", now=clock.now()
        )
        await credit_orders.release(db, order.number, by="f", letters=made.letters, now=clock.now())
        paid = await credit_orders.pay(
            db, order.number, "bank", by="f", letters=made.letters, now=clock.now()
        )
    assert paid.paid_at == clock.now()
    assert await balance(database) == 100
    assert len(await mails_of(database)) == 1


async def test_7_7_ledger_lines_are_complete_never_changed_and_never_below_zero(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    await fill(database, 60, clock.now())
    await buy(database, clock, 1)
    async with database.unit_of_work() as db:
        line, _ = await credit_store.bookings(db, NORTH)
    assert (line.account, line.booked_at) == (NORTH, clock.now())
    assert (line.about, line.service) == (f"station/{STATION}", CreditService.REMOTE_1)
    assert (line.quantity, line.balance_after) == (-50, 10)
    assert line.reference.startswith(f"remote/{NORTH}/{STATION}/")
    for attempt in ("update credit_bookings set quantity = -1", "delete from credit_bookings"):
        with pytest.raises(IntegrityError):
            async with database.unit_of_work() as db:
                await db.execute(text(attempt))


async def test_7_7_price_of_services_is_a_table_that_changes_from_a_moment_on(
    database: Database, clock: SetClock
) -> None:
    now = clock.now()
    async with database.unit_of_work() as db:
        assert await credit_prices.price(db, CreditService.PORTAL_USE, now) == 0
        later = now + timedelta(hours=1)
        await credit_prices.set_price(db, CreditService.REMOTE_1, 60, valid_from=later, now=now)
        assert await credit_prices.price(db, CreditService.REMOTE_1, now) == 50
        assert await credit_prices.price(db, CreditService.REMOTE_1, later) == 60


async def test_7_7_portal_use_is_booked_per_user_and_month_and_without_credit_is_reading_only(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)

    async def is_paid() -> bool:
        async with database.unit_of_work() as db:
            return await portal_use.is_paid(
                db, NORTH, made.anna.id, letters=made.letters, now=clock.now()
            )

    assert await is_paid()  # it costs nothing unless somebody says so
    async with database.unit_of_work() as db:
        await credit_prices.set_price(
            db, CreditService.PORTAL_USE, 5, valid_from=clock.now(), now=clock.now()
        )
    assert not await is_paid()
    assert not await is_paid()
    [mail] = await mails_of(database)
    assert mail.recipient == "anna@north.example"
    await fill(database, 12, clock.now())
    assert await is_paid()
    clock.advance(timedelta(days=1))
    assert await is_paid()
    assert await balance(database) == 7  # once a month
    stand_at(clock, datetime(2026, 10, 31, 23, 30, tzinfo=UTC))  # November in Berlin
    assert await is_paid()
    assert await balance(database) == 2


async def test_7_7_remote_access_is_for_one_station_and_the_buyers_people(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    await fill(database, 100, clock.now())
    await fill(database, 100, clock.now(), SOUTH)
    await buy(database, clock, 1)
    assert await may_use(database, clock)
    async with database.unit_of_work() as db:
        for account, station in ((NORTH, "N-2"), (SOUTH, STATION)):
            with pytest.raises(NoRemoteAccess):
                await remote_access.use(db, account, station, letters=None, now=clock.now())


async def test_7_7_only_what_was_really_used_is_charged(
    database: Database, clock: SetClock
) -> None:
    """SMS: reserve, hand over, then capture; release on failure."""
    await fill(database, 2, clock.now())
    async with database.unit_of_work() as db:
        for reference in ("handed over", "failed"):
            await credit_store.reserve(
                db, NORTH, CreditService.SMS, 1, reference=reference, by="p", now=clock.now()
            )
        assert (await credit_store.wallet(db, NORTH)).available == 0
        await credit_store.capture(db, "handed over", now=clock.now())
        await credit_store.release(db, "failed", now=clock.now())
        held = await credit_store.wallet(db, NORTH)
    assert (held.balance, held.available) == (1, 1)


async def test_7_7_the_last_credit_wanted_by_two_at_once_goes_to_one(
    database: Database, clock: SetClock
) -> None:
    await fill(database, 1, clock.now())

    async def send(number: int) -> str:
        try:
            async with database.unit_of_work() as db:
                await credit_store.reserve(
                    db, NORTH, CreditService.SMS, 1, reference=f"{number}", by="p", now=clock.now()
                )
        except NotEnoughCredits:
            return "mail"
        return "sms"

    assert sorted(await asyncio.gather(send(1), send(2))) == ["mail", "sms"]


async def test_7_7_the_account_that_is_named_pays(database: Database, clock: SetClock) -> None:
    """Whose account: that of the user who entered the number, wherever the station belongs."""
    await fill(database, 1, clock.now(), SOUTH)
    async with database.unit_of_work() as db:
        made = await credit_store.reserve(
            db,
            SOUTH,
            CreditService.SMS,
            1,
            reference="7",
            by="person/9",
            now=clock.now(),
            about=f"station/{STATION}",
        )
        booked = await credit_store.capture(db, made.reference, now=clock.now())
    assert (booked.account, booked.by, booked.about) == (SOUTH, "person/9", f"station/{STATION}")


async def test_7_7_remote_runtime_is_half_open_clamped_and_asked_on_every_use(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    await fill(database, 1000, clock.now())
    stand_at(clock, datetime(2027, 1, 31, 9, tzinfo=UTC))
    until = await buy(database, clock, 1, renews=False)
    assert until == datetime(2027, 2, 28, 9, tzinfo=UTC)
    stand_at(clock, until - timedelta(microseconds=1))
    assert await may_use(database, clock)
    stand_at(clock, until)
    assert not await may_use(database, clock)
    # Ends are counted from the original start: 31 March, not 28 March.
    first = first_term(datetime(2027, 1, 31, 9, tzinfo=UTC), 1, BERLIN)
    second = next_term(first, 1, BERLIN, first.valid_to)
    assert second.valid_to.astimezone(BERLIN) == datetime(2027, 3, 31, 10, tzinfo=BERLIN)


async def test_7_7_renewal_at_expiry_same_runtime_price_of_that_day(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 200, clock.now())
    until = await buy(database, clock, 1)
    async with database.unit_of_work() as db:
        await credit_prices.set_price(
            db, CreditService.REMOTE_1, 60, valid_from=until - timedelta(days=1), now=clock.now()
        )
        await credit_prices.set_price(
            db, CreditService.REMOTE_1, 99, valid_from=until + timedelta(hours=1), now=clock.now()
        )
    stand_at(clock, until - timedelta(seconds=1))
    assert await remote_access.renew_due(database, clock, made.letters) == 0
    stand_at(clock, until + timedelta(hours=2))  # the run came late: that day's price still
    assert await remote_access.renew_due(database, clock, made.letters) == 1
    assert await balance(database) == 200 - 50 - 60
    assert await may_use(database, clock)
    async with database.unit_of_work() as db:
        first, second = await remote_access.terms(db, NORTH, STATION)
    assert (second.valid_from, second.months) == (first.valid_to, 1)
    assert await mails_of(database) == []


async def test_7_7_warned_seven_days_and_one_day_before_if_the_balance_will_not_do(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 50, clock.now())
    until = await buy(database, clock, 1)

    async def warned(before: timedelta) -> int:
        stand_at(clock, until - before)
        return await remote_access.warn_due(database, clock, made.letters)

    assert await warned(timedelta(days=7, seconds=1)) == 0
    await fill(database, 50, clock.now())
    assert await warned(timedelta(days=7)) == 0  # the balance will do
    async with database.unit_of_work() as db:
        await credit_store.spend(
            db, NORTH, CreditService.SMS, 1, reference="sms", by="p", now=clock.now()
        )
    assert await warned(timedelta(days=6)) == 1
    assert await warned(timedelta(days=3)) == 0
    assert await warned(timedelta(days=1)) == 1
    assert await warned(timedelta(hours=1)) == 0
    assert [each.subject for each in await mails_of(database)] == [
        f"Fernzugriff auf {STATION}: zu wenig Credits zum Verlängern"
    ] * 2


async def test_7_7_no_refund_early_switch_off_keeps_the_paid_time(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    await fill(database, 100, clock.now())
    until = await buy(database, clock, 1)

    async def switched(is_on: bool) -> None:
        async with database.unit_of_work() as db:
            await remote_access.switch(
                db, NORTH, STATION, is_on=is_on, by="person/1", now=clock.now()
            )

    await switched(False)
    assert not await may_use(database, clock)
    assert await balance(database) == 50
    clock.advance(timedelta(days=3))
    await switched(True)
    assert await may_use(database, clock)
    stand_at(clock, until)
    assert not await may_use(database, clock)  # switching it off ended the renewal
    assert await balance(database) == 50


async def test_7_7_twelve_months_not_affordable_is_deactivated_and_one_month_offered(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    await fill(database, 240 + 60, clock.now())
    stand_at(clock, await buy(database, clock, 12))
    assert await remote_access.renew_due(database, clock, made.letters) == 1
    assert not await may_use(database, clock)
    assert await balance(database) == 60  # no silent shorter runtime
    [mail] = await mails_of(database)
    assert "1 Monat für 50 Credits" in mail.body
    assert f"https://portal.example/stations/{STATION}/remote" in mail.body
    async with database.unit_of_work() as db:
        assert len(await remote_access.terms(db, NORTH, STATION)) == 1
