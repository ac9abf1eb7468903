"""Signing in and out, static files, and the switches of language and theme."""

import httpx

from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import PASSWORD


async def test_the_right_password_leads_to_where_one_wanted_to_go(
    browser: httpx.AsyncClient,
) -> None:
    form = await browser.get("/sign-in", params={"next": "/design?x=1"})
    answer = await browser.post(
        "/sign-in",
        data={
            "name": "admin",
            "password": PASSWORD,
            "csrf": token_in(form.text),
            "next": "/design?x=1",
        },
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "/design?x=1"


async def test_a_wrong_password_keeps_the_name_and_says_what_happened(
    browser: httpx.AsyncClient,
) -> None:
    form = await browser.get("/sign-in")
    answer = await browser.post(
        "/sign-in",
        data={"name": "admin", "password": "wrong", "csrf": token_in(form.text)},
    )
    assert answer.status_code == 403
    assert 'value="admin"' in answer.text
    assert "The user name or the password is wrong." in answer.text
    assert "wrong</" not in answer.text.partition("password")[0]


async def test_another_sites_form_is_refused(browser: httpx.AsyncClient) -> None:
    await browser.get("/sign-in")
    answer = await browser.post("/sign-in", data={"name": "admin", "password": PASSWORD})
    assert answer.status_code == 403
    assert "leitstand_login" not in browser.cookies


async def test_whoever_is_not_signed_in_is_sent_to_the_sign_in_page(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/design?a=b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2Fdesign%3Fa%3Db"


async def test_signing_out_ends_the_login(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    page = await browser.get("/design")
    assert page.status_code == 200
    answer = await browser.post("/sign-out", data={"csrf": token_in(page.text)})
    assert answer.headers["location"] == "/sign-in?gone=1"
    assert (await browser.get("/design")).status_code == 303


async def test_language_comes_from_the_browser_until_the_switch_is_used(
    browser: httpx.AsyncClient,
) -> None:
    browser.headers["accept-language"] = "fr;q=0.9, de;q=0.8, en;q=0.1"
    form = await browser.get("/sign-in")
    assert '<html lang="de"' in form.text
    answer = await browser.post(
        "/preferences",
        data={"language": "en", "csrf": token_in(form.text), "back": "/sign-in"},
    )
    assert answer.headers["location"] == "/sign-in"
    assert '<html lang="en"' in (await browser.get("/sign-in")).text


async def test_the_theme_is_kept_in_a_cookie_and_nonsense_is_not(
    browser: httpx.AsyncClient,
) -> None:
    token = token_in((await browser.get("/sign-in")).text)
    await browser.post("/preferences", data={"theme": "neon", "csrf": token})
    assert "data-theme" not in (await browser.get("/sign-in")).text
    await browser.post("/preferences", data={"theme": "dark", "csrf": token})
    assert 'data-theme="dark"' in (await browser.get("/sign-in")).text


async def test_switches_never_lead_to_another_site(browser: httpx.AsyncClient) -> None:
    token = token_in((await browser.get("/sign-in")).text)
    for wanted in ("//elsewhere.example", "https://elsewhere.example", "/sign-in?//x"):
        answer = await browser.post(
            "/preferences", data={"theme": "dark", "csrf": token, "back": wanted}
        )
        assert answer.headers["location"] in {"/", "/sign-in"}


async def test_static_files_are_kept_only_under_the_address_of_their_content(
    browser: httpx.AsyncClient,
) -> None:
    page = (await browser.get("/sign-in")).text
    address = "/static/leitstand.css?v=" + page.partition("leitstand.css?v=")[2].partition('"')[0]
    assert "immutable" in (await browser.get(address)).headers["cache-control"]
    assert (await browser.get("/static/leitstand.css")).headers["cache-control"] == "no-cache"
    assert (await browser.get("/static/mark.svg")).headers["content-type"] == "image/svg+xml"
    assert (await browser.get("/static/secrets.toml")).status_code == 404


async def test_stylesheet_and_script_keep_their_budget(browser: httpx.AsyncClient) -> None:
    assert len((await browser.get("/static/leitstand.css")).content) <= 40_000
    assert len((await browser.get("/static/leitstand.js")).content) <= 15_000
