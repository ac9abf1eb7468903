"""An order of credits and its invoice: issued at once, paid together, taken back together."""

from datetime import UTC, date, datetime
from decimal import Decimal

from accounts import directory
from billing import books, charges, contacts, credit_orders, invoicing, ledger, papers
from billing.charges import Charge, ChargeKind
from billing.credit_invoices import charged_as
from billing.credit_orders import Order, OrderState
from billing.papers import DocumentState
from foundation.clock import SetClock
from foundation.database import Database
from foundation.money import Money
from tests.billing.purses import NORTH, Purses, balance, customers, mails_of

FEE = Charge(
    key="fee/north",
    kind=ChargeKind.BASE_FEE,
    debtor=charges.organisation(NORTH),
    quantity=Decimal(1),
    unit="MON",
    net=Money(Decimal("10.00"), "EUR"),
    first_day=date(2026, 11, 1),
    last_day=date(2026, 11, 1),
    details={"name": "Fleet"},
)


async def recorded(database: Database, clock: SetClock) -> Purses:
    """The customers, and on paper the operator and one of them."""
    made = await customers(database, clock)
    await record(database, clock)
    return made


async def record(database: Database, clock: SetClock) -> None:
    """Put the operator and a customer on paper."""
    async with database.unit_of_work() as db:
        root = await directory.root(db)
        await directory.change_organisation(
            db,
            root.key,
            {
                "address": "Ring 1, 10115 Berlin",
                "vat_id": "DE136695976",
                "email": "rechnung@operator.example",
                "iban": "DE89370400440532013000",
            },
        )
        await directory.change_organisation(db, NORTH, {"address": "Hafen 2, 20457 Hamburg"})
        await contacts.record_organisation(db, NORTH, now=clock.now())


async def sums(database: Database) -> tuple[str, str]:
    """What came to the bank, and what the customer owes."""
    accounts = [ledger.BANK, ledger.debtor(charges.organisation(NORTH))]
    async with database.unit_of_work() as db:
        found = await books.balances(db, accounts)
    bank, owed = (found.get(each, {}).get("EUR", Money.zero("EUR")).text for each in accounts)
    return bank, owed


async def placed(database: Database, clock: SetClock) -> tuple[Order, str | None]:
    """An order, and the number of its invoice."""
    async with database.unit_of_work() as db:
        order = await credit_orders.place(
            db, NORTH, 500, by="p", person_id=None, source="portal", now=clock.now()
        )
        booked = await charges.charge_of(db, charged_as(order.number))
    assert booked is not None
    return order, booked.document


async def state_of(database: Database, invoice: str) -> DocumentState:
    async with database.unit_of_work() as db:
        return (await papers.document(db, invoice))[0].state


async def test_an_order_has_its_invoice_at_once(database: Database, clock: SetClock) -> None:
    await recorded(database, clock)
    order, invoice = await placed(database, clock)
    assert invoice is not None
    async with database.unit_of_work() as db:
        _, document = await papers.document(db, invoice)
    [line] = document.lines
    assert (line.net.text, order.number in line.text) == ("54.50", True)
    assert document.gross.text == "64.86"  # 19 % on top


async def test_without_a_contact_it_waits_for_the_months_run(
    database: Database, clock: SetClock
) -> None:
    await customers(database, clock)
    _, invoice = await placed(database, clock)
    assert invoice is None


async def test_an_order_that_is_paid_pays_its_invoice(database: Database, clock: SetClock) -> None:
    made = await recorded(database, clock)
    order, invoice = await placed(database, clock)
    assert invoice is not None
    async with database.unit_of_work() as db:
        await credit_orders.pay(
            db, order.number, "bank", by="f", letters=made.letters, now=clock.now()
        )
    assert await state_of(database, invoice) is DocumentState.PAID
    assert await credit_orders.book_paid(database, clock, made.letters) == 0
    assert await balance(database) == 500


async def test_an_invoice_that_is_paid_books_its_order_once(
    database: Database, clock: SetClock
) -> None:
    made = await recorded(database, clock)
    order, invoice = await placed(database, clock)
    assert invoice is not None
    assert await credit_orders.book_paid(database, clock, made.letters) == 0
    async with database.unit_of_work() as db:
        await papers.mark_paid(db, invoice, now=clock.now())
    assert await credit_orders.book_paid(database, clock, made.letters) == 1
    assert await credit_orders.book_paid(database, clock, made.letters) == 0
    async with database.unit_of_work() as db:
        booked = await credit_orders.order(db, order.number)
    assert (booked.state, booked.payment) == (OrderState.BOOKED, invoice)
    assert await balance(database) == 500
    assert len([each for each in await mails_of(database) if "500 Credits" in each.subject]) == 1


async def test_an_order_that_is_cancelled_takes_its_invoice_back(
    database: Database, clock: SetClock
) -> None:
    await recorded(database, clock)
    order, invoice = await placed(database, clock)
    assert invoice is not None
    async with database.unit_of_work() as db:
        await credit_orders.cancel(db, order.number, now=clock.now())
        assert await charges.open_charges(db) == []
    assert await state_of(database, invoice) is DocumentState.CANCELLED


async def test_money_that_comes_before_the_invoice_is_booked_and_pays_it_when_it_is_there(
    database: Database, clock: SetClock
) -> None:
    made = await customers(database, clock)
    order, _ = await placed(database, clock)
    async with database.unit_of_work() as db:
        await charges.book(db, [FEE], now=clock.now())
        await credit_orders.pay(
            db, order.number, "bank", by="f", letters=made.letters, now=clock.now()
        )
    assert await sums(database) == ("64.86", "-64.86")  # 54.50 and 19 % tax

    await record(database, clock)
    later = datetime(2026, 12, 1, 9, tzinfo=UTC)
    async with database.unit_of_work() as db:
        fee, own = (await invoicing.run(db, "2026-11", now=later, by_hand=True)).numbers
    assert await state_of(database, own) is DocumentState.OPEN
    assert await credit_orders.book_paid(database, clock, made.letters) == 0
    assert await state_of(database, own) is DocumentState.PAID
    assert await state_of(database, fee) is DocumentState.OPEN
    assert await sums(database) == ("64.86", "11.90")  # the fee is open, nothing else
    assert await credit_orders.book_paid(database, clock, made.letters) == 0
    assert await sums(database) == ("64.86", "11.90")
    assert await balance(database) == 500
