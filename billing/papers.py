"""The face of documents: lists, single ones with what became of them, payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from billing import document_store, ledger, ledger_store
from billing.document_store import NumberRange
from billing.document_tables import DocumentRow, DocumentStateRow
from billing.documents import Document, DocumentKind
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.mail import KeptMail, kept_mail
from foundation.money import Money


class DocumentState(StrEnum):
    """How far a document has got."""

    OPEN = "open"
    """Issued; not handed over yet."""
    SENT = "sent"
    PAID = "paid"
    ISSUED = "issued"
    """A counter-document: nobody pays it."""
    CANCELLED = "cancelled"
    """Nothing of it is left."""


class NotPayableDocument(Conflict):
    """Only an invoice of which something is left is paid, and once."""

    code = "not_payable_document"

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is no open invoice: it was paid, taken back, or is none.")


class PaidTooMuch(InvalidInput):
    """More came in than is left of the invoice."""

    code = "paid_too_much"

    def __init__(self, number: str, left: Money) -> None:
        self.left = left
        super().__init__(
            f"Of {number} only {left.text} {left.currency} are left to pay: book what is above"
            " that for another invoice, or send it back.",
            field="amount",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentHead:
    """A document in a list.

    Attributes:
        managing: The organisation that decides who sees it.
        organisation: The recipient, if it is an organisation: it sees its own papers.
        credited: What counter-documents have taken back of the gross amount.
        paid: What came in for it.
        sha256: Of the canonical JSON.
    """

    number: str
    kind: DocumentKind
    state: DocumentState
    recipient: str
    recipient_name: str
    contact_id: int | None
    managing: OrganisationKey
    organisation: OrganisationKey | None
    month: str | None
    issued_at: datetime
    issued_on: date
    due_on: date | None
    first_day: date
    last_day: date
    net: Money
    tax: Money
    gross: Money
    credited: Money
    paid: Money
    cancels: str | None
    statement_id: str | None
    sent_at: datetime | None
    paid_at: datetime | None
    mail_id: int | None
    sha256: str

    @property
    def left(self) -> Money:
        """What is left of it to pay."""
        nothing = Money.zero(self.gross.currency)
        if self.state is DocumentState.PAID:
            return nothing
        return max(nothing, self.gross - self.credited - self.paid)

    def seen_in(self, scope: Scope) -> bool:
        """Tell whether somebody with this scope sees it."""
        if scope.covers(self.managing):
            return True
        return self.organisation is not None and scope.covers(self.organisation)


async def documents(
    db: AsyncSession,
    scope: Scope = WHOLE,
    *,
    kind: DocumentKind | None = None,
    recipient: str | None = None,
    contact_id: int | None = None,
    month: str | None = None,
    open_only: bool = False,
    after: str | None = None,
    limit: int | None = None,
) -> list[DocumentHead]:
    """Return the documents in scope, the newest first.

    Args:
        db: A unit of work.
        scope: Whose documents may be seen: of recipients, and of whom they manage.
        kind: Only of this kind.
        recipient: Only this debtor's: `contact/17`, `organisation/x`, `provider/y`.
        contact_id: Only those that went to this contact.
        month: Only those that this month's run made.
        open_only: Only invoices that wait to be paid.
        after: From behind this number.
        limit: At most so many.
    """
    behind = None
    if after is not None:
        last = await document_store.document(db, after)
        behind = None if last is None else (last[0].issued_on, last[0].number)
    rows = await document_store.documents(
        db,
        scope.organisations,
        kind=kind,
        recipient=recipient,
        contact_id=contact_id,
        month=month,
        open_only=open_only,
        after=behind,
        limit=limit,
    )
    return [_head(row, state) for row, state in rows]


async def document(
    db: AsyncSession, number: str, scope: Scope = WHOLE
) -> tuple[DocumentHead, Document]:
    """Return a document as it was issued, and what became of it.

    Raises:
        NotFound: If there is none with this number in scope.
    """
    found = await document_store.document(db, number)
    if found is None:
        raise NotFound("document", number)
    head = _head(*found)
    if not head.seen_in(scope):
        raise NotFound("document", number)
    return head, document_store.value_of(found[0])


async def counter_documents(db: AsyncSession, number: str) -> Sequence[str]:
    """Return the numbers of the documents that take (parts of) one back, oldest first."""
    return [each.number for each in await document_store.counter_documents(db, number)]


async def delivery(db: AsyncSession, head: DocumentHead) -> KeptMail | None:
    """Return the last mail that a document went with; None if it went with none."""
    if head.mail_id is None:
        return None
    return (await kept_mail(db, head.mail_id))[0]


async def mark_paid(
    db: AsyncSession, number: str, *, amount: Money | None = None, now: datetime
) -> Money:
    """Book what came in for an invoice, and return what was booked.

    Args:
        db: A unit of work.
        number: Of an invoice of which something is left to pay.
        amount: A part of that, above zero and rounded; the rest stays open. None: all of it, but
            never more than its debtor owes by all documents, for what was paid on a document that
            was taken back pays this one.
        now: When.

    Raises:
        NotFound: If there is no such document.
        NotPayableDocument: If it is no open invoice.
        InvalidInput: If the amount is none.
        PaidTooMuch: If more came in than is left.
    """
    found = await document_store.document(db, number, locked=True)
    if found is None:
        raise NotFound("document", number)
    head = _head(*found)
    is_open = head.state in (DocumentState.OPEN, DocumentState.SENT)
    if head.kind is not DocumentKind.INVOICE or not is_open:
        raise NotPayableDocument(number)
    currency = head.gross.currency
    left = head.left
    if amount is None:
        owed = await document_store.owed_on_documents(db, head.recipient, currency)
        paid = max(Money.zero(currency), min(left, owed))
        left = paid  # what it lacks came in on a document that was taken back
    elif amount.currency != currency or not amount.is_rounded or amount.amount <= 0:
        raise InvalidInput(f"amount is a sum above zero in {currency}.", field="amount")
    elif amount > left:
        raise PaidTooMuch(number, left)
    else:
        paid = amount
    entry = ledger.receipt_entry(
        debtor_key=head.recipient, amount=paid, number=number, booked_at=now
    )
    ids = await ledger_store.add_entries(db, [entry])
    await document_store.add_entries_of(db, [(each, number) for each in ids])
    values: dict[str, object] = {"paid_minor": (head.paid + paid).minor}
    if paid == left:
        values["paid_at"] = now
    await document_store.set_state(db, number, **values)
    return paid


async def balances(db: AsyncSession, debtors: Sequence[str]) -> dict[str, list[Money]]:
    """Return what debtors owe by all documents, where that is something: a fold of postings."""
    accounts = {ledger.debtor(each): each for each in debtors}
    found = await ledger_store.balances(db, list(accounts))
    return {
        accounts[account]: [
            by_currency[each] for each in sorted(by_currency) if by_currency[each].amount
        ]
        for account, by_currency in found.items()
    }


async def invoiced(
    db: AsyncSession, transaction_ids: Sequence[TransactionId]
) -> dict[TransactionId, list[str]]:
    """Return the invoices on which transactions stand; what was taken back counts no more."""
    return await document_store.invoices_of(db, transaction_ids)


async def number_ranges(db: AsyncSession, issuer: OrganisationKey) -> list[NumberRange]:
    """Return the issuer's ranges of numbers, by prefix and year."""
    return await document_store.number_ranges(db, issuer)


def kind_from(written: str) -> DocumentKind | None:
    """Read a kind of document; nothing means any.

    Raises:
        InvalidInput: If there is no such kind.
    """
    if not written:
        return None
    try:
        return DocumentKind(written)
    except ValueError:
        kinds = ", ".join(DocumentKind)
        raise InvalidInput(f"kind is one of {kinds}.", field="kind") from None


def _head(row: DocumentRow, state: DocumentStateRow) -> DocumentHead:
    recipient = row.document["recipient"]
    return DocumentHead(
        number=row.number,
        kind=DocumentKind(row.kind),
        state=_state(DocumentKind(row.kind), state),
        recipient=row.recipient,
        recipient_name=recipient["name"],
        contact_id=row.contact_id,
        managing=OrganisationKey(row.managing),
        organisation=None if row.organisation is None else OrganisationKey(row.organisation),
        month=row.month,
        issued_at=row.issued_at,
        issued_on=row.issued_on,
        due_on=row.due_on,
        first_day=row.first_day,
        last_day=row.last_day,
        net=Money.from_minor(row.net_minor, row.currency),
        tax=Money.from_minor(row.tax_minor, row.currency),
        gross=Money.from_minor(row.gross_minor, row.currency),
        credited=Money.from_minor(state.credited_minor, row.currency),
        paid=Money.from_minor(state.paid_minor, row.currency),
        cancels=row.cancels,
        statement_id=row.statement_id,
        sent_at=state.sent_at,
        paid_at=state.paid_at,
        mail_id=state.mail_id,
        sha256=row.sha256,
    )


def _state(kind: DocumentKind, state: DocumentStateRow) -> DocumentState:
    if kind is DocumentKind.CANCELLATION:
        return DocumentState.ISSUED
    if state.cancelled_at is not None:
        return DocumentState.CANCELLED
    if state.paid_at is not None:
        return DocumentState.PAID
    return DocumentState.OPEN if state.sent_at is None else DocumentState.SENT
