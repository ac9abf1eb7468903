"""People and rights in a real Chromium: invited by a link, with a second factor, on a phone."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import re
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from accounts import totp
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.pages.world import PASSWORD
from tests.portal.test_browser import PICTURES, address, chromium, picture, visitor  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

PAGES = (
    "/people",
    "/people/new",
    "/people/3",
    "/groups",
    "/groups/3",
    "/groups/new",
    "/api-keys",
    "/api-keys/new",
    "/audit",
    "/account",
    "/account/second-factor",
    "/stations/DE-HN-002/sharing",
)


@pytest.mark.parametrize("width", [360, 1440])
async def test_the_pages_fit_a_phone_and_a_desk(
    chromium: Browser, address: str, width: int
) -> None:
    async with visitor(chromium, address, width=width, language="de") as admin:
        wide = {}
        for path in PAGES:
            await admin.go(path)
            if await admin.sideways() > 0:
                wide[path] = await admin.sideways()
            PICTURES.mkdir(parents=True, exist_ok=True)
            await admin.page.screenshot(
                path=PICTURES / f"people-{width}-{picture(path)}.png", full_page=True
            )

    assert wide == {}
    assert admin.complaints == []


async def test_somebody_is_invited_and_chooses_a_password_by_the_link(
    chromium: Browser, address: str, database: Database
) -> None:
    """The secret is in the fragment: the server never saw it, and the page takes it away."""
    async with visitor(chromium, address) as admin:
        await admin.go("/people/new")
        await admin.page.fill("#user_name", "nora")
        await admin.page.fill("#email", "nora@works.example")
        await admin.page.select_option("#group", label="Owner")
        await admin.page.click("main button.main")
        await expect(admin.page.get_by_role("status").first).to_contain_text("on its way")
    async with database.unit_of_work() as db:
        [sent] = await mail.outbox(db, before=None, limit=1)
    link = re.search(r"/choose-password#\S+", sent.body_text)
    assert link is not None
    context = await chromium.new_context()
    page = await context.new_page()
    await page.goto(address + link[0])
    await expect(page.locator("#code")).to_be_hidden()
    assert page.url == f"{address}/choose-password"
    await page.fill("#password", "quite long enough")
    await page.click("button.main")
    await expect(page.get_by_role("status")).to_contain_text("Your password is set.")
    await page.fill("#name", "nora")
    await page.fill("#password", "quite long enough")
    await page.click("button.main")
    await page.wait_for_url(f"{address}/")
    await context.close()


async def test_a_second_factor_is_set_up_and_asked_for(
    chromium: Browser, address: str, clock: SetClock
) -> None:
    async with visitor(chromium, address, name="otto") as otto:
        await otto.go("/account/second-factor")
        await expect(otto.page.locator("svg.qr")).to_be_visible()
        secret = totp.from_text(await otto.page.inner_text("ol code"))
        await otto.page.fill("#code", totp.code(secret, totp.step_at(clock.now())))
        await otto.page.click("main button.main")
        await expect(otto.page.locator("li code")).to_have_count(10)
        await otto.context.clear_cookies()
        clock.advance(timedelta(minutes=1))
        await otto.page.goto(f"{address}/sign-in")
        await otto.page.fill("#name", "otto")
        await otto.page.fill("#password", PASSWORD)
        await otto.page.click("button.main")
        await otto.page.fill("#code", totp.code(secret, totp.step_at(clock.now())))
        await otto.page.keyboard.press("Enter")
        await otto.page.wait_for_url(f"{address}/")

    assert otto.complaints == []
