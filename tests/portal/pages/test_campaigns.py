"""Many stations at once: chosen, previewed, started, followed, stopped."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from csms import campaigns
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.test_commands import an_authorised_person, node

__all__ = ["node"]

pytestmark = pytest.mark.usefixtures("lively", "node")

ABB = "vendor=ABB&do=restart_soft&per_minute=600"


async def started(browser: httpx.AsyncClient, query: str) -> httpx.Response:
    page = (await browser.get(f"/campaigns/new?{query}")).text
    sent = dict(part.split("=") for part in query.split("&"))
    return await browser.post("/campaigns", data={**sent, "csrf": token_in(page)})


def figure(html: str, name: str) -> int:
    found = re.search(rf'<dt>{name}</dt><dd><span class="value">(\d+)', html)
    return 0 if found is None else int(found[1])


async def test_a_preview_says_whom_it_means_and_who_is_left_out_and_why(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/campaigns/new")).text
    assert "Stations chosen" not in html
    assert "<option>ABB</option>" in html

    html = (await browser.get(f"/campaigns/new?{ABB}")).text
    chosen, asked = figure(html, "Stations chosen"), figure(html, "Will be asked")
    assert 0 < asked <= chosen < 20
    html = (await browser.get("/campaigns/new?do=restart_soft")).text
    assert figure(html, "Stations chosen") == 20
    assert figure(html, "Will be asked") == 20 - figure(html, "Without connection")
    assert "The station has no connection" in html
    html = (await browser.get("/campaigns/new?do=restart_soft&when_offline=queue")).text
    # One has never connected: nobody knows what it speaks, but its version is on file.
    assert figure(html, "Will be asked") >= 19
    assert len(html) < 60_000


async def test_staff_needs_an_order_for_what_configures_and_owners_do_not(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    setting = "do=change_configuration&component=A&variable=HeartbeatInterval&value=60"
    browser = await sign_in("helen")
    html = (await browser.get(f"/campaigns/new?{setting}")).text
    assert figure(html, "Will be asked") == 0
    assert "This needs a written order" in html
    html = (await browser.get(f"/campaigns/new?{setting}&change_order=O-1")).text
    assert figure(html, "Will be asked") > 0
    await an_authorised_person(database, clock)
    browser = await sign_in("wanda")
    html = (await browser.get(f"/campaigns/new?{setting}")).text
    assert figure(html, "Will be asked") > 0
    # She sees only the stations of her organisation.
    assert figure(html, "Stations chosen") == 13


async def test_what_the_command_lacks_is_said_at_its_field(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    answer = await browser.get("/campaigns/new?do=update_firmware&change_order=O-1")
    assert answer.status_code == 422
    assert 'href="#fetch_from"' in answer.text
    assert (await started(browser, "do=dance")).status_code == 422
    assert (await started(browser, "do=restart_soft&q=zzzz")).status_code == 422


async def test_a_campaign_is_followed_to_its_end(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("helen")
    answer = await started(browser, ABB)
    assert answer.status_code == 303
    path = answer.headers["location"]
    html = (await browser.get(path)).text
    assert "Ask no further station" in html
    await campaigns.go_on(database, clock.now())
    assert "Waiting" in (await browser.get(path)).text
    for _ in range(10):
        clock.advance(timedelta(seconds=1))
        await campaigns.go_on(database, clock.now())
    html = (await browser.get(path)).text
    assert "Ask no further station" not in html
    assert "Restart (soft)" in (await browser.get("/campaigns")).text
    async with database.unit_of_work() as db:
        deeds = set(await db.scalars(text("select deed from audit_entries")))
    assert "campaign.start" in deeds


async def test_a_campaign_can_be_stopped_and_others_do_not_see_it(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("helen")
    path = (await started(browser, "do=clear_cache&per_minute=1")).headers["location"]
    await campaigns.go_on(database, clock.now())
    form = {"csrf": token_in((await browser.get(path)).text)}
    for _ in range(2):
        assert (await browser.post(f"{path}/stop", data=form)).status_code == 303
    assert "stopped by Helen" in (await browser.get(path)).text
    await an_authorised_person(database, clock)
    browser = await sign_in("wanda")
    assert (await browser.get(path)).status_code == 404
    browser = await sign_in("otto")
    assert (await browser.get("/campaigns")).status_code == 403
