"""The pages of load balancing."""

import pytest

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world_of_load import PLACE, balancing

PATH = f"/load-balancing/{PLACE}"
FORM = {
    "limit_a": "63",
    "strategy": "priority",
    "minimum_a": "6",
    "fallback_a": "0",
    "change_every_s": "60",
    "days-0": "1,2,3,4,5",
    "from-0": "22:00",
    "to-0": "00:00",
    "limit-0": "32",
    "is_on": "yes",
}


@pytest.fixture
async def balanced(lively: None, database: Database, clock: SetClock) -> None:
    async with database.unit_of_work() as db:
        await balancing(db, clock.now())


async def test_what_is_decided_is_plotted_and_told_with_its_reason(
    sign_in: SignIn, balanced: None
) -> None:
    browser = await sign_in("admin")
    assert f'href="{PATH}"' in (await browser.get("/load-balancing")).text
    html = (await browser.get(PATH)).text
    assert "<svg" in html
    assert "grid operator" in html
    assert "22,000 W" in html
    assert "Its share" in html
    assert "Measured: – A" in html  # what nobody measured is no zero
    browser.cookies.set("leitstand_language", "de")
    assert "Lastmanagement" in (await browser.get(PATH)).text


async def test_it_is_set_up_by_a_form_and_refused_beside_its_field(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    assert "Not balanced" in html
    form = FORM | {"csrf": token_in(html)}
    for field, text, link in (
        ("limit_a", "5", "limit_a"),
        ("limit_a", "much", "limit_a"),
        ("fallback_a", "60", "fallback_a"),
        ("limit-0", "", "limit-0"),
        ("from-0", "late", "from-0"),
        ("days-0", "x", "days-0"),
    ):
        wrong = await browser.post(PATH, data=form | {field: text})
        assert wrong.status_code == 422, (field, text)
        assert f'href="#{link}"' in wrong.text
    answer = await browser.post(PATH, data=form)
    assert answer.status_code == 303
    html = (await browser.get(PATH)).text
    assert 'value="22:00"' in html
    assert 'value="00:00"' in html
    assert "Set by" in html
    await browser.post(PATH, data={**form, "is_on": ""})
    assert "Not balanced" in (await browser.get("/load-balancing")).text


async def test_a_signal_is_taken_in_and_ended(sign_in: SignIn, balanced: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    said = {"source": "meter", "kind": "used_a", "value": "12,5", "minutes": "30"}
    token = {"csrf": token_in(html)}
    wrong = await browser.post(f"{PATH}/signals", data=token | said | {"value": "-1"})
    assert wrong.status_code == 422
    assert 'href="#value"' in wrong.text
    await browser.post(f"{PATH}/signals", data=token | said)
    html = (await browser.get(PATH)).text
    assert "the building takes" in html
    number = html.split("/signals/")[1].split("/")[0]
    await browser.post(f"{PATH}/signals/{number}/end", data=token)
    assert f"/signals/{number}/" not in (await browser.get(PATH)).text


async def test_a_charge_points_priority_is_set(sign_in: SignIn, balanced: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    own = html.split(f'action="{PATH}/points/')[1].split('"')[0]
    form = {"csrf": token_in(html), "most_a": "16", "priority": "7", "rotation": "TRS"}
    wrong = await browser.post(f"{PATH}/points/{own}", data=form | {"priority": "10"})
    assert wrong.status_code == 422
    await browser.post(f"{PATH}/points/{own}", data=form)
    html = (await browser.get(PATH)).text
    assert ">7</td>" in html
    assert ">TRS</td>" in html


async def test_an_owner_sees_his_own_places_alone(sign_in: SignIn, balanced: None) -> None:
    browser = await sign_in("petra")
    found = (await browser.get("/load-balancing")).text
    assert "Parkhaus Nord" in found
    assert "Heilbronn ZOB" not in found
    assert (await browser.get(PATH)).status_code == 404
    assert (await browser.get("/load-balancing/nord")).status_code == 200
