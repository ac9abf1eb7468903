"""Tests of how a request is worked off: one unit of work, the answer after the commit."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from sqlalchemy import text
from starlette.requests import Request

from accounts import directory
from accounts.directory import OrganisationFacts
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import Conflict
from portal.routes import ApiRoute, Db, Now, PageRoute, PublicRoute, StreamRoute
from tests.portal.conftest import Keys

EAST: OrganisationFacts = {"name": "East"}


@pytest.fixture
def trial(app: FastAPI) -> FastAPI:
    """The application with calls that write and then do as they like."""
    router = APIRouter(route_class=ApiRoute)

    @router.post("/api/v1/write")
    async def write(db: Db, now: Now) -> str:
        await directory.create_organisation(db, "east", EAST, now=now)
        return "done"

    @router.post("/api/v1/refuse")
    async def refuse(db: Db, now: Now) -> str:
        await directory.create_organisation(db, "east", EAST, now=now)
        raise Conflict("Not now.")

    @router.post("/api/v1/break")
    async def fail(db: Db, now: Now) -> str:
        await directory.create_organisation(db, "east", EAST, now=now)
        raise RuntimeError

    @router.post("/api/v1/late")
    async def late(db: Db) -> str:
        await db.execute(text("create table late (n int unique deferrable initially deferred)"))
        await db.execute(text("insert into late values (1), (1)"))
        return "done"

    @router.get("/api/v1/name/{name:segment}")
    async def name(name: str) -> str:
        return name

    app.include_router(router)
    for path, route_class in (("/public", PublicRoute), ("/page", PageRoute)):
        pages = APIRouter(route_class=route_class)

        @pages.get(path)
        async def has_db(request: Request) -> bool:
            return hasattr(request.state, "db")

        app.include_router(pages)
    streams = APIRouter(route_class=StreamRoute)

    @streams.get("/stream")
    async def after_the_unit_of_work(request: Request) -> list[bool]:
        return [hasattr(request.state, "db"), request.state.caller is not None]

    app.include_router(streams)
    return app


async def is_there(database: Database) -> bool:
    async with database.unit_of_work() as db:
        return "east" in {each.key for each in await directory.organisations(db)}


async def test_what_was_answered_is_committed(
    trial: FastAPI, administrator: AsyncClient, database: Database
) -> None:
    assert (await administrator.post("/api/v1/write")).json() == "done"
    assert await is_there(database)


@pytest.mark.parametrize(("path", "status"), [("refuse", 409), ("break", 500)])
async def test_what_was_refused_left_nothing(
    trial: FastAPI, administrator: AsyncClient, database: Database, path: str, status: int
) -> None:
    assert (await administrator.post(f"/api/v1/{path}")).status_code == status
    assert not await is_there(database)


async def test_a_commit_that_fails_is_never_answered_as_done(
    trial: FastAPI, administrator: AsyncClient
) -> None:
    assert (await administrator.post("/api/v1/late")).status_code == 500


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a%20b+c", "a b+c"),
        ("%C3%A4", "ä"),
        ("%ff", "\ufffd"),
    ],
)
async def test_a_segment_is_decoded_once(
    trial: FastAPI, client: AsyncClient, sent: str, read: str
) -> None:
    assert (await client.get(f"/api/v1/name/{sent}")).json() == read


async def test_each_kind_of_route_holds_what_it_needs(
    trial: FastAPI, client: AsyncClient, administrator: AsyncClient
) -> None:
    assert (await client.get("/page")).json() is True
    assert (await client.get("/public")).json() is False
    assert (await administrator.get("/stream")).json() == [False, True]


async def test_a_slow_sender_holds_no_connection(
    trial: FastAPI, administrator: AsyncClient, database: Database, clock: SetClock, keys: Keys
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        begun.set()
        await go_on.wait()
        yield b"}"

    async with asyncio.TaskGroup() as group:
        call = group.create_task(administrator.post("/api/v1/write", content=slowly()))
        await begun.wait()
        held = database.in_use
        go_on.set()
    assert held == 0
    assert call.result().status_code == 200
