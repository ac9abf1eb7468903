"""Tickets on pages: opened, given, closed, opened again."""

import re

from accounts.directory import WHOLE
from foundation.database import Database
from support import tickets
from support.tickets import Ticket, TicketState
from tests.portal.pages.conftest import SignIn, token_in

PATH = "/support/tickets"


async def all_tickets(database: Database) -> list[Ticket]:
    async with database.unit_of_work() as db:
        return await tickets.tickets(db, WHOLE)


async def test_a_ticket_goes_its_way(sign_in: SignIn, lively: None, database: Database) -> None:
    browser = await sign_in("helen")
    form = (await browser.get(f"{PATH}/new", params={"station": "DE-HN-002"})).text
    assert 'value="DE-HN-002"' in form
    csrf = {"csrf": token_in(form)}
    wrong = await browser.post(PATH, data={**csrf, "station": "nowhere", "text": "kept"})
    assert wrong.status_code == 422
    assert "There is no such station." in wrong.text
    assert ">kept</textarea>" in wrong.text
    made = await browser.post(
        PATH, data={**csrf, "station": "DE-HN-002", "title": "Plug torn", "text": "at the lid"}
    )
    assert made.status_code == 303
    [ticket] = await all_tickets(database)
    one = f"{PATH}/{ticket.id}"
    listed = (await browser.get(PATH)).text
    assert f'href="{one}"' in listed
    assert re.search(r'Support\s*<span class="count info"[^>]*>1', listed)
    html = (await browser.get(one)).text
    person = re.search(r'<option value="(\d+)">Helen', html)
    assert person is not None
    await browser.post(f"{one}/assign", data={**csrf, "person": person[1]})
    assert "Plug torn" in (await browser.get(PATH, params={"mine": "true"})).text
    assert (
        await browser.post(f"{one}/assign", data={**csrf, "person": "99999"})
    ).status_code == 422
    await browser.post(f"{one}/note", data={**csrf, "text": "part ordered"})
    assert (await browser.post(f"{one}/note", data={**csrf, "text": " "})).status_code == 422
    assert (await browser.post(f"{one}/close", data=csrf)).status_code == 422
    await browser.post(f"{one}/close", data={**csrf, "outcome": "replaced"})
    [ticket] = await all_tickets(database)
    assert (ticket.state, ticket.outcome) == (TicketState.CLOSED, "replaced")
    assert (await browser.post(f"{one}/close", data={**csrf, "outcome": "x"})).status_code == 422
    assert (await browser.post(f"{one}/assign", data=csrf)).status_code == 422
    html = (await browser.get(one)).text
    for told in ("part ordered", "replaced", "Helen", "Open again"):
        assert told in html, told
    assert "No open tickets" in (await browser.get(PATH)).text
    assert "Plug torn" in (await browser.get(PATH, params={"state": "closed"})).text
    assert "No ticket matches" in (await browser.get(PATH, params={"q": "zzz"})).text
    await browser.post(f"{one}/reopen", data={**csrf, "reason": "again"})
    assert (await browser.post(f"{one}/reopen", data={**csrf, "reason": "x"})).status_code == 422
    assert (await all_tickets(database))[0].state is TicketState.OPEN


async def test_owners_read_theirs_and_nothing_else(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("helen")
    csrf = {"csrf": token_in((await browser.get(f"{PATH}/new")).text)}
    await browser.post(PATH, data={**csrf, "station": "DE-HN-002", "title": "About the works"})
    await browser.post(PATH, data={**csrf, "title": "About nobody's"})
    general, owned = await all_tickets(database)
    await browser.post("/sign-out", data=csrf)
    browser = await sign_in("otto")
    html = (await browser.get(PATH)).text
    assert "About the works" in html
    assert "About nobody" not in html
    assert (await browser.get(f"{PATH}/{general.id}")).status_code == 404
    page = await browser.get(f"{PATH}/{owned.id}")
    assert "Write down" not in page.text
    refused = await browser.post(
        f"{PATH}/{owned.id}/note", data={"csrf": token_in(page.text), "text": "x"}
    )
    assert refused.status_code == 403
    assert (await browser.get(f"{PATH}/x1")).status_code == 404
