"""A payout in a real Chromium: the owner accepts, two people release, the bank pays; en and de."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import re

import pytest
from playwright.async_api import Browser, expect

from foundation.database import Database
from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.pages.test_payouts import ready  # noqa: F401
from tests.portal.test_browser import PICTURES, Theme, Visitor, address, chromium, visitor  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively", "ready")]

WORDS = {
    "en": {
        "accept": "Accept for",
        "accepted": "Payouts can be made",
        "first": "Released once",
        "wait": "You have released it. Somebody else does so now.",
        "paid": "Paid",
    },
    "de": {
        "accept": "zustimmen",
        "accepted": "Auszahlungen sind möglich",
        "first": "Einmal freigegeben",
        "wait": "Sie haben freigegeben. Nun tut es jemand anderes.",
        "paid": "Bezahlt",
    },
}


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1440, "light"), ("de", 390, "dark")]
)
async def test_a_payout_is_accepted_released_by_two_sent_and_paid(
    chromium: Browser, address: str, database: Database, language: str, width: int, theme: Theme
) -> None:
    said = WORDS[language]
    PICTURES.mkdir(parents=True, exist_ok=True)

    async def seen(somebody: Visitor, name: str) -> None:
        page = somebody.page
        assert await somebody.sideways() <= 0, name
        await page.screenshot(
            path=PICTURES / f"payout-{language}-{width}-{name}.png", full_page=True
        )

    async with visitor(
        chromium,
        address,
        name="otto",
        width=width,
        theme=theme,
        language=language,
    ) as otto:
        await otto.go("/self-billing")
        await seen(otto, "to-accept")
        await otto.page.get_by_role("button", name=said["accept"]).click()
        await expect(otto.page.locator("main")).to_contain_text(said["accepted"])
        await seen(otto, "accepted")
    assert otto.complaints == []

    async with visitor(
        chromium,
        address,
        width=width,
        theme=theme,
        language=language,
    ) as admin:
        await admin.go("/payouts")
        await seen(admin, "none-yet")
        await admin.page.fill("#execute_on", "2026-10-16")
        await admin.page.click("main form button.main")
        await admin.page.wait_for_url(re.compile(r"/payouts/\d+\?"))
        run = admin.page.url.removeprefix(address).partition("?")[0]
        await seen(admin, "draft")
        await admin.page.locator(f'form[action="{run}/release"] button').click()
        await expect(admin.page.locator("main")).to_contain_text(said["wait"])
        await expect(admin.page.locator("main")).to_contain_text(said["first"])
        await expect(admin.page.locator(f'form[action="{run}/release"]')).to_have_count(0)
        await seen(admin, "released-once")
        await admin.go("/self-billing")
        await seen(admin, "who-can-be-paid")
    assert admin.complaints == []

    async with visitor(
        chromium,
        address,
        name="fred",
        width=width,
        theme=theme,
        language=language,
    ) as fred:
        await fred.go(run)
        await fred.page.locator(f'form[action="{run}/release"] button').click()
        file = fred.page.locator('a[href$="/pain.001.xml"]')
        async with fred.page.expect_download() as download:
            await file.click()
        assert (await download.value).suggested_filename.endswith(".xml")
        await fred.page.locator(f'form[action="{run}/send"] button').click()
        await fred.page.locator(f'form[action="{run}/pay"] button').click()
        await expect(fred.page.locator(".head")).to_contain_text(said["paid"])
        await seen(fred, "paid")
        back = fred.page.locator('form[action$="/returned"]')
        await back.locator("select").select_option(index=1)
        await back.locator('[name="returned_on"]').fill("2026-10-15")
        await back.locator('[name="reason"]').fill("AC04")
        await back.locator("button").click()
        await expect(fred.page.locator("main")).to_contain_text("AC04")
        await seen(fred, "came-back")
        await fred.go("/payouts")
        await expect(fred.page.locator("table")).to_contain_text(said["paid"])
        await seen(fred, "list")
    assert fred.complaints == []
