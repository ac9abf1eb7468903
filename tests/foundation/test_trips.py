"""Work side by side in one unit of work: shared trips, kept order, one fate."""

import asyncio
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation import statements, trips
from foundation.database import Database
from foundation.statements import Asked, ask, rows, tuples, write


@pytest.fixture
async def table(database: Database) -> Database:
    """A database with a table `said` of texts in their order."""
    async with database.unit_of_work() as db:
        await db.execute(text("create table said (place serial, word text unique)"))
    return database


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many statements each trip had."""
    seen: list[int] = []
    real = statements.trip

    async def trip(connection: Any, sent: Any, **more: Any) -> Any:
        seen.append(len(sent))
        return await real(connection, sent, **more)

    monkeypatch.setattr(statements, "trip", trip)
    return seen


async def say(db: AsyncSession, *words: str) -> list[str]:
    """Write words one after the other; return what is there after each."""
    seen = []
    for word in words:
        await rows(db, "insert into said (word) values (%b::text)", [word])
        found = await tuples(db, "select string_agg(word, ' ' order by place) from said", [])
        seen.append(found[0][0])
    return seen


def saying(word: str) -> Asked[int]:
    return Asked("insert into said (word) values (%b::text)", [word], len)


async def said(database: Database) -> list[str]:
    async with database.unit_of_work() as db:
        return [word for (word,) in await tuples(db, "select word from said order by place", [])]


async def test_works_share_their_trips_and_each_gets_its_own_rows(
    table: Database, counted: list[int]
) -> None:
    async with table.unit_of_work() as db:
        seen = await trips.shared(db, [say(db, "a", "b"), say(db, "c"), say(db)])
        assert seen == [["a c", "a c b"], ["a c"], []]
    assert counted == [2, 2, 1, 1, 0]  # the last one is the commit
    assert await said(table) == ["a", "c", "b"]


async def test_what_is_only_written_goes_with_the_next_trip_or_the_commit(
    table: Database, counted: list[int]
) -> None:
    async def work(db: AsyncSession) -> int:
        await write(db, saying("first"))
        found = await tuples(db, "select count(*) from said", [])
        await write(db, saying("last"))
        return int(found[0][0])

    async with table.unit_of_work() as db:
        assert await trips.shared(db, [work(db)]) == [1]
    assert counted == [2, 1]
    assert await said(table) == ["first", "last"]


async def test_alone_a_write_is_done_at_once(table: Database) -> None:
    async with table.unit_of_work() as db:
        await write(db, saying("now"))
        assert await ask(db, Asked("select 1 from said", [], len)) == 1


async def test_if_one_fails_nothing_is_kept_and_the_others_are_ended(table: Database) -> None:
    ended = []

    async def other(db: AsyncSession) -> None:
        try:
            await say(db, "x", "y", "z")
        finally:
            ended.append(True)

    with pytest.raises(psycopg.errors.UniqueViolation):
        async with table.unit_of_work() as db:
            await trips.shared(db, [other(db), say(db, "a", "a")])
    assert ended == [True]
    assert await said(table) == []

    with pytest.raises(psycopg.errors.UniqueViolation):
        async with table.unit_of_work() as db:
            await trips.shared(db, [write(db, saying("b")), write(db, saying("b"))])
    assert await said(table) == []


async def test_a_work_that_never_began_is_ended_too(table: Database) -> None:
    async def fails() -> None:
        raise RuntimeError("at once")

    with pytest.raises(RuntimeError):
        async with table.unit_of_work() as db:
            await trips.shared(db, [fails(), say(db, "a")])


async def test_a_session_within_commits_with_the_rest(table: Database) -> None:
    async def by_session(db: AsyncSession) -> int:
        await db.execute(text("insert into said (word) values ('session')"))
        await write(db, saying("later"))
        found = await db.execute(text("select count(*) from said"))
        return int(found.scalar_one())

    async with table.unit_of_work() as db:
        assert await trips.shared(db, [by_session(db), say(db, "a")]) == [1, ["session later a"]]
    assert await said(table) == ["session", "later", "a"]


async def test_whoever_waits_is_told_of_being_cancelled(table: Database) -> None:
    told = []

    async def waits(_: AsyncSession) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            told.append(True)
            raise

    async def work() -> None:
        async with table.unit_of_work() as db:
            await trips.shared(db, [waits(db)])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await work()
    assert told == [True]


async def test_after_it_the_unit_of_work_is_as_before(table: Database) -> None:
    async with table.unit_of_work() as db:
        await trips.shared(db, [say(db, "a")])
        await write(db, saying("b"))
    assert await said(table) == ["a", "b"]


async def test_a_part_of_a_work_goes_side_by_side_without_a_commit(
    table: Database, counted: list[int]
) -> None:
    async def part(db: AsyncSession) -> list[list[str]]:
        return await trips.side_by_side(db, say(db, "one", "two"), say(db, "three"))

    async with table.unit_of_work() as db:
        assert await part(db) == [["one three", "one three two"], ["one three"]]
        assert counted == [2, 2, 1, 1]
        await db.rollback()
    assert await said(table) == []

    counted.clear()
    async with table.unit_of_work() as db:
        [found, other] = await trips.shared(db, [part(db), say(db, "four")])
        assert found == [["one three four", "one three four two"], ["one three four"]]
        assert other == ["one three four"]
        assert counted == [3, 3, 1, 1, 0]
    assert await said(table) == ["one", "three", "four", "two"]
