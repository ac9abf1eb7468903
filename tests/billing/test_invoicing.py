"""A month's invoices and credit notes: to whom, over what, once, and what they book."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import books, charges, contacts, invoicing, ledger, papers
from billing.documents import DocumentKind
from billing.invoicing import MonthStillRuns
from billing.ledger import LedgerAccount
from foundation.money import Money, total
from tests.billing.paper_story import (
    OCTOBER,
    OPERATOR,
    OPERATOR_VAT,
    contract_of,
    customer,
    open_office,
    run,
)
from tests.billing.story import (
    BAKERY,
    DECEMBER,
    EMP,
    EXTERNAL,
    HOTEL,
    NOVEMBER,
    NOW,
    STAFF,
    closing,
    ended,
    happen,
)


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


async def books_balance(db: AsyncSession, account: LedgerAccount) -> Money:
    return (await books.balances(db, [account])).get(account, {}).get("EUR", eur("0.00"))


async def test_a_customer_gets_an_invoice_over_the_sessions_of_its_contracts_tokens(
    db: AsyncSession,
) -> None:
    await open_office(db)
    huber = await customer(db)
    await contract_of(db, huber, fee="5.00")
    await happen(db, ended(1), ended(2, NOW + timedelta(days=1), kwh="7.77"))

    [number] = (await run(db)).numbers
    head, document = await papers.document(db, number)

    assert number == "RE-2026-000001"
    assert [line.text for line in document.lines] == [
        "Laden, 04A2: 2 Ladevorgänge, 17,77 kWh",
        "Grundgebühr, Vertrag Fleet",
    ]
    assert (head.net, head.tax, head.gross) == (eur("12.11"), eur("2.30"), eur("14.41"))
    assert (head.first_day.isoformat(), head.last_day.isoformat()) == ("2026-10-15", "2026-10-16")
    # What the sessions were booked on is empty; the invoice is the customer's open item.
    assert await books_balance(db, ledger.clearing(STAFF)) == eur("0.00")
    assert await books_balance(db, ledger.debtor(huber.debtor)) == eur("14.41")
    assert await books_balance(db, ledger.VAT) == -eur("2.30")
    assert await books_balance(db, ledger.SERVICES) == -eur("5.00")


async def test_a_run_that_is_repeated_makes_nothing_twice_and_late_sessions_wait(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    await happen(db, ended(1))
    assert (await run(db)).numbers == ["RE-2026-000001"]
    await happen(db, ended(2, NOW - timedelta(days=2)))
    assert (await run(db)).numbers == []

    [number] = (await run(db, "2026-11", DECEMBER)).numbers
    _, document = await papers.document(db, number)
    assert [line.net for line in document.lines] == [eur("4.00")]
    assert document.first_day.isoformat() == "2026-10-13"


async def test_a_provider_gets_an_invoice_over_its_external_sessions(db: AsyncSession) -> None:
    await open_office(db)
    emp = await customer(
        db, name="Roaming GmbH", represents=f"provider/{EMP}", vat_id="DE811907980"
    )
    await happen(db, ended(1, **EXTERNAL))
    [number] = (await run(db)).numbers
    head, _ = await papers.document(db, number)
    assert (head.recipient, head.contact_id, head.gross) == (
        f"provider/{EMP}",
        emp.id,
        eur("4.76"),
    )
    assert await books_balance(db, ledger.receivable(EMP)) == eur("0.00")
    assert await books_balance(db, ledger.debtor(f"provider/{EMP}")) == eur("4.76")


async def test_an_owner_gets_a_credit_note_with_the_totals_of_its_statement(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await contacts.record_organisation(db, BAKERY, now=NOW)
    await happen(db, ended(1), ended(2, kwh="3.33", **EXTERNAL))
    [statement] = await closing().close(db, BAKERY, OCTOBER, now=NOVEMBER)
    owed = await books.owed_to(db, BAKERY)

    result = await run(db)
    [number] = result.numbers
    head, document = await papers.document(db, number)

    assert (head.kind, number) == (DocumentKind.CREDIT_NOTE, "GS-2026-000001")
    assert document.seller.name == "Bakery"
    assert (head.net, head.gross) == (statement.payout_net, statement.payout_gross)
    assert await books.owed_to(db, BAKERY) == owed
    assert {each.code for each in result.not_issued} == {"no_contact", "no_contract"}


async def test_charges_of_services_are_invoiced_to_whoever_owes_them(db: AsyncSession) -> None:
    await open_office(db)
    await contacts.record_organisation(db, BAKERY, now=NOW)
    charge = charges.Charge(
        key="monitoring/S1/2026-10",
        kind=charges.ChargeKind.MONITORING,
        debtor=charges.organisation(BAKERY),
        quantity=Decimal(1),
        unit="MON",
        net=eur("10.00"),
        first_day=NOW.date().replace(day=1),
        last_day=NOW.date().replace(day=31),
        about="station/S1",
    )
    await charges.book(db, [charge], now=NOW)
    [number] = (await run(db)).numbers
    _, document = await papers.document(db, number)
    assert [line.text for line in document.lines] == ["Betriebsführung, Station S1"]
    assert document.gross == eur("11.90")
    booked = await charges.charge_of(db, charge.key)
    assert booked is not None
    assert booked.document == number


async def test_what_is_corrected_after_the_invoice_is_taken_back_on_the_next_one(
    db: AsyncSession,
) -> None:
    await open_office(db)
    huber = await customer(db)
    await contract_of(db, huber)
    await happen(db, ended(1))
    await run(db)
    await happen(db, ended(1, kwh="5", revision=2), ended(2, NOVEMBER, kwh="20"))
    [number] = (await run(db, "2026-11", DECEMBER)).numbers
    _, document = await papers.document(db, number)
    assert document.net == eur("6.00")  # 8.00 + 2.00 - 4.00
    assert await books_balance(db, ledger.clearing(STAFF)) == eur("0.00")
    assert await books_balance(db, ledger.debtor(huber.debtor)) == eur("11.90")


async def test_more_taken_back_than_charged_waits_for_the_next_month(db: AsyncSession) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    await happen(db, ended(1))
    await run(db)
    await happen(db, ended(1, kwh="5", revision=2))
    result = await run(db, "2026-11", DECEMBER)
    assert (result.numbers, [each.code for each in result.not_issued]) == ([], ["below_zero"])


async def test_a_running_month_is_refused(db: AsyncSession) -> None:
    await open_office(db)
    with pytest.raises(MonthStillRuns):
        await run(db, OCTOBER, NOW)
    assert (await run(db)).numbers == []


async def test_the_month_end_makes_invoices_with_the_issuers_month_and_notes_with_the_owners(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await contract_of(db, await customer(db))
    await contacts.record_organisation(db, BAKERY, now=NOW)
    await happen(db, ended(1))
    await closing().close(db, BAKERY, OCTOBER, now=NOVEMBER)
    root = (await invoicing.issuer_of(db)).key
    assert list(await invoicing.work(db, BAKERY, OCTOBER, NOVEMBER)) == ["GS-2026-000001"]
    assert list(await invoicing.work(db, HOTEL, OCTOBER, NOVEMBER)) == []
    assert list(await invoicing.work(db, root, OCTOBER, NOVEMBER)) == ["RE-2026-000001"]
    assert list(await invoicing.work(db, root, OCTOBER, NOVEMBER)) == []


async def test_reverse_charge_lowers_the_tax_at_the_named_place(db: AsyncSession) -> None:
    await open_office(db)
    await customer(
        db,
        name="Ladenetz Wien",
        country="AT",
        vat_id="ATU13585627",
        represents=f"provider/{EMP}",
    )
    await happen(db, ended(1, **EXTERNAL))
    [number] = (await run(db)).numbers
    head, document = await papers.document(db, number)
    [vat] = document.vat
    assert (vat.category, vat.reason_code, head.gross) == ("AE", "VATEX-EU-AE", eur("4.00"))
    assert await books_balance(db, ledger.VAT) == eur("0.00")
    account = ledger.debtor(f"provider/{EMP}")
    kinds = [each.kind for each in (await books.entries(db, account)).values()]
    assert kinds == [ledger.EntryKind.INVOICE, ledger.EntryKind.VAT_BY_RECIPIENT]


async def test_the_monitor_finds_what_would_keep_documents_from_being_made(
    db: AsyncSession,
) -> None:
    await open_office(db)
    await happen(db, ended(1), ended(2, **EXTERNAL))
    before = {each.code for each in await invoicing.verify(db, OCTOBER, now=NOVEMBER)}
    await contract_of(db, await customer(db))
    await customer(db, represents=f"provider/{EMP}")
    after = {each.code for each in await invoicing.verify(db, OCTOBER, now=NOVEMBER)}
    assert (before, after) == ({"no_contract", "no_contact"}, set())


async def test_the_issuer_writes_no_invoice_to_itself_whoever_stands_for_it(
    db: AsyncSession,
) -> None:
    await open_office(db)
    itself = await customer(
        db, name="Ladewerk", represents=f"organisation/{OPERATOR}", vat_id=OPERATOR_VAT
    )
    await contract_of(db, itself, fee="5.00")
    huber = await customer(db)
    await contract_of(db, huber, token=None, fee="3.00")
    await happen(db, ended(1))  # by a token on the issuer's own contract

    result = await run(db)

    [number] = result.numbers
    assert (await papers.document(db, number))[0].contact_id == huber.id
    own = [each for each in result.not_issued if each.code == "own"]
    assert {each.recipient for each in own} == {f"organisation/{OPERATOR}"}
    asked = [each.amount for each in own if each.amount is not None]
    assert total(asked, "EUR") >= eur("9.00")  # the fee and the session
    assert (await run(db)).numbers == []
