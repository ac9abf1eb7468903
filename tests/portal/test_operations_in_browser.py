"""The way of somebody who switches a station's monitoring on and off, in both languages."""

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

WORDS = {
    "en": {
        "tab": "Operational management",
        "on": "Activate now",
        "end": "End the service …",
        "off": "Disable service for this charging station",
        "task": "Send the sticker sheet",
        "again": "this month is charged after all",
        "sheet": "Sticker sheet (PDF)",
        "many": "Activate the chosen ones …",
        "sum": "€19.80",
    },
    "de": {
        "tab": "Betriebsführung",
        "on": "Jetzt aktivieren",
        "end": "Betriebsführung beenden …",
        "off": "Betriebsführung für Ladestation beenden",
        "task": "Aufkleberbogen versenden",
        "again": "wird dieser Monat doch berechnet",
        "sheet": "Aufkleberbogen (PDF)",
        "many": "Die gewählten aktivieren …",
        "sum": "19,80",
    },
}

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]


@pytest.fixture(autouse=True)
def hotline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITSTAND_HOTLINE_NUMBER", "+49 800 1234567")


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1440, "light"), ("de", 390, "dark")]
)
async def test_a_stations_monitoring_is_activated_and_deactivated(
    chromium: Browser, address: str, language: str, width: int, theme: str
) -> None:
    said = WORDS[language]
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
    ) as somebody:
        page = somebody.page
        main = page.locator("main")

        async def photographed(name: str) -> None:
            assert await somebody.sideways() <= 0, name
            await page.screenshot(path=PICTURES / f"{name}-{language}.png", full_page=True)

        await somebody.go("/stations/DE-HN-005")
        await page.get_by_role("link", name=said["tab"], exact=True).click()
        await expect(page.get_by_role("button", name=said["on"], exact=True)).to_be_enabled()
        await expect(main).to_contain_text("118")  # what it costs in a year
        await photographed("operations-off")
        await page.get_by_role("button", name=said["on"], exact=True).click()
        await expect(main).to_contain_text(said["task"])
        await photographed("operations-on")
        path = await page.get_by_role("link", name=said["sheet"]).get_attribute("href")
        fetched = await somebody.context.request.get(f"{address}{path}")
        assert fetched.headers["content-type"] == "application/pdf"
        await page.get_by_text(said["end"]).click()
        await page.get_by_role("button", name=said["off"], exact=True).click()
        await expect(page.get_by_role("button", name=said["on"], exact=True)).to_be_visible()
        await expect(main).to_contain_text(said["again"])
        await photographed("operations-again")

        await somebody.go("/operations?q=DE-HN-00")
        for station in ("DE-HN-004", "DE-HN-006"):
            await page.locator(f'input[value="{station}"]').check()
        await photographed("operations-choose")
        await page.get_by_role("button", name=said["many"]).click()
        await expect(main).to_contain_text(said["sum"])
        await photographed("operations-sum")
        await page.get_by_role("button", name=said["on"], exact=True).click()
        await expect(page).to_have_url(f"{address}/operations?done=monitoring-on-many")
        for tab in (
            "additional",
            "charge-points",
            "components",
            "errors",
            "documents",
            "geolocation",
            "reservations",
            "messages",
            "history",
            "tickets",
            "statistics",
        ):
            await somebody.go(f"/stations/DE-HN-002/{tab}")
            await photographed(f"sheet-{tab}")
    assert somebody.complaints == []
