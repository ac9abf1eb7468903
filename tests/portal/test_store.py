"""Tests of how far outsiders have read, and of the topics that a broker may hold."""

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from foundation.outbox import Cursor
from portal import store
from portal.store import SomebodyElseReads


async def test_a_cursor_begins_once_and_moves_only_from_where_it_stands(
    db: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    assert await store.cursor(db, "feed") is None
    await store.begin_reading(db, "feed", Cursor(5, 7), now)
    await store.begin_reading(db, "feed", Cursor(9, 9), now)
    await store.move_cursor(db, "feed", Cursor(5, 7), Cursor(6, 1), now)
    assert await store.cursor(db, "feed") == Cursor(6, 1)

    with pytest.raises(SomebodyElseReads):
        await store.move_cursor(db, "feed", Cursor(5, 7), Cursor(8, 1), now)
    with pytest.raises(SomebodyElseReads):
        await store.move_cursor(db, "unknown", Cursor(5, 7), Cursor(8, 1), now)
    assert await store.cursor(db, "feed") == Cursor(6, 1)


async def test_topics_are_noted_once_and_forgotten(db: AsyncSession) -> None:
    await store.note_feed_topics(db, ["a", "b"])
    await store.note_feed_topics(db, ["b", "c"])
    await store.forget_feed_topics(db, ["a"])

    assert await store.feed_topics(db) == {"b", "c"}
