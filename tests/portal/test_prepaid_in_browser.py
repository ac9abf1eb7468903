"""Prepaid cards in a real Chromium: blocked and unblocked by keyboard, wide and narrow."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
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
from tests.portal.pages.test_prepaid_cards import PAGE, issued
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    address,
    chromium,
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]


@pytest.mark.parametrize(
    ("language", "width", "theme", "scripts"),
    [("en", 1280, "light", True), ("de", 320, "dark", True), ("de", 320, "light", False)],
)
async def test_a_card_is_blocked_by_keyboard(
    chromium: Browser,
    address: str,
    database: Database,
    language: str,
    width: int,
    theme: str,
    scripts: bool,
) -> None:
    await issued(database, "12.50", "0", "1000")
    PICTURES.mkdir(parents=True, exist_ok=True)
    blocked = {"en": "Blocked", "de": "Gesperrt"}[language]
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
        scripts=scripts,
    ) as somebody:
        page = somebody.page
        await somebody.go(PAGE)
        await page.locator("main details.unfold summary").first.focus()
        await page.keyboard.press("Enter")
        button = page.locator("main form .danger").first
        await expect(button).to_be_visible()
        await button.focus()
        await page.keyboard.press("Enter")
        first = page.locator("main tbody tr").first
        await expect(first).to_contain_text(blocked)
        if scripts:
            assert await somebody.sideways() <= 0
        name = f"prepaid-cards-{width}-{theme}-{language}.png"
        await page.screenshot(path=PICTURES / name, full_page=True)
        await first.locator("form button").focus()
        await page.keyboard.press("Enter")
        await expect(first).not_to_contain_text(blocked)
    assert somebody.complaints == []
