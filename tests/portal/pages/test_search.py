"""The search of the top bar."""

from tests.portal.pages.conftest import SignIn


async def test_what_fits_exactly_is_opened_at_once(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("helen")
    answer = await browser.get("/search?q=DE-HN-002")
    assert answer.headers["location"] == "/stations/DE-HN-002"
    answer = await browser.get("/search?q=1024")
    assert answer.headers["location"] == "/sessions/1024"


async def test_results_come_by_kind(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/search?q=04a2b3c4d501")).text
    assert "Sessions</h2>" in html
    assert "Tokens</h2>" in html
    html = (await browser.get("/search", params={"q": "DE*ABC*E0021"})).text
    assert 'href="/stations/DE-HN-002"' in html


async def test_an_owner_finds_nothing_of_others(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("petra")
    for wanted in ("DE-HN-002", "1000", "04DEADBEEF", "DE-EMP"):
        answer = await browser.get("/search", params={"q": wanted})
        assert answer.status_code == 200, wanted
        assert 'href="/stations/DE-HN-00' not in answer.text
        assert 'href="/tokens?q' not in answer.text


async def test_wildcards_are_just_characters(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    assert "Nothing found" in (await browser.get("/search", params={"q": "<script>"})).text
    assert "<script>" not in (await browser.get("/search", params={"q": "<script>"})).text
