"""Validity in a real Chromium: a flagged session decided, one corrected, a key; both languages."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import pytest
from playwright.async_api import Browser, expect

from tests.csms.meters import EXAMPLES
from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    address,
    chromium,
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]


async def test_a_flagged_session_is_decided_and_another_one_corrected(
    chromium: Browser, address: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(chromium, address) as admin:
        await admin.go("/monitor")
        main = admin.page.locator("main")
        await expect(main).to_contain_text("the connector can give")
        await admin.page.screenshot(path=PICTURES / "monitor-en.png", full_page=True)
        row = admin.page.locator("tr", has_text="1037")
        await row.get_by_text("Decide …").click()
        await row.get_by_label("Why?").fill("It cannot be.")
        await row.get_by_role("button", name="Set invalid").click()
        await expect(admin.page.locator("main")).to_contain_text("It cannot be.")
        await admin.go("/sessions/1024")
        await admin.page.get_by_role("link", name="Correct …").click()
        await admin.page.fill("#energy", "5.5")
        await admin.page.fill("#reason", "Read at the meter")
        await admin.page.get_by_role("button", name="Show the difference").click()
        await expect(admin.page.locator("main")).to_contain_text("Nothing is booked yet.")
        await admin.page.screenshot(path=PICTURES / "correction-en.png", full_page=True)
        await admin.page.get_by_role("button", name="Book the correction").click()
        await expect(admin.page.locator("main")).to_contain_text("Corrected by hand")

    async with visitor(chromium, address, language="de") as admin:
        await admin.go("/monitor?reason=invalid")
        await expect(admin.page.locator("main")).to_contain_text("Ungültig gesetzt: It cannot be.")
        await admin.go("/monitor/settings")
        await admin.page.check("#check-duration")
        await admin.page.fill("#max_duration_min", "600")
        await admin.page.get_by_role("button", name="Speichern").click()
        await expect(admin.page.get_by_role("status").first).to_contain_text("eingestellt")
        await expect(admin.page.locator("#check-duration")).to_be_checked()
        await admin.page.screenshot(path=PICTURES / "monitor-settings-de.png", full_page=True)
        await admin.go("/stations/DE-HN-002/meters")
        await admin.page.fill("#public_key", EXAMPLES[0]["public_key"])
        await admin.page.get_by_role("button", name="Schlüssel eintragen").click()
        await expect(admin.page.locator("main")).to_contain_text("secp256r1")
        await admin.page.screenshot(path=PICTURES / "meters-de.png", full_page=True)
        await admin.page.set_viewport_size({"width": 390, "height": 844})
        await admin.go("/monitor")
        await admin.page.screenshot(path=PICTURES / "monitor-narrow-de.png", full_page=True)
