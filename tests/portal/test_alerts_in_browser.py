"""The way of an owner who finds an alert, takes it on, and closes it with a reason."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from alerts import raising
from alerts.detections import Detection, Severity
from csms.whereabouts import Registered
from foundation.database import Database
from tests.alerts.watch import finding
from tests.portal.pages.conftest import (  # noqa: F401
    NOON,
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
    "en": ("I take care of it", "Close", "Ground failure", "still there"),
    "de": ("Ich kümmere mich darum", "Schließen", "Erdschluss", "besteht noch"),
}


@pytest.fixture
async def alerts(lively: None, database_url: str) -> None:
    """A ground failure, and two silent stations at one place."""
    database = Database(database_url, pool_size=1)
    raising.join_sites(database, Registered())
    at = NOON - timedelta(minutes=40)
    ground = finding(
        "DE-HN-002",
        detection=Detection.FAULT,
        cause="GroundFailure",
        organisation="stadtwerke",
        severity=Severity.CRITICAL,
        evse_id=1,
        connector_id=1,
        at=at,
        evidence={"info": "left socket"},
    )
    silent = [
        finding(
            station,
            organisation="stadtwerke",
            at=at,
            evidence={"last_heard_at": (at - timedelta(hours=1)).isoformat()},
        )
        for station in ("DE-HN-001", "DE-HN-003")
    ]
    async with database.unit_of_work() as db:
        await raising.report(db, [ground, *silent], now=at)
    await database.close()


@pytest.mark.usefixtures("alerts")
@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1440, "light"), ("de", 390, "dark")]
)
async def test_an_alert_is_found_taken_on_and_closed(
    chromium: Browser, address: str, language: str, width: int, theme: str
) -> None:
    take, close, ground, still = WORDS[language]
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

        await somebody.go("/alerts")
        await photographed("alerts")
        await page.get_by_role("link", name=ground).click()
        await photographed("alert")
        await page.get_by_role("button", name=close, exact=True).click()
        await expect(page.locator("main")).to_contain_text(still)
        await photographed("alert-refused")
        await page.locator('[name="note"]').fill("Elektro Frey")
        await page.get_by_role("button", name=take).click()
        await expect(page.locator("main")).to_contain_text("Elektro Frey")
        await page.locator('[name="note"]').fill("Station abgebaut")
        await page.get_by_role("button", name=close, exact=True).click()
        await expect(page.locator("main")).to_contain_text("Station abgebaut")
        await photographed("alert-closed")
        await somebody.go("/stations/DE-HN-001/errors")
        await photographed("station-errors")
    expected = [each for each in somebody.complaints if "422" not in each]
    assert expected == []


@pytest.mark.usefixtures("alerts")
async def test_what_happens_to_alerts_shows_by_itself_and_is_said_politely(
    chromium: Browser, address: str, database_url: str
) -> None:
    database = Database(database_url, pool_size=1)
    raising.join_sites(database, Registered())
    async with visitor(chromium, address, width=1440, language="en", theme="light") as somebody:
        page = somebody.page
        await somebody.go("/alerts")
        said = page.locator('[role="status"][data-live="said"]')
        await expect(said).to_contain_text("2 alerts are open.")
        lock = finding(
            "DE-HN-002",
            detection=Detection.FAULT,
            cause="ConnectorLockFailure",
            organisation="stadtwerke",
            severity=Severity.FAULT,
            evse_id=1,
            connector_id=1,
            at=NOON,
        )
        async with database.unit_of_work() as db:
            await raising.report(db, [lock], now=NOON)
        await expect(said).to_contain_text("3 alerts are open.", timeout=15_000)
        link = page.locator('[data-live="list"]').get_by_role("link", name="lock")
        await link.click()
        state = page.locator('[role="status"][data-live="state"]')
        await expect(state).to_contain_text("Nobody's yet")
        async with database.unit_of_work() as db:
            await raising.report(db, [replace(lock, is_present=False)], now=NOON)
            await raising.settle(db, now=NOON + timedelta(hours=1))
        await expect(state).to_contain_text("Recovered", timeout=15_000)
        await expect(page.locator('[data-live="history"]')).to_contain_text("Recovered")
    await database.close()
    assert somebody.complaints == []
