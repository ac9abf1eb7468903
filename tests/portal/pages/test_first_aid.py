"""First aid on pages: playbooks written, switched and removed."""

import re

from tests.portal.pages.conftest import SignIn, token_in

PATH = "/support/first-aid"


async def test_a_playbook_is_written_off_switched_on_and_removed(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    assert "No playbooks yet" in html
    csrf = {"csrf": token_in(html)}
    form = {**csrf, "name": "<b>Locks</b>", "detection": "fault", "per_day": "3"}
    silent = await browser.post(PATH, data=form)
    assert (silent.status_code, "Say what is tried." in silent.text) == (422, True)
    looping = await browser.post(PATH, data=form | {"detection": "offline", "step": "hard_reset"})
    assert "It would loop: a station that restarts is silent." in looping.text
    steps = {"step": ["hard_reset", "unlock"]}
    made = await browser.post(PATH, data=form | steps)
    assert made.status_code == 303, made.text
    html = (await browser.get(PATH)).text
    assert "&lt;b&gt;Locks&lt;/b&gt;" in html
    assert html.index("Unlock the connector") < html.index("Restart (hard)")
    found = re.search(rf'action="({PATH}/\d+)/switch"', html)
    assert found is not None
    on = await browser.post(f"{found[1]}/switch", data={**csrf, "to": "on"})
    assert on.status_code == 303
    assert "Switch off" in (await browser.get(PATH)).text
    assert (await browser.post(f"{found[1]}/remove", data=csrf)).status_code == 303
    assert "No playbooks yet" in (await browser.get(PATH)).text
