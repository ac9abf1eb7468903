"""Tests of who may make which webhook, and of the audit of it; `test_webhooks.py` sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import text

from accounts import api_keys
from accounts.permissions import Permission
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.sealing import Sealer
from portal.api.events import written_event
from portal.application import create_application
from portal.context import PortalContext
from portal.webhooks import Webhooks
from tests.portal.conftest import Keys, client_of

PATH = "/api/v1/webhooks"
FACTS = {"name": "x", "url": "https://example.com/"}


@pytest.fixture
def hooked(database: Database, clock: SetClock, context: PortalContext) -> FastAPI:
    jobs = Jobs(database.url)
    hooks = Webhooks(
        database=database,
        jobs=jobs,
        clock=clock,
        sealer=Sealer(bytes(32)),
        mails=Mails(database=database, jobs=jobs, clock=clock, settings=context.settings),
        written=written_event,
    )
    return create_application(replace(context, webhooks=hooks))


@asynccontextmanager
async def asker(
    app: FastAPI, database: Database, clock: SetClock, reach: str, *rights: Permission
) -> AsyncIterator[AsyncClient]:
    async with database.unit_of_work() as db:
        _, key = await api_keys.create_api_key(
            db,
            name="asker",
            rights=[each.value for each in rights],
            reach=reach,
            organisation_key=OrganisationKey("north"),
            now=clock.now(),
        )
    async with client_of(app, key) as made:
        yield made


async def test_a_webhook_hears_no_more_than_its_maker(
    hooked: FastAPI, database: Database, clock: SetClock, keys: Keys
) -> None:
    assert keys
    rights = (Permission.WEBHOOKS_WRITE, Permission.EVENTS_READ, Permission.STATEMENTS_READ)
    async with asker(hooked, database, clock, "own", *rights) as client:
        made = (await client.post(PATH, json=FACTS)).json()
        more = await client.post(PATH, json={**FACTS, "kinds": ["station_booted"]})
        below = await client.post(PATH, json={**FACTS, "organisation": "north-city"})
    async with database.unit_of_work() as db:
        shows = (await db.execute(text("select reach, sees_personal from webhooks"))).one()

    assert (made["kinds"], made["reach"]) == (["statement_issued"], "own")
    assert tuple(shows) == ("own", False)
    assert (more.status_code, more.json()["field"]) == (422, "kinds")
    assert (below.status_code, below.json()["field"]) == (422, "organisation")


async def test_each_right_is_needed(
    hooked: FastAPI, database: Database, clock: SetClock, keys: Keys
) -> None:
    assert keys
    async with asker(hooked, database, clock, "own", Permission.EVENTS_READ) as client:
        answers = [await client.get(PATH), await client.post(PATH, json=FACTS)]
    async with asker(hooked, database, clock, "own", Permission.WEBHOOKS_WRITE) as client:
        deaf = await client.post(PATH, json=FACTS)

    assert [each.status_code for each in answers] == [403, 403]
    assert "webhooks.write" in answers[1].json()["detail"]
    assert (deaf.status_code, deaf.json()["field"]) == (422, "kinds")


async def test_whoever_changes_it_may_keep_what_it_hears(
    hooked: FastAPI, database: Database, clock: SetClock, keys: Keys
) -> None:
    async with client_of(hooked, keys.north) as owner:
        number = (await owner.post(PATH, json=FACTS)).json()["id"]
    rights = (Permission.WEBHOOKS_WRITE, Permission.EVENTS_READ)
    async with asker(hooked, database, clock, "own", *rights) as client:
        kept = await client.patch(f"{PATH}/{number}", json={"kinds": ["station_booted"]})
        more = await client.patch(f"{PATH}/{number}", json={"kinds": ["statement_issued"]})

    assert (kept.status_code, kept.json()["kinds"]) == (200, ["station_booted"])
    assert more.status_code == 422


async def test_every_deed_is_in_the_audit_and_no_secret(
    hooked: FastAPI, database: Database, keys: Keys
) -> None:
    async with client_of(hooked, keys.administrator) as root:
        number = (await root.post(PATH, json=FACTS)).json()["id"]
        await root.patch(f"{PATH}/{number}", json={"active": False})
        await root.post(f"{PATH}/{number}/rotate-secret")
        await root.delete(f"{PATH}/{number}")
        entries = (await root.get("/api/v1/audit", params={"q": "webhook/"})).text
        assert "whsec_" not in entries
    async with database.unit_of_work() as db:
        rows = await db.execute(
            text("select deed from audit_entries where subject like 'webhook/%' order by number")
        )

    assert list(rows.scalars()) == [
        "webhook.create",
        "webhook.change",
        "webhook.rotate_secret",
        "webhook.remove",
    ]
