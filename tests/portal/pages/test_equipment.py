"""What a station is set to and what it sent, as its owner and others see it."""

from datetime import timedelta

import pytest

from csms.equipment_store import Progress, save_progress
from foundation.database import Database
from tests.portal.pages.conftest import NOON, SignIn

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
    html = (await browser.get(f"{STATION}/settings?q=beat+ocppcomm")).text
    assert "HeartbeatInterval" in html
    assert "SupplyPhases" not in html
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


async def test_a_firmware_update_is_told_step_by_step_in_words(
    sign_in: SignIn, database: Database
) -> None:
    async with database.unit_of_work() as db:
        for second, status in enumerate(("Downloading", "Downloaded", "InvalidSignature")):
            at = NOON + timedelta(seconds=second)
            await save_progress(db, [Progress("DE-HN-002", "firmware", 7, status, None, at)])
    browser = await sign_in("helen")
    html = (await browser.get(f"{STATION}/files")).text
    steps = ["Fetches the file", "Has the file", "The signature is wrong"]
    places = [html.rindex(f">{each}<") for each in steps]
    assert places == sorted(places)
    assert "Firmware update #7" in html
    german = (await browser.get(f"{STATION}/files", headers={"accept-language": "de"})).text
    assert "Die Signatur ist falsch" in german
