"""Change orders on pages: drafted, asked for, confirmed, sent."""

from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from accounts.directory import WHOLE
from csms import outcomes, remote
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from support import change_orders
from support.change_orders import ChangeOrder, OrderGate
from support.orders import How, OrderState
from tests.portal.pages.conftest import SignIn, token_in

PATH = "/support/orders"
SETTING = {
    "stations": "DE-HN-002",
    "title": "Heartbeat",
    "what": "setting",
    "component": "OCPPCommCtrlr",
    "variable": "HeartbeatInterval",
    "value": "600",
}


@pytest.fixture(autouse=True)
def joined(application: FastAPI, database: Database, clock: SetClock) -> None:
    """The portal with mails, and the queue with its gate, as the program joins them."""
    jobs = Jobs(database.url, stop_timeout_s=1)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=Settings())
    application.state.context = replace(application.state.context, mails=mails)
    remote.join(database, orders=OrderGate())


async def orders(database: Database) -> list[ChangeOrder]:
    async with database.unit_of_work() as db:
        return await change_orders.change_orders(db, WHOLE)


async def drafted(browser: httpx.AsyncClient, **said: str) -> tuple[str, dict[str, str]]:
    form = (await browser.get(f"{PATH}/new", params={"station": "DE-HN-002"})).text
    csrf = {"csrf": token_in(form)}
    made = await browser.post(PATH, data={**csrf, **SETTING, **said})
    assert made.status_code == 303, made.text
    return made.headers["location"].partition("?")[0], csrf


async def test_during_a_call_only_the_mail_goes_out(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    path, _ = await drafted(browser, then="ask")
    [order] = await orders(database)
    assert (order.state, order.number) == (OrderState.REQUESTED, None)
    async with database.unit_of_work() as db:
        [sent, *_] = await mail.outbox(db)
    assert sent.recipient == "rechnung@stadtwerke.example"
    html = (await browser.get(path)).text
    assert "It has no effect until it is ordered in writing." in html
    assert "HeartbeatInterval" in html
    assert ">600<" in html
    assert "Send everything" not in html
    assert "Heartbeat" in (await browser.get(PATH)).text


async def test_the_owners_mail_makes_it_an_order_and_it_is_sent_once(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    path, csrf = await drafted(browser)
    bare = await browser.post(f"{path}/confirm", data=csrf)
    assert bare.status_code == 422
    assert "Attach the owner" in bare.text
    file = {"mail": ("order.eml", b"Subject: please", "application/octet-stream")}
    nameless = await browser.post(f"{path}/confirm", data=csrf, files=file)
    assert "Name the reference" in nameless.text
    done = await browser.post(
        f"{path}/confirm", data={**csrf, "reference": "Re: heartbeat"}, files=file
    )
    assert done.status_code == 303
    [order] = await orders(database)
    assert (order.state, order.confirmed_how) == (OrderState.CONFIRMED, How.MAIL)
    assert (await browser.get(f"{path}/mail")).content == b"Subject: please"
    again = await browser.post(f"{path}/confirm", data=csrf)
    assert again.status_code == 422
    offline = await browser.post(f"{path}/execute", data=csrf)
    assert offline.status_code == 409
    assert "The station has no connection" in offline.text
    sent = await browser.post(f"{path}/execute", data={**csrf, "wait": "yes"})
    assert sent.status_code == 303
    [order] = await orders(database)
    async with database.unit_of_work() as db:
        [command] = await outcomes.commands(db, WHOLE, reference=order.number)
    assert (command.action, command.change_order) == ("SetVariables", order.number)
    assert (await browser.post(f"{path}/execute", data=csrf)).status_code == 409
    html = (await browser.get(path)).text
    assert "Under way" in html


async def test_an_authorised_person_confirms_without_a_mail(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    path, csrf = await drafted(browser)
    other, _ = await drafted(browser, stations="DE-HN-001", title="Not yours")
    await browser.post("/sign-out", data=csrf)
    browser = await sign_in("otto")
    html = (await browser.get(path)).text
    assert "You are an authorised person of the owner." in html
    csrf = {"csrf": token_in(html)}
    done = await browser.post(f"{path}/confirm", data=csrf)
    assert done.status_code == 303
    found = {each.title: each for each in await orders(database)}
    assert found["Heartbeat"].confirmed_how is How.AUTHORISED
    assert (await browser.post(f"{path}/execute", data=csrf)).status_code == 403
    assert (await browser.post(PATH, data={**csrf, **SETTING})).status_code == 403
    if found["Not yours"].organisation != found["Heartbeat"].organisation:
        assert (await browser.get(other)).status_code == 404
        assert (await browser.post(f"{other}/confirm", data=csrf)).status_code == 404


async def test_a_draft_says_what_is_wrong_and_keeps_what_was_typed(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("helen")
    csrf = {"csrf": token_in((await browser.get(f"{PATH}/new")).text)}
    for said, text in (
        ({"stations": "nowhere"}, "There is no station nowhere."),
        ({"stations": ""}, "Name the station, or several."),
        ({"title": ""}, "Say in a few words what is to change."),
        ({"what": "song"}, "Choose what is to change."),
        ({"what": "tariff"}, "Describe the change."),
        ({"what": "setting", "variable": ""}, "Fill this in."),
        ({"what": "action", "action": "Send List", "payload": "[]"}, "This is no JSON object."),
    ):
        answer = await browser.post(PATH, data={**csrf, **SETTING, **said})
        assert answer.status_code == 422, said
        assert text in answer.text, said
        assert 'value="600"' in answer.text


async def test_a_described_change_is_done_by_hand_and_told(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    path, csrf = await drafted(browser, what="tariff", text="0.52 per kWh")
    file = {"mail": ("order.pdf", b"%PDF-1.7", "application/pdf")}
    await browser.post(f"{path}/confirm", data={**csrf, "reference": "Re: price"}, files=file)
    empty = await browser.post(f"{path}/done", data={**csrf, "place": "0"})
    assert empty.status_code == 422
    done = await browser.post(f"{path}/done", data={**csrf, "place": "0", "result": "T2 holds"})
    assert done.status_code == 303
    [order] = await orders(database)
    assert order.state is OrderState.EXECUTED
    async with database.unit_of_work() as db:
        [sent, *_] = await mail.outbox(db)
    assert str(order.number) in sent.subject
    assert "T2 holds" in (await browser.get(path)).text


async def test_a_draft_is_withdrawn_with_a_reason(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    path, csrf = await drafted(browser)
    assert (await browser.post(f"{path}/withdraw", data=csrf)).status_code == 422
    await browser.post(f"{path}/withdraw", data={**csrf, "reason": "called again"})
    [order] = await orders(database)
    assert order.state is OrderState.WITHDRAWN
    assert "called again" in (await browser.get(path)).text
    listed = await browser.get(PATH, params={"state": "withdrawn"})
    assert "Heartbeat" in listed.text
    assert "No change order matches" in (await browser.get(PATH, params={"state": "failed"})).text
