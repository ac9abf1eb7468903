"""Maintenance windows on the data sheet: planned, changed, ended, and what is refused."""

import re
from datetime import timedelta

from foundation.clock import SetClock
from tests.portal.pages.conftest import SignIn, token_in

PATH = "/stations/DE-HN-002/maintenance-windows"


async def test_a_window_is_planned_in_the_stations_time_changed_and_ended(
    sign_in: SignIn, lively: None, clock: SetClock
) -> None:
    browser = await sign_in("otto")
    html = (await browser.get(PATH)).text
    assert "No maintenance windows yet" in html
    csrf = {"csrf": token_in(html)}
    form = {**csrf, "starts_at": "2026-10-15T14:00", "ends_at": "2026-10-15T16:00"}
    made = await browser.post(PATH, data=form | {"comment": "New <b>cable</b>"})
    assert made.status_code == 303, made.text
    html = (await browser.get(made.headers["location"])).text
    assert "New &lt;b&gt;cable&lt;/b&gt;" in html
    assert "Running" in html, "noon in UTC is two o'clock there"
    found = re.search(rf'action="({PATH}/\d+)"', html)
    assert found is not None
    one = found[1]
    changed = await browser.post(one, data={**csrf, "ends_at": "2026-10-15T18:00", "comment": "x"})
    assert changed.status_code == 303
    assert 'value="2026-10-15T18:00"' in (await browser.get(PATH)).text
    early = await browser.post(one, data={**csrf, "ends_at": "2026-10-15T13:00", "comment": "x"})
    assert (early.status_code, "It cannot end in the past." in early.text) == (422, True)
    clock.advance(timedelta(minutes=1))
    assert (await browser.post(f"{one}/end", data=csrf)).status_code == 303
    again = await browser.post(f"{one}/end", data=csrf)
    assert "This maintenance window is over; it cannot be changed." in again.text


async def test_what_cannot_be_comes_back_with_the_reason_and_the_form_filled(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("otto")
    csrf = {"csrf": token_in((await browser.get(PATH)).text)}
    await browser.post("/preferences", data={**csrf, "language": "de", "back": "/"})

    async def refused(**said: str) -> str:
        form = {
            **csrf,
            "starts_at": "2026-11-01T10:00",
            "ends_at": "2026-11-01T12:00",
            "comment": "Kabel",
            **said,
        }
        answer = await browser.post(PATH, data=form)
        assert answer.status_code == 422
        assert 'value="Kabel"' in answer.text
        return answer.text

    assert "kann nicht in der Vergangenheit" in await refused(starts_at="2026-10-01T10:00")
    no_such = await refused(starts_at="2027-03-28T02:30", ends_at="2027-03-28T05:00")
    assert "Diese Uhrzeit gibt es nicht" in no_such
    assert "Tag und Uhrzeit" in await refused(ends_at="bald")


async def test_who_may_send_commands_may_lock_and_name_test_cards(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    assert "Lock: nobody can charge there meanwhile" in html
    form = {
        "csrf": token_in(html),
        "starts_at": "2026-10-15T14:00",
        "ends_at": "2026-10-15T16:00",
        "locks": "yes",
        "tokens": "20:69:c0:21, ABC",
    }
    assert (await browser.post(PATH, data=form)).status_code == 303
    assert "Locked but for 2069C021, ABC" in (await browser.get(PATH)).text


async def test_others_do_not_see_that_there_is_such_a_station(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("petra")
    assert (await browser.get(PATH)).status_code == 404
