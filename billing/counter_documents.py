"""Counter-documents: the only way to take a document back, whole or in part.

What was issued is never changed. The counter-document names it, has the same positive amounts and
the opposite meaning, a number of its own range, and its own entries in the ledger.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import (
    charges,
    document_sessions,
    document_store,
    issuing,
    ledger,
    ledger_store,
    statement_store,
)
from billing.document_tables import DocumentRow, DocumentStateRow
from billing.document_words import DocumentWords
from billing.documents import Document, DocumentKind, DocumentLine, VatLine, tax_on
from billing.invoice_drafts import ONE, Draft
from billing.invoicing import issuer_of
from billing.ledger import JournalEntry
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total


class AlreadyCancelled(Conflict):
    """Nothing is left of the document that could be taken back."""

    code = "already_cancelled"

    def __init__(self, number: str) -> None:
        super().__init__(f"Document {number} was taken back already.")


class NotCancellable(Conflict):
    """A counter-document is not taken back; a document is issued anew instead."""

    code = "not_cancellable"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is a counter-document and stays; issue a document anew.")


class TakenBackElsewhere(Conflict):
    """A later document credits sessions of it; to take it back too would credit them twice."""

    code = "taken_back_elsewhere"

    def __init__(self, number: str, by: Sequence[str]) -> None:
        self.by = list(by)
        super().__init__(
            f"Sessions of {number} were taken back on {', '.join(by)}: take that back first."
        )


class CreditedElsewhere(Conflict):
    """Charges of it were credited by themselves; to bear it whole would credit them twice."""

    code = "credited_elsewhere"

    def __init__(self, number: str, credited: Money) -> None:
        self.credited = credited
        super().__init__(
            f"{credited.text} {credited.currency} of what stands on {number} were credited"
            " already: take it back so that it is asked for again, or take a part back."
        )


class CreditAboveInvoice(InvalidInput):
    """More would be taken back than is left of the document."""

    code = "credit_above_invoice"

    def __init__(self, number: str, left: Money) -> None:
        self.left = left
        super().__init__(
            f"Of {number} only {left.text} {left.currency} without tax are left to take back.",
            field="net",
        )


async def cancel(
    db: AsyncSession,
    number: str,
    *,
    reason: str,
    now: datetime,
    again: bool = True,
    mailed: bool = True,
) -> Document:
    """Take a whole document back by a counter-document; return that.

    Args:
        db: A unit of work.
        number: An invoice or credit note of which nothing was taken back.
        reason: Why, in words; it stands on the counter-document.
        now: When.
        again: Whether its sessions and charges wait for another document; otherwise we bear them,
            whatever is found out about these sessions later.
        mailed: Whether the counter-document is mailed by itself.

    Raises:
        NotFound: If there is no such document.
        InvalidInput: If no reason is given.
        AlreadyCancelled: If (a part of) it was taken back.
        TakenBackElsewhere: If a later document credits one of its sessions.
        CreditedElsewhere: If charges of it were credited and are not asked for again.
        NotCancellable: If it is a counter-document.
    """
    row, state = await _locked(db, number)
    if state.cancelled_at is not None or state.credited_minor:
        raise AlreadyCancelled(number)
    if elsewhere := await document_sessions.taken_back_on(db, number):
        raise TakenBackElsewhere(number, elsewhere)
    what = document_store.value_of(row)
    if not again and (credited := await _credited(db, what)).amount:
        raise CreditedElsewhere(number, credited)
    entries = await _whole(db, row, what, again=again, now=now)
    counter = _counter(what, what.lines, what.vat, reason, is_part=False, paid=_paid(row, state))
    made = await _issue(db, row, counter, entries, mailed=mailed, now=now)
    values = {"credited_minor": row.gross_minor, "cancelled_at": now}
    if again:
        await document_store.set_state(db, number, run_key=None, **values)
        await document_sessions.release_sessions(db, number)
        await document_store.free_charges(db, number)
    else:
        await document_store.set_state(db, number, **values)
    return made


async def _whole(
    db: AsyncSession, row: DocumentRow, what: Document, *, again: bool, now: datetime
) -> list[JournalEntry]:
    """Return what taking a whole document back books; the narrations get the number later."""
    if what.kind is DocumentKind.INVOICE and not again:
        return [
            ledger.part_credit_entry(
                number=what.number,
                debtor_key=row.recipient,
                net=what.net,
                tax=what.tax,
                booked_at=now,
            )
        ]
    ids = await document_store.entry_ids(db, what.number)
    of = await ledger_store.entries_by_number(db, ids)
    if what.kind is DocumentKind.INVOICE:
        # The money that came in for it stays: the customer has it good.
        return [
            ledger.cancelled_entry(entry, entry_id=each, number=what.number, booked_at=now)
            for each, entry in of.items()
            if entry.kind is not ledger.EntryKind.RECEIPT
        ]
    # Of a credit note its discount is taken back, not that it was once written again.
    entries = [
        ledger.cancelled_entry(entry, entry_id=each, number=what.number, booked_at=now)
        for each, entry in of.items()
        if all(posting.account.kind != ledger.AccountKind.UNCREDITED for posting in entry.postings)
    ]
    assert row.statement_id is not None, "a credit note is over a statement"
    statement = await statement_store.statement_row(db, row.statement_id)
    assert statement is not None
    entries.append(
        ledger.credit_note_entry(
            number=what.number,
            payee=OrganisationKey(statement.payee),
            gross=Money.from_minor(statement.payout_gross_minor, statement.currency),
            booked_at=now,
            taken_back=True,
        )
    )
    return entries


async def credit(
    db: AsyncSession,
    number: str,
    *,
    net: Money,
    reason: str,
    now: datetime,
    vat_rate: Decimal | None = None,
    mailed: bool = True,
) -> Document:
    """Take a part of an invoice back by a counter-document; we bear it.

    Args:
        db: A unit of work.
        number: An invoice.
        net: How much, without tax; above zero and rounded.
        reason: Why, in words; it stands on the counter-document.
        now: When.
        vat_rate: Of which of its tax lines, where it has several; a percentage.
        mailed: Whether the counter-document is mailed by itself.

    Raises:
        NotFound: If there is no such document.
        InvalidInput: If the amount or the rate does not do.
        CreditAboveInvoice: If less than that is left of the invoice.
        AlreadyCancelled: If nothing is left of it.
        NotCancellable: If it is no invoice.
    """
    row, state = await _locked(db, number)
    if state.cancelled_at is not None:
        raise AlreadyCancelled(number)
    what = document_store.value_of(row)
    if what.kind is not DocumentKind.INVOICE:
        raise NotCancellable(number)
    if net.currency != what.currency or not net.is_rounded or net.amount <= 0:
        raise InvalidInput(f"net is a sum above zero in {what.currency}.", field="net")
    of = [each for each in what.vat if vat_rate is None or each.rate == vat_rate]
    if len(of) != 1:
        rates = ", ".join(str(each.rate) for each in what.vat)
        raise InvalidInput(f"Say of which VAT rate: {rates}.", field="vat_rate")
    [line] = of
    counters = await document_store.counter_documents(db, number)
    before = [
        each
        for counter in counters
        for each in document_store.value_of(counter).vat
        if (each.category, each.rate) == (line.category, line.rate)
    ]
    left = line.net - total((each.net for each in before), what.currency)
    of_whole = what.net - await _credited(db, what)
    of_whole -= total((document_store.value_of(each).net for each in counters), what.currency)
    left = max(Money.zero(what.currency), min(left, of_whole))
    if net > left:
        raise CreditAboveInvoice(number, left)
    vat = replace(line, net=net, amount=tax_on(net, line.rate))
    gross = net + vat.amount
    left_gross = Money.from_minor(row.gross_minor - state.credited_minor, what.currency)
    if gross > left_gross:
        raise CreditAboveInvoice(number, left)
    words = DocumentWords(what.language)
    text = words.text("part", number=number, reason=_reason(reason))
    credited = DocumentLine(
        position=1,
        text=text,
        quantity=Decimal(1),
        unit=ONE,
        unit_price=net.amount,
        net=net,
        vat_category=line.category,
        vat_rate=line.rate,
        reference=number,
    )
    counter = _counter(
        what,
        [credited],
        [vat],
        reason,
        is_part=True,
        paid=max(Money.zero(what.currency), gross - (left_gross - _paid(row, state))),
    )
    entry = ledger.part_credit_entry(
        number=number, debtor_key=row.recipient, net=net, tax=vat.amount, booked_at=now
    )
    made = await _issue(db, row, counter, [entry], mailed=mailed, now=now)
    values: dict[str, object] = {"credited_minor": state.credited_minor + gross.minor}
    if gross == left_gross:
        values["cancelled_at"] = now
    elif gross >= left_gross - _paid(row, state) and state.paid_at is None:
        values["paid_at"] = now
    await document_store.set_state(db, number, **values)
    return made


async def _credited(db: AsyncSession, what: Document) -> Money:
    """Return what credits of single charges took off a document, net: 0 or above."""
    keys = await charges.keys_on(db, what.number)
    return -await charges.taken_off(db, keys, Money.zero(what.currency))


async def _locked(db: AsyncSession, number: str) -> tuple[DocumentRow, DocumentStateRow]:
    """Return a document with its state, locked: before it its issuer, as whoever draws up does."""
    known = await document_store.document(db, number)
    if known is None:
        raise NotFound("document", number)
    await document_store.lock_issuer(db, OrganisationKey(known[0].issuer))
    found = await document_store.document(db, number, locked=True)
    assert found is not None, "documents stay"
    if found[0].kind == DocumentKind.CANCELLATION:
        raise NotCancellable(number)
    return found


def _paid(row: DocumentRow, state: DocumentStateRow) -> Money:
    """Return what is paid of a document, also with what came in on one that was taken back."""
    is_whole = state.paid_at is not None
    paid_minor = row.gross_minor - state.credited_minor if is_whole else state.paid_minor
    return Money.from_minor(paid_minor, row.currency)


def _reason(given: str) -> str:
    reason = " ".join(given.split())
    if not reason or len(reason) > 500:
        raise InvalidInput("reason is a sentence of at most 500 characters.", field="reason")
    return reason


def _counter(
    what: Document,
    lines: Sequence[DocumentLine],
    vat: Sequence[VatLine],
    reason: str,
    *,
    is_part: bool,
    paid: Money,
) -> Document:
    """Return the counter-document; `paid` came in already of what it takes back."""
    words = DocumentWords(what.language)
    net = total((each.net for each in lines), what.currency)
    tax = total((each.amount for each in vat), what.currency)
    gross = net + tax
    said = "cancels_part" if is_part else "cancels"
    notes = [
        words.text(said, number=what.number, day=words.day(what.issued_on)),
        words.text("why", reason=_reason(reason)),
    ]
    back = min(paid, gross)
    if back.amount > 0:
        amount = words.money(back)
        notes.append(words.text("paid_before", amount=amount, currency=gross.currency))
    return replace(
        what,
        number="",
        kind=DocumentKind.CANCELLATION,
        due_on=None,
        payment_terms=None,
        prepaid=None,
        lines=tuple(lines),
        vat=tuple(vat),
        net=net,
        tax=tax,
        gross=gross,
        cancels=what.number,
        cancels_issued_on=what.issued_on,
        cancels_kind=what.kind,
        notes=tuple(notes),
    )


async def _issue(
    db: AsyncSession,
    row: DocumentRow,
    counter: Document,
    entries: Sequence[JournalEntry],
    *,
    mailed: bool,
    now: datetime,
) -> Document:
    issuer = await issuer_of(db)
    draft = Draft(
        document=replace(counter, issued_on=now.astimezone(issuer.zone).date()),
        prefix=issuer.settings.prefix(DocumentKind.CANCELLATION),
        contact_id=row.contact_id,
        managing=OrganisationKey(row.managing),
        month=row.month,
    )
    [made] = await issuing.issue(db, issuer, [draft], mailed=mailed, now=now, entries={0: entries})
    return made
