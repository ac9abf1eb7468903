"""Documents' statements to the database: numbers, documents, their states and files."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger
from billing.document_tables import (
    DocumentEntryRow,
    DocumentFileRow,
    DocumentRow,
    DocumentSessionRow,
    DocumentStateRow,
    NumberRangeRow,
)
from billing.documents import Document, DocumentKind
from billing.invoice_drafts import Draft
from foundation.errors import Conflict
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.money import Money

# ------------------------------------------------------------------------------------ numbers


class NumberOutOfOrder(Conflict):
    """A document dated before the last one of its range; numbers rise with their days."""

    code = "number_out_of_order"

    def __init__(self, prefix: str, last: date, wanted: date) -> None:
        super().__init__(
            f"The last number of {prefix} was given on {last.isoformat()}; a document of"
            f" {wanted.isoformat()} cannot come after it."
        )


@dataclass(frozen=True, slots=True)
class NumberRange:
    """A range of numbers without gaps."""

    prefix: str
    year: int
    last_number: int
    last_issued_on: date | None


def number_of(prefix: str, year: int, place: int) -> str:
    """Return a number as it is written: `RE-2026-000001`."""
    return f"{prefix}-{year:04}-{place:06}"


async def take_numbers(
    db: AsyncSession, issuer: OrganisationKey, prefix: str, day: date, count: int
) -> list[str]:
    """Take the next numbers of a range; its row stays locked until the unit of work ends.

    So a unit of work that is rolled back leaves no gap, and the next one waits for it.

    Raises:
        NumberOutOfOrder: If a later day's document has the last number.
    """
    await db.execute(
        insert(NumberRangeRow)
        .values(issuer=issuer, prefix=prefix, year=day.year, last_number=0)
        .on_conflict_do_nothing()
    )
    row = (
        await db.execute(
            select(NumberRangeRow)
            .where(
                NumberRangeRow.issuer == issuer,
                NumberRangeRow.prefix == prefix,
                NumberRangeRow.year == day.year,
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one()
    if row.last_issued_on is not None and day < row.last_issued_on:
        raise NumberOutOfOrder(prefix, row.last_issued_on, day)
    first = row.last_number + 1
    row.last_number += count
    row.last_issued_on = day
    await db.flush()
    return [number_of(prefix, day.year, first + each) for each in range(count)]


async def number_ranges(db: AsyncSession, issuer: OrganisationKey) -> list[NumberRange]:
    """Return the issuer's ranges, by prefix and year."""
    rows = await db.execute(
        select(NumberRangeRow)
        .where(NumberRangeRow.issuer == issuer)
        .order_by(NumberRangeRow.prefix, NumberRangeRow.year)
    )
    return [
        NumberRange(row.prefix, row.year, row.last_number, row.last_issued_on)
        for row in rows.scalars()
    ]


async def lock_issuer(db: AsyncSession, issuer: OrganisationKey) -> None:
    """Let nobody else draw up documents of an issuer until the unit of work ends."""
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 7))"), {"key": f"papers/{issuer}"}
    )


# ----------------------------------------------------------------------------------- documents


def canonical(document: Document) -> tuple[dict[str, Any], str]:
    """Return a document as it is stored, and the SHA-256 of its canonical JSON."""
    value = msgspec.to_builtins(document)
    return value, hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()


async def add_documents(
    db: AsyncSession,
    issuer: OrganisationKey,
    issued: Sequence[tuple[Draft, Document]],
    *,
    now: datetime,
) -> None:
    """Write documents with their numbers, and that nothing has happened to them yet."""
    if not issued:
        return
    rows, states = [], []
    for draft, document in issued:
        value, digest = canonical(document)
        recipient = document.recipient.key
        kind, _, key = recipient.partition("/")
        rows.append(
            {
                "number": document.number,
                "issuer": issuer,
                "kind": document.kind.value,
                "recipient": recipient,
                "contact_id": draft.contact_id,
                "managing": draft.managing,
                "organisation": key if kind == "organisation" else None,
                "month": draft.month,
                "currency": document.currency,
                "issued_at": now,
                "issued_on": document.issued_on,
                "due_on": document.due_on,
                "first_day": document.first_day,
                "last_day": document.last_day,
                "language": document.language,
                "net_minor": document.net.minor,
                "tax_minor": document.tax.minor,
                "gross_minor": document.gross.minor,
                "cancels": document.cancels,
                "statement_id": draft.statement_id,
                "document": value,
                "sha256": digest,
            }
        )
        states.append(
            {
                "number": document.number,
                "run_key": draft.run_key,
                "credited_minor": 0,
                "paid_minor": 0 if document.prepaid is None else document.prepaid.minor,
                "paid_at": now if document.prepaid == document.gross else None,
            }
        )
    await db.execute(insert(DocumentRow), rows)
    await db.execute(insert(DocumentStateRow), states)


async def add_entries_of(db: AsyncSession, entries: Sequence[tuple[int, str]]) -> None:
    """Note which document made which ledger entries."""
    if entries:
        await db.execute(
            insert(DocumentEntryRow),
            [{"entry_id": entry, "document": number} for entry, number in entries],
        )


async def entry_ids(db: AsyncSession, number: str) -> list[int]:
    """Return the ledger entries that a document made."""
    found = await db.execute(
        select(DocumentEntryRow.entry_id)
        .where(DocumentEntryRow.document == number)
        .order_by(DocumentEntryRow.entry_id)
    )
    return list(found.scalars())


async def owed_on_documents(db: AsyncSession, recipient: str, currency: str) -> Money:
    """Return what a debtor owes by all documents; below zero if it has something good.

    Nobody else books on the debtor's documents by this until the unit of work ends.
    """
    await db.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:key, 7))"),
        {"key": f"debtor/{recipient}"},
    )
    found = await db.scalar(
        text("""
        select sum(p.amount_minor)::bigint
        from documents d
        join document_entries e on e.document = d.number
        join ledger_postings p on p.entry_id = e.entry_id
        where d.recipient = :recipient and p.account = :account and p.currency = :currency
        """),
        {"recipient": recipient, "account": ledger.debtor(recipient).name, "currency": currency},
    )
    return Money.from_minor(int(found or 0), currency)


_HAS_GOOD: Final = """
select d.recipient, p.currency, -sum(p.amount_minor)::bigint
from documents d
join document_entries e on e.document = d.number
join ledger_postings p on p.entry_id = e.entry_id and p.account = 'debtor/' || d.recipient
where d.recipient = any(:recipients)
group by d.recipient, p.currency
having sum(p.amount_minor) < 0
"""


async def paid_on_taken_back(
    db: AsyncSession, recipients: Collection[str]
) -> dict[tuple[str, str], Money]:
    """Return what debtors have good, by currency: they paid more than their documents ask for.

    That is so where an invoice was taken back, whole or in part, after it was paid.
    """
    rows = await db.execute(text(_HAS_GOOD), {"recipients": sorted(recipients)})
    return {
        (recipient, currency): Money.from_minor(minor, currency)
        for recipient, currency, minor in rows
    }


async def run_keys(db: AsyncSession, keys: Collection[str]) -> set[str]:
    """Return those of the keys whose document was made already."""
    found = await db.execute(
        select(DocumentStateRow.run_key).where(DocumentStateRow.run_key.in_(list(keys)))
    )
    return {each for each in found.scalars() if each is not None}


def value_of(row: DocumentRow) -> Document:
    """Return the document that a row has; asserts that it is as it was issued."""
    digest = hashlib.sha256(msgspec.json.encode(row.document, order="sorted")).hexdigest()
    assert digest == row.sha256, f"document {row.number} is not what was issued"
    return msgspec.convert(row.document, Document, strict=False)


async def documents(
    db: AsyncSession,
    organisations: Collection[str] | None,
    *,
    kind: DocumentKind | None = None,
    recipient: str | None = None,
    contact_id: int | None = None,
    month: str | None = None,
    open_only: bool = False,
    after: tuple[date, str] | None = None,
    limit: int | None = None,
) -> list[tuple[DocumentRow, DocumentStateRow]]:
    """Return documents that some organisations may see, the newest first; None sees all."""
    statement = (
        select(DocumentRow, DocumentStateRow)
        .join(DocumentStateRow, DocumentStateRow.number == DocumentRow.number)
        .order_by(DocumentRow.issued_on.desc(), DocumentRow.number.desc())
    )
    if organisations is not None:
        statement = statement.where(
            or_(
                DocumentRow.managing.in_(organisations),
                DocumentRow.organisation.in_(organisations),
            )
        )
    if kind is not None:
        statement = statement.where(DocumentRow.kind == kind.value)
    if recipient is not None:
        statement = statement.where(DocumentRow.recipient == recipient)
    if contact_id is not None:
        statement = statement.where(DocumentRow.contact_id == contact_id)
    if month is not None:
        statement = statement.where(DocumentRow.month == month)
    if open_only:
        statement = statement.where(
            DocumentRow.kind == DocumentKind.INVOICE.value,
            DocumentStateRow.paid_at.is_(None),
            DocumentStateRow.cancelled_at.is_(None),
        )
    if after is not None:
        day, number = after
        statement = statement.where(
            or_(
                DocumentRow.issued_on < day,
                (DocumentRow.issued_on == day) & (DocumentRow.number < number),
            )
        )
    if limit is not None:
        statement = statement.limit(limit)
    return [(row[0], row[1]) for row in await db.execute(statement)]


async def document(
    db: AsyncSession, number: str, *, locked: bool = False
) -> tuple[DocumentRow, DocumentStateRow] | None:
    """Return a document and its state, which is locked if asked for."""
    row = await db.get(DocumentRow, number)
    if row is None:
        return None
    state = await db.get(
        DocumentStateRow, number, with_for_update=locked or None, populate_existing=locked
    )
    assert state is not None
    return row, state


async def counter_documents(db: AsyncSession, number: str) -> list[DocumentRow]:
    """Return the documents that take (parts of) one back, oldest first."""
    rows = await db.execute(
        select(DocumentRow)
        .where(DocumentRow.cancels == number)
        .order_by(DocumentRow.issued_on, DocumentRow.number)
    )
    return list(rows.scalars())


async def free_charges(db: AsyncSession, number: str) -> None:
    """Let the charges on a document wait for another one."""
    await db.execute(
        text("update charges set document = null where document = :number"), {"number": number}
    )


# --------------------------------------------------------------------------------------- files


async def file(db: AsyncSession, number: str, form: str) -> DocumentFileRow | None:
    """Return a form of a document, if it was made."""
    return await db.get(DocumentFileRow, (number, form))


async def add_file(
    db: AsyncSession, number: str, form: str, content: bytes, *, now: datetime
) -> None:
    """Keep a form of a document; one that was made already stays."""
    await db.execute(
        insert(DocumentFileRow)
        .values(
            document=number,
            form=form,
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            made_at=now,
        )
        .on_conflict_do_nothing()
    )


async def session_rows(db: AsyncSession, number: str) -> list[dict[str, Any]]:
    """Return the sessions of an invoice for its CSV, in the order in which they stand on it."""
    rows = await db.execute(
        text("""
        select d.position, d.line, d.transaction_id, d.sign, c.station, c.evse_id, c.id_token,
          c.started_at, c.ended_at, c.energy_wh, d.net_minor, d.vat_rate, c.currency
        from document_sessions d join cdrs c on c.id = d.cdr_id
        where d.document = :number order by d.position
        """),
        {"number": number},
    )
    return [dict(each) for each in rows.mappings()]


async def invoices_of(
    db: AsyncSession, transaction_ids: Collection[TransactionId]
) -> dict[TransactionId, list[str]]:
    """Return the documents on which transactions stand, in the order of their numbers."""
    rows = await db.execute(
        select(DocumentSessionRow.transaction_id, DocumentSessionRow.document)
        .distinct()
        .where(
            DocumentSessionRow.transaction_id.in_(list(transaction_ids)),
            DocumentSessionRow.is_released.is_(False),
        )
        .order_by(DocumentSessionRow.transaction_id, DocumentSessionRow.document)
    )
    found: dict[TransactionId, list[str]] = {}
    for transaction_id, number in rows:
        found.setdefault(TransactionId(transaction_id), []).append(number)
    return found


async def statement_period(
    db: AsyncSession, statement_ids: Collection[str]
) -> dict[str, tuple[datetime, datetime]]:
    """Return for statements when their first session started and their last one ended."""
    rows = await db.execute(
        text("""
        select l.statement_id, min(c.started_at), max(c.ended_at)
        from statement_lines l join cdrs c on c.id = l.cdr_id
        where l.statement_id = any(:ids) group by l.statement_id
        """),
        {"ids": list(statement_ids)},
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def credited_statements(db: AsyncSession, statement_ids: Collection[str]) -> set[str]:
    """Return those statements over which a credit note was written once."""
    found = await db.execute(
        select(DocumentRow.statement_id).where(
            DocumentRow.statement_id.in_(list(statement_ids)),
            DocumentRow.kind == DocumentKind.CREDIT_NOTE.value,
        )
    )
    return {each for each in found.scalars() if each is not None}


async def set_state(db: AsyncSession, number: str, **values: Any) -> None:
    """Change how far a document has got."""
    await db.execute(
        update(DocumentStateRow).where(DocumentStateRow.number == number).values(**values)
    )


async def count_by_month(db: AsyncSession, issuer: OrganisationKey, month: str) -> int:
    """Return how many documents a month's run has made."""
    found = await db.scalar(
        select(func.count())
        .select_from(DocumentRow)
        .where(DocumentRow.issuer == issuer, DocumentRow.month == month)
    )
    return int(found or 0)
