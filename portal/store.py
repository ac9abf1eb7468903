"""How far outsiders have read the journal, and which topics a broker may hold."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.errors import Conflict
from foundation.outbox import Cursor
from portal.tables import FeedTopicRow, JournalCursorRow


class SomebodyElseReads(Conflict):
    """The cursor is not where we left it: another process does our work."""

    code = "somebody_else_reads"

    def __init__(self, name: str) -> None:
        super().__init__(f"Another process moved the cursor {name!r} of the journal.")


async def cursor(db: AsyncSession, name: str) -> Cursor | None:
    """Return how far this outsider has read; None if he never did."""
    row = await db.get(JournalCursorRow, name)
    return None if row is None else Cursor(row.xid, row.event_id)


async def begin_reading(db: AsyncSession, name: str, at: Cursor, now: datetime) -> None:
    """Let an outsider begin behind a place, unless he has begun."""
    await db.execute(
        insert(JournalCursorRow)
        .values(name=name, xid=at.xid, event_id=at.event_id, moved_at=now)
        .on_conflict_do_nothing()
    )


async def begin_anew(db: AsyncSession, name: str, at: Cursor, now: datetime) -> None:
    """Let an outsider begin behind a place, wherever he was."""
    await db.execute(
        insert(JournalCursorRow)
        .values(name=name, xid=at.xid, event_id=at.event_id, moved_at=now)
        .on_conflict_do_update(
            index_elements=[JournalCursorRow.name],
            set_={"xid": at.xid, "event_id": at.event_id, "moved_at": now},
        )
    )


async def hold_cursor(db: AsyncSession, name: str) -> None:
    """Keep others from moving a cursor, or deciding over it, until the unit of work ends."""
    await db.get(JournalCursorRow, name, with_for_update=True)


async def move_cursor(
    db: AsyncSession, name: str, before: Cursor, to: Cursor, now: datetime
) -> None:
    """Note that an outsider has read on.

    Raises:
        SomebodyElseReads: If the cursor does not stand where he began.
    """
    moved = await db.execute(
        update(JournalCursorRow)
        .where(
            JournalCursorRow.name == name,
            JournalCursorRow.xid == before.xid,
            JournalCursorRow.event_id == before.event_id,
        )
        .values(xid=to.xid, event_id=to.event_id, moved_at=now)
        .returning(JournalCursorRow.name)
    )
    if moved.first() is None:
        raise SomebodyElseReads(name)


async def feed_topics(db: AsyncSession) -> set[str]:
    """Return the topics for which the broker may hold a retained message."""
    return set(await db.scalars(select(FeedTopicRow.topic)))


async def note_feed_topics(db: AsyncSession, topics: Sequence[str]) -> None:
    """Note topics before anything is retained there."""
    await db.execute(
        text(
            "insert into feed_topics select unnest(cast(:topics as text[])) on conflict do nothing"
        ),
        {"topics": sorted(topics)},
    )


async def forget_feed_topics(db: AsyncSession, topics: Collection[str]) -> None:
    """Forget topics whose retained message was taken away."""
    await db.execute(delete(FeedTopicRow).where(FeedTopicRow.topic.in_(topics)))
