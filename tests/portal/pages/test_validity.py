"""The monitor, its settings, corrections and meters' keys as pages."""

from tests.csms.meters import EXAMPLES
from tests.portal.pages.conftest import SignIn, token_in


async def test_the_monitor_shows_reasons_with_evidence_and_decides(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/monitor")).text
    assert "More energy than possible" in html
    assert "the connector can give" in html
    narrowed = (await browser.get("/monitor?reason=impossible_energy")).text
    assert "/sessions/1037" in narrowed
    assert "/sessions/1061" not in narrowed
    token = token_in(html)
    answer = await browser.post(
        "/sessions/1037/void", data={"csrf": token, "reason": "It cannot be."}
    )
    assert answer.status_code == 303
    assert "Set invalid: It cannot be." in (await browser.get("/monitor?reason=invalid")).text
    sheet = (await browser.get("/sessions/1037")).text
    assert "Set valid …" in sheet
    assert "Set invalid …" not in sheet


async def test_the_settings_are_the_operators_to_make_and_everybodys_to_see(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/monitor/settings")).text
    assert "As shipped" in html
    form = {
        "csrf": token_in(html),
        "organisation": "root",
        "check": ["power", "duration"],
        "max_duration_min": "600",
        "max_energy_wh": "90,5",
        "max_rise_wh": "1000",
        "tolerance": "10",
        "slack_wh": "100",
        "unknown_max_power_w": "400",
        "overlap_s": "120",
        "ghost_min": "",
        "ghost_wh": "10",
    }
    for text in ("much", "1e999999", "1e-999999", "-1", "NaN"):
        wrong = await browser.post("/monitor/settings", data=form | {"tolerance": text})
        assert wrong.status_code == 422, text
        assert 'href="#tolerance"' in wrong.text
    answer = await browser.post("/monitor/settings", data=form)
    html = (await browser.get(answer.headers["location"])).text
    assert "The monitor is set." in html
    assert 'value="90.5"' in html
    assert "Take these settings back" in html
    browser = await sign_in("otto")
    html = (await browser.get("/monitor/settings")).text
    assert "Only the operator" in html
    refused = await browser.post("/monitor/settings", data=form | {"csrf": token_in(html)})
    assert refused.status_code == 403


async def test_a_correction_shows_the_difference_first(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/sessions/1024/correct")).text
    form = {"csrf": token_in(html), "energy": "5,5", "reason": ""}
    assert "Say why." in (await browser.post("/sessions/1024/correct", data=form)).text
    form["reason"] = "Read at the meter"
    shown = (await browser.post("/sessions/1024/correct", data=form)).text
    assert "Nothing is booked yet." in shown
    assert "Difference, net" in shown
    booked = await browser.post("/sessions/1024/correct", data=form | {"confirmed": "yes"})
    assert booked.headers["location"] == "/sessions/1024?done=corrected"
    sheet = (await browser.get("/sessions/1024")).text
    assert "Corrected by hand: Read at the meter" in sheet


async def test_a_meters_key_is_registered_and_ended(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/stations")).text
    path = html.split('href="/stations/', 1)[1].split('"', 1)[0]
    page = f"/stations/{path}/meters"
    html = (await browser.get(page)).text
    assert "No key yet" in html
    form = {"csrf": token_in(html), "public_key": "0000", "evse_id": "1"}
    wrong = await browser.post(page, data=form)
    assert wrong.status_code == 422
    assert "no public key of a meter" in wrong.text
    made = await browser.post(page, data=form | {"public_key": EXAMPLES[0]["public_key"]})
    assert made.headers["location"] == f"{page}?done=key-registered"
    html = (await browser.get(page)).text
    assert "secp256r1" in html
    guarded = await browser.post(f"{page}/guard", data={"csrf": token_in(html), "minutes": "20"})
    assert guarded.headers["location"] == f"{page}?done=guard-set"
    ended = html.split('/end" method', 1)[0].rsplit('action="', 1)[1] + "/end"
    answer = await browser.post(ended, data={"csrf": token_in(html)})
    assert answer.headers["location"] == f"{page}?done=key-ended"
    assert (await browser.post(ended, data={"csrf": token_in(html)})).status_code == 404
