"""Webhooks and what was sent to them, as rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from portal.tables import WebhookDeliveryRow, WebhookRow


async def add(db: AsyncSession, facts: Mapping[str, Any]) -> WebhookRow:
    """Write a new webhook."""
    row = WebhookRow(**facts)
    db.add(row)
    await db.flush()
    return row


async def webhook(db: AsyncSession, number: int, *, locked: bool = False) -> WebhookRow | None:
    """Return one webhook."""
    query = select(WebhookRow).where(WebhookRow.id == number)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(query)


async def webhooks(
    db: AsyncSession,
    organisations: Collection[str] | None,
    *,
    after: int = 0,
    limit: int | None = None,
) -> Sequence[WebhookRow]:
    """Return webhooks of some organisations, of all for None, oldest first."""
    query = select(WebhookRow).where(WebhookRow.id > after)
    if organisations is not None:
        query = query.where(WebhookRow.organisation.in_(organisations))
    return (await db.scalars(query.order_by(WebhookRow.id).limit(limit))).all()


async def active(db: AsyncSession) -> Sequence[WebhookRow]:
    """Return those that are told of events, oldest first."""
    query = select(WebhookRow).where(WebhookRow.active)
    return (await db.scalars(query.order_by(WebhookRow.id))).all()


async def remove(db: AsyncSession, number: int) -> None:
    """Remove a webhook with its deliveries."""
    await db.execute(delete(WebhookRow).where(WebhookRow.id == number))


async def add_deliveries(
    db: AsyncSession,
    number: int,
    events: Sequence[tuple[int, str]],
    now: datetime,
    *,
    asked_by: str | None = None,
) -> list[int]:
    """Write that events are to be delivered; return the deliveries' numbers.

    An event is delivered once by itself, and once more whenever somebody asks for it.

    Args:
        db: The unit of work.
        number: The webhook's.
        events: Their ids and kinds.
        now: The moment.
        asked_by: Who has them sent once more; None: they just happened.
    """
    rows = await db.execute(
        text("""
            insert into webhook_deliveries
                (webhook, event_id, kind, state, attempts, created_at, next_try_at, asked_by)
            select :webhook, e.id, e.kind, 'waiting', 0, :now, :now, :asked_by
            from unnest(cast(:ids as bigint[]), cast(:kinds as text[]))
                with ordinality as e (id, kind, place)
            order by e.place
            on conflict do nothing
            returning id
        """),
        {
            "webhook": number,
            "now": now,
            "asked_by": asked_by,
            "ids": [event_id for event_id, _ in events],
            "kinds": [kind for _, kind in events],
        },
    )
    return sorted(rows.scalars())


async def delivery(
    db: AsyncSession, number: int, *, locked: bool = False
) -> WebhookDeliveryRow | None:
    """Return one delivery."""
    query = select(WebhookDeliveryRow).where(WebhookDeliveryRow.id == number)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await db.scalar(query)


async def deliveries(
    db: AsyncSession,
    number: int,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[WebhookDeliveryRow]:
    """Return a webhook's deliveries, the newest first."""
    query = select(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook == number)
    if state is not None:
        query = query.where(WebhookDeliveryRow.state == state)
    if before is not None:
        query = query.where(WebhookDeliveryRow.id < before)
    return (await db.scalars(query.order_by(WebhookDeliveryRow.id.desc()).limit(limit))).all()


async def waiting(db: AsyncSession, number: int) -> int:
    """Return how many deliveries of a webhook wait."""
    counted = await db.scalar(
        select(func.count())
        .select_from(WebhookDeliveryRow)
        .where(WebhookDeliveryRow.webhook == number, WebhookDeliveryRow.state == "waiting")
    )
    return counted or 0


async def give_up_waiting(db: AsyncSession, number: int, why: str) -> None:
    """End what waits for a webhook that is switched off."""
    await db.execute(
        update(WebhookDeliveryRow)
        .where(WebhookDeliveryRow.webhook == number, WebhookDeliveryRow.state == "waiting")
        .values(state="given_up", last_error=why, next_try_at=None)
    )


async def forget_deliveries(db: AsyncSession, created_before: datetime) -> None:
    """Remove what was sent long ago."""
    await db.execute(
        delete(WebhookDeliveryRow).where(
            WebhookDeliveryRow.created_at < created_before, WebhookDeliveryRow.state != "waiting"
        )
    )
