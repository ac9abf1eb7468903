"""Tests of the remote access to a station, as people use it."""

from datetime import timedelta

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response
from sqlalchemy import text

from billing import credit_store
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import WORKS

pytestmark = pytest.mark.usefixtures("lively")

STATION = "DE-HN-001"
PAGE = f"/stations/{STATION}/remote"


async def given_credits(database: Database, clock: SetClock, quantity: int) -> None:
    async with database.unit_of_work() as db:
        await credit_store.add(
            db, OrganisationKey(WORKS), quantity, reference="gift", by="p", now=clock.now()
        )


async def said_now(database: Database, clock: SetClock, message: str) -> None:
    """Put a line into the station's OCPP log."""
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into frames (station, at, direction, epoch, raw)"
                " values (:station, :at, 'in', 1, :raw)"
            ),
            {"station": STATION, "at": clock.now(), "raw": message},
        )


async def sent(browser: AsyncClient, **given: object) -> Response:
    form = await browser.get(PAGE)
    assert form.status_code == 200, form.text
    return await browser.post(PAGE, data={**given, "csrf": token_in(form.text)})


async def test_remote_access_is_bought_after_its_price_was_shown_and_opens_the_console(
    application: FastAPI, sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    otto = await sign_in("otto")
    closed = await otto.get(PAGE)
    assert "It opens with the remote access" in closed.text
    assert (await otto.get(f"{PAGE}/live")).status_code == 403
    short = await sent(otto, do="buy", months="1")
    assert short.status_code == 409
    assert "This takes 50 credits; 0 are available." in short.text

    await given_credits(database, clock, 60)
    offered = await otto.get(PAGE)
    assert "50 credits" in offered.text
    assert "10 credits are left then" in offered.text
    assert "180 credits are missing" in offered.text
    assert (await sent(otto, do="buy", months="6")).status_code == 422
    bought = await sent(otto, do="buy", months="1", renews="yes")
    assert bought.headers["location"] == f"{PAGE}?done=remote-bought"
    clock.advance(timedelta(seconds=1))
    await said_now(database, clock, '[2,"1","Heartbeat",{"note":"hello there"}]')
    opened = await otto.get(PAGE)
    assert "hello there" in opened.text
    assert f'data-live-about="{PAGE}/live"' in opened.text
    assert "renewed for 1 month" in opened.text
    assert "/remote" in (await otto.get("/credits")).text


async def test_it_is_switched_off_and_on_and_its_renewal_ended(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    await given_credits(database, clock, 50)
    otto = await sign_in("otto")
    await sent(otto, do="buy", months="1", renews="yes")
    await sent(otto, do="end")
    assert "Renew it at its end" in (await otto.get(PAGE)).text
    await sent(otto, do="renew")
    assert "Do not renew it" in (await otto.get(PAGE)).text
    await sent(otto, do="off")
    off = await otto.get(PAGE)
    assert "Switch on again" in off.text
    assert "It opens with the remote access" in off.text
    await sent(otto, do="on")
    assert "Switch off" in (await otto.get(PAGE)).text
    assert (await sent(otto, do="dance")).status_code == 422


async def test_it_is_for_the_buyers_people_alone(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    await given_credits(database, clock, 50)
    otto = await sign_in("otto")
    await sent(otto, do="buy", months="1")
    admin = await sign_in("admin")
    # The operator's own commands and log need none; the console is the buyer's.
    assert (await admin.get(f"{PAGE}/live")).status_code == 403
    assert (await admin.get(f"/stations/{STATION}/log")).status_code == 200
    petra = await sign_in("petra")
    assert (await petra.get(PAGE)).status_code == 404
    assert (await petra.get(f"{PAGE}/live")).status_code == 404
