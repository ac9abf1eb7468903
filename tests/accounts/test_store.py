"""Tests of the statements beneath accounts that must not wait for each other."""

import asyncio

from accounts import api_keys, store
from accounts.directory import Organisation
from foundation.clock import SetClock
from foundation.database import Database


async def test_noting_the_use_of_a_key_never_waits(
    database: Database, kept_root: Organisation, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        made, _ = await api_keys.create_api_key(db, role="owner", name="X", now=clock.now())

    async with asyncio.timeout(10), database.unit_of_work() as first:
        await store.note_use_of_api_key(first, made.id, clock.now())
        async with database.unit_of_work() as second:
            await store.note_use_of_api_key(second, made.id, clock.now())


async def test_tries_are_locked_in_one_order(database: Database, clock: SetClock) -> None:
    async def lock(*subjects: str) -> None:
        async with database.unit_of_work() as db:
            await store.lock_attempts(db, subjects, clock.now())

    async with asyncio.timeout(20):
        await asyncio.gather(*(lock("a", "b"), lock("b", "a")) * 5)


async def test_a_request_is_locked_by_one_at_a_time(database: Database) -> None:
    async with database.unit_of_work() as first, database.unit_of_work() as second:
        assert await store.lock_request(first, "person/1", "k")
        assert await store.lock_request(first, "person/1", "k")
        assert not await store.lock_request(second, "person/1", "k")
        assert await store.lock_request(second, "person/1k", "")
    async with database.unit_of_work() as later:
        assert await store.lock_request(later, "person/1", "k")
