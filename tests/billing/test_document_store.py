"""Numbers without gaps, whoever issues at once, and documents that stay as they are."""

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from billing import document_store
from billing.document_store import NumberOutOfOrder
from foundation.database import Database
from foundation.errors import Conflict
from tests.billing.paper_story import OPERATOR, contract_of, customer, open_office, run
from tests.billing.story import ended, happen

TODAY = date(2026, 11, 2)
TODAY_AT = datetime(2026, 11, 2, 8, tzinfo=UTC)


def test_a_number_has_its_prefix_and_year() -> None:
    assert document_store.number_of("RE", 2026, 17) == "RE-2026-000017"


async def test_numbers_are_gapless_under_concurrency_and_after_a_rollback(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await open_office(db)
    taken: list[str] = []

    async def issue(count: int, *, fails: bool) -> None:
        try:
            async with database.unit_of_work() as db:
                numbers = await document_store.take_numbers(db, OPERATOR, "RE", TODAY, count)
                await asyncio.sleep(0)
                if fails:
                    raise Conflict("It is rolled back.")
        except Conflict:
            return
        taken.extend(numbers)

    async with asyncio.TaskGroup() as tasks:
        for place in range(24):
            tasks.create_task(issue(1 + place % 3, fails=place % 4 == 1))

    assert sorted(taken) == [f"RE-2026-{each:06}" for each in range(1, len(taken) + 1)]
    async with database.unit_of_work() as db:
        [of] = await document_store.number_ranges(db, OPERATOR)
    assert (of.last_number, of.last_issued_on) == (len(taken), TODAY)


async def test_a_document_number_out_of_order_is_refused(database: Database) -> None:
    async with database.unit_of_work() as db:
        await open_office(db)
        await document_store.take_numbers(db, OPERATOR, "RE", TODAY, 1)
        with pytest.raises(NumberOutOfOrder):
            await document_store.take_numbers(db, OPERATOR, "RE", date(2026, 11, 1), 1)
        same = await document_store.take_numbers(db, OPERATOR, "RE", TODAY, 1)
        other = await document_store.take_numbers(db, OPERATOR, "GS", date(2026, 11, 1), 1)
        fresh = await document_store.take_numbers(db, OPERATOR, "RE", date(2027, 1, 1), 1)
    assert (same, other, fresh) == (["RE-2026-000002"], ["GS-2026-000001"], ["RE-2027-000001"])


async def test_a_document_is_never_changed_by_anybody(database: Database) -> None:
    async with database.unit_of_work() as db:
        await open_office(db)
        await contract_of(db, await customer(db))
        await happen(db, ended(1))
        [number] = (await run(db)).numbers
        await document_store.add_file(db, number, "pdf", b"one", now=TODAY_AT)
        await document_store.add_file(db, number, "pdf", b"two", now=TODAY_AT)
        kept = await document_store.file(db, number, "pdf")
        assert kept is not None
        assert kept.content == b"one"
    for statement in (
        "update documents set gross_minor = 0",
        "delete from documents",
        "update document_files set content = 'x'",
    ):
        with pytest.raises(DBAPIError, match="never changed"):
            async with database.unit_of_work() as db:
                await db.execute(text(statement))
