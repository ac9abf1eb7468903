"""What a station is set to and what it sent, as its owner and others see it."""

import pytest

from tests.portal.pages.conftest import SignIn

pytestmark = pytest.mark.usefixtures("lively")

STATION = "/stations/DE-HN-002"


async def test_settings_show_their_value_and_what_they_were(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    html = (await browser.get(f"{STATION}/settings")).text
    assert "HeartbeatInterval" in html
    assert "OCPPCommCtrlr" in html
    assert "Earlier values" in html
    assert "<li>900" in html
    html = (await browser.get(f"{STATION}/settings?q=supplyphases")).text
    assert "SupplyPhases" in html
    assert "HeartbeatInterval" not in html
    assert "No setting matches" in (await browser.get(f"{STATION}/settings?q=teapot")).text


async def test_a_station_that_told_nothing_says_how_to_ask_it(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/stations/DE-HN-003/settings")).text
    assert "No settings known yet" in html
    assert 'value="read_configuration"' in html
    assert "No files yet" in (await browser.get("/stations/DE-HN-003/files")).text


async def test_files_are_for_those_who_may_read_logs(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    html = (await browser.get(f"{STATION}/files")).text
    assert "DE-HN-002.log" in html
    assert "/content" in html
    browser = await sign_in("otto")
    assert (await browser.get(f"{STATION}/files")).status_code == 403


async def test_strangers_see_neither(sign_in: SignIn) -> None:
    browser = await sign_in("petra")
    assert (await browser.get(f"{STATION}/settings")).status_code == 404
