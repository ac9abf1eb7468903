"""The support console: the number on the sticker in, and everything at once."""

import re

import pytest

from accounts import audit
from accounts.directory import WHOLE
from alerts import monitoring
from csms import outcomes
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
from support import calls, tickets
from support.calls import CallOutcome, NoteKind
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import WORKS
from tests.support.conftest import HELEN

EVSE = "DE*ABC*E0021"
AT = "/support/stations/DE-HN-002"


async def records(database: Database) -> list[calls.Call]:
    async with database.unit_of_work() as db:
        found = await calls.calls(db, WHOLE)
        return [await calls.call(db, WHOLE, each.id) for each in found]


@pytest.mark.parametrize("said", [EVSE, "deabce0021", "de-abc-e 0021"])
async def test_the_number_on_the_sticker_shows_the_station_at_once(
    sign_in: SignIn, lively: None, said: str
) -> None:
    browser = await sign_in("helen")
    page = await browser.get("/support", params={"q": said})
    assert page.status_code == 200
    html = page.text
    assert 'href="/stations/DE-HN-002"' in html
    for title in ("Charge points", "Last starts", "Check a token", "Price now", "Not by phone"):
        assert title in html, title
    assert "the caller's" in html
    assert "Ask for the written order" in html
    assert len(page.content) < 60_000


async def test_a_part_of_the_number_offers_what_has_it(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"q": "abc e00"})).text
    assert "Which one?" in html
    assert len(re.findall(r'class="go" href="/support\?q=DE', html)) > 3
    nothing = (await browser.get("/support", params={"q": "XX*999"})).text
    assert "No such station" in nothing
    assert (await browser.get("/support", params={"station": "nowhere"})).status_code == 404


async def test_an_empty_console_says_how_it_begins(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support")).text
    assert "No calls yet" in html
    assert "data-search" in html
    german = await browser.get("/support", headers={"accept-language": "de"})
    assert "Noch keine Anrufe" in german.text


async def test_the_first_deed_opens_the_record_and_each_is_a_line_of_it(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"q": EVSE})).text
    about = {"csrf": token_in(html), "q": EVSE, "evse": "1"}
    answer = await browser.post(f"{AT}/token", data={**about, "token": "04-A2-00"})
    assert answer.headers["location"].startswith("/support?")
    told = (await browser.get(answer.headers["location"])).text
    assert "We do not know this token" in told
    await browser.post(f"{AT}/note", data={**about, "text": "very angry"})
    await browser.post(f"{AT}/call", data={**about, "who": "Mr Frey", "concern": "card refused"})
    [call] = await records(database)
    assert (call.station, call.evse_id, call.emi3_id) == ("DE-HN-002", 1, EVSE)
    assert (call.caller, call.concern) == ("Mr Frey", "card refused")
    assert [(each.kind, each.text) for each in call.notes] == [
        (NoteKind.TOKEN, "…2-00"),
        (NoteKind.NOTE, "very angry"),
    ]
    shown = (await browser.get("/support", params={"q": EVSE})).text
    assert "very angry" in shown
    assert "Mr Frey" in shown


async def test_a_call_ends_with_an_outcome_and_is_then_an_earlier_call(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"q": EVSE})).text
    about = {"csrf": token_in(html), "q": EVSE, "evse": "1"}
    await browser.post(f"{AT}/call", data={**about, "concern": "plug stuck"})
    [call] = await records(database)
    wrong = await browser.post(f"/support/calls/{call.id}/close", data=about)
    assert wrong.status_code == 422
    assert "Choose how the call ended." in wrong.text
    closed = await browser.post(
        f"/support/calls/{call.id}/close", data={**about, "outcome": "solved", "text": "unlocked"}
    )
    assert closed.headers["location"] == "/support?done=call-closed"
    [call] = await records(database)
    assert call.outcome is CallOutcome.SOLVED
    again = await browser.post(
        f"/support/calls/{call.id}/close", data={**about, "outcome": "solved"}
    )
    assert again.status_code == 409
    html = (await browser.get("/support", params={"q": EVSE})).text
    assert "plug stuck" in html
    assert "Begin the record" in html
    listed = (await browser.get("/support/calls", params={"q": "stuck"})).text
    assert f'href="/support/calls/{call.id}"' in listed
    record = (await browser.get(f"/support/calls/{call.id}")).text
    assert "unlocked" in record


async def test_a_command_of_the_call_names_it(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"q": EVSE})).text
    assert f'action="{AT}/commands"' in html
    pressed = {
        "csrf": token_in(html),
        "back": f"/support?q={EVSE}",
        "place": "evse-1",
        "evse": "1",
        "connector": "1",
        "do": "unlock",
        "once": "x1",
    }
    # Nobody holds the sockets of the stations in this installation.
    answer = await browser.post(f"{AT}/commands", data=pressed)
    assert answer.status_code == 409
    assert "no connection" in answer.text
    assert "Send it when the station is back" in answer.text
    answer = await browser.post(f"{AT}/commands", data={**pressed, "when_offline": "queue"})
    assert answer.status_code == 303
    [call] = await records(database)
    async with database.unit_of_work() as db:
        [command] = await outcomes.commands(db, WHOLE, reference=str(call.id))
    assert (command.reason, command.action) == ("call", "UnlockConnector")
    assert [(each.kind, each.subject) for each in call.notes] == [
        (NoteKind.COMMAND, None),
        (NoteKind.COMMAND, command.id),
    ]
    unfolded = (await browser.get(answer.headers["location"])).text
    assert f'id="command-{command.id}"' in unfolded
    assert f'href="/commands/{command.id}"' in unfolded


async def test_what_needs_an_order_is_refused_during_a_call(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"q": EVSE})).text
    pressed = {
        "csrf": token_in(html),
        "back": f"/support?q={EVSE}",
        "place": "station",
        "do": "change_configuration",
        "component": "OCPPCommCtrlr",
        "variable": "HeartbeatInterval",
        "value": "600",
        "when_offline": "queue",
    }
    answer = await browser.post(f"{AT}/commands", data=pressed)
    assert answer.status_code == 409
    assert "This needs a written order" in answer.text
    async with database.unit_of_work() as db:
        asked = await outcomes.commands(db, WHOLE)
    assert [each.action for each in asked if each.reason == "call"] == []
    assert (await browser.post(f"{AT}/commands", data={**pressed, "do": "x"})).status_code == 422


async def test_a_ticket_comes_from_the_call(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"q": EVSE})).text
    about = {"csrf": token_in(html), "q": EVSE, "evse": "1"}
    empty = await browser.post(f"{AT}/ticket", data={**about, "text": "kept"})
    assert empty.status_code == 422
    assert ">kept</textarea>" in empty.text
    await browser.post(f"{AT}/ticket", data={**about, "title": "Plug torn", "text": "cable out"})
    async with database.unit_of_work() as db:
        [ticket] = await tickets.tickets(db, WHOLE)
        told = await audit.entries(db, None, subject=f"ticket/{ticket.id}")
    [call] = await records(database)
    assert (ticket.title, ticket.station, ticket.call_id) == ("Plug torn", "DE-HN-002", call.id)
    assert [each.deed for each in told] == ["ticket.open"]
    html = (await browser.get("/support", params={"q": EVSE})).text
    assert "Plug torn" in html


async def test_a_bill_is_read_out(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"station": "DE-HN-002"})).text
    link = re.search(r'href="(/support\?[^"]+session=\d+)#bill"', html)
    assert link is not None
    bill = (await browser.get(link[1].replace("&amp;", "&"))).text
    assert "The bill of session" in bill
    assert "kWh ×" in bill
    foreign = (await browser.get("/support?station=DE-HN-002&session=999999999")).text
    assert "The bill of session" not in foreign


async def test_owners_are_led_to_what_is_theirs(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    answer = await browser.get("/support")
    assert (answer.status_code, answer.headers["location"]) == (303, "/support/orders")
    assert (await browser.get("/support/calls")).status_code == 403
    html = (await browser.get("/support/orders")).text
    assert 'href="/support/calls"' not in html
    refused = await browser.post(f"{AT}/note", data={"csrf": token_in(html), "text": "x"})
    assert refused.status_code == 403


async def watch(database: Database, clock: SetClock) -> None:
    async with database.unit_of_work() as db:
        await monitoring.switch_on(
            db, StationId("DE-HN-002"), WORKS, by=HELEN, per_month=None, now=clock.now()
        )


async def test_7_2_the_console_says_before_the_click_that_the_hotline_may_not_act(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await monitoring.switch_off(db, StationId("DE-HN-002"), by=HELEN, now=clock.now())
    browser = await sign_in("helen")
    html = (await browser.get("/support", params={"q": EVSE})).text
    assert "The hotline may not act for this station" in html
    assert 'value="unlock"' not in html
    pressed = {"csrf": token_in(html), "q": EVSE, "evse": "1", "connector": "1", "do": "unlock"}
    answer = await browser.post(f"{AT}/commands", data=pressed)
    assert answer.status_code == 409
    assert "It is not monitored." in answer.text
    # The call runs now: what the agent does on the station's own page he does by phone as well.
    elsewhere = await browser.post("/stations/DE-HN-002/commands", data=pressed)
    assert elsewhere.status_code == 409
    assert "The hotline may not act for this station" in elsewhere.text
    await watch(database, clock)
    html = (await browser.get("/support", params={"q": EVSE})).text
    assert "is known, write the call down and open a ticket" not in html
    assert 'value="unlock"' in html
    assert "no connection" in (await browser.post(f"{AT}/commands", data=pressed)).text
