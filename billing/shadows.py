"""Face: shadow months: what a month would come to at a moment, kept, and compared with the close.

A shadow books nothing and sends nothing. It can be drawn at any time until the month is closed; it
stays, so that afterwards everybody sees what came between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from billing import statement_store
from billing.closing import Closing, Shadow
from billing.comparison import Comparison, Figures, compare, figures_of, nothing
from billing.month_tables import ShadowStatementRow
from billing.months import Month
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey

KEPT: Final = 31
"""How many shadows are kept for each payee, month and currency: one for every day of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptShadow:
    """A shadow as it was drawn; `pending` events had not reached billing then."""

    shadow_id: int
    payee: OrganisationKey
    month: str
    currency: str
    drawn_at: datetime
    drawn_by: str
    pending: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class ComparedShadow:
    """A shadow, and what differs from the statement; None while the month is not closed."""

    shadow: KeptShadow
    statement_id: str | None
    comparison: Comparison | None


async def draw(
    db: AsyncSession,
    closing: Closing,
    payee: OrganisationKey,
    month: str,
    *,
    by: str,
    now: datetime,
) -> tuple[Shadow, list[KeptShadow]]:
    """Draw the month as it stands, and keep what it would come to.

    Args:
        db: A unit of work.
        closing: Which draws it.
        payee: An organisation.
        month: As in `2026-10`.
        by: Who asked for it, as in `person/7`.
        now: The moment.

    Raises:
        NotFound, InvalidInput, MonthNotBegun, MonthClosed, UnknownVatRate: As `Closing.shadow`.
    """
    shadow = await closing.shadow(db, payee, month, now=now)
    rows = [
        ShadowStatementRow(
            payee=payee,
            month=month,
            currency=each.currency,
            drawn_at=now,
            drawn_by=by,
            pending=shadow.pending,
            figures=msgspec.to_builtins(figures_of(each)),
        )
        for each in shadow.statements
    ]
    db.add_all(rows)
    await db.flush()
    for row in rows:
        await _forget(db, row)
    return shadow, [_kept(row) for row in rows]


async def _forget(db: AsyncSession, row: ShadowStatementRow) -> None:
    """Forget the oldest shadows beyond those that are kept."""
    alike = (
        select(ShadowStatementRow.id)
        .where(ShadowStatementRow.payee == row.payee)
        .where(ShadowStatementRow.month == row.month)
        .where(ShadowStatementRow.currency == row.currency)
        .order_by(ShadowStatementRow.drawn_at.desc(), ShadowStatementRow.id.desc())
        .offset(KEPT)
    )
    await db.execute(delete(ShadowStatementRow).where(ShadowStatementRow.id.in_(alike)))


async def shadows(db: AsyncSession, payee: OrganisationKey, month: str) -> list[ComparedShadow]:
    """Return the payee's shadows of a month, the newest first, each beside its statement.

    Raises:
        InvalidInput: If the month is none.
    """
    wanted = str(Month.parse(month))
    rows = await db.scalars(
        select(ShadowStatementRow)
        .where(ShadowStatementRow.payee == payee)
        .where(ShadowStatementRow.month == wanted)
        .order_by(ShadowStatementRow.drawn_at.desc(), ShadowStatementRow.id.desc())
    )
    kept = [_kept(row) for row in rows]
    if not kept or not await statement_store.is_closed(db, payee, wanted):
        return [ComparedShadow(each, None, None) for each in kept]
    issued = await _issued(db, payee, wanted)
    return [_compared(each, issued) for each in kept]


async def shadow(db: AsyncSession, shadow_id: int) -> ComparedShadow:
    """Return one shadow beside its statement; whose it is, the caller checks.

    Raises:
        NotFound: If there is none with this number.
    """
    row = await db.get(ShadowStatementRow, shadow_id)
    if row is None:
        raise NotFound("shadow", shadow_id)
    kept = _kept(row)
    if not await statement_store.is_closed(db, kept.payee, kept.month):
        return ComparedShadow(kept, None, None)
    return _compared(kept, await _issued(db, kept.payee, kept.month))


async def _issued(
    db: AsyncSession, payee: OrganisationKey, month: str
) -> dict[str, tuple[str, Figures]]:
    """Return the ids and figures of a closed month's statements, by currency."""
    rows = await statement_store.statements(db, [payee], month=month)
    return {
        row.currency: (row.statement_id, figures_of(await statement_store.whole(db, row)))
        for row in rows
    }


def _compared(kept: KeptShadow, issued: Mapping[str, tuple[str, Figures]]) -> ComparedShadow:
    statement_id, final = issued.get(kept.currency, (None, nothing(kept.currency)))
    return ComparedShadow(kept, statement_id, compare(kept.figures, final))


def _kept(row: ShadowStatementRow) -> KeptShadow:
    return KeptShadow(
        shadow_id=row.id,
        payee=OrganisationKey(row.payee),
        month=row.month,
        currency=row.currency,
        drawn_at=row.drawn_at,
        drawn_by=row.drawn_by,
        pending=row.pending,
        figures=msgspec.convert(row.figures, Figures),
    )
