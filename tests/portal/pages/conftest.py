"""The portal's pages on a real database, asked for in memory."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from alerts import detecting, raising
from csms.job_facts import Charging
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.postgres import EmbeddedPostgres
from foundation.sealing import Sealer
from foundation.settings import Settings
from portal.application import create_application
from portal.context import PortalContext
from portal.pages.routes import error_page, router
from portal.visits import Visits
from tests.portal.pages import world
from tests.portal.pages.world import PASSWORD
from tests.portal.pages.world_of_load import balancing
from tests.portal.pages.world_of_watching import watching

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
"""Where the tests' clock stands."""

_numbers = itertools.count(1)
_filled: set[str] = set()


def portal(database: Database, clock: SetClock) -> FastAPI:
    """The portal with its pages."""
    settings = Settings.read()
    context = PortalContext(
        database=database,
        clock=clock,
        settings=settings,
        closing=world.closing(),
        sealer=Sealer(bytes(32)),
        mails=Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=settings),
        visits=Visits(elapsed_s=lambda: 0.0),
    )
    return create_application(context, pages=[router], error_page=error_page)


async def filled(postgres: EmbeddedPostgres, template: str, name: str, *, lively: bool) -> str:
    """A database to copy for each test: filling one takes longer than all that is tested."""
    if name in _filled:
        return name
    _filled.add(name)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {template}")
    clock = SetClock(NOON)
    database = Database(postgres.url_of(name), pool_size=2)
    try:
        async with database.unit_of_work() as db:
            await world.organisations(db, clock.now() - timedelta(days=500))
            if lively:
                await world.fill(db, clock)
    finally:
        await database.close()
    return name


@pytest.fixture(scope="session")
async def quiet_template(postgres: EmbeddedPostgres, template: str) -> str:
    """An installation with people and nothing else."""
    return await filled(postgres, template, f"portal_quiet_{next(_numbers)}", lively=False)


@pytest.fixture(scope="session")
async def lively_template(postgres: EmbeddedPostgres, template: str) -> str:
    """An installation with stations and sessions."""
    return await filled(postgres, template, f"portal_lively_{next(_numbers)}", lively=True)


@pytest.fixture
def lively() -> None:
    """Ask for it to have stations and sessions in the test's database."""


@pytest.fixture
async def watched(lively: None, database: Database, clock: SetClock) -> None:
    """Alerts, jobs, visits and first aid besides."""
    raising.join_sites(database, Registered())
    detecting.join(database, Charging())
    async with database.unit_of_work() as db:
        await watching(db, clock.now())
        await balancing(db, clock.now())


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest,
    postgres: EmbeddedPostgres,
    quiet_template: str,
    lively_template: str,
) -> Iterator[str]:
    """The URL of a fresh copy, dropped after the test."""
    wanted = lively_template if "lively" in request.fixturenames else quiet_template
    name = f"portal_test_{next(_numbers)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {wanted}")
    yield postgres.url_of(name)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture
def application(database: Database, clock: SetClock) -> FastAPI:
    """The portal of the test's installation."""
    return portal(database, clock)


@pytest.fixture
async def browser(application: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that keeps its cookies; nobody is signed in."""
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.example") as client:
        yield client


def token_in(html: str) -> str:
    """The token that the forms of a page carry."""
    return html.partition('name="csrf" value="')[2].partition('"')[0]


SignIn = Callable[[str], Awaitable[httpx.AsyncClient]]


@pytest.fixture
def sign_in(browser: httpx.AsyncClient) -> SignIn:
    """Sign somebody in by the form, and return the browser."""

    async def signed_in(name: str) -> httpx.AsyncClient:
        form = await browser.get("/sign-in")
        answer = await browser.post(
            "/sign-in",
            data={"name": name, "password": PASSWORD, "csrf": token_in(form.text)},
        )
        assert answer.status_code == 303, answer.text
        return browser

    return signed_in
