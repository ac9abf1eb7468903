"""The expert form: any action, filled in step by step without a script, refused at the field."""

import json
import re

import httpx
import pytest

from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.test_commands import asked, node, once_in

__all__ = ["node"]

pytestmark = pytest.mark.usefixtures("lively", "node")

PATH = "/stations/DE-HN-002/expert"


async def stepped(browser: httpx.AsyncClient, step: str, **fields: str) -> httpx.Response:
    page = (await browser.get(f"{PATH}?action={fields['action']}")).text
    sent = {"csrf": token_in(page), "once": once_in(page), "step": step, **fields}
    return await browser.post(PATH, data=sent)


def names_in(html: str) -> set[str]:
    return set(re.findall(r'name="([fn]\.[^"]+|has\.[^"]+)"', html))


async def test_every_action_of_the_version_is_listed_by_its_plain_name(sign_in: SignIn) -> None:
    browser = await sign_in("helen")
    html = (await browser.get(PATH)).text
    assert "Show a message on the display" in html
    assert "?action=SetDisplayMessage" in html
    assert "ChangeConfiguration" not in html
    for action in re.findall(r"\?action=(\w+)", html):
        page = await browser.get(f"{PATH}?action={action}")
        assert page.status_code == 200
        assert len(page.content) < 60_000, action


async def test_a_form_grows_and_sends_without_a_script(sign_in: SignIn, database: Database) -> None:
    browser = await sign_in("helen")
    fields = {"action": "GetVariables", "mode": "form"}
    data = "f.getVariableData"
    filled = {f"{data}.0.component.name": "OCPPCommCtrlr", f"{data}.0.variable.name": "Heart"}
    more = await stepped(
        browser, "add:getVariableData", **fields, **filled, **{"n.getVariableData": "1"}
    )
    assert f"{data}.1.variable.name" in names_in(more.text)
    assert 'value="OCPPCommCtrlr"' in more.text

    answer = await stepped(browser, "send", **fields, **filled, **{"n.getVariableData": "1"})
    assert answer.status_code == 303
    [command] = await asked(database)
    assert command.payload == {
        "getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "Heart"}}]
    }
    assert "Read variables" in (await browser.get(answer.headers["location"])).text


async def test_mistakes_stand_at_their_fields_and_nothing_is_lost(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    answer = await stepped(
        browser,
        "send",
        action="UnlockConnector",
        mode="form",
        **{"f.evseId": "one", "f.connectorId": "1"},
    )
    assert answer.status_code == 422
    assert 'href="#f-evseId"' in answer.text
    assert "A whole number is needed." in answer.text
    assert 'value="one"' in answer.text
    assert await asked(database) == []


async def test_a_form_can_go_on_as_json_whose_mistakes_name_the_path(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("helen")
    page = await stepped(
        browser, "json", action="UnlockConnector", mode="form", **{"f.evseId": "1"}
    )
    assert "&#34;evseId&#34;: 1" in page.text
    wrong = await stepped(
        browser, "send", action="UnlockConnector", mode="json", json='{"evseId": 1}'
    )
    assert wrong.status_code == 422
    assert "connectorId" in wrong.text
    for text in ("", "[1]"):
        answer = await stepped(browser, "send", action="Reset", mode="json", json=text)
        assert "This is no JSON object." in answer.text
    answer = await stepped(
        browser, "send", action="Reset", mode="json", json=json.dumps({"type": "Immediate"})
    )
    assert answer.status_code == 303
    assert len(await asked(database)) == 1


async def test_only_who_has_the_right_sends_unchecked(sign_in: SignIn, database: Database) -> None:
    odd = {"action": "Reset", "mode": "json", "json": '{"type": "Gently"}', "raw": "1"}
    browser = await sign_in("helen")
    assert "Send it unchecked" not in (await browser.get(f"{PATH}?action=Reset&mode=json")).text
    assert (await stepped(browser, "send", **odd)).status_code == 403
    browser = await sign_in("admin")
    assert "Send it unchecked" in (await browser.get(f"{PATH}?action=Reset&mode=json")).text
    assert (await stepped(browser, "send", **odd)).status_code == 303
    [command] = await asked(database)
    assert command.raw


async def test_what_configures_needs_an_order_here_too(sign_in: SignIn, database: Database) -> None:
    browser = await sign_in("helen")
    assert 'name="change_order"' in (await browser.get(f"{PATH}?action=SetVariables")).text
    assert 'name="change_order"' not in (await browser.get(f"{PATH}?action=Reset")).text
    display = {"action": "ClearDisplayMessage", "mode": "form", "f.id": "3"}
    answer = await stepped(browser, "send", **display)
    assert answer.status_code == 409
    assert "This needs a written order" in answer.text
    assert await asked(database) == []


async def test_an_owner_has_no_expert_form_and_odd_actions_are_refused(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    assert (await browser.get(PATH)).status_code == 403
    browser = await sign_in("helen")
    assert "Another action" not in (await browser.get(f"{PATH}?action=Teapot")).text
    assert (await stepped(browser, "send", action="Teapot")).status_code == 422
