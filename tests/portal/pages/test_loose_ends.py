"""An end without a start finds its session by pages, from the monitor on."""

import pytest

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.some_loose_ends import LOOSE, SESSION, add_loose_end

pytestmark = pytest.mark.usefixtures("lively")
PATH = f"/sessions/{LOOSE}/match"


async def test_from_the_monitor_to_the_session_that_has_its_end(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await add_loose_end(db, clock.now())
    browser = await sign_in("admin")
    assert f'href="{PATH}"' in (await browser.get("/monitor?reason=missing_start")).text
    assert f'href="{PATH}"' in (await browser.get(f"/sessions/{LOOSE}")).text
    assert PATH not in (await browser.get("/sessions/1037")).text
    html = (await browser.get(PATH)).text
    assert "the register goes on from it" in html
    assert "likely" in html
    form = {"csrf": token_in(html), "session": str(SESSION), "reason": ""}
    unsaid = await browser.post(PATH, data=form)
    assert (unsaid.status_code, "Say why." in unsaid.text) == (422, True)
    wrong = await browser.post(PATH, data=form | {"session": "5001", "reason": "Guess"})
    assert (wrong.status_code, "This cannot be done" in wrong.text) == (409, True)
    done = await browser.post(PATH, data=form | {"reason": "Same card"}, follow_redirects=True)
    assert done.url.path == f"/sessions/{SESSION}"
    assert "The session has its end" in done.text
    assert f"Same card (end {LOOSE})" in done.text
    assert PATH not in (await browser.get("/monitor?reason=missing_start")).text


async def test_an_owner_sees_what_may_be_and_decides_nothing(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await add_loose_end(db, clock.now())
    browser = await sign_in("otto")
    html = (await browser.get(PATH)).text
    assert "Only the operator, who issues the papers" in html
    form = {"csrf": token_in(html), "session": str(SESSION), "reason": "Mine"}
    assert (await browser.post(PATH, data=form)).status_code == 403
    browser.cookies.clear()
    await sign_in("petra")
    assert (await browser.get(PATH)).status_code == 404
