"""Statements of the hot way read back what they wrote, like those of psycopg's own cursor."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.database import Database, driver
from foundation.statements import Asked, ask, ask_last, copy_in, rows, together, tuples

_AT = datetime(2026, 10, 15, 12, 0, 0, 123456, tzinfo=UTC)

VALUES: dict[str, list[Any]] = {
    "text": ["", "a", "ü € 𝄞", 'quotes " and \\', None],
    "int": [0, -1, 2**31 - 1, -(2**31), None],
    "bigint": [0, -1, 2**63 - 1, -(2**63), None],
    "bool": [True, False, None],
    "timestamptz": [
        _AT,
        _AT.astimezone(timezone(timedelta(hours=2))),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        None,
    ],
    "bytea": [b"", b"\x00\xff", None],
    "numeric": [Decimal(0), Decimal("-1.50"), Decimal("1E+20"), Decimal("1E-20"), None],
}


@pytest.mark.parametrize("kind", VALUES)
async def test_arrays_of_every_type_come_back_as_they_were(db: AsyncSession, kind: str) -> None:
    query = f"select v from unnest(%b::{kind}[]) with ordinality as e (v, n) order by n"
    for values in (VALUES[kind], VALUES[kind][:-1], [None, None], []):
        found = await rows(db, query, [values])
        assert [row["v"] for row in found] == values


@pytest.mark.parametrize("kind", VALUES)
async def test_single_values_of_every_type_come_back_as_they_were(
    db: AsyncSession, kind: str
) -> None:
    for value in VALUES[kind]:
        [row] = await rows(db, f"select %b::{kind} as v", [value])
        assert row["v"] == value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    texts=st.lists(st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))),
    moments=st.lists(st.datetimes(timezones=st.just(UTC))),
)
async def test_any_text_and_any_moment_come_back(
    db: AsyncSession, texts: list[str | None], moments: list[datetime]
) -> None:
    [row] = await rows(
        db, "select %b::text[] as texts, %b::timestamptz[] as moments", [texts, moments]
    )
    assert row == {"texts": texts, "moments": moments}


async def test_json_is_stored_from_the_bytes_that_it_was_encoded_to(db: AsyncSession) -> None:
    given = [b'{"a": [1, "\xc3\xbc"]}', None, b"[]"]
    found = await tuples(db, "select e.v from unnest(%b::jsonb[]) as e (v)", [given])
    assert found == [({"a": [1, "ü"]},), (None,), ([],)]


async def test_what_is_asked_last_is_committed_with_it(database: Database) -> None:
    async with database.unit_of_work() as db:
        asked = Asked(
            "insert into statement_test values (%b::int) returning n", [7], lambda rows: rows
        )
        await db.execute(text("create table statement_test (n int)"))
        await db.commit()
    async with database.unit_of_work() as db:
        assert await ask_last(db, asked) == [(7,)]
        assert (await driver(db)).info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    async with database.unit_of_work() as db:
        assert await tuples(db, "select n from statement_test", []) == [(7,)]


async def test_statements_sent_together_see_what_those_before_them_wrote(db: AsyncSession) -> None:
    await db.execute(text("create temporary table seen (n int) on commit drop"))

    def count(found: list[tuple[Any, ...]]) -> int:
        return int(found[0][0])

    before, _, after = await together(
        db,
        Asked("select count(*)::int as n from seen", [], count),
        Asked("insert into seen select * from unnest(%b::int[])", [[1, 2, 3]], len),
        Asked("select count(*)::int as n from seen", [], count),
    )
    assert (before, after) == (0, 3)


async def test_a_statement_whose_values_name_no_types_is_left_to_psycopg(db: AsyncSession) -> None:
    assert await rows(db, "select %b + 1 as n where %b", [41, True]) == [{"n": 42}]


async def test_the_first_error_is_raised_and_what_was_done_is_undone(database: Database) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text("create table kept (n int primary key)"))
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with database.unit_of_work() as db:
            await together(
                db,
                Asked("insert into kept values (%b::int)", [1], len),
                Asked("insert into kept values (%b::int)", [1], len),
                Asked("select 1 / %b::int as n", [0], len),
            )
    async with database.unit_of_work() as db:
        assert await rows(db, "select n from kept", []) == []
        assert await ask(db, Asked("insert into kept values (%b::int)", [1], len)) == 0
    async with database.unit_of_work() as db:
        assert await rows(db, "select n from kept", []) == [{"n": 1}]


async def test_a_statement_that_cannot_be_prepared_is_prepared_once_it_can(
    database: Database,
) -> None:
    query = "select n from later where n = any(%b::int[])"
    with pytest.raises(psycopg.errors.UndefinedTable):
        async with database.unit_of_work() as db:
            await rows(db, query, [[1]])
    async with database.unit_of_work() as db:
        await db.execute(text("create table later (n int)"))
        assert await rows(db, query, [[1]]) == []


async def test_a_statement_outlives_the_rollback_of_another_unit_of_work(
    database: Database,
) -> None:
    query = "select n + %b::int as n from generate_series(1, 2) as e (n)"
    async with database.unit_of_work() as db:
        assert await rows(db, query, [1]) == [{"n": 2}, {"n": 3}]
        for number in range(10):  # what is said so often, the driver likes to prepare
            found = await db.execute(text("select cast(:number as int)"), {"number": number})
            assert found.scalar_one() == number

    async def fails() -> None:
        async with database.unit_of_work() as db:
            await db.execute(text("select 1"))
            raise KeyError

    with pytest.raises(KeyError):
        await fails()
    async with database.unit_of_work() as db:
        assert await rows(db, query, [1]) == [{"n": 2}, {"n": 3}]


async def test_a_large_batch_goes_out_while_its_answer_comes_in(db: AsyncSession) -> None:
    long = ["x" * 1000] * 5000
    first, second = await together(
        db,
        Asked("select v from unnest(%b::text[]) as e (v)", [long], len),
        Asked("select v from unnest(%b::text[]) as e (v)", [long], len),
    )
    assert (first, second) == (5000, 5000)


async def test_rows_are_had_as_tuples_in_the_order_of_the_columns(db: AsyncSession) -> None:
    query = "select n, n * 2 as twice from unnest(%b::int[]) as e (n) order by n"
    assert await tuples(db, query, [[2, 1]]) == [(1, 2), (2, 4)]
    assert await tuples(db, query, [[]]) == []


async def test_lines_are_copied_in_with_every_type(db: AsyncSession) -> None:
    columns = {kind: kind for kind in VALUES if kind != "numeric"}
    names = ", ".join(f'"{kind}"' for kind in columns)
    await db.execute(
        text(
            "create temporary table copied ("
            + ", ".join(f'"{kind}" {kind}' for kind in columns)
            + ") on commit drop"
        )
    )
    lines = [[VALUES[kind][0] for kind in columns], [None for _ in columns]]
    await copy_in(db, "copied", {f'"{kind}"': kind for kind in columns}, lines)
    await copy_in(db, "copied", {'"text"': "text"}, [["x" * 100_000]] * 10)
    await copy_in(db, "copied", {'"text"': "text"}, [])
    found = await tuples(db, f"select {names} from copied order by length(text) limit 1", [])
    assert found == [tuple(lines[0])]
    [(count,)] = await tuples(db, "select count(*)::int from copied", [])
    assert count == 12


async def test_the_connection_serves_psycopg_as_before(db: AsyncSession) -> None:
    await rows(db, "select %b::int as n", [1])
    connection = await driver(db)
    assert connection.pgconn.pipeline_status == psycopg.pq.PipelineStatus.OFF
    assert (await db.execute(text("select 2"))).scalar() == 2
