"""Handlers called as the lanes call them: in a unit of work, with reports made from JSON."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from foundation.database import Database
from foundation.postgres import EmbeddedPostgres
from tests.csms.central import EVENING
from tests.csms.handlers.work import Work, set_up


@pytest.fixture(scope="module")
async def one_database(
    postgres: EmbeddedPostgres, template: str, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """One database for a module: each test's unit of work is rolled back."""
    name = "work_" + request.module.__name__.replace(".", "_").lower()[-50:]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    database = Database(postgres.url_of(name), pool_size=3)
    yield database
    await database.close()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
async def work(one_database: Database) -> AsyncIterator[Work]:
    """A unit of work with an owner, two stations and some tokens; it is rolled back."""
    async with AsyncSession(one_database.engine, expire_on_commit=False) as db:
        work = Work(db, SetClock(EVENING))
        await set_up(work)
        yield work
        await db.rollback()
