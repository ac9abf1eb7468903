"""Face, read: the payments by code at all stations that somebody may see.

A payment's key lets its driver in, so that no list tells it; its mark stands for it in cursors.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing.direct_payments import Payment, PaymentState, payment_of
from billing.payment_tables import DirectPaymentRow


@dataclass(frozen=True, slots=True)
class Marked:
    """A payment, and what stands for its key."""

    mark: str
    payment: Payment


async def payments(
    db: AsyncSession,
    stations: Collection[str] | None,
    *,
    states: Sequence[PaymentState] | None = None,
    only_owed: bool = False,
    begun_from: datetime | None = None,
    begun_to: datetime | None = None,
    before: tuple[datetime, str | None] | None = None,
    limit: int,
) -> list[Marked]:
    """Return payments, the newest first, by when they were begun.

    Args:
        db: A unit of work.
        stations: Only those at these stations; None: at any.
        states: Only those in one of these; None: in any.
        only_owed: Only those that did not cover their session, or whose session nobody knows.
        begun_from: Only those of then or later.
        begun_to: Only those before.
        before: Only those behind this (moment, mark); mark None: that moment's and all behind.
        limit: How many at most.
    """
    mark = func.encode(func.sha256(func.convert_to(DirectPaymentRow.key, "UTF8")), "hex")
    wanted: list[ColumnElement[bool]] = []
    if stations is not None:
        wanted.append(DirectPaymentRow.station.in_(stations))
    if states is not None:
        wanted.append(DirectPaymentRow.state.in_(states))
    if only_owed:
        wanted.append(DirectPaymentRow.state == PaymentState.PAID)
        wanted.append(
            or_(
                DirectPaymentRow.due_minor > DirectPaymentRow.captured_minor,
                DirectPaymentRow.transaction_id.is_(None),
            )
        )
    if begun_from is not None:
        wanted.append(DirectPaymentRow.begun_at >= begun_from)
    if begun_to is not None:
        wanted.append(DirectPaymentRow.begun_at < begun_to)
    if before is not None:
        at, last = before
        if last is None:
            wanted.append(DirectPaymentRow.begun_at <= at)
        else:
            same = and_(DirectPaymentRow.begun_at == at, mark < last)
            wanted.append(or_(DirectPaymentRow.begun_at < at, same))
    rows = await db.execute(
        select(DirectPaymentRow, mark)
        .where(*wanted)
        .order_by(DirectPaymentRow.begun_at.desc(), mark.desc())
        .limit(limit)
    )
    return [Marked(str(its), payment_of(row)) for row, its in rows]


async def paid_by_code(db: AsyncSession, transactions: Collection[int]) -> frozenset[int]:
    """Return which transactions were paid by code, so that no terminal tells of them."""
    rows = await db.scalars(
        select(DirectPaymentRow.transaction_id).where(
            DirectPaymentRow.transaction_id.in_(transactions)
        )
    )
    return frozenset(each for each in rows if each is not None)
