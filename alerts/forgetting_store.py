"""Finding and deleting what is left of alerts that are over."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from alerts.alert_tables import AlertChangeRow, AlertRow, FaultRow
from alerts.life import AlertState
from alerts.notice_tables import AlertNoticeRow
from alerts.notices import NoticeState


async def over(db: AsyncSession, before: datetime, *, after: int, limit: int) -> list[int]:
    """Return alerts, by number, that were over before a moment; so are all their faults."""
    found = await db.scalars(
        select(AlertRow.id)
        .where(
            AlertRow.id > after,
            AlertRow.state != AlertState.OPEN,
            AlertRow.over_at < before,
        )
        .order_by(AlertRow.id)
        .limit(limit)
    )
    return list(found)


async def still_telling(db: AsyncSession, alerts: Collection[int]) -> set[int]:
    """Return those of the alerts of which somebody is still to be told something."""
    row = AlertNoticeRow
    is_open = row.state.in_((NoticeState.WAITING, NoticeState.HANDED)) | (
        (row.state == NoticeState.UNPAID) & row.letter_at.is_(None)
    )
    return set(await db.scalars(select(row.alert).where(row.alert.in_(alerts), is_open)))


async def notices_of(db: AsyncSession, alerts: Collection[int]) -> dict[int, int]:
    """Return the notices of alerts: which alert each is about."""
    rows = await db.execute(
        select(AlertNoticeRow.id, AlertNoticeRow.alert).where(AlertNoticeRow.alert.in_(alerts))
    )
    return {number: alert for number, alert in rows}  # noqa: C416 - rows are no pairs to mypy


async def forget(db: AsyncSession, alerts: Collection[int]) -> None:
    """Delete alerts with their faults, their history and who was told of them."""
    if not alerts:
        return
    gone = select(AlertNoticeRow.id).where(AlertNoticeRow.alert.in_(alerts))
    await db.execute(  # what went along with a message that is forgotten stays, if its alert does
        update(AlertNoticeRow)
        .where(AlertNoticeRow.carried_by.in_(gone), AlertNoticeRow.alert.not_in(alerts))
        .values(carried_by=None)
        .execution_options(synchronize_session=False)
    )
    for row in (AlertNoticeRow, AlertChangeRow, FaultRow):
        await db.execute(
            delete(row).where(row.alert.in_(alerts)).execution_options(synchronize_session=False)
        )
    await db.execute(
        delete(AlertRow).where(AlertRow.id.in_(alerts)).execution_options(synchronize_session=False)
    )


async def forget_unraised(db: AsyncSession, before: datetime, *, limit: int) -> int:
    """Delete faults that were over before a moment and never raised; return how many."""
    some = (
        select(FaultRow.id)
        .where(FaultRow.alert.is_(None), FaultRow.over_at < before)
        .order_by(FaultRow.over_at)
        .limit(limit)
    )
    gone = await db.execute(
        delete(FaultRow)
        .where(FaultRow.id.in_(some))
        .returning(FaultRow.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
