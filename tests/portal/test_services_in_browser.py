"""The way of somebody who prices a service, switches it on, and reads what he will pay."""

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
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    address,
    chromium,
    picture,
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

WORDS = {
    "en": ("Set the price", "Switch on", "Roaming", "Released costs"),
    "de": ("Preis setzen", "Einschalten", "Roaming", "Freigegebene Kosten"),
}


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1440, "light"), ("de", 390, "dark")]
)
async def test_a_service_is_priced_switched_on_and_seen_in_the_months_costs(
    chromium: Browser, address: str, language: str, width: int, theme: str
) -> None:
    price, switch_on, service, released = WORDS[language]
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
    ) as somebody:
        page = somebody.page

        async def photographed(path: str) -> None:
            assert await somebody.sideways() <= 0, path
            name = f"{picture(path)}-way-{language}.png"
            await page.screenshot(path=PICTURES / name, full_page=True)

        await somebody.go("/service-costs/prices")
        form = page.locator('form[action="/service-costs/prices/add"]')
        await form.locator('[name="kind"]').select_option("roaming_base")
        await form.locator('[name="price"]').fill("21.50")
        await form.get_by_role("button", name=price).click()
        await expect(page.locator("main")).to_contain_text("21")
        await photographed("/service-costs/prices")
        await somebody.go("/service-costs/services?organisation=stadtwerke")
        card = page.locator("section.card", has_text=service).first
        await expect(card).to_contain_text("258")  # twelve months of 21.50
        await photographed("/service-costs/services")
        await card.get_by_role("button", name=switch_on).click()
        await somebody.go("/service-costs?organisation=stadtwerke")
        await expect(page.locator("main")).to_contain_text(service)
        await expect(page.locator("main")).to_contain_text("42")
        await photographed("/service-costs")
        await page.get_by_role("link", name=released).click()
        await expect(page.locator("main")).to_contain_text("258")
        await photographed("/service-costs/releases")
        for path in ("waived?organisation=stadtwerke", "packages"):
            await somebody.go(f"/service-costs/{path}")
            await photographed(f"/service-costs/{path}")
    assert somebody.complaints == []
