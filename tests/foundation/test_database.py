"""The unit of work: both or neither, and what a lost database looks like."""

import asyncio
from datetime import UTC, datetime
from functools import partial

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from foundation.database import (
    Database,
    DatabaseAway,
    Joint,
    after_commit,
    driver,
    engine_url,
    savepoint,
)


async def words(database: Database) -> list[str]:
    async with database.unit_of_work() as db:
        return list((await db.execute(text("select word from words order by 1"))).scalars())


@pytest.fixture
async def database_with_words(database: Database) -> Database:
    async with database.unit_of_work() as db:
        await db.execute(text("create table words (word text primary key)"))
    return database


async def test_what_was_written_stays_when_the_unit_of_work_ends(
    database_with_words: Database,
) -> None:
    async with database_with_words.unit_of_work() as db:
        await db.execute(text("insert into words values ('one')"))
    assert await words(database_with_words) == ["one"]


async def test_nothing_stays_of_a_unit_of_work_that_fails(database_with_words: Database) -> None:
    async def write_and_fail() -> None:
        async with database_with_words.unit_of_work() as db:
            await db.execute(text("insert into words values ('one')"))
            raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await write_and_fail()
    assert await words(database_with_words) == []


async def test_what_is_done_after_a_commit_is_done_only_after_a_commit(
    database_with_words: Database,
) -> None:
    done: list[str] = []

    async def write(word: str) -> None:
        async with database_with_words.unit_of_work() as db:
            after_commit(db, partial(done.append, word))
            await db.execute(text("insert into words values (:word)"), {"word": word})
            assert word not in done

    await write("one")
    with pytest.raises(IntegrityError):
        await write("one")
    await write("two")
    assert done == ["one", "two"]


async def test_the_drivers_connection_is_in_the_same_unit_of_work(
    database_with_words: Database,
) -> None:
    async with database_with_words.unit_of_work() as db:
        connection = await driver(db)
        await connection.execute("insert into words values (%s)", ("one",))
        assert await driver(db) is connection
        await db.rollback()
    assert await words(database_with_words) == []


async def test_what_only_the_driver_wrote_stays(database_with_words: Database) -> None:
    async with database_with_words.unit_of_work() as db:
        await (await driver(db)).execute("insert into words values ('one')")
    assert await words(database_with_words) == ["one"]


@pytest.mark.parametrize("by", ["rollback", "exception"])
async def test_what_was_written_behind_a_savepoint_is_taken_back_with_it(
    database_with_words: Database, by: str
) -> None:
    async with database_with_words.unit_of_work() as db:
        await (await driver(db)).execute("insert into words values ('one')")
        part = await savepoint(db)
        try:
            async with part:
                await (await driver(db)).execute("insert into words values ('two')")
                await db.execute(text("insert into words values ('three')"))
                if by == "exception":
                    raise ValueError("changed my mind")
        except ValueError:
            pass
        else:
            later = await savepoint(db)
            await (await driver(db)).execute("delete from words where word in ('two', 'three')")
            await later.rollback()
        await (await driver(db)).execute("insert into words values ('four')")
    kept = {"rollback": ["four", "one", "three", "two"], "exception": ["four", "one"]}
    assert await words(database_with_words) == kept[by]


async def test_a_statement_that_fails_behind_a_savepoint_leaves_the_unit_of_work_as_it_was(
    database_with_words: Database,
) -> None:
    async with database_with_words.unit_of_work() as db:
        await (await driver(db)).execute("insert into words values ('one')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            async with await savepoint(db):
                await (await driver(db)).execute("insert into words values ('one')")
        await (await driver(db)).execute("insert into words values ('two')")
    assert await words(database_with_words) == ["one", "two"]


async def test_session_and_driver_see_what_the_other_wrote(database_with_words: Database) -> None:
    async with database_with_words.unit_of_work() as db:
        connection = await driver(db)
        await connection.execute("insert into words values ('one')")
        await db.execute(text("insert into words values ('two')"))
        assert (await db.execute(text("select count(*) from words"))).scalar() == 2
        found = await connection.execute("select count(*) from words")
        assert await found.fetchone() == (2,)
    assert await words(database_with_words) == ["one", "two"]


async def test_a_connection_goes_back_idle_also_from_a_task_that_is_ended(
    database_with_words: Database,
) -> None:
    began = asyncio.Event()

    async def write_and_wait() -> None:
        async with database_with_words.unit_of_work() as db:
            await (await driver(db)).execute("insert into words values ('one')")
            began.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(write_and_wait())
        await began.wait()
        waiting.cancel()
    assert await words(database_with_words) == []
    assert database_with_words.in_use == 0


async def test_whoever_waits_for_a_connection_gets_the_next_that_is_free(
    database_url: str,
) -> None:
    database = Database(database_url, pool_size=1)
    order: list[str] = []

    async def work(name: str) -> None:
        async with database.unit_of_work() as db:
            await (await driver(db)).execute("select 1")
            assert database.in_use == 1
            order.append(name)

    try:
        for _ in range(2):
            async with asyncio.TaskGroup() as group:
                for name in ("one", "two", "three"):
                    group.create_task(work(name))
    finally:
        await database.close()
    assert sorted(order) == sorted(2 * ["one", "two", "three"])


async def test_a_moment_comes_back_aware_and_in_utc(database: Database) -> None:
    noon = datetime(2026, 10, 15, 12, tzinfo=UTC)
    async with database.unit_of_work() as db:
        found = (await db.execute(text("select cast(:at as timestamptz)"), {"at": noon})).scalar()
    assert isinstance(found, datetime)
    assert (found, found.utcoffset()) == (noon, noon.utcoffset())


async def test_a_connection_that_is_ended_is_a_database_that_is_away_and_the_next_one_works(
    database: Database,
) -> None:
    async def end_myself() -> None:
        async with database.unit_of_work() as db:
            await db.execute(text("select pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseAway):
        await end_myself()
    async with database.unit_of_work() as db:
        assert (await db.execute(text("select 1"))).scalar() == 1


async def test_a_database_that_can_keep_nothing_is_away(database: Database) -> None:
    async def write() -> None:
        async with database.unit_of_work() as db:
            await db.execute(
                text("do $$ begin raise exception using errcode = 'disk_full'; end $$")
            )

    with pytest.raises(DatabaseAway):
        await write()


async def test_no_server_is_a_database_that_is_away() -> None:
    async def ask() -> None:
        async with nowhere.unit_of_work() as db:
            await db.execute(text("select 1"))

    nowhere = Database("postgresql://nobody@/nothing?host=/nonexistent")
    try:
        with pytest.raises(DatabaseAway):
            await ask()
    finally:
        await nowhere.close()


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("insert into words values ('one'), ('one')", IntegrityError),
        ("select no_such_column from words", ProgrammingError),
    ],
)
async def test_our_own_mistakes_are_not_taken_for_a_database_that_is_away(
    database_with_words: Database, statement: str, error: type[Exception]
) -> None:
    async def make_a_mistake() -> None:
        async with database_with_words.unit_of_work() as db:
            await db.execute(text(statement))

    with pytest.raises(error):
        await make_a_mistake()
    assert await words(database_with_words) == []


def test_a_url_is_understood_as_people_write_it() -> None:
    url = "postgresql://lea:pass@/leitstand?host=/run/x"
    assert engine_url(url).startswith("postgresql+psycopg://lea:pass@/leitstand?host=")


async def test_closing_waits_for_connections_that_ended_work_gives_back(database: Database) -> None:
    """Else such a connection comes back to a pool that is gone, and stays open for ever."""
    begun = asyncio.Event()

    async def work() -> None:
        async with database.unit_of_work() as db:
            await db.execute(text("select 1"))
            begun.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        ended = group.create_task(work())
        await begun.wait()
        ended.cancel()
    await database.close()

    assert not database._closing
    assert not database._idle


async def _connections(database: Database) -> int:
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        cursor = await connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid() and application_name = 'leitstand'"
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("how", ["idle", "after a statement", "with a session"])
async def test_a_connection_in_use_when_the_database_is_closed_is_closed_at_its_end(
    database: Database, how: str
) -> None:
    async with database.unit_of_work() as db:
        if how == "after a statement":
            await (await driver(db)).execute("select 1")
        if how == "with a session":
            await db.execute(text("select 1"))
        await database.close()
        assert await _connections(database) == 1
    async with asyncio.timeout(10):
        while await _connections(database):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
    async with database.unit_of_work() as db:  # and the next one works
        assert (await db.execute(text("select 1"))).scalar_one() == 1


async def test_connections_given_back_while_the_database_is_being_closed_are_closed(
    database: Database,
) -> None:
    async def work(begun: asyncio.Barrier, turns: int) -> None:
        async with database.unit_of_work():
            await begun.wait()
            for _ in range(turns):
                await asyncio.sleep(0)

    begun = asyncio.Barrier(5)
    async with asyncio.TaskGroup() as group:
        for turns in range(4):
            group.create_task(work(begun, turns))
        await begun.wait()
        await asyncio.sleep(0)
        await database.close()
    async with asyncio.timeout(10):
        while await _connections(database):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)


async def test_what_was_joined_is_found_by_each_unit_of_work_of_that_database(
    database: Database,
) -> None:
    joint: Joint[str] = Joint("tests.joint")
    async with database.unit_of_work() as db:
        assert joint.of(db) is None
    joint.join(database, "somebody")
    async with database.unit_of_work() as db:
        assert joint.of(db) == "somebody"
        assert Joint[str]("tests.other").of(db) is None


async def test_a_task_that_is_ended_twice_in_a_query_says_that_it_was_ended(
    database: Database,
) -> None:
    """The driver closes the connection then; that is no database that went away."""

    async def work() -> None:
        async with database.unit_of_work() as db:
            await db.execute(text("select pg_sleep(60) /* ended twice */"))

    async with database.unit_of_work():  # one that is in use is not closed by what ends beside it
        task = asyncio.get_running_loop().create_task(work())
        running = text(
            "select count(*) from pg_stat_activity"
            " where query like '%ended tw' || 'ice%' and state = 'active'"
        )
        count = 0
        async with asyncio.timeout(10):
            while not count:
                await asyncio.sleep(0)
                async with database.unit_of_work() as db:
                    count = (await db.execute(running)).scalar_one()
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with database.unit_of_work() as db:
        assert (await db.execute(text("select 1"))).scalar_one() == 1
