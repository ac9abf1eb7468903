"""An application on the real database, and clients that speak for several people."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from accounts import api_keys, directory
from accounts.directory import OrganisationFacts
from billing.closing import Closing
from csms.registers import Registers
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.sealing import Sealer
from foundation.settings import Settings
from portal.application import create_application
from portal.context import PortalContext
from roaming.handlers import Reimbursement


@dataclass(frozen=True)
class Keys:
    """API keys of an installation: its operator, and two owners who know nothing of each other."""

    administrator: str
    support: str
    north: str
    """Owner `north`, above `north-city`."""
    south: str


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def context(database: Database, clock: SetClock, settings: Settings) -> PortalContext:
    return PortalContext(
        database=database,
        clock=clock,
        settings=settings,
        closing=Closing(Registers(), Reimbursement()),
        sealer=Sealer(bytes(32)),
        mails=Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=settings),
    )


@pytest.fixture
async def keys(database: Database, clock: SetClock) -> Keys:
    """A root organisation, three below it, and a key for each kind of asker."""
    now = clock.now()
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key="root",
            name="Operator",
            time_zone="Europe/Berlin",
            currency="EUR",
            country="DE",
            language="en",
            now=now,
        )
        for key, parent in (("north", "root"), ("north-city", "north"), ("south", "root")):
            facts: OrganisationFacts = {"name": key.title(), "parent": parent}
            await directory.create_organisation(db, key, facts, now=now)
        made = [
            (
                await api_keys.create_api_key(
                    db, role=role, name=role, organisation_key=OrganisationKey(key), now=now
                )
            )[1]
            for role, key in (
                ("administrator", "root"),
                ("support", "root"),
                ("owner", "north"),
                ("owner", "south"),
            )
        ]
    return Keys(*made)


@pytest.fixture
def app(context: PortalContext) -> FastAPI:
    return create_application(context)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that says nothing of who it is."""
    async with client_of(app) as made:
        yield made


@pytest.fixture
async def administrator(app: FastAPI, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, keys.administrator) as made:
        yield made


@pytest.fixture
async def support(app: FastAPI, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, keys.support) as made:
        yield made


@pytest.fixture
async def north(app: FastAPI, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, keys.north) as made:
        yield made


@pytest.fixture
async def south(app: FastAPI, keys: Keys) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, keys.south) as made:
        yield made


def client_of(app: FastAPI, api_key: str | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://localhost",
        headers={} if api_key is None else {"authorization": f"Bearer {api_key}"},
    )
