"""Central systems that run: one per module for most tests, one of its own where it is hurt."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from foundation.database import Database
from foundation.postgres import EmbeddedPostgres
from tests.csms.central import EVENING, Central, central_running
from tests.csms.handlers.work import Work, set_up

Starter = Callable[..., AbstractAsyncContextManager[Central]]


@pytest.fixture(scope="module")
async def shared_central(
    postgres: EmbeddedPostgres, template: str, request: pytest.FixtureRequest
) -> AsyncIterator[Central]:
    """One central system for a module, whose tests use stations of their own."""
    name = "central_" + request.module.__name__.replace(".", "_").lower()[-50:]
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    async with central_running(postgres.url_of(name), SetClock(EVENING)) as central:
        yield central
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
async def central(shared_central: Central) -> AsyncIterator[Central]:
    """The module's central system in the evening, without sockets of earlier tests."""
    yield shared_central
    await shared_central.rested()


@pytest.fixture
def start_central(database_url: str, clock: SetClock) -> Starter:
    """Start a central system with settings of the test's own, on a database of its own."""
    clock.at = EVENING
    return partial(central_running, database_url, clock)


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
