"""Tests of the pages about webhooks, as people use them."""

import re
from dataclasses import replace

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text

from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import EVENTS, StatementIssued
from foundation.identifiers import OrganisationKey
from foundation.jobs import Jobs
from foundation.sealing import Sealer
from portal.api.events import written_event
from portal.context import PortalContext
from portal.pages.webhooks import KIND_WORDS
from portal.webhooks import Webhooks
from tests.portal.pages.conftest import SignIn, token_in


@pytest.fixture
def hooks(application: FastAPI, database: Database, clock: SetClock) -> Webhooks:
    context: PortalContext = application.state.context
    assert context.mails is not None
    made = Webhooks(
        database=database,
        jobs=Jobs(database.url),
        clock=clock,
        sealer=Sealer(bytes(32)),
        mails=context.mails,
        written=written_event,
    )
    application.state.context = replace(context, webhooks=made)
    return made


async def sent(browser: AsyncClient, page: str, path: str, **given: object) -> Response:
    """Send a form of a page."""
    form = await browser.get(page)
    assert form.status_code == 200, form.text
    return await browser.post(path, data={**given, "csrf": token_in(form.text)})


async def made(browser: AsyncClient, **change: object) -> Response:
    given = {
        "name": "ERP",
        "url": "https://erp.example.com/hook",
        "organisation": "",
        "kind": ["statement_issued", "transaction_ended"],
        **change,
    }
    return await sent(browser, "/webhooks/new", "/webhooks/new", **given)


async def test_a_webhook_is_made_and_its_secret_shown_once(
    hooks: Webhooks, sign_in: SignIn
) -> None:
    assert hooks
    admin = await sign_in("admin")
    empty = await admin.get("/webhooks")
    answer = await made(admin)
    listed = await admin.get("/webhooks")
    path = re.search(r'href="(/webhooks/\d+)"', listed.text)
    assert path is not None
    shown = await admin.get(path[1])

    assert "No webhooks yet" in empty.text
    assert "whsec_" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "https://erp.example.com/hook" in listed.text
    assert "whsec_" not in listed.text + shown.text
    assert "A statement was issued" in shown.text


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"url": "https://127.0.0.1/"}, "This address is not one of the public internet."),
        ({"url": "http://example.com/"}, "The URL must begin with https://"),
        ({"name": ""}, "name must not be empty."),
        ({"kind": []}, "Name at least one kind of event."),
    ],
)
async def test_what_is_wrong_is_said_and_the_form_comes_back_filled(
    hooks: Webhooks, sign_in: SignIn, change: dict[str, object], place: str
) -> None:
    assert hooks
    admin = await sign_in("admin")
    answer = await made(admin, **change)

    assert answer.status_code == 422
    assert place in answer.text
    if "name" not in change:
        assert 'value="ERP"' in answer.text


async def test_what_was_sent_is_listed_and_sent_again_the_webhook_switched_and_removed(
    hooks: Webhooks, sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    admin = await sign_in("admin")
    await made(admin)
    now = clock.now()
    async with database.unit_of_work() as db:
        told = StatementIssued(
            happened_at=now, statement_id="1", payee=OrganisationKey("stadtwerke"), month="2026-09"
        )
        await outbox.append(db, [told], recorded_at=now)
    await hooks.tell()
    async with database.unit_of_work() as db:
        number = (await db.execute(text("select id from webhooks"))).scalar_one()
        await db.execute(text("update webhook_deliveries set state = 'given_up', attempts = 9"))
    path = f"/webhooks/{number}"
    shown = await admin.get(path)
    event = re.search(r'name="event_id" value="(\d+)"', shown.text)
    assert event is not None
    again = await sent(admin, path, f"{path}/replay", event_id=event[1])
    twice = await admin.get(path)
    waiting = await admin.get(path, params={"state": "waiting"})
    fresh = await sent(admin, path, f"{path}/secret")
    off = await sent(admin, path, f"{path}/active", active="no")
    shown_off = await admin.get(path)
    removed = await sent(admin, path, f"{path}/remove")

    assert "Given up" in shown.text
    assert again.status_code == 303
    assert twice.text.count("A statement was issued</") + twice.text.count("issued <code") >= 2
    assert waiting.text.count("evt_") < twice.text.count("evt_")
    assert "whsec_" in fresh.text
    assert (off.status_code, removed.status_code) == (303, 303)
    assert "Switch on" in shown_off.text
    assert (await admin.get(path)).status_code == 404


async def test_an_owner_sees_his_own_and_support_none(hooks: Webhooks, sign_in: SignIn) -> None:
    assert hooks
    otto = await sign_in("otto")
    assert (await made(otto, organisation="stadtwerke")).status_code == 200
    assert "ERP" in (await otto.get("/webhooks")).text
    otto.cookies.clear()
    petra = await sign_in("petra")
    assert "ERP" not in (await petra.get("/webhooks")).text
    petra.cookies.clear()
    helen = await sign_in("helen")
    assert (await helen.get("/webhooks")).status_code == 403


def test_every_kind_of_event_has_a_word() -> None:
    assert KIND_WORDS.keys() == EVENTS.keys()
