"""An if/then rule is made by keyboard alone, fires, and its alert is seen; a playbook's page."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from alerts import raising, ruling
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import (  # noqa: F401
    NOON,
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.pages.test_rules import Heat
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    address,
    chromium,
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

MOST_TABS = 60
HOT_AT = NOON - timedelta(hours=3) + timedelta(minutes=1)
WORDS = {
    "en": ("New rule", "Temperature (°C)", "166", "Save", "Try it out", "It is switched off."),
    "de": ("Neue Regel", "Temperatur (°C)", "166", "Speichern", "Ausprobieren", "ausgeschaltet"),
}


async def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus."""
    for _ in range(MOST_TABS):
        if await wanted.evaluate("each => each === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError("it is not reached by keyboard")


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1440, "light"), ("de", 390, "dark")]
)
async def test_a_rule_made_by_keyboard_fires_and_its_alert_is_seen(
    chromium: Browser, address: str, database_url: str, language: str, width: int, theme: str
) -> None:
    new, hot, hours, save, try_out, off = WORDS[language]
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
    ) as somebody:
        page = somebody.page

        async def photographed(name: str) -> None:
            assert await somebody.sideways() <= 0, name
            await page.screenshot(path=PICTURES / f"{name}-way-{language}.png", full_page=True)

        await somebody.go("/rules")
        await photographed("rules-empty")
        await tab_to(page, page.get_by_role("link", name=new))
        await page.keyboard.press("Enter")
        await tab_to(page, page.locator("#name"))
        await page.keyboard.type("Hot <1>")
        await tab_to(page, page.locator("#organisation"))
        await page.keyboard.type("Stadtwerke")
        await tab_to(page, page.locator('[name="metric"]').first)
        await page.keyboard.type("Temp")
        await tab_to(page, page.locator('[name="limit"]').first)
        await page.keyboard.type("70")
        await tab_to(page, page.locator("#grid summary"))
        await page.keyboard.press("Enter")
        # Monday from 1 to 3 is painted out: one hour off, and the next with Shift.
        boxes = page.locator(".week input")
        await tab_to(page, boxes.first)
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Space")
        await page.keyboard.press("Shift+ArrowDown")
        assert not await page.locator('.week [value="2"]').is_checked()
        assert await page.locator('.week [value="3"]').is_checked()
        head = page.locator(".week thead button").last
        await head.click()
        assert not await page.locator('.week [value="160"]').is_checked()
        await head.click()
        await photographed("rule-new")
        await tab_to(page, page.get_by_role("button", name=save, exact=True))
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("Hot <1>")
        await expect(page.locator("#grid summary")).to_contain_text(hours)

        database = Database(database_url, pool_size=1)
        raising.join_sites(database, Registered())
        ruling.join(database, Heat(until=HOT_AT))
        await ruling.rounds(database, SetClock(HOT_AT))()
        await database.close()

        await somebody.go("/rules")
        await photographed("rules")
        await page.get_by_role("link", name="Hot <1>").click()
        await expect(page.locator("main")).to_contain_text(f"{hot} 80")
        await photographed("rule-fired")
        await page.locator('main table a[href^="/alerts/"]').click()
        await expect(page.locator("main")).to_contain_text(f"{hot} 80")
        await photographed("rule-alert")

        await somebody.go("/support/first-aid")
        await page.fill("#name", "Locks")
        steps = page.locator('[name="step"]')
        await steps.nth(0).select_option("unlock")
        await steps.nth(1).select_option("out_of_service")
        await photographed("playbook-new")
        await page.locator("form:has(#name) button.main").click()
        await page.get_by_role("link", name="Locks").click()
        await page.fill("#station", "DE-HN-001")
        await page.get_by_role("button", name=try_out).click()
        await expect(page.locator("#try")).to_contain_text(off)
        await photographed("playbook")
    assert somebody.complaints == []
