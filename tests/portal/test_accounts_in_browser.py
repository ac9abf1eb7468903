"""Accounts in a real Chromium: applied for by one, approved by another, and what licences cost."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import pytest
from playwright.async_api import Browser, expect

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.pages.test_accounts import hired
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    Visitor,
    address,
    chromium,
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]


async def look(seen: Visitor, name: str) -> None:
    """Keep a picture, and see that nothing is cut off at the side."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await seen.page.screenshot(path=PICTURES / f"accounts-{name}.png", full_page=True)
    assert await seen.sideways() == 0, name


async def test_an_account_is_applied_for_approved_and_its_licences_are_calculated(
    chromium: Browser, address: str, database: Database, clock: SetClock
) -> None:
    """The applicant reads English at a desk, Customer Success reads German on a phone."""
    await hired(database, clock)
    async with visitor(chromium, address) as admin:
        await admin.page.click('.head a[href="/accounts"]')
        await admin.page.click("text=Apply for an account")
        await admin.page.select_option("#organisation", "stadtwerke")
        await admin.page.fill("#name", "Stadtwerke")
        await admin.page.fill("#customer", "Stadtwerke Heilbronn GmbH")
        await admin.page.fill("#datapoints", "10")
        await admin.page.click("main button.main")
        await expect(admin.page.locator(".error-summary")).to_contain_text("20 is the least")
        await admin.page.fill("#datapoints", "500")
        await look(admin, "new")
        await admin.page.click("main button.main")
        await expect(admin.page.get_by_role("status").first).to_contain_text("is sent")
        await expect(admin.page.locator("main")).to_contain_text("You applied for this yourself.")
        assert ["422" in each for each in admin.complaints] == [True], "the refused form alone"

    async with visitor(chromium, address, name="carla", width=360, language="de") as carla:
        await carla.go("/accounts?zone=applications")
        await look(carla, "zone-phone")
        await carla.page.click("text=Neues Konto")
        await look(carla, "application-phone")
        await carla.page.click("text=Genehmigen")
        await expect(carla.page.get_by_role("status").first).to_contain_text("genehmigt")
        await carla.page.click("text=Zum Konto")
        await expect(carla.page.locator("h1")).to_have_text("Stadtwerke")
        await look(carla, "sheet-phone")
        await carla.go("/accounts")
        await look(carla, "active-phone")
        assert carla.complaints == []

    async with visitor(chromium, address, language="de") as admin:
        await admin.go("/licence-calculator")
        for field, count in (("three", 3), ("transformer", 2), ("heat", 12), ("solar_plants", 1)):
            await admin.page.fill(f"#{field}", str(count))
        await admin.page.click("main button.main")
        await expect(admin.page.locator("main")).to_contain_text("18 Lizenzen")
        await admin.page.select_option("#organisation", "stadtwerke")
        await admin.page.click("main button.main")
        await expect(admin.page.locator("main")).to_contain_text("Stufe jetzt: Basic")
        await look(admin, "calculator")
        await admin.go("/accounts/stadtwerke")
        await look(admin, "sheet")
        assert admin.complaints == []
