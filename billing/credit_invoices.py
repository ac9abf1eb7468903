"""An order of credits has its invoice at once, and what becomes of one is told to the other.

Credits are booked when their invoice is paid, so it does not wait for the end of the month. Where
nobody is recorded as the contact yet, the charge waits for the month's run like any other. An
invoice that was paid pays its order, an order that was paid pays its invoice, and an order that is
cancelled takes its invoice back. Money that comes before there is an invoice is booked with the
customer, and pays the invoice when there is one.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import (
    charges,
    contacts,
    counter_documents,
    document_store,
    invoicing,
    issuing,
    ledger,
    ledger_store,
    papers,
)
from billing.charge_tables import ChargeRow
from billing.charges import BookedCharge, Charge
from billing.credit_tables import CreditOrderRow
from billing.document_tables import DocumentStateRow
from billing.documents import DocumentDoesNotHold, check, tax_on
from billing.invoice_drafts import Owed, invoices
from billing.months import Month
from billing.papers import DocumentState
from billing.statements import TaxStatus
from billing.vat import Supply, TaxPosition, UnknownVatRate, treatment
from foundation.identifiers import OrganisationKey
from foundation.money import Money


def charged_as(number: str) -> str:
    """Return the key of an order's charge, which is that of its invoice too."""
    return f"credits/{number}"


async def issue(db: AsyncSession, number: str, *, now: datetime) -> str | None:
    """Issue the invoice of an order, and return its number.

    None if it waits for the month's run: no contact is recorded, or the invoice would not hold.

    Args:
        db: A unit of work; the issuer's number range stays locked until it ends.
        number: The order's.
        now: When.
    """
    booked = await charges.charge_of(db, charged_as(number))
    if booked is None or booked.document is not None:
        return None if booked is None else booked.document
    issuer = await invoicing.issuer_of(db)
    known = await contacts.of_debtors(db, [booked.charge.debtor])
    contact = known.get(booked.charge.debtor)
    if contact is None or not contact.is_active:
        return None
    currency = booked.charge.net.currency
    owed = Owed(charges=(booked,), booked_tax=Money.zero(currency))
    month = str(Month.of(now, issuer.zone))
    try:
        [draft] = invoices(issuer, contact, owed, currency, month=month, now=now)
        check(replace(draft.document, number="-"))
    except (UnknownVatRate, DocumentDoesNotHold):
        return None  # the month's run names it among what it could not issue, with the reason
    if draft.document.gross.amount <= 0:
        return None
    await document_store.lock_issuer(db, issuer.key)
    [made] = await issuing.issue(
        db,
        issuer,
        [replace(draft, run_key=charged_as(number))],
        mailed=issuer.settings.automatic_mailing,
        now=now,
    )
    return made.number


async def settle(db: AsyncSession, order: CreditOrderRow, *, now: datetime) -> None:
    """Book the money of an order that was paid: its invoice as paid, unless that was done.

    Where there is no invoice yet, what it will come to is booked with the customer.

    Args:
        db: A unit of work.
        order: Locked.
        now: When.
    """
    booked = await charges.charge_of(db, charged_as(order.number))
    if booked is None:
        return  # the shop has the money and wrote the invoice, or nobody knows whose it is
    if booked.document is None:
        await _keep_for_later(db, order, booked.charge, now=now)
        return
    head, _ = await papers.document(db, booked.document)
    is_own = bool(await document_store.run_keys(db, [booked.charge.key]))
    if head.state is not DocumentState.PAID and not (is_own and head.left.amount):
        await _keep_for_later(db, order, booked.charge, now=now)  # it pays nothing of that invoice
        return
    if order.prepaid_entry is not None:
        await _take_off_again(db, order, booked.document, now=now)
    if head.state is not DocumentState.PAID:
        await papers.mark_paid(db, booked.document, now=now)


async def _keep_for_later(
    db: AsyncSession, order: CreditOrderRow, charge: Charge, *, now: datetime
) -> None:
    """Book what an order's invoice will come to, as far as is known, once."""
    if order.prepaid_entry is not None:
        return
    issuer = await invoicing.issuer_of(db)
    known = (await contacts.of_debtors(db, [charge.debtor])).get(charge.debtor)
    if known is None:
        assert order.account is not None, "an order is charged to an account"
        buyer = await directory.organisation(db, OrganisationKey(order.account))
        tax = TaxPosition(buyer.country, TaxStatus(buyer.tax_status), buyer.vat_id)
    else:
        tax = known.tax
    gross = charge.net
    with suppress(UnknownVatRate):
        treated = treatment(issuer.tax, tax, Supply.SERVICE, now.astimezone(issuer.zone).date())
        assert treated.rate is not None, "a service has one rate"
        gross += tax_on(charge.net, treated.rate)
    entry = ledger.prepayment_entry(
        debtor_key=charge.debtor, amount=gross, about=f"order/{order.number}", booked_at=now
    )
    [order.prepaid_entry] = await ledger_store.add_entries(db, [entry])
    await db.flush()


async def _take_off_again(
    db: AsyncSession, order: CreditOrderRow, document: str, *, now: datetime
) -> None:
    """Take back what was booked before the invoice: now it is booked as the invoice says."""
    assert order.prepaid_entry is not None
    of = await ledger_store.entries_by_number(db, [order.prepaid_entry])
    entries = [
        ledger.cancelled_entry(entry, entry_id=each, number=document, booked_at=now)
        for each, entry in of.items()
    ]
    await ledger_store.add_entries(db, entries)
    order.prepaid_entry = None
    await db.flush()


async def take_back(db: AsyncSession, number: str, *, now: datetime) -> bool:
    """Take the invoice of a cancelled order back by a counter-document; tell whether it had one."""
    booked = await _own_invoice(db, number)
    if booked is None or booked.document is None:
        return False
    await counter_documents.cancel(db, booked.document, reason=f"{number}", now=now, again=False)
    return True


async def paid_orders(db: AsyncSession, *, limit: int = 500) -> list[tuple[str, str]]:
    """Return orders whose invoice is paid and who are not, with the invoice's number."""
    found = await db.execute(
        select(CreditOrderRow.number, DocumentStateRow.number)
        .join(ChargeRow, ChargeRow.key == "credits/" + CreditOrderRow.number)
        .join(DocumentStateRow, DocumentStateRow.number == ChargeRow.document)
        .where(
            CreditOrderRow.paid_at.is_(None),
            CreditOrderRow.state.in_(["open", "booked"]),
            DocumentStateRow.paid_at.is_not(None),
        )
        .order_by(CreditOrderRow.id)
        .limit(limit)
    )
    return [(order, document) for order, document in found]


async def invoiced_orders(db: AsyncSession, *, limit: int = 500) -> list[str]:
    """Return orders that were paid before their invoice, and have it now."""
    found = await db.execute(
        select(CreditOrderRow.number)
        .join(ChargeRow, ChargeRow.key == "credits/" + CreditOrderRow.number)
        .join(
            DocumentStateRow,
            (DocumentStateRow.number == ChargeRow.document)
            & (DocumentStateRow.run_key == ChargeRow.key),
        )
        .where(
            CreditOrderRow.prepaid_entry.is_not(None),
            DocumentStateRow.cancelled_at.is_(None),
        )
        .order_by(CreditOrderRow.id)
        .limit(limit)
    )
    return list(found.scalars())


async def _own_invoice(db: AsyncSession, number: str) -> BookedCharge | None:
    """Return an order's charge, if it stands alone on an invoice of its own."""
    key = charged_as(number)
    if not await document_store.run_keys(db, [key]):
        return None
    return await charges.charge_of(db, key)
