"""The real database of the tests: one embedded PostgreSQL per run, a fresh copy per test."""

import asyncio
import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import psycopg
import pytest
import uvloop
from sqlalchemy.ext.asyncio import AsyncSession

from foundation import migrate
from foundation.clock import SetClock
from foundation.database import Database
from foundation.postgres import EmbeddedPostgres

_numbers = itertools.count(1)
_ROOM = 4 * 1024**3
"""What the databases of a run may take; the largest is that of a month of many transactions."""

# No timed assertions: a slow machine must not make a law fail.
hypothesis.settings.register_profile("ours", deadline=None)
hypothesis.settings.load_profile("ours")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the collector pass over the thousands of tests that stay until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database: `make check` leaves it to `make test`, but for the migrations."""
    for item in items:
        fixtures: list[str] = getattr(item, "fixturenames", [])
        if "postgres" in fixtures and "tests/migrations" not in item.nodeid:
            item.add_marker("database")


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests on the loop that the program runs on."""
    return {"uvloop": uvloop.new_event_loop}


def _in_memory() -> Path | None:
    """Return where files are kept in memory, if there is room: each test's database is copied."""
    shared = Path("/dev/shm")
    if shared.is_dir() and os.access(shared, os.W_OK):
        return shared if shutil.disk_usage(shared).free >= _ROOM else None
    return None


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of its own for this run; thrown away with its data."""
    folder = Path(tempfile.mkdtemp(prefix="leitstand-tests-", dir=_in_memory()))
    server = EmbeddedPostgres(folder, durable=False, elsewhere=folder.parent / "leitstand-tests")
    server.start()
    try:
        yield server
    finally:
        server.discard()


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The name of a migrated, empty database that each test's own is copied from."""
    name = "leitstand_template"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    migrate.upgrade(postgres.url_of(name))
    return name


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The URL of a fresh migrated database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template} strategy file_copy")
    yield postgres.url_of(name)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh migrated database; events are addressed to the reader `test`."""
    made = Database(database_url, pool_size=5)
    yield made
    await made.close()


@pytest.fixture
async def db(database: Database) -> AsyncIterator[AsyncSession]:
    """A unit of work that is rolled back after the test."""
    async with AsyncSession(database.engine, expire_on_commit=False) as session:
        yield session
        await session.rollback()


@pytest.fixture
def clock() -> SetClock:
    """A clock that stands at noon UTC of 15 October 2026 until it is moved."""
    return SetClock(datetime(2026, 10, 15, 12, tzinfo=UTC))
