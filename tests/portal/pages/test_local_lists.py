"""The tab of a station's local list: what it holds, the button, and what is refused in words."""

import httpx
import pytest
from sqlalchemy import text

from accounts import audit
from accounts.directory import WHOLE
from csms import local_list_store, outcomes
from csms.local_lists import Entry, Held
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from portal.pages.local_lists import OUTCOMES, PLACES, STATES
from tests.portal.pages.conftest import SignIn, token_in

pytestmark = pytest.mark.usefixtures("lively")

STATION = "DE-HN-002"
PATH = f"/stations/{STATION}/local-list"


@pytest.fixture(autouse=True)
async def node(database: Database) -> None:
    """The node that holds the stations' connections lives."""
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('node-1', now(), '2100-01-01T00:00:00Z')"
            )
        )


async def own(database: Database, clock: SetClock) -> None:
    """Let the station be the operator's own, who has two tokens; it holds one, and another."""
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "update station_owners set organisation = (select key from organisations"
                " where parent is null) where station = :station and valid_to is null"
            ),
            {"station": STATION},
        )
        held = Held(6, {"GONE": Entry("GONE", None)}, is_known=True, last_version=6)
        await local_list_store.keep(db, StationId(STATION), held, clock.now())


async def pressed(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    html = (await browser.get(PATH)).text
    once = html.partition('name="once" value="')[2].partition('"')[0]
    return await browser.post(PATH, data={"csrf": token_in(html), "once": once, **fields})


async def test_what_differs_is_shown_first_and_the_button_asks_for_the_version(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    await own(database, clock)
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    assert "Not up to date" in html
    assert "1 to remove" in html
    assert html.index("GONE") < html.index(PLACES["missing"][1]) or "Too much" in html
    answer = await pressed(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, PATH)
    after = (await browser.get(PATH)).text
    assert STATES["under_way"] in after
    async with database.unit_of_work() as db:
        [command, *_] = await outcomes.commands(db, WHOLE, station=StationId(STATION), limit=1)
        noted = await audit.entries(db, None, deed="local_list.update", limit=5)
    assert command.action == "GetLocalListVersion"
    assert noted[0].after is not None
    assert (noted[0].after["command"], noted[0].after["removed"]) == (command.id, 1)


async def test_a_second_press_is_refused_in_words_while_one_is_under_way(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    await own(database, clock)
    browser = await sign_in("admin")
    assert (await pressed(browser)).status_code == 303
    again = await pressed(browser)
    assert again.status_code == 422
    assert "The list is being brought up to date already." in again.text


async def test_a_strangers_station_needs_a_standing_order(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    assert 'name="change_order"' in html
    refused = await pressed(browser)
    assert refused.status_code == 422
    assert "This needs a written order" in refused.text
    refused = await pressed(browser, change_order="S-999999")
    assert refused.status_code == 422
    assert 'value="S-999999"' in refused.text


async def test_who_may_not_configure_sees_the_list_without_a_button(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    html = (await browser.get(PATH)).text
    assert "Tokens that belong there" in html
    assert f'action="{PATH}"' not in html
    assert (await browser.post(PATH, data={"csrf": token_in(html)})).status_code == 403


async def test_another_owner_finds_nothing(sign_in: SignIn) -> None:
    assert (await (await sign_in("petra")).get(PATH)).status_code == 404


async def test_every_state_and_word_of_an_outcome_is_named() -> None:
    assert set(STATES) == {"under_way", "done", "refused", "unsupported", "failed"}
    assert {"Failed", "VersionMismatch", "NotSupported"} <= set(OUTCOMES)
