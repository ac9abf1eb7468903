"""Documents' statements to the database: numbers, what waits for a document, documents and states.

What waits is found for all recipients at once: a temporary table of the unit of work holds the
sessions with the debtor of each, and sums are taken from it, so a month costs a handful of
statements whatever its size.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
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
from billing.invoice_drafts import Draft, SessionSum
from billing.ledger import LedgerAccount
from foundation.database import driver
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


# ------------------------------------------------------------- sessions that wait for a document

_CREATE_WAITING: Final = """
create temp table waiting_sessions on commit drop as
with fresh as (
  select c.*, 1::smallint as sign, null::text as of_document
  from cdrs c
  where c.ended_at >= %(since)s and c.ended_at < %(until)s
    and c.payer is not null and c.hold_reasons = '{}'
    and not exists (
      select from cdrs n where n.transaction_id = c.transaction_id and n.id > c.id)
    and not exists (
      select from holds h
      where h.transaction_id = c.transaction_id and h.decision is distinct from 'released')
    and not exists (
      select from document_sessions d
      where d.cdr_id = c.id and d.sign = 1 and not d.is_released)
    and not exists (
      select from document_sessions d join document_states t on t.number = d.document
      where d.transaction_id = c.transaction_id and d.sign = 1 and not d.is_released
        and t.cancelled_at is not null)
), taken_back as (
  select c.*, (-1)::smallint as sign, d.document as of_document
  from document_sessions d join cdrs c on c.id = d.cdr_id
  join document_states t on t.number = d.document
  where d.sign = 1 and not d.is_released and t.cancelled_at is null
    and not exists (
      select from document_sessions e
      where e.cdr_id = d.cdr_id and e.sign = -1 and not e.is_released)
    and (
      exists (select from cdrs n where n.transaction_id = c.transaction_id and n.id > c.id)
      or exists (
        select from holds h
        where h.transaction_id = c.transaction_id and h.decision is distinct from 'released'))
), found as (
  select * from fresh union all select * from taken_back
)
select f.id as cdr_id, f.sign, f.transaction_id, f.started_at, f.ended_at, f.currency,
  f.payer, upper(translate(f.id_token, E' \\t:-.', '')) as token, f.energy_wh * f.sign as energy_wh,
  f.net_minor * f.sign as net_minor, f.vat_minor * f.sign as vat_minor,
  coalesce(own.rate, (
    select r.rate from unnest(%(days)s::date[], %(rates)s::numeric[]) as r (since, rate)
    where r.since <= (f.ended_at at time zone %(zone)s)::date order by r.since desc limit 1
  )) as vat_rate,
  coalesce(
    d.recipient,
    case when f.payer like 'receivable/%%' then 'provider/' || substr(f.payer, 12) end,
    by_token.debtor,
    by_organisation.debtor
  ) as debtor
from found f
cross join lateral (
  -- The one rate of what costs something (a limit over several lines has none of its own); where
  -- nothing costs anything, the one rate that is named.
  select case
    when count(distinct l.rate) filter (where l.net <> 0) = 1
      and not bool_or(l.net <> 0 and l.rate is null and l.vat = 0)
      then max(l.rate) filter (where l.net <> 0)
    when not bool_or(l.net <> 0) and count(distinct l.rate) = 1 then max(l.rate)
  end as rate
  from jsonb_array_elements(f.lines) as e (line)
  cross join lateral (
    select (e.line ->> 'vat_rate')::numeric as rate, (e.line #>> '{net,amount}')::numeric as net,
      (e.line #>> '{vat,amount}')::numeric as vat
  ) l
) own
left join documents d on d.number = f.of_document
left join lateral (
  select coalesce(o.represents, 'contact/' || o.id) as debtor
  from contract_tokens t
  join contracts k on k.id = t.contract_id join contacts o on o.id = k.contact_id
  where f.payer like 'clearing/%%'
    and t.token = upper(translate(f.id_token, E' \\t:-.', ''))
    and t.valid_from <= f.started_at and (t.valid_to is null or t.valid_to > f.started_at)
  order by t.valid_from desc limit 1
) by_token on true
left join lateral (
  select coalesce(o.represents, 'contact/' || o.id) as debtor
  from contracts k join contacts o on o.id = k.contact_id
  where f.payer = 'clearing/' || k.tokens_of
    and k.valid_from <= (f.started_at at time zone %(zone)s)::date
    and (k.valid_to is null or k.valid_to > (f.started_at at time zone %(zone)s)::date)
  order by k.id limit 1
) by_organisation on true
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a document to one debtor, in one currency."""

    sums: tuple[SessionSum, ...]
    booked: Mapping[LedgerAccount, Money]
    booked_tax: Money


@dataclass(frozen=True, slots=True)
class Unassigned:
    """Sessions that somebody owes and no contract says whose they are."""

    payer: str
    currency: str
    sessions: int
    net: Money


async def find_waiting(
    db: AsyncSession,
    *,
    since: datetime,
    until: datetime,
    time_zone: str,
    rates: Sequence[tuple[date, Decimal]],
) -> tuple[dict[tuple[str, str], Waiting], list[Unassigned]]:
    """Find the sessions that ended in [since, until) and stand on no document.

    With them comes what documents have and is no longer booked: it is taken back from the same
    recipient. What was credited in whole and not released is borne by us: neither it nor a later
    revision of it waits. They are kept in a temporary table until the unit of work ends.

    Args:
        db: A unit of work.
        since: From this end on.
        until: Before this end.
        time_zone: In which days are told.
        rates: The percentage of sessions without one of their own, by the day from which it holds.

    Returns:
        By debtor and currency what waits; and what nobody's contract covers.
    """
    connection = await driver(db)
    await connection.execute("drop table if exists waiting_sessions")
    values = {
        "since": since,
        "until": until,
        "zone": time_zone,
        "days": [day for day, _ in rates],
        "rates": [rate for _, rate in rates],
    }
    await connection.execute(_CREATE_WAITING, values)
    cursor = await connection.execute(
        "select debtor, currency, payer, token, vat_rate, sum(sign)::bigint, sum(energy_wh),"
        " sum(net_minor)::bigint, sum(vat_minor)::bigint, min(started_at), max(ended_at)"
        " from waiting_sessions group by 1, 2, 3, 4, 5 order by 1, 2, 4, 5, 3"
    )
    sums: dict[tuple[str, str], dict[tuple[str | None, Decimal | None], SessionSum]] = {}
    booked: dict[tuple[str, str], dict[LedgerAccount, Money]] = {}
    taxes: dict[tuple[str, str], Money] = {}
    unassigned: dict[tuple[str, str], Unassigned] = {}
    for (
        debtor,
        currency,
        payer,
        token,
        rate,
        count,
        wh,
        net,
        tax,
        first,
        last,
    ) in await cursor.fetchall():
        amount = Money.from_minor(net, currency)
        if debtor is None:
            before = unassigned.get((payer, currency))
            unassigned[payer, currency] = Unassigned(
                payer,
                currency,
                count + (before.sessions if before else 0),
                amount + (before.net if before else Money.zero(currency)),
            )
            continue
        key = debtor, currency
        account = LedgerAccount.from_name(payer)
        accounts = booked.setdefault(key, {})
        gross = amount + Money.from_minor(tax, currency)
        accounts[account] = accounts.get(account, Money.zero(currency)) + gross
        taxes[key] = taxes.get(key, Money.zero(currency)) + Money.from_minor(tax, currency)
        of = sums.setdefault(key, {})
        known = of.get((token, rate))
        of[token, rate] = SessionSum(
            token=token,
            vat_rate=rate,
            sessions=count + (known.sessions if known else 0),
            energy_wh=wh + (known.energy_wh if known else 0),
            net=amount + (known.net if known else Money.zero(currency)),
            first_at=min(first, known.first_at) if known else first,
            last_at=max(last, known.last_at) if known else last,
        )
    waiting = {
        key: Waiting(tuple(of.values()), booked[key], taxes[key]) for key, of in sums.items()
    }
    return waiting, list(unassigned.values())


_PUT_SESSIONS: Final = """
insert into document_sessions
  (document, position, line, cdr_id, sign, transaction_id, net_minor, vat_rate)
select g.document, row_number() over (partition by g.document order by w.ended_at, w.cdr_id),
  g.line, w.cdr_id, w.sign, w.transaction_id, w.net_minor, g.rate
from waiting_sessions w
join unnest(
  %b::text[], %b::text[], %b::text[], %b::numeric[], %b::text[], %b::int[], %b::numeric[]
) as g (debtor, currency, token, vat_rate, document, line, rate)
  on g.debtor = w.debtor and g.currency = w.currency
  and g.token is not distinct from w.token and g.vat_rate is not distinct from w.vat_rate
"""


async def put_sessions(db: AsyncSession, issued: Iterable[tuple[Draft, str]]) -> None:
    """Note the sessions that stand on documents: of `find_waiting` of this unit of work.

    A contact's sessions may wait under its own name or that of whom it stands for.

    Args:
        db: The unit of work in which they were found.
        issued: Drafts with their numbers.
    """
    rows = [
        (
            debtor,
            draft.document.currency,
            token,
            rate,
            number,
            line,
            draft.document.lines[line - 1].vat_rate,
        )
        for draft, number in issued
        for debtor in sorted({draft.document.recipient.key, f"contact/{draft.contact_id}"})
        for (token, rate), line in draft.lines_of.items()
    ]
    if not rows:
        return
    connection = await driver(db)
    await connection.execute(_PUT_SESSIONS, [list(each) for each in zip(*rows, strict=True)])


async def taken_back_on(db: AsyncSession, number: str) -> list[str]:
    """Return the documents that stand and take sessions of a document back."""
    found = await db.execute(
        text("""
        select distinct e.document
        from document_sessions d
        join document_sessions e on e.cdr_id = d.cdr_id and e.sign = -1 and not e.is_released
        join document_states t on t.number = e.document and t.cancelled_at is null
        where d.document = :number and d.sign = 1 and not d.is_released
        order by e.document
        """),
        {"number": number},
    )
    return list(found.scalars())


async def release_sessions(db: AsyncSession, number: str) -> None:
    """Let the sessions of a document wait for another one."""
    await db.execute(
        text("update document_sessions set is_released = true where document = :number"),
        {"number": number},
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
        states.append({"number": document.number, "run_key": draft.run_key, "credited_minor": 0})
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
