"""Statements: list, paper, dry run and close."""

import re

from tests.portal.pages.conftest import SignIn, token_in

MINE = "/statements/stadtwerke-2026-09-EUR"


async def test_a_statement_shows_paper_and_numbers_and_its_forms(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("otto")
    html = (await browser.get(MINE)).text
    for text in (
        "Totals by class and share",
        "Not paid, and why",
        "Proof by station",
        "Late sessions",
    ):
        assert text in html
    for form in ("pdf", "csv", "json", "xml"):
        assert f'href="/api/v1{MINE}.{form}"' in html
    assert "More energy than possible" in html


async def test_the_lines_of_a_long_statement_come_in_pages(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    first = (await browser.get(MINE)).text
    assert "1–60 of" in first
    second = (await browser.get(f"{MINE}?first=61")).text
    assert "61–" in second
    lines = [
        re.findall(r'<td class="nowrap"><a href="/sessions/(\d+)"', page)
        for page in (first, second)
    ]
    assert not set(lines[0]) & set(lines[1])


async def test_a_dry_run_shows_what_the_close_then_books(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    page = await browser.get("/statements/dry-run?payee=parkhaus&month=2026-09")
    assert "A dry run: nothing is booked and nothing is sent." in page.text
    due = re.search(r'<p class="due">([^<]+)</p>', page.text)
    assert due
    assert "parkhaus-2026-09" not in (await browser.get("/statements")).text
    answer = await browser.post(
        "/statements/close",
        data={"csrf": token_in(page.text), "payee": "parkhaus", "month": "2026-09"},
    )
    assert answer.status_code == 303
    booked = await browser.get(answer.headers["location"])
    assert "The month is closed" in booked.text
    assert f'<p class="due">{due[1]}</p>' in booked.text


async def test_a_month_that_is_not_over_is_refused_in_the_form(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    answer = await browser.get("/statements/dry-run?payee=parkhaus&month=2026-10")
    assert answer.status_code == 422
    assert "The month is not over for this payee: it ends on 1 Nov 2026, 00:00." in answer.text
    assert 'value="2026-10"' in answer.text
    assert '<option value="parkhaus" selected>' in answer.text


async def test_nonsense_in_the_form_is_named(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    answer = await browser.get("/statements/dry-run?payee=parkhaus&month=October")
    assert "Write the month as year and month, as in 2026-10." in answer.text
    answer = await browser.get("/statements/dry-run?payee=nobody&month=2026-09")
    assert "No organisation has this key or name." in answer.text


async def test_an_owner_cannot_close_his_own_month(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("otto")
    html = (await browser.get("/statements")).text
    assert "Close a month" not in html
    answer = await browser.post(
        "/statements/close",
        data={"csrf": token_in(html), "payee": "stadtwerke", "month": "2026-09"},
    )
    assert answer.status_code == 403
