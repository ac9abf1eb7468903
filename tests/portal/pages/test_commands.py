"""Commands by buttons: asked once, told where they stand, refused with the reason and a way out."""

import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from accounts import directory, passwords
from accounts.directory import WHOLE
from csms import outcomes
from csms.queue import Command
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import PASSWORD, WORKS

pytestmark = pytest.mark.usefixtures("lively")

IN_THE_WORLD = 5
"""How many commands the lively installation has already."""
STATION = "/stations/DE-HN-002"
FREE = "/stations/DE-HN-010"
OFFLINE = "/stations/DE-HN-009"


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


def once_in(html: str) -> str:
    return html.partition('name="once" value="')[2].partition('"')[0]


def html_of_place(html: str, place: str) -> str:
    """What unfolds at a place of the page."""
    return html.partition(f'id="at-{place}"')[2].partition("</article>")[0]


async def pressed(
    browser: httpx.AsyncClient, do: str, path: str = STATION, **fields: str
) -> httpx.Response:
    """Press a button of a station's page."""
    page = (await browser.get(path)).text
    sent = {"csrf": token_in(page), "once": once_in(page), "back": path, "do": do, **fields}
    return await browser.post(f"{path}/commands", data=sent)


async def asked(database: Database, station: str = "DE-HN-002") -> list[Command]:
    async with database.unit_of_work() as db:
        found = await outcomes.commands(db, WHOLE, station=StationId(station))
    return [each for each in found if int(each.id) > IN_THE_WORLD]


async def an_authorised_person(database: Database, clock: SetClock) -> None:
    """Somebody who administers the owner's stations."""
    hashed = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        await directory.create_person(
            db,
            "wanda",
            {"roles": ["administrator"], "organisation": WORKS, "name": "Wanda"},
            password_hash=hashed,
            now=clock.now(),
        )


async def test_a_button_asks_and_the_command_unfolds_where_it_stands(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    answer = await pressed(browser, "restart_soft")
    [command] = await asked(database)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{STATION}?command={command.id}#at-station"
    html = (await browser.get(answer.headers["location"])).text
    place = html_of_place(html, "station")
    assert "Restart (soft)" in place
    assert "asked by you" in place
    assert "waiting its turn" in place
    assert (command.action, command.payload, command.reason) == (
        "Reset",
        {"type": "OnIdle"},
        "page",
    )


async def test_a_button_pressed_twice_asks_once(sign_in: SignIn, database: Database) -> None:
    browser = await sign_in("helen")
    page = (await browser.get(STATION)).text
    sent = {"csrf": token_in(page), "once": once_in(page), "do": "clear_cache"}
    first = await browser.post(f"{STATION}/commands", data=sent)
    again = await browser.post(f"{STATION}/commands", data=sent)
    assert first.headers["location"] == again.headers["location"]
    assert len(await asked(database)) == 1


async def test_a_start_needs_a_token_and_a_decision_about_who_pays(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    wish = {"evse": "1", "place": "evse-1"}
    answer = await pressed(browser, "start", FREE, id_token="04A1", **wish)
    assert answer.status_code == 422
    assert "Say who pays for this session." in answer.text
    assert 'value="04A1"' in answer.text
    answer = await pressed(browser, "start", FREE, billing="free", **wish)
    assert "Name the token to charge with." in answer.text
    assert await asked(database, "DE-HN-010") == []

    answer = await pressed(browser, "start", FREE, id_token="04A1", billing="free", **wish)
    assert answer.status_code == 303
    [command] = await asked(database, "DE-HN-010")
    assert command.billing_decision == "free"
    assert command.payload["idToken"] == {"idToken": "04A1", "type": "ISO14443"}
    assert command.payload["evseId"] == 1


async def test_a_running_session_is_stopped_by_its_own_number(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get(STATION)).text
    assert 'name="transaction" value="5001"' in html
    answer = await pressed(browser, "stop", transaction="5001", place="evse-1")
    assert answer.status_code == 303
    [command] = await asked(database)
    assert command.action == "RequestStopTransaction"
    assert "Stop charging" in html_of_place((await browser.get(STATION)).text, "evse-1")
    assert (await pressed(browser, "stop", transaction="1024")).status_code == 404


async def test_a_station_without_connection_refuses_at_once_and_offers_to_wait(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    answer = await pressed(browser, "restart_hard", OFFLINE)
    assert answer.status_code == 409
    assert "The station has no connection" in answer.text
    assert 'name="when_offline" value="queue"' in answer.text
    assert await asked(database, "DE-HN-009") == []

    answer = await pressed(browser, "restart_hard", OFFLINE, when_offline="queue")
    assert answer.status_code == 303
    html = (await browser.get(answer.headers["location"])).text
    assert "waiting for the station to be back" in html
    answer = await pressed(
        browser, "start", OFFLINE, when_offline="queue", id_token="04A1", billing="token", evse="1"
    )
    assert answer.status_code == 409
    assert 'value="queue"' not in answer.text.partition('id="at-station"')[2][:600]


async def test_what_waits_can_be_cancelled_by_who_may_command(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    await pressed(browser, "restart_soft", OFFLINE, when_offline="queue")
    [command] = await asked(database, "DE-HN-009")
    page = (await browser.get(OFFLINE)).text
    assert f"/commands/{command.id}/cancel" in page
    sent = {"csrf": token_in(page), "back": OFFLINE}
    for _ in range(2):  # the second comes too late, and says so on the page
        answer = await browser.post(f"/commands/{command.id}/cancel", data=sent)
        assert answer.headers["location"] == OFFLINE
    html = (await browser.get(f"/commands/{command.id}")).text
    assert "cancelled, never sent" in html


async def test_staff_is_sent_to_the_written_order_and_the_owners_own_person_is_not(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get(f"{STATION}/commands")).text
    assert "/support/orders/new?station=DE-HN-002" in html
    setting = {"component": "OCPPCommCtrlr", "variable": "HeartbeatInterval", "value": "60"}
    answer = await pressed(browser, "change_configuration", **setting)
    assert answer.status_code == 409
    assert "This needs a written order" in answer.text
    assert await asked(database) == []

    await an_authorised_person(database, clock)
    browser = await sign_in("wanda")
    html = (await browser.get(f"{STATION}/commands")).text
    assert "/support/orders/new" not in html
    assert (await pressed(browser, "change_configuration", **setting)).status_code == 303
    [command] = await asked(database)
    [wanted] = command.payload["setVariableData"]
    assert (wanted["variable"]["name"], wanted["attributeValue"]) == ("HeartbeatInterval", "60")


async def test_an_owner_reads_what_was_asked_and_a_stranger_sees_nothing(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    await pressed(browser, "restart_soft")
    [command] = await asked(database)
    browser = await sign_in("otto")
    html = (await browser.get(f"{STATION}/commands")).text
    assert "Restart (soft)" in html
    assert 'name="do"' not in html
    assert (await pressed(browser, "restart_soft")).status_code == 403
    browser = await sign_in("petra")
    assert (await browser.get(f"{STATION}/commands")).status_code == 404
    assert (await browser.get(f"/commands/{command.id}")).status_code == 404


async def test_who_asked_for_what_stands_in_the_audit(sign_in: SignIn, database: Database) -> None:
    browser = await sign_in("helen")
    await pressed(browser, "unlock", evse="1", connector="1")
    async with database.unit_of_work() as db:
        found = await db.execute(
            text("select actor_name, deed, subject from audit_entries where deed like 'command.%'")
        )
        assert [tuple(row) for row in found] == [("Helen", "command.ask", "station/DE-HN-002")]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"do": "dance"}, 422),
        ({"do": "trigger", "message": "Gossip"}, 422),
        ({"do": "trigger", "message": "Heartbeat"}, 303),
        ({"do": "stop", "transaction": "x"}, 404),
        ({"do": "unlock", "evse": "99999999999999999999"}, 303),
    ],
)
async def test_what_no_button_sends_is_refused(
    sign_in: SignIn, fields: dict[str, Any], status: int
) -> None:
    browser = await sign_in("helen")
    assert (await pressed(browser, **fields)).status_code == status


async def test_one_goes_back_only_to_pages_of_ours(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    answer = await pressed(browser, "clear_cache", back="//elsewhere.example/x")
    assert answer.headers["location"].startswith(STATION)


async def test_the_history_is_filtered_by_state_and_pages_stay_light(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    for _ in range(3):
        await pressed(browser, "restart_soft", OFFLINE, when_offline="queue")
    html = (await browser.get(f"{OFFLINE}/commands?state=queued")).text
    assert len(re.findall(r'class="go" href="/commands/\d+"', html)) == 3
    assert "No commands" in (await browser.get(f"{OFFLINE}/commands?state=failed")).text
    for path in (OFFLINE, f"{OFFLINE}/commands", f"{STATION}/commands"):
        assert len((await browser.get(path)).content) < 60_000


async def test_the_billing_of_a_running_session_is_stopped_once_and_for_all(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    assert 'value="stop_billing"' in (await browser.get(STATION)).text
    answer = await pressed(browser, "stop_billing", transaction="5001", place="evse-1")
    assert answer.status_code == 303
    html = (await browser.get(STATION)).text
    assert "Billing is stopped" in html_of_place(html, "evse-1")
    assert 'value="stop_billing"' not in html
    async with database.unit_of_work() as db:
        deeds = await db.scalars(text("select deed from audit_entries"))
        assert "transaction.stop_billing" in set(deeds)
    ended = await pressed(browser, "stop_billing", "/stations/DE-HN-001", transaction="1024")
    assert ended.status_code == 404
    browser = await sign_in("otto")
    assert (await pressed(browser, "stop_billing", transaction="5001")).status_code == 403
