"""An order of credits and its invoice: issued at once, paid together, taken back together."""

from accounts import directory
from billing import charges, contacts, credit_orders, papers
from billing.credit_invoices import charged_as
from billing.credit_orders import Order, OrderState
from billing.papers import DocumentState
from foundation.clock import SetClock
from foundation.database import Database
from tests.billing.purses import NORTH, Purses, balance, customers, mails_of


async def recorded(database: Database, clock: SetClock) -> Purses:
    """The customers, and on paper the operator and one of them."""
    made = await customers(database, clock)
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
    return made


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
