"""From a tariff to its preview in a real Chromium, in both languages."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import pytest
from playwright.async_api import Browser, expect

from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.test_browser import PICTURES, address, chromium, visitor  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

WORDS = {
    "en": ("Price preview", "Down to the cap of the charging time", "Blocking fee after charging"),
    "de": ("Preisvorschau", "Bis zur Obergrenze der Ladezeit", "Blockiergebühr nach dem Laden"),
}
HOLDS = {"en": "Holds", "de": "Gilt"}


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("en", "light", 1440), ("de", "dark", 360)]
)
async def test_a_tariff_is_made_and_its_price_previewed(
    chromium: Browser, address: str, language: str, theme: str, width: int
) -> None:
    async with visitor(
        chromium,
        address,
        language=language,
        theme=theme,  # type: ignore[arg-type]
        width=width,
    ) as admin:
        page = admin.page
        await admin.go("/tariffs")
        await page.click('a[href="/tariffs/new"]')
        for field, value in (
            ("id", "half-hours"),
            ("vat", "19"),
            ("per_hour", "10"),
            ("step_minutes", "30"),
            ("time_cap", "15"),
            ("free_minutes", "2"),
            ("blocking", "6"),
            ("grace", "15"),
            ("priority", "3"),
        ):
            await page.fill(f"#{field}", value)
        await page.fill("#place", "NOWHERE")
        await page.click("main button.main")
        await expect(page.locator(".error-summary")).to_be_focused()
        await page.fill("#place", "DE-HN-002")
        await page.click("main button.main")
        await page.wait_for_url("**/tariffs/preview?station=DE-HN-002")
        await page.fill("#at", "2026-10-16T10:00")
        await page.fill("#minutes", "120")
        await page.fill("#idle_minutes", "60")
        await page.click("main button.main")
        for text in WORDS[language]:
            await expect(page.locator("main")).to_contain_text(text)
        await expect(page.locator("main table tbody tr").first).to_contain_text(HOLDS[language])
        assert await admin.sideways() <= 0
        PICTURES.mkdir(parents=True, exist_ok=True)
        picture = PICTURES / f"tariff-preview-{language}-{theme}-{width}.png"
        await page.screenshot(path=picture, full_page=True)
        for path in ("/tariffs/calendar?station=DE-HN-002", "/tariffs/new"):
            await admin.go(path)
            assert await admin.sideways() <= 0
            name = f"tariff-{path[9:12]}-{language}-{theme}-{width}.png"
            await page.screenshot(path=PICTURES / name, full_page=True)
        # The one refused form is told by the browser, too.
        assert all("422" in each for each in admin.complaints)
