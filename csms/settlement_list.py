"""Face, read: the settlements of all stations that somebody may see, and sessions without one.

Source: OCPP 2.1 part 2, C18 to C21.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms.charging import Transaction, transaction_of
from csms.payment_tables import PaymentPointRow, SettlementRow
from csms.payments import AD_HOC, Settlement, settlement_of
from csms.tables import StationOwnerRow, TransactionRow

_REF: Final = "2|"
"""What stands before a transaction's reference where it is of OCPP 2."""


async def stations_of(db: AsyncSession, scope: Scope) -> frozenset[str] | None:
    """Return the stations whose payments are in scope; None: those of the whole installation."""
    if scope.organisations is None:
        return None
    rows = await db.scalars(
        select(StationOwnerRow.station).where(
            StationOwnerRow.valid_to.is_(None),
            StationOwnerRow.organisation.in_(scope.organisations),
        )
    )
    return frozenset(rows)


async def settlements(
    db: AsyncSession,
    stations: Collection[str] | None,
    *,
    statuses: Sequence[str] | None = None,
    owed_since: datetime | None = None,
    settled_from: datetime | None = None,
    settled_to: datetime | None = None,
    before: tuple[datetime, int | None] | None = None,
    limit: int,
) -> list[Settlement]:
    """Return settlements, the newest first, by when the stations say that they were settled.

    One whose session was told of only later has that session here all the same.

    Args:
        db: A unit of work.
        stations: Only those of these stations; None: of any.
        statuses: Only those that are one of these; None: any.
        owed_since: Only open claims, and what was paid since then for a session nobody knows.
        settled_from: Only those of then or later.
        settled_to: Only those before.
        before: Only those behind this (moment, number); number None: behind all of that moment.
        limit: How many at most.
    """
    number = func.coalesce(SettlementRow.transaction_id, _told_later())
    wanted: list[ColumnElement[bool]] = []
    if stations is not None:
        wanted.append(SettlementRow.station.in_(stations))
    if statuses is not None:
        wanted.append(SettlementRow.status.in_(statuses))
    if owed_since is not None:
        is_without_session = and_(
            SettlementRow.status == "Settled",
            SettlementRow.amount > 0,
            SettlementRow.settled_at >= owed_since,
            number.is_(None),
        )
        wanted.append(or_(SettlementRow.claim == "open", is_without_session))
    if settled_from is not None:
        wanted.append(SettlementRow.settled_at >= settled_from)
    if settled_to is not None:
        wanted.append(SettlementRow.settled_at < settled_to)
    if before is not None:
        at, last = before
        behind: ColumnElement[bool] = SettlementRow.settled_at < at
        if last is not None:
            behind = or_(behind, and_(SettlementRow.settled_at == at, SettlementRow.id < last))
        wanted.append(behind)
    rows = await db.execute(
        select(SettlementRow, number)
        .where(*wanted)
        .order_by(SettlementRow.settled_at.desc(), SettlementRow.id.desc())
        .limit(limit)
    )
    return [replace(settlement_of(row), transaction_id=its) for row, its in rows]


def _told_later() -> ColumnElement[int | None]:
    """The session of a settlement that came before its session's first message."""
    return (
        select(TransactionRow.id)
        .where(
            TransactionRow.station == SettlementRow.station,
            TransactionRow.ref == _REF + SettlementRow.transaction_ref,
        )
        .order_by(TransactionRow.generation.desc())
        .limit(1)
        .scalar_subquery()
    )


async def unsettled_sessions(
    db: AsyncSession,
    stations: Collection[str] | None,
    *,
    since: datetime,
    until: datetime,
    limit: int,
) -> list[Transaction]:
    """Return what was charged on a card at a terminal that told of no settlement, newest first.

    Args:
        db: A unit of work.
        stations: Only sessions of these stations; None: of any.
        since: Only what ended then or later.
        until: Only what ended before; a settlement follows its session.
        limit: How many at most.
    """
    settled = exists().where(
        SettlementRow.station == TransactionRow.station,
        or_(
            SettlementRow.transaction_id == TransactionRow.id,
            _REF + SettlementRow.transaction_ref == TransactionRow.ref,
        ),
    )
    wanted: list[ColumnElement[bool]] = [
        TransactionRow.ended_at >= since,
        TransactionRow.ended_at < until,
        TransactionRow.token_provider == AD_HOC,
        TransactionRow.energy_wh > 0,
        TransactionRow.station.in_(
            select(PaymentPointRow.station).where(PaymentPointRow.takes_cards)
        ),
        ~settled,
    ]
    if stations is not None:
        wanted.append(TransactionRow.station.in_(stations))
    rows = await db.scalars(
        select(TransactionRow)
        .where(*wanted)
        .order_by(TransactionRow.ended_at.desc(), TransactionRow.id.desc())
        .limit(limit)
    )
    return [transaction_of(row) for row in rows]
