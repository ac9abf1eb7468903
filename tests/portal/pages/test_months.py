"""Month end on pages: runs with progress, shadows, late sessions, reconciliation, the chain."""

import re

from tests.portal.pages.conftest import SignIn, token_in

MINE = "/months/2026-09"


async def test_a_closed_month_shows_its_progress_and_its_proof(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    page = await browser.get("/statements/dry-run?payee=parkhaus&month=2026-09")
    form = {"csrf": token_in(page.text), "payee": "parkhaus", "month": "2026-09"}
    assert (await browser.post("/statements/close", data=form)).status_code == 303

    runs = (await browser.get("/months")).text
    assert "3 of 3" in runs
    assert f'href="{MINE}"' in runs
    run = (await browser.get(MINE)).text
    assert "3 of 3 steps are done, for 1 payees." in run
    assert 'href="/statements/parkhaus-2026-09-EUR"' in run
    proof = (await browser.get(f"{MINE}/parkhaus")).text
    assert "From the meter to the bank" in proof
    assert (await browser.get("/months/2026-08")).status_code == 404
    assert (await browser.get("/months/soon")).status_code == 404


async def test_the_running_month_casts_a_shadow(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    page = await browser.get("/months")
    assert 'value="2026-10"' in page.text
    form = {"csrf": token_in(page.text), "payee": "stadtwerke", "month": "2026-10"}
    answer = await browser.post("/months/shadow", data=form)
    assert answer.headers["location"].startswith("/months/2026-10/stadtwerke")
    shown = (await browser.get(answer.headers["location"])).text
    assert "The shadow is drawn. Nothing was booked." in shown
    assert "not closed yet" in shown
    for month, said in (
        ("2026-09", "This month is closed for this payee"),
        ("2026-11", "This month has not begun"),
        ("soon", "Write the month as year and month"),
    ):
        refused = await browser.post("/months/shadow", data={**form, "month": month})
        assert refused.status_code == 422
        assert said in refused.text


async def test_a_session_is_explained_to_the_cent(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    statement = (await browser.get("/statements/stadtwerke-2026-09-EUR")).text
    numbers = re.findall(r'<td class="nowrap"><a href="/sessions/(\d+)"', statement)
    session = (await browser.get(f"/sessions/{numbers[0]}")).text
    assert f'href="/sessions/{numbers[0]}/explained"' in session

    told = (await browser.get(f"/sessions/{numbers[0]}/explained")).text

    for text in ("Terms, frozen at the start", "Postings", "Statement line", "Computed again"):
        assert text in told
    assert "A sum does not come out" not in told
    assert "kept by the operator" not in told
    assert (await browser.get("/sessions/999999/explained")).status_code == 404


async def test_late_sessions_and_what_only_some_may_do(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    late = (await browser.get("/late-sessions")).text
    assert "Late sessions" in late
    months = await browser.get("/months")
    assert "Run for all payees" not in months.text
    refused = await browser.post(
        "/months/run", data={"csrf": token_in(months.text), "month": "2026-09"}
    )
    assert refused.status_code == 403
    assert (await browser.get("/months/2026-09/parkhaus")).status_code == 404
