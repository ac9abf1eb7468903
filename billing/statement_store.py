"""The statements to the database about statements: what waits for one, and what stands on one."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, LiteralString

import msgspec
from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.cdr import ChargeClass
from billing.statements import (
    ClassTotal,
    Earlier,
    Statement,
    StatementLine,
    StatementState,
)
from billing.tables import (
    ClosedMonthRow,
    HoldRow,
    StatementLineRow,
    StatementRow,
)
from billing.terms import Basis
from foundation.database import driver
from foundation.identifiers import EvseId, StationId, TransactionId
from foundation.money import Money

# ------------------------------------------------------------------------- closing a month


async def lock_payee(db: AsyncSession, payee: str) -> None:
    """Let nobody else close a month of the payee until this unit of work ends."""
    connection = await driver(db)
    await connection.execute(
        "select pg_advisory_xact_lock(hashtext('close'), hashtext(%b))", (payee,)
    )


async def is_closed(db: AsyncSession, payee: str, month: str) -> bool:
    """Tell whether the month was closed for the payee."""
    return await db.get(ClosedMonthRow, (payee, month)) is not None


async def add_closed(db: AsyncSession, payee: str, month: str, now: datetime) -> None:
    """Record that the month is closed for the payee."""
    await db.execute(insert(ClosedMonthRow).values(payee=payee, month=month, closed_at=now))


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A booked CDR, or the taking back of a settled one, that waits for a statement.

    `net` is what the payee's share is taken of: what it is bought for where a purchase price
    exists, which is always without VAT; else what is paid. Energy and money carry the sign.
    """

    cdr_id: int
    sign: int
    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    charge_class: ChargeClass
    share_bps: int
    basis: Basis
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    net: Money
    vat_minor: int


_WAITING = """
select u.cdr_id, u.sign, u.transaction_id, c.station, c.evse_id, c.charge_class,
  c.share_bps, case when c.purchase_net_minor is null then c.basis else 'net' end, c.started_at,
  c.ended_at, c.energy_wh * u.sign, coalesce(c.purchase_net_minor, c.net_minor) * u.sign,
  c.vat_minor * u.sign, c.currency
from unsettled_lines u join cdrs c on c.id = u.cdr_id
where u.payee = %b and u.ended_at < %b
order by u.id
"""

_TAKEN = """
with u as (
  delete from unsettled_lines where payee = %b and ended_at < %b
  returning id, cdr_id, sign, transaction_id
)
select u.cdr_id, u.sign, u.transaction_id, c.station, c.evse_id, c.charge_class,
  c.share_bps, case when c.purchase_net_minor is null then c.basis else 'net' end, c.started_at,
  c.ended_at, c.energy_wh * u.sign, coalesce(c.purchase_net_minor, c.net_minor) * u.sign,
  c.vat_minor * u.sign, c.currency
from u join cdrs c on c.id = u.cdr_id
order by u.id
"""


async def waiting(db: AsyncSession, payee: str, before: datetime) -> list[Waiting]:
    """Return what waits for the payee's next statements and ended before a moment."""
    return await _waiting(db, _WAITING, payee, before)


async def take_waiting(db: AsyncSession, payee: str, before: datetime) -> list[Waiting]:
    """Take what `waiting` returns off the list: the caller settles all of it.

    One statement instead of a lock, and a deletion later: each would write every row once more.
    """
    return await _waiting(db, _TAKEN, payee, before)


async def _waiting(
    db: AsyncSession, query: LiteralString, payee: str, before: datetime
) -> list[Waiting]:
    connection = await driver(db)
    cursor = connection.cursor(binary=True)
    await cursor.execute(query, (payee, before))
    classes = {str(each): each for each in ChargeClass}
    bases = {str(each): each for each in Basis}
    return [
        Waiting(
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            classes[row[5]],
            row[6],
            bases[row[7]],
            row[8],
            row[9],
            row[10],
            Money.from_minor(row[11], row[13]),
            row[12],
        )
        for row in await cursor.fetchall()
    ]


@dataclass(frozen=True, slots=True)
class Held:
    """A transaction that nobody is paid for."""

    transaction_id: TransactionId
    reason: str
    is_voided: bool
    station: StationId
    evse_id: EvseId
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    shown_in: str | None


_HELD = """
select h.transaction_id, h.reason, h.decision is not null, c.station, c.evse_id, c.started_at,
  c.ended_at, c.energy_wh, h.shown_in
from holds h join cdrs c on c.id = h.cdr_id
where h.payee = %b and h.ended_at < %b and h.decision is distinct from 'released'
  and (h.shown_in is null or h.ended_at >= %b)
order by h.transaction_id
"""


async def held(
    db: AsyncSession, payee: str, *, start: datetime, end: datetime, is_locking: bool = True
) -> list[Held]:
    """Return the payee's unpaid transactions: those that ended in [start, end), and those that
    ended earlier and were on no statement since the last change."""
    connection = await driver(db)
    cursor = await connection.execute(
        f"{_HELD} for update of h" if is_locking else _HELD, (payee, end, start)
    )
    return [Held(*row) for row in await cursor.fetchall()]


_WANTS_NOTHING_TOO = """
select settings -> 'zero_invoices' = 'true' from invoicing_settings
where issuer = %b and exists (select 1 from cdrs where payee = %b)
"""


async def wants_nothing_too(db: AsyncSession, issuer: str, payee: str) -> bool:
    """Tell whether the issuer makes papers of 0.00, and the payee ever had something to be paid."""
    connection = await driver(db)
    cursor = await connection.execute(_WANTS_NOTHING_TOO, (issuer, payee))
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


_CROSSING = """
select c.station, c.evse_id, sum(case when c.ended_at < %(end)s then -c.energy_before_wh
  else c.energy_before_wh end)
from cdrs c
where c.payee = %(payee)s and c.energy_before_wh > 0
  and ((c.ended_at >= %(start)s and c.ended_at < %(end)s)
    or (c.ended_at >= %(end)s and c.started_at < %(end)s))
  and not exists (
    select 1 from cdrs later where later.transaction_id = c.transaction_id and later.id > c.id)
group by c.station, c.evse_id
"""


async def crossing(
    db: AsyncSession, payee: str, *, start: datetime, end: datetime
) -> dict[tuple[StationId, EvseId], Decimal]:
    """Return by EVSE what transactions across the borders of [start, end) shift, in Wh.

    That is what was read in it and belongs to those that ended later, less what was read earlier
    and belongs to those that ended in it.
    """
    connection = await driver(db)
    cursor = await connection.execute(_CROSSING, {"payee": payee, "start": start, "end": end})
    return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}


_LAST_REGISTERS = """
select distinct on (1, 2) p ->> 'station', (p ->> 'evse_id')::int,
  (p ->> 'register_end_wh')::numeric
from statements s, jsonb_array_elements(s.document -> 'proof') p
where s.payee = %b and s.month < %b and p ->> 'register_end_wh' is not null
order by 1, 2, s.month desc
"""


async def last_registers(
    db: AsyncSession, payee: str, before: str
) -> dict[tuple[StationId, EvseId], Decimal]:
    """Return the register at the end of the payee's last statement that names one, by EVSE.

    Args:
        db: A unit of work.
        payee: An organisation.
        before: Only statements of earlier months than this one.
    """
    connection = await driver(db)
    cursor = await connection.execute(_LAST_REGISTERS, (payee, before))
    return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}


_EARLIER = """
select distinct on (currency) currency, statement_id, month, document -> 'totals'
from statements where payee = %b and month < %b
order by currency, month desc
"""


async def earlier(db: AsyncSession, payee: str, before: str) -> dict[str, Earlier]:
    """Return the payee's last statement of an earlier month than this one, by currency."""
    connection = await driver(db)
    cursor = await connection.execute(_EARLIER, (payee, before))
    return {
        currency: Earlier(
            statement_id=statement_id,
            month=month,
            totals=msgspec.convert(totals, dict[ChargeClass, ClassTotal], strict=False),
        )
        for currency, statement_id, month, totals in await cursor.fetchall()
    }


async def set_shown(db: AsyncSession, transaction_ids: Collection[int], statement_id: str) -> None:
    """Note the statement on which unpaid transactions are listed."""
    await db.execute(
        update(HoldRow)
        .where(HoldRow.transaction_id.in_(transaction_ids))
        .values(shown_in=statement_id)
    )


async def add_statement(
    db: AsyncSession, statement: Statement, lines: Sequence[tuple[int, int]]
) -> None:
    """Write a statement; `lines` gives the CDR and the sign of each of its lines, in order."""
    head = msgspec.to_builtins(replace(statement, lines=()), str_keys=True)
    await db.execute(
        insert(StatementRow).values(
            statement_id=statement.statement_id,
            payee=statement.payee.key,
            month=statement.month,
            currency=statement.currency,
            issued_at=statement.issued_at,
            due_on=statement.due_on,
            state=statement.state,
            payout_net_minor=statement.payout_net.minor,
            payout_gross_minor=statement.payout_gross.minor,
            document=head,
        )
    )
    connection = await driver(db)
    async with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy statement_lines (statement_id, position, cdr_id, sign, transaction_id,"
            " net_minor, payout_minor, late_from_month) from stdin (format binary)"
        ) as copy,
    ):
        copy.set_types(["text", "int4", "int8", "int2", "int8", "int8", "int8", "text"])
        for position, ((cdr_id, sign), line) in enumerate(
            zip(lines, statement.lines, strict=True), start=1
        ):
            await copy.write_row(
                (
                    statement.statement_id,
                    position,
                    cdr_id,
                    sign,
                    line.transaction_id,
                    line.net.minor,
                    line.payout.minor,
                    line.late_from_month,
                )
            )


# --------------------------------------------------------------------------------- reading


def _statements() -> Select[Any]:
    return select(StatementRow).order_by(
        StatementRow.month.desc(), StatementRow.payee, StatementRow.currency
    )


async def statements(
    db: AsyncSession,
    payees: Collection[str] | None,
    *,
    month: str | None = None,
    after: tuple[str, str, str] | None = None,
    limit: int | None = None,
) -> list[StatementRow]:
    """Return the statements of some payees, or of all, newest month first, without lines.

    Args:
        db: A unit of work.
        payees: None for all.
        month: Only of this month.
        after: From behind this (month, payee, currency) in that order.
        limit: At most so many.
    """
    query = _statements().limit(limit)
    if payees is not None:
        query = query.where(StatementRow.payee.in_(payees))
    if month is not None:
        query = query.where(StatementRow.month == month)
    if after is not None:
        last_month, payee, currency = after
        query = query.where(
            (StatementRow.month < last_month)
            | (
                (StatementRow.month == last_month)
                & (
                    (StatementRow.payee > payee)
                    | ((StatementRow.payee == payee) & (StatementRow.currency > currency))
                )
            )
        )
    return list((await db.execute(query)).scalars())


async def statement_row(
    db: AsyncSession, statement_id: str, *, locked: bool = False
) -> StatementRow | None:
    """Return a statement's row."""
    return await db.get(StatementRow, statement_id, with_for_update=locked or None)


_LINES = """
select l.transaction_id, c.station, c.evse_id, c.charge_class, c.started_at, c.ended_at,
  c.energy_wh * l.sign, l.net_minor, c.share_bps, l.payout_minor, l.late_from_month, c.currency
from statement_lines l join cdrs c on c.id = l.cdr_id
where l.statement_id = %b order by l.position
"""


async def lines(db: AsyncSession, statement_id: str) -> tuple[StatementLine, ...]:
    """Return a statement's lines as they were printed."""
    connection = await driver(db)
    cursor = await connection.execute(_LINES, (statement_id,))
    return tuple(
        StatementLine(
            transaction_id=row[0],
            station=row[1],
            evse_id=row[2],
            charge_class=ChargeClass(row[3]),
            started_at=row[4],
            ended_at=row[5],
            energy_wh=row[6],
            net=Money.from_minor(row[7], row[11]),
            share_bps=row[8],
            payout=Money.from_minor(row[9], row[11]),
            late_from_month=row[10],
        )
        for row in await cursor.fetchall()
    )


def head_of(row: StatementRow) -> Statement:
    """Return the statement that a row tells of, with its present state and without its lines."""
    stored = msgspec.convert(row.document, Statement, strict=False)
    return replace(stored, state=StatementState(row.state))


async def whole(db: AsyncSession, row: StatementRow) -> Statement:
    """Return a statement as it was printed, with its present state."""
    return replace(head_of(row), lines=await lines(db, row.statement_id))


# ------------------------------------------------------------- what became of transactions


@dataclass(frozen=True, slots=True)
class Settlement:
    """On which statement a transaction stands, with the sums of its lines there."""

    transaction_id: TransactionId
    statement_id: str
    net: Money
    payout: Money


async def settlements(
    db: AsyncSession, transaction_ids: Iterable[int]
) -> dict[TransactionId, list[Settlement]]:
    """Return on which statements transactions stand, oldest first."""
    rows = await db.execute(
        select(
            StatementLineRow.transaction_id,
            StatementLineRow.statement_id,
            StatementRow.currency,
            StatementLineRow.net_minor,
            StatementLineRow.payout_minor,
        )
        .join(StatementRow, StatementRow.statement_id == StatementLineRow.statement_id)
        .where(StatementLineRow.transaction_id.in_(list(transaction_ids)))
        .order_by(StatementRow.month, StatementLineRow.statement_id, StatementLineRow.position)
    )
    found: dict[TransactionId, list[Settlement]] = {}
    for transaction_id, statement_id, currency, net, payout in rows:
        ours = found.setdefault(TransactionId(transaction_id), [])
        line = Settlement(
            TransactionId(transaction_id),
            statement_id,
            Money.from_minor(net, currency),
            Money.from_minor(payout, currency),
        )
        if ours and ours[-1].statement_id == statement_id:
            line = replace(line, net=line.net + ours[-1].net, payout=line.payout + ours[-1].payout)
            ours.pop()
        ours.append(line)
    return found
