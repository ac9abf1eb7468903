"""A share that is due on receipt: on the statement at once, paid out when the provider has paid."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import (
    books,
    contacts,
    counter_documents,
    ledger,
    ledger_store,
    papers,
    paying,
    payout_store,
    receipt_store,
)
from billing.documents import DocumentKind
from billing.payouts import Hindrance, NothingToPay, PayeeNotPayable, PayoutState
from billing.statement_pdf import statement_pdf
from billing.statements import StatementState
from foundation.money import Money
from roaming import administration
from tests.billing.paper_story import customer, open_office, run
from tests.billing.payees import ANNA, BERT, CARL, accept
from tests.billing.story import (
    BAKERY,
    EMP,
    EXTERNAL,
    LONG_AGO,
    NOVEMBER,
    closing,
    ended,
    happen,
)

DAY = date(2026, 11, 20)


async def begin(db: AsyncSession, due: str, external_kwh: str = "20") -> str:
    """An owner with 10 kWh internal and so many external in October; return its statement."""
    await open_office(db)
    await accept(db, BAKERY)
    await customer(db, name="Emp AG", represents=f"provider/{EMP}")
    await administration.create_agreement(
        db, BAKERY, {"external_due": due}, valid_from=LONG_AGO, now=LONG_AGO
    )
    await happen(db, ended(1, kwh="10"), ended(2, kwh=external_kwh, **EXTERNAL))
    [statement] = await closing().close(db, BAKERY, "2026-10", now=NOVEMBER)
    return statement.statement_id


async def pay_out(db: AsyncSession) -> str:
    """Prepare, release and carry out a run; return what it paid."""
    made = await paying.prepare(db, execute_on=DAY, by=ANNA, now=NOVEMBER)
    await paying.release(db, made.head.id, by=ANNA, now=NOVEMBER)
    await paying.release(db, made.head.id, by=BERT, now=NOVEMBER)
    await paying.mark_sent(db, made.head.id, by=CARL, now=NOVEMBER)
    done = await paying.mark_paid(db, made.head.id, by=CARL, now=NOVEMBER)
    assert done.head.state is PayoutState.PAID
    return done.head.total.text


async def invoice(db: AsyncSession) -> papers.DocumentHead:
    await run(db)
    [found] = await papers.documents(db, recipient=f"provider/{EMP}")
    return found


async def payable(db: AsyncSession) -> str:
    balances = await ledger_store.balances(db, [ledger.payable(BAKERY)])
    return ledger.owed(balances, ledger.payable(BAKERY), "EUR").text


async def test_the_share_waits_until_the_invoice_is_paid_whole_and_comes_once(
    db: AsyncSession,
) -> None:
    statement_id = await begin(db, "receipt")
    statement = await books.statement(db, statement_id)

    # 4.00 internal, and 90 % of 8.00 external; 19 % VAT on top.
    assert [each.payout.text for each in statement.lines] == ["4.00", "7.20"]
    assert statement.payout_gross.text == "13.33"
    assert statement.due_on_receipt == Money(Decimal("7.20"), "EUR")
    assert statement_pdf(statement).startswith(b"%PDF")
    waits = await books.awaiting_receipt(db, statement)
    assert waits == Money(Decimal("8.57"), "EUR")

    assert await pay_out(db) == "4.76"
    [head] = await books.statements(db)
    assert head.state is not StatementState.PAID
    assert await payable(db) == "8.57"

    owed = await invoice(db)
    await papers.mark_paid(db, owed.number, amount=Money(Decimal("1.00"), "EUR"), now=NOVEMBER)
    with pytest.raises(PayeeNotPayable) as refused:
        await paying.prepare(db, execute_on=DAY, by=ANNA, now=NOVEMBER, payees=[BAKERY])
    assert refused.value.hindrance is Hindrance.AWAITING_RECEIPT

    await papers.mark_paid(db, owed.number, now=NOVEMBER)
    assert await books.awaiting_receipt(db, statement) is None
    assert await pay_out(db) == "8.57"
    [head] = await books.statements(db)
    assert head.state is StatementState.PAID
    assert await payable(db) == "0.00"
    with pytest.raises(NothingToPay):
        await pay_out(db)


async def test_a_share_that_is_due_at_the_close_waits_for_nobody(db: AsyncSession) -> None:
    statement_id = await begin(db, "close")
    statement = await books.statement(db, statement_id)
    assert statement.due_on_receipt is None
    assert await books.awaiting_receipt(db, statement) is None
    assert await pay_out(db) == "13.33"


async def test_a_session_that_comes_to_nothing_keeps_nobody_waiting(db: AsyncSession) -> None:
    """No invoice over it may ever be written."""
    statement = await books.statement(db, await begin(db, "receipt", external_kwh="0.01"))
    assert [each.payout.text for each in statement.lines] == ["4.00", "0.00"]
    assert statement.due_on_receipt is None
    assert await books.awaiting_receipt(db, statement) is None


async def test_what_came_back_is_paid_again_and_the_rest_still_waits(db: AsyncSession) -> None:
    await begin(db, "receipt")
    await pay_out(db)
    [first] = await paying.runs(db)
    owed = await invoice(db)
    await papers.mark_paid(db, owed.number, now=NOVEMBER)
    assert await pay_out(db) == "8.57"
    whole = await paying.run(db, first.id)

    await paying.mark_returned(
        db,
        first.id,
        whole.payments[0].id,
        returned_on=NOVEMBER.date(),
        reason="AC04",
        by=CARL,
        now=NOVEMBER,
    )
    assert await payable(db) == "4.76"
    await accept(db, BAKERY, now=NOVEMBER + timedelta(minutes=1))
    assert await pay_out(db) == "4.76"
    assert await payable(db) == "0.00"
    [head] = await books.statements(db)
    assert head.state is StatementState.PAID


async def test_what_a_later_statement_takes_back_waits_no_more(db: AsyncSession) -> None:
    statement_id = await begin(db, "receipt")
    statement = await books.statement(db, statement_id)
    await happen(db, ended(2, kwh="10", revision=2, **EXTERNAL))
    assert await books.awaiting_receipt(db, statement) is not None
    later = NOVEMBER + timedelta(days=30)
    [second] = await closing().close(db, BAKERY, "2026-11", now=later)

    assert [each.payout.text for each in second.lines] == ["-7.20", "3.60"]
    assert second.due_on_receipt == Money(Decimal("3.60"), "EUR")
    assert await books.awaiting_receipt(db, statement) is None
    assert await books.awaiting_receipt(db, second) == Money(Decimal("4.29"), "EUR")
    assert await receipt_store.paid_before(db, [statement_id]) == {}
    assert await receipt_store.due_on_receipt(db, [], [1]) == frozenset()
    # Of the two statements, 13.33 and -4.28, what is left but for the 4.29 that wait.
    assert await pay_out(db) == "4.76"
    assert await payable(db) == "4.29"


async def test_by_hand_only_the_rest_is_paid_although_more_is_owed(db: AsyncSession) -> None:
    statement_id = await begin(db, "receipt")
    assert await pay_out(db) == "4.76"
    owed = await invoice(db)
    await papers.mark_paid(db, owed.number, now=NOVEMBER)
    await happen(db, ended(3, NOVEMBER + timedelta(days=5), kwh="10"))
    await closing().close(db, BAKERY, "2026-11", now=NOVEMBER + timedelta(days=35))
    assert (await books.mark_paid(db, statement_id, now=NOVEMBER)).text == "8.57"


async def take_back_the_note(db: AsyncSession) -> None:
    """Write the credit note over the statement, and take it back."""
    await contacts.record_organisation(db, BAKERY, now=LONG_AGO)
    await run(db)
    [note] = await papers.documents(db, kind=DocumentKind.CREDIT_NOTE)
    await counter_documents.cancel(db, note.number, reason="a wrong name", now=NOVEMBER)


async def test_a_note_taken_back_takes_what_was_paid_on_it_off_no_other_statement(
    db: AsyncSession,
) -> None:
    await begin(db, "receipt")
    assert await pay_out(db) == "4.76"
    await take_back_the_note(db)
    assert (await payout_store.owed(db, [BAKERY], "EUR"))[BAKERY] == Money.zero("EUR")
    await happen(db, ended(3, NOVEMBER + timedelta(days=5), kwh="10"))
    await closing().close(db, BAKERY, "2026-11", now=NOVEMBER + timedelta(days=35))
    assert await pay_out(db) == "4.76"


async def test_what_waits_is_not_owed_although_the_note_was_taken_back_in_a_run(
    db: AsyncSession,
) -> None:
    await begin(db, "receipt")
    await paying.prepare(db, execute_on=DAY, by=ANNA, now=NOVEMBER)
    await take_back_the_note(db)
    assert (await payout_store.owed(db, [BAKERY], "EUR"))[BAKERY] == Money.zero("EUR")


async def test_what_the_provider_had_good_is_received_too(db: AsyncSession) -> None:
    """An invoice is paid whole although less came in: the rest was good from an earlier one."""
    await begin(db, "receipt")
    first = await invoice(db)
    await papers.mark_paid(db, first.number, now=NOVEMBER)
    later = NOVEMBER + timedelta(days=35)
    await happen(db, ended(3, NOVEMBER + timedelta(days=5), kwh="10", **EXTERNAL))
    [statement] = await closing().close(db, BAKERY, "2026-11", now=later)
    assert await books.awaiting_receipt(db, statement) == Money(Decimal("4.28"), "EUR")
    [number] = (await run(db, "2026-11", later)).numbers
    await counter_documents.credit(
        db, first.number, net=Money(Decimal("1.00"), "EUR"), reason="a goodwill", now=later
    )
    assert await papers.mark_paid(db, number, now=later) == Money(Decimal("3.57"), "EUR")
    assert await books.awaiting_receipt(db, statement) is None
