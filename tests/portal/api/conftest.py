"""A lively installation, filled once and copied for each test that looks at it."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from accounts import api_keys
from foundation import migrate
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.postgres import EmbeddedPostgres
from portal.application import create_application
from portal.context import PortalContext
from tests.portal.conftest import client_of
from tests.portal.pages import world

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
async def world_template(postgres: EmbeddedPostgres) -> str:
    """Two owners with six weeks of sessions, September closed for one of them."""
    name = f"leitstand_world_{next(_numbers)}"  # made again where its event loop is
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    migrate.upgrade(postgres.url_of(name))
    database = Database(postgres.url_of(name))
    noon = SetClock(datetime(2026, 10, 15, 12, tzinfo=UTC))
    async with database.unit_of_work() as db:
        await world.organisations(db, noon.now())
        await world.fill(db, noon)
    await database.close()
    return name


@pytest.fixture
async def filled_database(
    postgres: EmbeddedPostgres, world_template: str
) -> AsyncIterator[Database]:
    name = f"world_{next(_numbers)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {world_template}")
    made = Database(postgres.url_of(name), pool_size=5)
    yield made
    await made.close()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def filled_app(context: PortalContext, filled_database: Database) -> FastAPI:
    return create_application(replace(context, database=filled_database))


async def _signed_in(
    app: FastAPI, database: Database, clock: SetClock, role: str, organisation: str
) -> AsyncClient:
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            role=role,
            name=role,
            organisation_key=OrganisationKey(organisation),
            now=clock.now(),
        )
    return client_of(app, key)


@pytest.fixture
async def boss(
    filled_app: FastAPI, filled_database: Database, clock: SetClock
) -> AsyncIterator[AsyncClient]:
    """The operator's administrator."""
    async with await _signed_in(
        filled_app, filled_database, clock, "administrator", "root"
    ) as made:
        yield made


@pytest.fixture
async def works(
    filled_app: FastAPI, filled_database: Database, clock: SetClock
) -> AsyncIterator[AsyncClient]:
    """The owner whose September is closed."""
    async with await _signed_in(filled_app, filled_database, clock, "owner", "stadtwerke") as made:
        yield made


@pytest.fixture
async def parking(
    filled_app: FastAPI, filled_database: Database, clock: SetClock
) -> AsyncIterator[AsyncClient]:
    """The other owner."""
    async with await _signed_in(filled_app, filled_database, clock, "owner", "parkhaus") as made:
        yield made


async def everything(
    client: AsyncClient, path: str, **parameters: str | int
) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        page = (await client.get(path, params=parameters)).json()
        found += page["items"]
        if page["next"] is None:
            return found
        parameters["cursor"] = page["next"]


@pytest.fixture
async def local(app: FastAPI, administrator: AsyncClient) -> AsyncIterator[AsyncClient]:
    """The administrator of the organisation north."""
    made = await administrator.post(
        "/api/v1/api-keys",
        json={"name": "north", "role": "administrator", "organisation": "north"},
    )
    async with client_of(app, made.json()["api_key"]) as client:
        yield client
