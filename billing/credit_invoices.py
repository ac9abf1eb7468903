"""An order of credits has its invoice at once, and what becomes of one is told to the other.

Credits are booked when their invoice is paid, so it does not wait for the end of the month. Where
nobody is recorded as the contact yet, the charge waits for the month's run like any other. An
invoice that was paid pays its order, an order that was paid pays its invoice, and an order that is
cancelled takes its invoice back.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing import (
    charges,
    contacts,
    counter_documents,
    document_store,
    invoicing,
    issuing,
    papers,
)
from billing.charge_tables import ChargeRow
from billing.charges import BookedCharge
from billing.credit_tables import CreditOrderRow
from billing.document_tables import DocumentStateRow
from billing.documents import DocumentDoesNotHold, check
from billing.invoice_drafts import Owed, invoices
from billing.months import Month
from billing.papers import NotPayableDocument
from billing.vat import UnknownVatRate
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


async def settle(db: AsyncSession, number: str, *, now: datetime) -> None:
    """Book the invoice of an order that was paid as paid, unless that was done."""
    booked = await _own_invoice(db, number)
    if booked is not None and booked.document is not None:
        try:
            await papers.mark_paid(db, booked.document, now=now)
        except NotPayableDocument:
            return


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


async def _own_invoice(db: AsyncSession, number: str) -> BookedCharge | None:
    """Return an order's charge, if it stands alone on an invoice of its own."""
    key = charged_as(number)
    if not await document_store.run_keys(db, [key]):
        return None
    return await charges.charge_of(db, key)
