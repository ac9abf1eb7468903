"""The portal's pages on a real database, asked for in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI

from foundation.clock import SetClock
from foundation.database import Database
from foundation.settings import Settings
from portal.application import create_application
from portal.context import PortalContext
from portal.pages.routes import error_page, router
from tests.portal.pages import world
from tests.portal.pages.world import PASSWORD


def portal(database: Database, clock: SetClock) -> FastAPI:
    """The portal with its pages."""
    context = PortalContext(
        database=database, clock=clock, settings=Settings.read(), closing=world.closing()
    )
    return create_application(context, pages=[router], error_page=error_page)


@pytest.fixture
async def application(database: Database, clock: SetClock) -> FastAPI:
    """The portal of an installation with people and nothing else."""
    async with database.unit_of_work() as db:
        await world.organisations(db, clock.now())
    return portal(database, clock)


@pytest.fixture
async def browser(application: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that keeps its cookies; nobody is signed in."""
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal.example") as client:
        yield client


@pytest.fixture
async def lively(application: FastAPI, database: Database, clock: SetClock) -> None:
    """Fill the installation with stations and sessions."""
    async with database.unit_of_work() as db:
        await world.fill(db, clock)


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
