"""Tests of one's own account: password, second factor, logins; and of the way in with them."""

import re
from datetime import timedelta

from httpx import AsyncClient

from accounts import directory, totp
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.test_people import post
from tests.portal.pages.world import PASSWORD


async def secret_of(browser: AsyncClient) -> bytes:
    """Set up a second factor; return its secret as a phone would read it."""
    page = await browser.get("/account/second-factor")
    found = re.search(r'<code class="break">([A-Z2-7 ]+)</code>', page.text)
    assert found is not None
    return totp.from_text(found[1])


def code_at(secret: bytes, clock: SetClock) -> str:
    return totp.code(secret, totp.step_at(clock.now()))


async def switched_on(browser: AsyncClient, clock: SetClock) -> tuple[bytes, list[str]]:
    secret = await secret_of(browser)
    done = await post(
        browser, "/account/second-factor", "/account/second-factor", code=code_at(secret, clock)
    )
    clock.advance(timedelta(minutes=1))
    return secret, re.findall(r"<li><code>([a-z2-7-]+)</code></li>", done.text)


async def test_the_account_shows_its_logins_and_changes_the_password(
    sign_in: SignIn, database: Database
) -> None:
    otto = await sign_in("otto")
    assert "this browser" in (await otto.get("/account")).text
    wrong = await post(otto, "/account", "/account/password", old="x", password="long enough")
    short = await post(otto, "/account", "/account/password", old=PASSWORD, password="short")
    done = await post(otto, "/account", "/account/password", old=PASSWORD, password="a new one!")

    assert (wrong.status_code, short.status_code, done.status_code) == (403, 422, 303)
    assert 'id="old-wrong"' in wrong.text
    assert 'id="password-wrong"' in short.text
    assert (await otto.get("/account")).status_code == 200, "one stays signed in here"


async def test_a_second_factor_is_set_up_and_asked_for(
    sign_in: SignIn, browser: AsyncClient, clock: SetClock
) -> None:
    otto = await sign_in("otto")
    refused = await post(otto, "/account/second-factor", "/account/second-factor", code="000000")
    secret, codes = await switched_on(otto, clock)
    assert refused.status_code == 422
    assert len(codes) == 10

    await post(otto, "/account", "/sign-out")
    await sign_in("otto")
    outside = await browser.get("/account")
    page = await browser.get("/sign-in/code")
    wrong = await browser.post(
        "/sign-in/code", data={"code": "123456", "csrf": token_in(page.text)}
    )
    right = await browser.post(
        "/sign-in/code", data={"code": code_at(secret, clock), "csrf": token_in(wrong.text)}
    )

    assert outside.status_code == 303, "the password alone opens nothing"
    assert (wrong.status_code, right.status_code) == (403, 303)
    assert (await browser.get("/account")).status_code == 200


async def test_a_recovery_code_works_once(
    sign_in: SignIn, browser: AsyncClient, clock: SetClock
) -> None:
    _, codes = await switched_on(await sign_in("otto"), clock)
    states = []
    for _ in range(2):
        await sign_in_again(browser)
        page = await browser.get("/sign-in/code")
        answer = await browser.post(
            "/sign-in/code", data={"code": codes[0].upper(), "csrf": token_in(page.text)}
        )
        states.append(answer.status_code)

    assert states == [303, 403]


async def sign_in_again(browser: AsyncClient) -> None:
    browser.cookies.clear()
    form = await browser.get("/sign-in")
    await browser.post(
        "/sign-in",
        data={"name": "otto", "password": PASSWORD, "csrf": token_in(form.text)},
    )


async def test_it_is_switched_off_only_with_a_code(sign_in: SignIn, clock: SetClock) -> None:
    otto = await sign_in("otto")
    secret, _ = await switched_on(otto, clock)
    wrong = await post(otto, "/account", "/account/second-factor/off", code="1")
    right = await post(otto, "/account", "/account/second-factor/off", code=code_at(secret, clock))

    assert (wrong.status_code, right.status_code) == (403, 303)
    assert "Set it up" in (await otto.get("/account")).text


async def test_whoever_owes_a_second_factor_is_shown_nothing_else(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        top = await directory.root(db)
        await directory.change_organisation(db, top.key, {"demands_second_factor": True})
    admin = await sign_in("admin")
    kept_out = await admin.get("/stations")
    api = await admin.get("/api/v1/stations")
    await switched_on(admin, clock)
    let_in = await admin.get("/stations")

    assert kept_out.headers["location"] == "/account/second-factor"
    assert (api.status_code, api.json()["code"]) in {(403, "second_factor_due"), (404, "not_found")}
    assert let_in.status_code == 200


async def test_a_forgotten_password_is_answered_alike_for_everybody(
    browser: AsyncClient, database: Database
) -> None:
    async with database.unit_of_work() as db:
        [otto] = [each for each in await directory.people(db) if each.user_name == "otto"]
        await directory.change_person(db, otto.id, {"email": "otto@works.example"})
    answers = [
        await post(browser, "/forgot-password", "/forgot-password", name=name)
        for name in ("otto", "otto@works.example", "nobody", "")
    ]
    async with database.unit_of_work() as db:
        [sent] = await mail.outbox(db, before=None, limit=10)
    link = re.search(r"/choose-password#(\S+)", sent.body_text)
    assert link is not None
    chosen = await post(
        browser, "/choose-password", "/choose-password", code=link[1], password="brand new one"
    )
    again = await post(
        browser, "/choose-password", "/choose-password", code=link[1], password="another one"
    )

    assert {(each.status_code, each.headers["location"]) for each in answers} == {
        (303, "/forgot-password?sent=1")
    }
    assert (chosen.status_code, again.status_code) == (303, 403)
    assert "This link was used or is over." in again.text


async def test_an_organisation_demands_a_second_factor_by_a_switch(sign_in: SignIn) -> None:
    admin = await sign_in("admin")
    done = await post(admin, "/people", "/people/demand", demanded="yes")
    kept_out = await admin.get("/people")

    assert done.status_code == 303
    assert kept_out.headers["location"] == "/account/second-factor"
