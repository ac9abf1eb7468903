"""Face: what billing made of a transaction, link by link, from its terms to the payout.

Each link is computed anew from what is kept, and compared with what was booked or printed: so the
chain does not only tell how an amount came about, it shows that every cent of it holds.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, LiteralString

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from billing import book_store, ledger_store, statement_store, store
from billing.book_store import HeldTransaction
from billing.cdr import Cdr, ChargeClass
from billing.ledger import EntryKind, JournalEntry, LedgerAccount, payable, unsettled
from billing.statements import GroupTotal, Statement
from billing.store import Record
from billing.tables import CdrRow, StatementLineRow, StatementRow
from billing.terms import Basis
from foundation.database import driver
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, TransactionId
from foundation.money import Money, total
from foundation.quantities import fraction

_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_LINE: Final = re.compile(r"(.+)/([0-9]{1,6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenTerms:
    """What was found to hold at the start: by which tariff, class and share it is billed."""

    payee: OrganisationKey
    charge_class: ChargeClass
    payer: str | None
    share_bps: int
    basis: Basis
    agreement_id: int | None
    tariff: tuple[str, int] | None
    purchase: tuple[str, int] | None
    frozen_at: datetime


@dataclass(frozen=True, slots=True)
class Rated:
    """A charge detail record, and all that speaks or spoke against it."""

    cdr: Cdr
    hold_reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A document that the transaction stands on; `net` is what it says of it, if it says so."""

    number: str
    kind: str
    recipient: str
    issued_on: date
    gross: Money
    net: Money | None
    is_cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidBy:
    """A payout run that settles the statement."""

    run_id: int
    state: str
    execute_on: date
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class OnStatement:
    """A line of a statement: the transaction's own share of its group, and how both are paid.

    Attributes:
        line: `{statement_id}/{position}`.
        cdr: The record that it pays (`sign` 1), or takes back (-1).
        exact: The line's share before rounding.
        group: The transactions of one class and share, whose payout is rounded once.
        entries: The close's entries in the ledger.
        payments: The payments of the statement.
        credit_notes: The documents over it.
        runs: The payout runs that have it.
    """

    line: str
    statement: Statement
    cdr: Cdr
    basis: Basis
    sign: int
    net: Money
    exact: Money
    payout: Money
    late_from_month: str | None
    group: GroupTotal
    entries: Mapping[int, JournalEntry]
    payments: Mapping[int, JournalEntry]
    credit_notes: tuple[Paper, ...]
    runs: tuple[PaidBy, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """A sum that was computed twice; `key` names it."""

    key: str
    expected: Money
    found: Money

    @property
    def holds(self) -> bool:
        return self.expected == self.found


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingChain:
    """All that billing knows of a transaction.

    Attributes:
        terms: None before it is rated.
        records: All its records, the oldest first; the last one counts.
        hold: What speaks or spoke against it.
        entries: All ledger entries about it.
        papers: The documents of whoever pays for it.
        lines: Where its owner is paid for it, the oldest statement first.
        proofs: Every sum, computed again.
    """

    transaction_id: TransactionId
    terms: FrozenTerms | None
    records: tuple[Rated, ...]
    hold: HeldTransaction | None
    entries: Mapping[int, JournalEntry]
    papers: tuple[Paper, ...]
    lines: tuple[OnStatement, ...]
    proofs: tuple[Proof, ...]

    @property
    def holds(self) -> bool:
        """Whether every sum comes out to the cent."""
        return all(each.holds for each in self.proofs)


class NoSuchLine(InvalidInput):
    """What was named is neither a transaction nor a line of a statement."""

    code = "no_such_line"

    def __init__(self, written: str) -> None:
        super().__init__(
            f"{written!r} names no line. Write a transaction's number, as in 1742, or a statement"
            " and the position of the line on it, as in bakery-2026-10-EUR/17.",
            field="line",
        )


async def transaction_named(db: AsyncSession, written: str) -> TransactionId:
    """Return the transaction that a number, or a statement's line, names.

    Raises:
        NoSuchLine: If it is neither, or the statement has no such line.
    """
    if _NUMBER.fullmatch(written):
        return TransactionId(int(written))
    found = _LINE.fullmatch(written)
    if found is None:
        raise NoSuchLine(written)
    row = await db.get(StatementLineRow, (found[1], int(found[2])))
    if row is None:
        raise NoSuchLine(written)
    return TransactionId(row.transaction_id)


async def chain(db: AsyncSession, transaction_id: TransactionId) -> BillingChain:
    """Return what billing made of a transaction; whose it is, the caller checks."""
    rows = await db.scalars(
        select(CdrRow).where(CdrRow.transaction_id == transaction_id).order_by(CdrRow.id)
    )
    records = tuple(store.record_of(row) for row in rows)
    by_id = {each.cdr.cdr_id: each for each in records}
    hold = (await book_store.holds_of(db, [transaction_id])).get(transaction_id)
    entries = await ledger_store.entries_of_transactions(db, [transaction_id])
    lines = [
        await _on_statement(db, line, row, by_id)
        for line, row in await db.execute(
            select(StatementLineRow, StatementRow)
            .join(StatementRow, StatementRow.statement_id == StatementLineRow.statement_id)
            .where(StatementLineRow.transaction_id == transaction_id)
            .order_by(StatementRow.month, StatementLineRow.position)
        )
    ]
    return BillingChain(
        transaction_id=transaction_id,
        terms=await _terms(db, transaction_id),
        records=tuple(Rated(each.cdr, tuple(each.hold_reasons)) for each in records),
        hold=hold,
        entries=entries,
        papers=await _papers(db, transaction_id),
        lines=tuple(lines),
        proofs=tuple(_proofs(records, hold, entries, lines)),
    )


_TERMS = """
select payee, charge_class, payer, share_bps, basis, agreement_id, tariff_number, purchase_number,
  frozen_at
from transaction_terms where transaction_id = %b
"""


async def _terms(db: AsyncSession, transaction_id: TransactionId) -> FrozenTerms | None:
    found = await _rows(db, _TERMS, (transaction_id,))
    if not found:
        return None
    row = found[0]
    names = await book_store.tariff_names(db, [each for each in row[6:8] if each is not None])
    return FrozenTerms(
        payee=row[0],
        charge_class=ChargeClass(row[1]),
        payer=row[2],
        share_bps=row[3],
        basis=Basis(row[4]),
        agreement_id=row[5],
        tariff=names.get(row[6]),
        purchase=names.get(row[7]),
        frozen_at=row[8],
    )


async def _on_statement(
    db: AsyncSession, line: StatementLineRow, row: StatementRow, records: Mapping[int, Record]
) -> OnStatement:
    record = records[line.cdr_id]
    head = statement_store.head_of(row)
    of_statement = await ledger_store.entries_of_statement(db, row.statement_id)
    groups = [
        each
        for each in head.groups
        if (each.charge_class, each.share_bps) == (record.cdr.charge_class, record.cdr.share_bps)
    ]
    if not groups:
        raise NotFound("group of the line", f"{line.statement_id}/{line.position}")
    # A payee whose agreement changed its basis within a month has two groups of one share.
    group = groups[-1] if record.basis is Basis.GROSS and record.cdr.purchase is None else groups[0]
    return OnStatement(
        line=f"{line.statement_id}/{line.position}",
        statement=head,
        cdr=record.cdr,
        basis=record.basis,
        sign=line.sign,
        net=Money.from_minor(line.net_minor, row.currency),
        exact=_share_of(record, head) * line.sign * fraction(record.cdr.share_bps),
        payout=Money.from_minor(line.payout_minor, row.currency),
        late_from_month=line.late_from_month,
        group=group,
        entries={n: each for n, each in of_statement.items() if each.kind is EntryKind.CLOSE},
        payments={n: each for n, each in of_statement.items() if each.kind is EntryKind.PAYMENT},
        credit_notes=await _credit_notes(db, row.statement_id),
        runs=await _runs(db, row.statement_id),
    )


def _share_of(record: Record, head: Statement) -> Money:
    """Return what the share was taken of; see `drafts`."""
    cdr = record.cdr
    if record.basis is not Basis.GROSS or cdr.purchase is not None:
        return cdr.credited
    rate = head.vat[0].rate if head.vat else Decimal(0)
    net = cdr.gross.amount / (1 + rate / 100)
    return Money(net.quantize(Decimal("0.000001")), cdr.net.currency)


_PAPERS = """
select d.number, d.kind, d.recipient, d.issued_on, d.gross_minor, d.currency,
  sum(s.net_minor)::bigint, t.cancelled_at is not null
from document_sessions s join documents d on d.number = s.document
join document_states t on t.number = d.number
where s.transaction_id = %b
group by d.number, t.cancelled_at order by d.issued_on, d.number
"""

_CREDIT_NOTES = """
select d.number, d.kind, d.recipient, d.issued_on, d.gross_minor, d.currency, null,
  t.cancelled_at is not null
from documents d join document_states t on t.number = d.number
where d.statement_id = %b order by d.issued_on, d.number
"""


async def _papers(db: AsyncSession, transaction_id: TransactionId) -> tuple[Paper, ...]:
    return tuple(_paper(row) for row in await _rows(db, _PAPERS, (transaction_id,)))


async def _credit_notes(db: AsyncSession, statement_id: str) -> tuple[Paper, ...]:
    return tuple(_paper(row) for row in await _rows(db, _CREDIT_NOTES, (statement_id,)))


def _paper(row: Sequence[Any]) -> Paper:
    return Paper(
        number=row[0],
        kind=row[1],
        recipient=row[2],
        issued_on=row[3],
        gross=Money.from_minor(row[4], row[5]),
        net=None if row[6] is None else Money.from_minor(row[6], row[5]),
        is_cancelled=row[7],
    )


_RUNS = """
select r.id, r.state, r.execute_on, s.paid_minor, r.currency
from payout_statements s join payout_runs r on r.id = s.run_id where s.statement_id = %b
"""


async def _runs(db: AsyncSession, statement_id: str) -> tuple[PaidBy, ...]:
    return tuple(
        PaidBy(
            run_id=row[0],
            state=row[1],
            execute_on=row[2],
            amount=Money.from_minor(row[3], row[4]),
        )
        for row in await _rows(db, _RUNS, (statement_id,))
    )


async def _rows(
    db: AsyncSession, query: LiteralString, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    connection = await driver(db)
    cursor = await connection.execute(query, values)
    return await cursor.fetchall()


# ------------------------------------------------------------------------------------- proofs


def _proofs(
    records: Sequence[Record],
    hold: HeldTransaction | None,
    entries: Mapping[int, JournalEntry],
    lines: Sequence[OnStatement],
) -> list[Proof]:
    """Compute every sum of the chain again."""
    found: list[Proof] = []
    if records:
        cdr = records[-1].cdr
        currency = cdr.net.currency
        found.append(
            Proof(
                "lines_make_the_price", total((each.net for each in cdr.lines), currency), cdr.net
            )
        )
        is_booked = hold is None or hold.decision == "released"
        booked = _on_account(entries.values(), unsettled(cdr.payee), currency)
        due = cdr.credited if is_booked else Money.zero(currency)
        found.append(Proof("price_is_booked", due, -booked))
    for each in lines:
        found += _of_line(each)
    return found


def _of_line(line: OnStatement) -> list[Proof]:
    statement, currency = line.statement, line.net.currency
    payee = statement.payee.key
    rounding = line.payout - line.exact
    cent = Money.from_minor(1, currency)
    exact = line.payout if abs(rounding.amount) < cent.amount else line.exact.rounded()
    groups = total((each.payout for each in statement.groups), currency)
    tax = total((each.amount for each in statement.vat), currency)
    close = line.entries.values()
    return [
        Proof("record_is_on_the_line", line.cdr.credited * line.sign, line.net),
        Proof("share_is_within_a_cent", exact, line.payout),
        Proof("groups_make_the_payout", groups, statement.payout_net),
        Proof("tax_comes_on_top", statement.payout_net + tax, statement.payout_gross),
        Proof(
            "payout_is_booked",
            statement.payout_gross,
            -_on_account(close, payable(payee), currency),
        ),
    ]


def _on_account(entries: Iterable[JournalEntry], account: LedgerAccount, currency: str) -> Money:
    return total(
        (
            posting.amount
            for entry in entries
            for posting in entry.postings
            if posting.account == account and posting.amount.currency == currency
        ),
        currency,
    )
