"""Tests of work that one process of all does."""

import asyncio

import psycopg
import pytest

from foundation.database import Database, DatabaseAway
from foundation.errors import NotFound
from foundation.leases import alone


async def test_two_never_do_it_at_once_and_the_second_takes_over(database: Database) -> None:
    said: list[str] = []
    first_may_end = asyncio.Event()
    first_works = asyncio.Event()

    async def first() -> None:
        said.append("first")
        first_works.set()
        await first_may_end.wait()

    async def second() -> None:
        said.append("second")

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(alone(database, "work", first, look_again_s=0.01))
        await first_works.wait()
        waiting = group.create_task(alone(database, "work", second, look_again_s=0.01))
        await alone(database, "other work", second, look_again_s=0.01)
        assert said == ["first", "second"]
        assert not waiting.done()
        first_may_end.set()

    assert said == ["first", "second", "second"]


async def test_whoever_loses_the_lock_stops_working(database: Database) -> None:
    async def for_ever() -> None:
        with psycopg.connect(database.url, autocommit=True) as other:
            other.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'leitstand work'"
            )
        await asyncio.Event().wait()

    async with asyncio.timeout(30):
        with pytest.raises(DatabaseAway):
            await alone(database, "work", for_ever, look_again_s=0.01)


async def test_without_a_database_nobody_works(unused_tcp_port: int) -> None:
    async def never() -> None:
        raise AssertionError

    away = Database(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/nowhere")
    with pytest.raises(DatabaseAway):
        await alone(away, "work", never)
    await away.close()


async def test_an_error_of_the_work_comes_through(database: Database) -> None:
    async def fail() -> None:
        raise NotFound("thing", 1)

    with pytest.raises(NotFound):
        await alone(database, "work", fail)
