"""Tests of signing in by browser: cookies, forms, and what another site cannot do."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from accounts import directory, passwords
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from portal import logins
from tests.portal.conftest import Keys

PASSWORD = "correct horse"


@pytest.fixture
async def browser(
    app: FastAPI, keys: Keys, database: Database, clock: SetClock
) -> AsyncIterator[AsyncClient]:
    """A browser at the sign-in page of an installation with the administrator `erika`."""
    password_hash = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        await directory.create_person(
            db, "erika", {"roles": ["administrator"]}, password_hash=password_hash, now=clock.now()
        )
    async with AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as made:
        await made.get("/sign-in")
        yield made


def token_in(page: Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


async def signed_in(
    browser: AsyncClient, *, wanted: str = "/", password: str = PASSWORD
) -> Response:
    token = token_in(await browser.get("/sign-in"))
    return await browser.post(
        "/sign-in", data={"name": "erika", "password": password, "next": wanted, "csrf": token}
    )


async def test_signing_in_opens_a_login_in_a_cookie_no_script_can_read(
    browser: AsyncClient,
) -> None:
    answer = await signed_in(browser)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    [cookie] = [
        each
        for each in answer.headers.get_list("set-cookie")
        if each.startswith(logins.LOGIN_COOKIE)
    ]
    attributes = {each.strip().lower() for each in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= attributes
    assert "secure" not in attributes
    assert (await browser.get("/api/v1/me")).json()["name"] == "erika"


async def test_over_https_the_cookie_stays_on_https(app: FastAPI, browser: AsyncClient) -> None:
    async with AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://localhost"
    ) as secure:
        answer = await signed_in(secure)

    [cookie] = [
        each
        for each in answer.headers.get_list("set-cookie")
        if each.startswith(logins.LOGIN_COOKIE)
    ]
    assert "secure" in {each.strip().lower() for each in cookie.split(";")[1:]}


async def test_a_wrong_password_opens_nothing(browser: AsyncClient) -> None:
    answer = await signed_in(browser, password="wrong")

    assert answer.status_code == 403
    assert logins.LOGIN_COOKIE not in browser.cookies
    assert (await browser.get("/api/v1/me")).status_code == 401


async def test_after_wrong_tries_one_is_told_to_wait(browser: AsyncClient, clock: SetClock) -> None:
    answers = [(await signed_in(browser, password="wrong")).status_code for _ in range(6)]
    clock.advance(timedelta(seconds=1))

    assert answers == [403] * 5 + [429]
    assert (await signed_in(browser)).status_code == 303


async def test_each_sign_in_changes_the_secret(browser: AsyncClient) -> None:
    await signed_in(browser)
    first = browser.cookies[logins.LOGIN_COOKIE]
    await signed_in(browser)
    second = browser.cookies[logins.LOGIN_COOKIE]
    browser.cookies.clear()
    browser.cookies.set(logins.LOGIN_COOKIE, first)

    assert first != second
    assert (await browser.get("/api/v1/me")).status_code == 401


async def test_a_planted_secret_never_becomes_a_login(browser: AsyncClient) -> None:
    browser.cookies.set(logins.LOGIN_COOKIE, "planted")
    await signed_in(browser)

    values = [cookie.value for cookie in browser.cookies.jar if cookie.name == logins.LOGIN_COOKIE]
    browser.cookies.clear()
    browser.cookies.set(logins.LOGIN_COOKIE, "planted")
    assert any(value != "planted" for value in values)
    assert (await browser.get("/api/v1/me")).status_code == 401


async def test_signing_out_ends_the_login_on_the_server(browser: AsyncClient) -> None:
    await signed_in(browser)
    secret = browser.cookies[logins.LOGIN_COOKIE]
    token = token_in(await browser.get("/design"))

    answer = await browser.post("/sign-out", data={"csrf": token})
    browser.cookies.set(logins.LOGIN_COOKIE, secret)

    assert answer.status_code == 303
    assert (await browser.get("/api/v1/me")).status_code == 401


# ---------------------------------------------------------------------------- other sites


@pytest.mark.parametrize("token", [None, "", "x", "é"])
async def test_a_sign_in_form_without_our_token_is_refused(
    browser: AsyncClient, token: str | None
) -> None:
    form = {"name": "erika", "password": PASSWORD}
    answer = await browser.post("/sign-in", data=form if token is None else {**form, "csrf": token})

    assert answer.status_code == 403
    assert logins.LOGIN_COOKIE not in browser.cookies


async def test_another_browsers_token_is_refused(app: FastAPI, browser: AsyncClient) -> None:
    async with AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://localhost"
    ) as other:
        foreign = token_in(await other.get("/sign-in"))

    answer = await browser.post(
        "/sign-in", data={"name": "erika", "password": PASSWORD, "csrf": foreign}
    )
    assert answer.status_code == 403


async def test_a_request_that_another_site_made_is_refused(browser: AsyncClient) -> None:
    token = token_in(await browser.get("/sign-in"))
    form = {"name": "erika", "password": PASSWORD, "csrf": token}
    for site, status in (("cross-site", 403), ("same-origin", 303)):
        answer = await browser.post("/sign-in", data=form, headers={"sec-fetch-site": site})
        assert answer.status_code == status


async def test_a_call_by_cookie_needs_the_token_and_a_call_by_key_does_not(
    browser: AsyncClient, administrator: AsyncClient
) -> None:
    await signed_in(browser)
    token = token_in(await browser.get("/design"))
    path, new = "/api/v1/organisations", {"key": "east", "name": "East"}

    without = await browser.post(path, json=new)
    with_token = await browser.post(path, json=new, headers={"x-csrf-token": token})
    by_key = await administrator.post(path, json={**new, "key": "west"})

    assert (without.status_code, without.json()["code"]) == (403, "foreign_form")
    assert with_token.status_code == by_key.status_code == 201


async def test_the_token_dies_with_the_login(browser: AsyncClient) -> None:
    await signed_in(browser)
    token = token_in(await browser.get("/design"))
    await browser.post("/sign-out", data={"csrf": token})
    await signed_in(browser)

    answer = await browser.post(
        "/api/v1/organisations",
        json={"key": "east", "name": "East"},
        headers={"x-csrf-token": token},
    )
    assert answer.status_code == 403


# ---------------------------------------------------------------------------- ways


async def test_a_page_leads_to_the_sign_in_page_and_back(browser: AsyncClient) -> None:
    away = await browser.get("/design?x=1&y=2")
    back = await signed_in(browser, wanted="/design?x=1&y=2")

    assert (away.status_code, away.headers["location"]) == (
        303,
        "/sign-in?next=%2Fdesign%3Fx%3D1%26y%3D2",
    )
    assert back.headers["location"] == "/design?x=1&y=2"


@pytest.mark.parametrize("path", ["/", "/stations?q=a%20b", "/stations/DE%2F1#top"])
def test_a_path_of_ours_is_gone_to(path: str) -> None:
    assert logins.own_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "stations",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/\tevil",
        "/a\r\nset-cookie: x",
        "/ä",
        "/sign-in?next=/",
        "javascript:alert(1)",
    ],
)
def test_nobody_is_sent_to_another_site(path: str | None) -> None:
    assert logins.own_path(path) == "/"


async def test_who_is_deactivated_is_out_with_the_next_click(
    browser: AsyncClient, database: Database, clock: SetClock
) -> None:
    await signed_in(browser)
    async with database.unit_of_work() as db:
        await directory.create_person(
            db, "second", {"roles": ["administrator"]}, password_hash=None, now=clock.now()
        )
        [erika] = [each for each in await directory.people(db) if each.user_name == "erika"]
        assert erika.organisation == OrganisationKey("root")
        await directory.change_person(db, erika.id, {"active": False})

    assert (await browser.get("/api/v1/me")).status_code == 401
