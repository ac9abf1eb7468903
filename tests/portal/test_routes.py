"""Tests of how a request is worked off: one unit of work, the answer after the commit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from fastapi import APIRouter, FastAPI
from httpx import AsyncClient
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from accounts import directory
from accounts.directory import OrganisationFacts
from foundation import statements
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import Conflict
from foundation.statements import Asked, tuples
from portal.routes import ApiRoute, Db, Now, PageRoute, PublicRoute, StreamRoute
from tests.portal.conftest import Keys

EAST: OrganisationFacts = {"name": "East"}


class SharingRoute(ApiRoute):
    shares_trips = frozenset({"POST"})


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

    sharing = APIRouter(route_class=SharingRoute)

    @sharing.post("/api/v1/shared/write")
    async def write_last(db: Db, now: Now) -> str:
        await _east(db, now)
        return "done"

    @sharing.post("/api/v1/shared/refuse")
    async def refuse_last(db: Db, now: Now) -> str:
        await _east(db, now)
        raise Conflict("Not now.")

    @sharing.post("/api/v1/shared/break")
    async def fail_last(db: Db, now: Now) -> str:
        await _east(db, now)
        raise RuntimeError

    @sharing.post("/api/v1/shared/late")
    async def late_last(db: Db) -> str:
        await tuples(db, "create table late (n int unique deferrable initially deferred)", [])
        await statements.write(db, Asked("insert into late values (1), (1)", [], len))
        return "done"

    app.include_router(sharing)

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


async def _east(db: AsyncSession, now: datetime) -> None:
    """Write as the last thing, by a statement whose rows nobody needs."""
    query = """
        insert into organisations (key, name, parent, time_zone, currency, country, tax_status,
            language, created_at)
        select 'east', 'East', key, time_zone, currency, country, tax_status, language,
            %b::timestamptz
        from organisations where parent is null
    """
    await statements.write(db, Asked(query, [now], len))


async def is_there(database: Database) -> bool:
    async with database.unit_of_work() as db:
        return "east" in {each.key for each in await directory.organisations(db)}


@pytest.mark.parametrize("path", ["write", "shared/write"])
async def test_what_was_answered_is_committed(
    trial: FastAPI, administrator: AsyncClient, database: Database, path: str
) -> None:
    assert (await administrator.post(f"/api/v1/{path}")).json() == "done"
    assert await is_there(database)


@pytest.mark.parametrize(
    ("path", "status"),
    [("refuse", 409), ("break", 500), ("shared/refuse", 409), ("shared/break", 500)],
)
async def test_what_was_refused_left_nothing(
    trial: FastAPI, administrator: AsyncClient, database: Database, path: str, status: int
) -> None:
    assert (await administrator.post(f"/api/v1/{path}")).status_code == status
    assert not await is_there(database)


@pytest.mark.parametrize("path", ["late", "shared/late"])
async def test_a_commit_that_fails_is_never_answered_as_done(
    trial: FastAPI, administrator: AsyncClient, path: str
) -> None:
    assert (await administrator.post(f"/api/v1/{path}")).status_code == 500


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
