"""The statements to the database that only look things up: holds, days, a month's transactions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.tables import CdrRow, HoldRow, StatementRow, TariffVersionRow
from foundation.database import driver
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId
from foundation.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldTransaction:
    """A transaction that is or was held, and what a person decided about it.

    `decision` is None while it waits, else `released` or `voided`.
    """

    transaction_id: TransactionId
    reason: str
    payee: OrganisationKey
    station: StationId
    evse_id: EvseId
    started_at: datetime
    ended_at: datetime
    energy_wh: Decimal
    net: Money
    held_at: datetime
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None
    decided_why: str | None


def _holds() -> Select[HoldRow, CdrRow]:
    return select(HoldRow, CdrRow).join(CdrRow, CdrRow.id == HoldRow.cdr_id)


def _hold(found: Row[HoldRow, CdrRow]) -> HeldTransaction:
    hold, cdr = found
    return HeldTransaction(
        transaction_id=TransactionId(hold.transaction_id),
        reason=hold.reason,
        payee=OrganisationKey(hold.payee),
        station=StationId(cdr.station),
        evse_id=EvseId(cdr.evse_id),
        started_at=cdr.started_at,
        ended_at=cdr.ended_at,
        energy_wh=cdr.energy_wh,
        net=Money.from_minor(cdr.net_minor, cdr.currency),
        held_at=hold.held_at,
        decision=hold.decision,
        decided_at=hold.decided_at,
        decided_by=hold.decided_by,
        decided_why=hold.decided_why,
    )


async def holds_of(
    db: AsyncSession, transaction_ids: Collection[int]
) -> dict[TransactionId, HeldTransaction]:
    """Return the holds of some transactions, decided ones included."""
    rows = await db.execute(_holds().where(HoldRow.transaction_id.in_(transaction_ids)))
    return {hold.transaction_id: hold for hold in map(_hold, rows)}


async def open_holds(
    db: AsyncSession,
    payees: Collection[str] | None,
    *,
    with_voided: bool,
    limit: int | None,
) -> list[HeldTransaction]:
    """Return what waits for a person, and what was voided if asked for, the oldest end first."""
    query = _holds().order_by(HoldRow.ended_at, HoldRow.transaction_id).limit(limit)
    if with_voided:
        query = query.where(HoldRow.decision.is_(None) | (HoldRow.decision == "voided"))
    else:
        query = query.where(HoldRow.decision.is_(None))
    if payees is not None:
        query = query.where(HoldRow.payee.in_(payees))
    return [_hold(row) for row in await db.execute(query)]


async def tariff_names(db: AsyncSession, numbers: Collection[int]) -> dict[int, tuple[str, int]]:
    """Return the ids and versions of tariffs by number."""
    rows = await db.execute(
        select(TariffVersionRow.number, TariffVersionRow.tariff_id, TariffVersionRow.version).where(
            TariffVersionRow.number.in_(numbers)
        )
    )
    return {number: (tariff_id, version) for number, tariff_id, version in rows}


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A day's ended transactions in one currency; `net` is what was or will be booked."""

    day: date
    currency: str
    sessions: int
    energy_wh: Decimal
    net: Money


_DAILY = """
select (c.ended_at at time zone %(zone)s::text)::date, c.currency, count(*), sum(c.energy_wh),
  coalesce(sum(c.net_minor) filter (where h.transaction_id is null or h.decision = 'released'), 0)
from cdrs c left join holds h on h.transaction_id = c.transaction_id
where c.ended_at >= %(start)s and c.ended_at < %(end)s
  and (%(payees)s::text[] is null or c.payee = any(%(payees)s::text[]))
  and not exists (
    select 1 from cdrs later where later.transaction_id = c.transaction_id and later.id > c.id)
  and h.decision is distinct from 'voided'
group by 1, 2 order by 1, 2
"""


async def daily(
    db: AsyncSession,
    payees: Collection[str] | None,
    zone: str,
    start: datetime,
    end: datetime,
) -> list[DayFigures]:
    """Return energy, number and net revenue by day; held ones bring energy, and no revenue yet."""
    connection = await driver(db)
    cursor = await connection.execute(
        _DAILY,
        {
            "zone": zone,
            "start": start,
            "end": end,
            "payees": None if payees is None else list(payees),
        },
    )
    return [
        DayFigures(row[0], row[1], row[2], row[3], Money.from_minor(int(row[4]), row[1]))
        for row in await cursor.fetchall()
    ]


_TRANSACTIONS = """
select c.transaction_id from cdrs c
where c.payee = %(payee)s and c.ended_at >= %(start)s and c.ended_at < %(end)s
  and not exists (
    select 1 from cdrs later where later.transaction_id = c.transaction_id and later.id > c.id)
union
select l.transaction_id
from statements s join statement_lines l on l.statement_id = s.statement_id
where s.payee = %(payee)s and s.month = %(month)s
order by 1
"""


async def transactions_of(
    db: AsyncSession, payee: str, month: str, *, start: datetime, end: datetime
) -> Sequence[TransactionId]:
    """Return what ended in [start, end) or stands on a statement of the month, by number."""
    connection = await driver(db)
    cursor = await connection.execute(
        _TRANSACTIONS, {"payee": payee, "month": month, "start": start, "end": end}
    )
    return [row[0] for row in await cursor.fetchall()]


async def statement_ids(db: AsyncSession, payee: str, month: str) -> frozenset[str]:
    """Return the payee's statements of a month."""
    rows = await db.execute(
        select(StatementRow.statement_id)
        .where(StatementRow.payee == payee)
        .where(StatementRow.month == month)
    )
    return frozenset(rows.scalars())
