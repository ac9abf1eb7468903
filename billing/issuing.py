"""Issuing: a draft gets its number, is checked, written, booked and told of, all or nothing.

Everything happens in the caller's unit of work. The number range stays locked until it ends, so
numbers have no gaps, however many issue at once and whatever is rolled back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges, document_sessions, document_store, ledger, ledger_store
from billing.charges import AlreadyInvoiced, ChargeKind
from billing.documents import Document, DocumentKind, check, tax_on
from billing.invoice_drafts import Draft, Issuer
from billing.ledger import JournalEntry
from foundation import outbox
from foundation.events import DocumentIssued
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total


async def issue(
    db: AsyncSession,
    issuer: Issuer,
    drafts: Sequence[Draft],
    *,
    mailed: bool,
    now: datetime,
    entries: Mapping[int, Sequence[JournalEntry]] | None = None,
) -> list[Document]:
    """Issue drafts, in their order; return the documents with their numbers.

    Args:
        db: A unit of work; for invoices over sessions, the one in which they were found.
        issuer: Who issues.
        drafts: With sums that hold.
        mailed: Whether they are mailed by themselves.
        now: When.
        entries: For counter-documents what each books, by its place; their narration is kept.

    Raises:
        DocumentDoesNotHold: With the rules of the norm that a draft breaks; nothing is issued.
        NumberOutOfOrder: If a range has a later document.
        AlreadyInvoiced: If a charge stands on another document.
    """
    if not drafts:
        return []
    numbers = await _numbers(db, issuer, drafts)
    good = await document_store.paid_on_taken_back(
        db, {each.document.recipient.key for each in drafts if _takes_prepaid(each)}
    )
    issued: list[tuple[Draft, Document]] = []
    for draft, number in zip(drafts, numbers, strict=True):
        document = _with_prepaid(draft, good, number)
        check(document)
        issued.append((draft, document))
    await document_store.add_documents(db, issuer.key, issued, now=now)
    await document_sessions.put_sessions(
        db, [(draft, made.number) for draft, made in issued if draft.lines_of]
    )
    put = [
        (each.id, made.number)
        for draft, made in issued
        if draft.owed is not None
        for each in draft.owed.charges
    ]
    if len({charge for charge, _ in put}) != len(put):
        raise AlreadyInvoiced
    await charges.put_on_documents(db, dict(put))
    booked: list[tuple[JournalEntry, str]] = []
    for place, (draft, made) in enumerate(issued):
        given = None if entries is None else entries.get(place)
        of = list(given) if given is not None else _entries(draft, made, now)
        booked += [(each, made.number) for each in of if each.postings]
    ids = await ledger_store.add_entries(db, [entry for entry, _ in booked])
    await document_store.add_entries_of(
        db, [(entry, number) for entry, (_, number) in zip(ids, booked, strict=True)]
    )
    await outbox.append(
        db,
        [_told(draft, made, mailed=mailed, now=now) for draft, made in issued],
        recorded_at=now,
    )
    return [made for _, made in issued]


def _takes_prepaid(draft: Draft) -> bool:
    """Tell whether what the recipient has good pays it: an order of credits is paid by itself."""
    made = draft.document
    if made.kind is not DocumentKind.INVOICE or made.gross.amount <= 0 or draft.owed is None:
        return False
    return all(
        each.charge.kind is not ChargeKind.CREDITS or each.charge.net.amount <= 0
        for each in draft.owed.charges
    )


def _with_prepaid(draft: Draft, good: dict[tuple[str, str], Money], number: str) -> Document:
    """Return the document with its number and with what was paid on one that was taken back.

    What it takes is gone from `good`, for the next document of the same recipient.
    """
    document = replace(draft.document, number=number)
    key = document.recipient.key, document.currency
    if key not in good or not good[key].amount or not _takes_prepaid(draft):
        return document
    prepaid = min(good[key], document.gross)
    good[key] -= prepaid
    if prepaid == document.gross:  # nobody is asked for anything
        document = replace(document, due_on=None, payment_terms=None)
    return replace(document, prepaid=prepaid)


async def _numbers(db: AsyncSession, issuer: Issuer, drafts: Sequence[Draft]) -> list[str]:
    """Return a number for each draft; the ranges are locked in the order of their prefixes."""
    numbers: dict[int, str] = {}
    for prefix in sorted({each.prefix for each in drafts}):
        places = [place for place, each in enumerate(drafts) if each.prefix == prefix]
        day = max(drafts[place].document.issued_on for place in places)
        taken = await document_store.take_numbers(db, issuer.key, prefix, day, len(places))
        numbers |= dict(zip(places, taken, strict=True))
    return [numbers[place] for place in range(len(drafts))]


def _entries(draft: Draft, made: Document, now: datetime) -> list[JournalEntry]:
    if made.kind is DocumentKind.INVOICE:
        assert draft.owed is not None, "an invoice asks for something"
        services = total((each.charge.net for each in draft.owed.charges), made.currency)
        return ledger.invoice_entries(
            number=made.number,
            debtor_key=made.recipient.key,
            charged=draft.owed.booked,
            charged_tax=draft.owed.booked_tax,
            services=services,
            services_tax=_tax_of_charges(draft, made),
            tax=made.tax,
            booked_at=now,
        )
    payee = OrganisationKey(made.recipient.key.partition("/")[2])
    entries = []
    if draft.written_again is not None:
        entries.append(
            ledger.credit_note_entry(
                number=made.number,
                payee=payee,
                gross=draft.written_again,
                booked_at=now,
                taken_back=False,
            )
        )
    if draft.discount is not None:
        net, tax = draft.discount
        entries.append(
            ledger.discount_entry(number=made.number, payee=payee, net=net, tax=tax, booked_at=now)
        )
    return entries


def _tax_of_charges(draft: Draft, made: Document) -> Money:
    """Return the tax on the lines that are no sessions, rounded once for each rate."""
    sessions = set(draft.lines_of.values())
    nets: dict[Decimal, Money] = {}
    for line in made.lines:
        if line.position not in sessions:
            before = nets.get(line.vat_rate, Money.zero(made.currency))
            nets[line.vat_rate] = before + line.net
    return total((tax_on(net, rate) for rate, net in nets.items()), made.currency)


def _told(draft: Draft, made: Document, *, mailed: bool, now: datetime) -> DocumentIssued:
    kind, _, key = made.recipient.key.partition("/")
    return DocumentIssued(
        happened_at=now,
        number=made.number,
        document_kind=made.kind.value,
        organisation=OrganisationKey(key) if kind == "organisation" else draft.managing,
        gross=made.gross.text,
        currency=made.currency,
        mailed=mailed,
    )
