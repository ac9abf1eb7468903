"""Settings, firmware and logs of a station in a real Chromium: by keyboard alone, and narrow."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import insert

from csms.equipment_store import Progress, save_progress
from csms.equipment_tables import StationVariableRow
from foundation.clock import SetClock
from foundation.database import Database
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

STATION = "DE-HN-002"
SETTINGS = f"/stations/{STATION}/settings"
FILES = f"/stations/{STATION}/files"
WORDS = {
    "en": ("No setting matches", "The checksum is wrong", "Choose a file.", "It is saved."),
    "de": (
        "Keine Einstellung passt",
        "Die Prüfsumme ist falsch",
        "Wählen Sie eine Datei.",
        "Gespeichert.",
    ),
}


@pytest.fixture(autouse=True)
async def large(lively: None, database: Database, clock: SetClock) -> None:
    """The station has a device model of two thousand variables, and a firmware that failed."""
    now = clock.now()
    async with database.unit_of_work() as db:
        await db.execute(
            insert(StationVariableRow),
            [
                {
                    "station": STATION,
                    "component": f"Board{number % 40}",
                    "variable": f"Sensor{number:04}",
                    "attribute": "Actual",
                    "value": str(number),
                    "is_known": True,
                    "mutability": "ReadOnly",
                    "changed_at": now,
                    "read_at": now,
                }
                for number in range(2000)
            ],
        )
        for second, status in enumerate(("Downloading", "InvalidChecksum", "PublishFailed")):
            at = now + timedelta(seconds=second)
            await save_progress(db, [Progress(STATION, "publication", 9, status, None, at)])


async def tab_to(page: Page, there: Locator) -> None:
    """Go by the Tab key until something has the focus."""
    for _ in range(120):
        await page.keyboard.press("Tab")
        if await there.evaluate("found => found === document.activeElement"):
            return
    pytest.fail("the Tab key does not lead there")


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1280, "light"), ("de", 320, "dark")]
)
async def test_a_setting_is_found_and_firmware_is_put_here_by_keyboard(
    chromium: Browser, address: str, tmp_path: Path, language: str, width: int, theme: str
) -> None:
    nothing, wrong, choose, saved = WORDS[language]
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
            await page.screenshot(
                path=PICTURES / f"{picture(path)}-keys-{language}.png", full_page=True
            )

        await somebody.go(SETTINGS)
        await tab_to(page, page.locator("main #q"))
        await page.keyboard.type("board7 1967")
        await page.keyboard.press("Enter")
        await expect(page.locator("main tbody tr")).to_have_count(1)
        await expect(page.locator("main tbody tr")).to_contain_text("Sensor1967")
        await photographed(SETTINGS)
        await tab_to(page, page.locator("main #q"))
        await page.keyboard.press("Control+A")
        await page.keyboard.type("teapot")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text(nothing)).to_be_visible()

        await somebody.go(FILES)
        await expect(page.get_by_text(wrong).first).to_be_visible()
        await photographed(FILES)
        await tab_to(page, page.locator('main a[href="/firmware"]'))
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{address}/firmware")
        box = tmp_path / "box-9.1.bin"
        box.write_bytes(b"version=9.1.0\n" + bytes(300_000))
        await tab_to(page, page.locator("#file"))
        await page.locator("#file").set_input_files(box)  # the dialog is the browser's own
        await tab_to(page, page.locator('main form[action="/firmware"] button'))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text(saved)).to_be_visible()
        await expect(page.locator("main tbody")).to_contain_text("box-9.1.bin")
        await photographed("/firmware")

        # Without a file it is said beside the field.
        await page.locator("#file").evaluate("found => found.required = false")
        await tab_to(page, page.locator('main form[action="/firmware"] button'))
        await page.keyboard.press("Enter")
        await expect(page.locator("#file-wrong")).to_have_text(choose)
        somebody.complaints[:] = [each for each in somebody.complaints if "422" not in each]
        assert somebody.complaints == []
