"""Documents are taken back by counter-documents only, in whole or in part."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books, contacts, counter_documents, ledger, papers
from billing.counter_documents import (
    AlreadyCancelled,
    CreditAboveInvoice,
    NotCancellable,
    TakenBackElsewhere,
)
from billing.documents import DocumentKind
from billing.papers import DocumentState, NotPayableDocument, PaidTooMuch
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import TransactionId
from foundation.money import Money
from tests.billing.paper_story import OCTOBER, contract_of, customer, open_office, run
from tests.billing.story import BAKERY, DECEMBER, NOVEMBER, NOW, STAFF, closing, ended, happen


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def balance(db: AsyncSession, account: ledger.LedgerAccount) -> Money:
    return (await books.balances(db, [account])).get(account, {}).get("EUR", eur("0.00"))


async def invoiced(db: AsyncSession) -> tuple[str, ledger.LedgerAccount]:
    """An invoice over 9.00 net: a session of 4.00 and a fee of 5.00."""
    await open_office(db)
    huber = await customer(db)
    await contract_of(db, huber, fee="5.00")
    await happen(db, ended(1))
    [number] = (await run(db)).numbers
    return number, ledger.debtor(huber.debtor)


async def test_a_cancelled_invoice_leaves_the_books_as_before_and_is_made_anew(
    db: AsyncSession,
) -> None:
    number, debtor = await invoiced(db)
    session = TransactionId(1)
    assert await papers.invoiced(db, [session]) == {session: [number]}
    made = await counter_documents.cancel(db, number, reason="Wrong address", now=NOVEMBER)
    assert await papers.invoiced(db, [session]) == {}

    assert (made.number, made.kind, made.type_code) == (
        "ST-2026-000001",
        DocumentKind.CANCELLATION,
        "381",
    )
    assert (made.cancels, made.gross) == (number, eur("10.71"))
    assert await balance(db, debtor) == eur("0.00")
    assert await balance(db, ledger.clearing(STAFF)) == eur("4.76")
    assert await balance(db, ledger.SERVICES) == eur("0.00")
    head, _ = await papers.document(db, number)
    assert (head.state, head.left) == (DocumentState.CANCELLED, eur("0.00"))
    with pytest.raises(AlreadyCancelled):
        await counter_documents.cancel(db, number, reason="again", now=NOVEMBER)
    with pytest.raises(NotCancellable):
        await counter_documents.cancel(db, made.number, reason="no", now=NOVEMBER)
    with pytest.raises(NotPayableDocument):
        await papers.mark_paid(db, number, now=NOVEMBER)

    assert (await run(db, now=DECEMBER)).numbers == ["RE-2026-000002"]
    assert await balance(db, debtor) == eur("10.71")
    assert await balance(db, ledger.clearing(STAFF)) == eur("0.00")


async def test_what_is_not_invoiced_again_is_borne_by_us(db: AsyncSession) -> None:
    number, debtor = await invoiced(db)
    await counter_documents.cancel(db, number, reason="Goodwill", again=False, now=NOVEMBER)
    assert await balance(db, debtor) == eur("0.00")
    assert await balance(db, ledger.FEES) == eur("9.00")
    assert await balance(db, ledger.VAT) == eur("0.00")
    assert (await run(db, now=DECEMBER)).numbers == []


async def test_a_credit_above_its_invoice_is_refused(db: AsyncSession) -> None:
    number, debtor = await invoiced(db)
    first = await counter_documents.credit(
        db, number, net=eur("3.00"), reason="Broken cable", now=NOVEMBER
    )
    assert (first.gross, first.lines[0].reference) == (eur("3.57"), number)
    with pytest.raises(CreditAboveInvoice) as refused:
        await counter_documents.credit(db, number, net=eur("6.01"), reason="x", now=NOVEMBER)
    assert refused.value.left == eur("6.00")
    assert await balance(db, debtor) == eur("7.14")
    with pytest.raises(AlreadyCancelled):
        await counter_documents.cancel(db, number, reason="whole", now=NOVEMBER)
    await counter_documents.credit(db, number, net=eur("6.00"), reason="rest", now=NOVEMBER)
    head, _ = await papers.document(db, number)
    assert head.state is DocumentState.CANCELLED
    assert await balance(db, debtor) == eur("0.00")
    with pytest.raises(AlreadyCancelled):
        await counter_documents.credit(db, number, net=eur("0.01"), reason="x", now=NOVEMBER)


async def test_a_credit_says_how_much_of_what_and_why(db: AsyncSession) -> None:
    number, _ = await invoiced(db)
    for values in (
        {"net": eur("0.00")},
        {"net": Money(Decimal(1), "CHF")},
        {"net": eur("1.00"), "vat_rate": Decimal(7)},
        {"net": eur("1.00"), "reason": " "},
    ):
        with pytest.raises(InvalidInput):
            await counter_documents.credit(
                db,
                number,
                **{"reason": "x", **values},  # type: ignore[arg-type]
                now=NOVEMBER,
            )
    with pytest.raises(NotFound):
        await counter_documents.cancel(db, "RE-2026-999999", reason="x", now=NOVEMBER)


async def test_a_paid_invoice_is_paid_once(db: AsyncSession) -> None:
    number, debtor = await invoiced(db)
    assert await papers.mark_paid(db, number, now=NOVEMBER) == eur("10.71")
    assert await balance(db, debtor) == eur("0.00")
    assert await balance(db, ledger.BANK) == eur("10.71")
    with pytest.raises(NotPayableDocument):
        await papers.mark_paid(db, number, now=NOVEMBER)


async def test_an_invoice_is_paid_in_parts_until_nothing_is_left(db: AsyncSession) -> None:
    number, _ = await invoiced(db)
    for wrong in (
        eur("0.00"),
        eur("-1.00"),
        Money(Decimal("0.001"), "EUR"),
        Money(Decimal(1), "CHF"),
    ):
        with pytest.raises(InvalidInput):
            await papers.mark_paid(db, number, amount=wrong, now=NOVEMBER)
    assert await papers.mark_paid(db, number, amount=eur("4.00"), now=NOVEMBER) == eur("4.00")
    head, _ = await papers.document(db, number)
    assert (head.state, head.paid, head.left) == (DocumentState.OPEN, eur("4.00"), eur("6.71"))
    with pytest.raises(PaidTooMuch) as caught:
        await papers.mark_paid(db, number, amount=eur("6.72"), now=NOVEMBER)
    assert caught.value.left == eur("6.71")
    assert await papers.mark_paid(db, number, amount=eur("6.71"), now=DECEMBER) == eur("6.71")
    head, _ = await papers.document(db, number)
    assert (head.state, head.left, head.paid_at) == (DocumentState.PAID, eur("0.00"), DECEMBER)


async def test_of_a_part_that_is_taken_back_only_what_was_paid_comes_back(
    db: AsyncSession,
) -> None:
    number, _ = await invoiced(db)
    await papers.mark_paid(db, number, amount=eur("8.33"), now=NOVEMBER)  # 2.38 are left
    made = await counter_documents.credit(
        db, number, net=eur("3.00"), reason="a goodwill", now=NOVEMBER
    )
    assert made.gross == eur("3.57")
    assert any("1,19" in each for each in made.notes), "3.57 less the 2.38 that were open"
    head, _ = await papers.document(db, number)
    assert (head.state, head.left) == (DocumentState.PAID, eur("0.00"))


async def test_what_was_paid_on_a_cancelled_invoice_is_owed_back(db: AsyncSession) -> None:
    number, debtor = await invoiced(db)
    await papers.mark_paid(db, number, now=NOVEMBER)
    made = await counter_documents.cancel(db, number, reason="Wrong address", now=NOVEMBER)
    assert await balance(db, ledger.BANK) == eur("10.71")
    assert await balance(db, debtor) == -eur("10.71")
    assert await papers.balances(db, [debtor.party or ""]) == {debtor.party: [-eur("10.71")]}
    assert await balance(db, ledger.clearing(STAFF)) == eur("4.76")
    assert "Bereits bezahlt: 10,71 EUR." in made.notes[-1]

    # The corrected invoice is paid with it: no money comes a second time.
    [corrected] = (await run(db, now=DECEMBER)).numbers
    assert await balance(db, debtor) == eur("0.00")
    assert await balance(db, ledger.BANK) == eur("10.71")
    head, anew = await papers.document(db, corrected)
    assert (head.state, head.left) == (DocumentState.PAID, eur("0.00"))
    assert (anew.prepaid, anew.due, anew.due_on) == (eur("10.71"), eur("0.00"), None)
    with pytest.raises(NotPayableDocument):
        await papers.mark_paid(db, corrected, now=DECEMBER)


async def test_a_corrected_invoice_says_what_was_paid_and_asks_for_the_rest(
    db: AsyncSession,
) -> None:
    number, debtor = await invoiced(db)
    await papers.mark_paid(db, number, amount=eur("4.00"), now=NOVEMBER)
    await counter_documents.cancel(db, number, reason="Wrong address", now=NOVEMBER)
    [corrected] = (await run(db, now=DECEMBER)).numbers

    head, anew = await papers.document(db, corrected)
    assert (anew.gross, anew.prepaid, anew.due) == (eur("10.71"), eur("4.00"), eur("6.71"))
    assert (head.state, head.left) == (DocumentState.OPEN, eur("6.71"))
    assert await balance(db, debtor) == eur("6.71")
    assert await papers.mark_paid(db, corrected, now=DECEMBER) == eur("6.71")
    assert await balance(db, debtor) == eur("0.00")
    assert await balance(db, ledger.BANK) == eur("10.71")

    # Taken back once more, all of it is good again, once.
    again = await counter_documents.cancel(db, corrected, reason="Name", now=DECEMBER)
    assert "10,71 EUR" in again.notes[-1]
    [third] = (await run(db, now=DECEMBER)).numbers
    assert (await papers.document(db, third))[1].prepaid == eur("10.71")
    assert await balance(db, debtor) == eur("0.00")


async def test_what_a_credit_of_the_customer_does_not_cover_is_paid(db: AsyncSession) -> None:
    number, debtor = await invoiced(db)
    await papers.mark_paid(db, number, now=NOVEMBER)
    await counter_documents.credit(db, number, net=eur("3.00"), reason="x", now=NOVEMBER)
    assert await balance(db, debtor) == -eur("3.57")
    [fee] = (await run(db, "2026-11", DECEMBER)).numbers
    assert await papers.mark_paid(db, fee, now=DECEMBER) == eur("2.38")  # of 5.95
    assert await balance(db, debtor) == eur("0.00")


async def test_what_was_credited_of_a_paid_invoice_is_prepaid_whatever_was_cancelled_unpaid(
    db: AsyncSession,
) -> None:
    unpaid, _ = await invoiced(db)
    await counter_documents.cancel(db, unpaid, reason="Wrong address", now=NOVEMBER)
    [number] = (await run(db, now=NOVEMBER)).numbers
    await papers.mark_paid(db, number, now=NOVEMBER)
    await counter_documents.credit(db, number, net=eur("3.00"), reason="x", now=NOVEMBER)
    [fee] = (await run(db, "2026-11", DECEMBER)).numbers
    _, document = await papers.document(db, fee)
    assert (document.gross, document.prepaid, document.due) == (
        eur("5.95"),
        eur("3.57"),
        eur("2.38"),
    )


async def test_what_another_document_took_back_of_an_invoice_is_not_credited_twice(
    db: AsyncSession,
) -> None:
    first, debtor = await invoiced(db)
    await happen(db, ended(1, kwh="9", revision=2))
    [second] = (await run(db, "2026-11", DECEMBER)).numbers
    assert await balance(db, debtor) == eur("16.18")  # the corrected session, and two fees
    for again in (True, False):
        with pytest.raises(TakenBackElsewhere) as refused:
            await counter_documents.cancel(db, first, reason="x", again=again, now=DECEMBER)
        assert refused.value.by == [second]
    await counter_documents.cancel(db, second, reason="first this one", now=DECEMBER)
    await counter_documents.cancel(db, first, reason="then this one", now=DECEMBER)
    assert await balance(db, debtor) == eur("0.00")
    await run(db, now=DECEMBER)
    assert await balance(db, debtor) == eur("10.23")  # 3.60 and a fee of 5.00, with tax
    await run(db, "2026-11", DECEMBER)
    assert await balance(db, debtor) == eur("16.18")


async def test_a_session_that_we_bear_is_not_credited_again_when_it_is_corrected(
    db: AsyncSession,
) -> None:
    number, debtor = await invoiced(db)
    await counter_documents.cancel(db, number, reason="Goodwill", again=False, now=NOVEMBER)
    await happen(db, ended(1, kwh="9", revision=2), ended(2, DECEMBER - timedelta(days=5)))
    result = await run(db, "2026-11", DECEMBER)
    assert len(result.numbers) == 1
    assert await balance(db, debtor) == eur("10.71")  # the other session and the next fee


async def test_a_credit_note_that_was_taken_back_is_written_again(db: AsyncSession) -> None:
    await open_office(db, community_discount_bps=1000)
    await contacts.record_organisation(db, BAKERY, now=NOW)
    await happen(db, ended(1))
    await closing().close(db, BAKERY, OCTOBER, now=NOVEMBER)
    [number] = (await run(db)).numbers
    with pytest.raises(NotCancellable):
        await counter_documents.credit(db, number, net=eur("1.00"), reason="x", now=NOVEMBER)
    made = await counter_documents.cancel(db, number, reason="Wrong name", now=NOVEMBER)
    assert made.type_code == "261"
    assert await books.owed_to(db, BAKERY) == {"EUR": eur("0.00")}
    assert await balance(db, ledger.uncredited(BAKERY)) == -eur("4.76")
    assert (await run(db)).numbers == ["GS-2026-000002"]
    assert await books.owed_to(db, BAKERY) == {"EUR": eur("4.76")}
