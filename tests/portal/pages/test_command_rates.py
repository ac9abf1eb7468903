"""The success of commands as a page."""

import pytest

from tests.portal.pages.conftest import SignIn

pytestmark = pytest.mark.usefixtures("lively")


async def test_the_worst_comes_first_and_says_what_went_wrong(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/commands/rates?by=action")).text
    table = html[html.index("<tbody>") :]
    titles = [each.partition("</th>")[0] for each in table.split('class="first">')[1:]]
    assert set(titles[:2]) == {"Unlock the connector", "Fetch diagnostics"}
    assert "rejected by the station 1" in table
    assert "no answer 1" in table
    assert titles.index("Clear the token cache") > 1
    assert "100%" in table


async def test_kinds_of_stations_are_told_apart(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    assert "ABB" in (await browser.get("/commands/rates?by=vendor")).text
    assert "ABB" not in (await browser.get("/commands/rates?by=action")).text
    assert "No commands in this time" not in (await browser.get("/commands/rates?days=1")).text
    assert (await browser.get("/commands/rates?by=weather")).status_code == 422


async def test_who_sees_no_commands_sees_no_rates(sign_in: SignIn) -> None:
    browser = await sign_in("petra")
    html = (await browser.get("/commands/rates")).text
    assert "Unlock the connector" not in html
