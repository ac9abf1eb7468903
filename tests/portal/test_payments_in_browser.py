"""The payments of all stations in a real Chromium: by keyboard, wide and narrow, in both themes."""

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
from tests.portal.pages.test_payments import OTTOS, PETRAS, SESSION, paid_by_code, settled
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    address,
    chromium,
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]


@pytest.mark.parametrize(
    ("language", "width", "theme", "scripts"),
    [("en", 1280, "light", True), ("de", 320, "dark", True), ("de", 1280, "dark", False)],
)
async def test_payments_are_read_and_filtered_by_keyboard(
    chromium: Browser,
    address: str,
    database: Database,
    language: str,
    width: int,
    theme: str,
    scripts: bool,
) -> None:
    await settled(database, OTTOS, "a", "Settled", transaction_id=SESSION)
    await settled(database, PETRAS, "b", "Failed", note="Card was taken away too early")
    await settled(database, OTTOS, "c", "Settled")
    await settled(database, OTTOS, "d", "Canceled")
    await paid_by_code(database, OTTOS, 2)
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
        scripts=scripts,
    ) as somebody:
        page = somebody.page
        await somebody.go("/payments")
        if scripts:
            assert await somebody.sideways() <= 0
        await page.screenshot(path=PICTURES / f"payments-{width}-{language}.png", full_page=True)
        outstanding = page.get_by_role("region").first
        await expect(outstanding.get_by_role("row")).to_have_count(4)
        await page.locator("#station").focus()
        await page.keyboard.type(PETRAS)
        await page.keyboard.press("Enter")
        await expect(page.locator("main table")).to_have_count(2)
        await expect(page.locator("main")).not_to_contain_text("002")
        await page.locator("a.filter").last.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("a.filter").last).to_have_attribute("aria-current", "true")
        link = page.locator("main table a").first
        await link.focus()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{address}/stations/{PETRAS}/payments")
    assert somebody.complaints == []
