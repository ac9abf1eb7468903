"""The tab of the display: what is held, the forms, and who may."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from csms import records
from csms.records import Held
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from tests.portal.pages.conftest import SignIn, token_in

pytestmark = pytest.mark.usefixtures("lively")

STATION = StationId("DE-HN-002")
PATH = f"/stations/{STATION}/display"
CONTENT = {"format": "UTF8", "language": "en", "content": "<b>Welcome</b>"}


@pytest.fixture(autouse=True)
async def node(database: Database, clock: SetClock) -> None:
    """The node that holds the connections lives; the station speaks 2.0.1 and holds a message."""
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('node-1', now(), '2100-01-01T00:00:00Z')"
            )
        )
        for table, column in (("stations", "identity"), ("station_connections", "station")):
            name = "ocpp_version" if table == "stations" else "version"
            await db.execute(
                text(f"update {table} set {name} = :version where {column} = :station"),
                {"version": "ocpp2.0.1" if table != "stations" else "2.0.1", "station": STATION},
            )
        message = {"id": 7, "priority": "InFront", "state": "Idle", "message": CONTENT}
        await records.keep(
            db, STATION, Held.DISPLAY_MESSAGE, "7", message, state="Idle", at=clock.now()
        )


async def test_what_the_station_holds_is_shown_and_never_as_markup(sign_in: SignIn) -> None:
    html = (await (await sign_in("admin")).get(PATH)).text
    assert "&lt;b&gt;Welcome&lt;/b&gt;" in html
    assert "<b>Welcome</b>" not in html
    assert "Before the others" in html
    assert "While nobody charges" in html


async def test_without_a_message_the_page_says_so(sign_in: SignIn, database: Database) -> None:
    async with database.unit_of_work() as db:
        await records.forget(db, STATION, Held.DISPLAY_MESSAGE, ["7"])
    assert "No messages known" in (await (await sign_in("admin")).get(PATH)).text


@pytest.fixture
async def own(database: Database) -> None:
    """The station is the operator's own, so that his administrator's wish is the order."""
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "update station_owners set organisation ="
                " (select key from organisations where parent is null) where station = :station"
            ),
            {"station": STATION},
        )


async def asked(database: Database) -> list[tuple[str, dict[str, Any]]]:
    async with database.unit_of_work() as db:
        found = await db.execute(
            text("select action, payload from commands where action like '%Display%' order by id")
        )
    return [(action, payload) for action, payload in found]


async def fields(browser: httpx.AsyncClient) -> dict[str, str]:
    html = (await browser.get(PATH)).text
    once = html.partition('name="once" value="')[2].partition('"')[0]
    return {"csrf": token_in(html), "once": once}


SENT = {
    "do": "set",
    "text1": "Bonjour",
    "language1": "fr",
    "priority": "NormalCycle",
    "state": "",
}


@pytest.mark.usefixtures("own")
async def test_an_owner_lets_a_message_be_shown_asks_and_clears(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    for sent in (SENT, {"do": "ask"}, {"do": "clear", "number": "7"}):
        answer = await browser.post(PATH, data=await fields(browser) | sent)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith(f"{PATH}?command=")
    first, second, third = await asked(database)
    assert first[0] == "SetDisplayMessage"
    assert first[1]["message"]["message"] == {
        "format": "UTF8",
        "language": "fr",
        "content": "Bonjour",
    }
    assert second[0] == "GetDisplayMessages"
    assert third == ("ClearDisplayMessage", {"id": 7})


@pytest.mark.usefixtures("own")
async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    sent = await fields(browser) | SENT | {"language1": "xx"}
    refused = await browser.post(PATH, data=sent)
    assert refused.status_code == 422
    assert "A language is two letters" in refused.text
    assert 'value="Bonjour"' in refused.text
    assert await asked(database) == []


async def test_at_another_s_station_a_written_order_is_needed_and_others_see_nothing(
    sign_in: SignIn, database: Database
) -> None:
    operator = await sign_in("admin")
    refused = await operator.post(PATH, data=await fields(operator) | SENT)
    assert refused.status_code == 422
    assert "order" in refused.text
    assert (await (await sign_in("petra")).get(PATH)).status_code == 404
    assert await asked(database) == []


@pytest.mark.usefixtures("own")
async def test_why_a_display_said_no_is_told_in_words(sign_in: SignIn, database: Database) -> None:
    browser = await sign_in("admin")
    await browser.post(PATH, data=await fields(browser) | SENT)
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "update commands set state = 'rejected', finished_at = asked_at,"
                """ answer = '{"status": "NotSupportedPriority"}' where action like '%Display%'"""
            )
        )
    assert "The display does not know this priority." in (await browser.get(PATH)).text
