"""The local list and the reservations of a station in a real Chromium: by keyboard, and narrow."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from csms import equipment_store, local_list_store
from csms.equipment_store import NewReservation
from csms.local_lists import Entry, Held
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId
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

STATION = StationId("DE-HN-002")
LIST = f"/stations/{STATION}/local-list"
RESERVATIONS = f"/stations/{STATION}/reservations"
WORDS = {
    "en": ("Bring the list up to date", "under way", "Reserve …", "Reserve", "Any that is free"),
    "de": (
        "Liste auf den neuesten Stand bringen",
        "läuft",
        "Reservieren …",
        "Reservieren",
        "Irgendeiner, der frei ist",
    ),
}


@pytest.fixture(autouse=True)
async def own(lively: None, database: Database, clock: SetClock) -> None:
    """The station is the operator's own, connected, holds a list and keeps a place."""
    now = clock.now()
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('node-1', now(), '2100-01-01T00:00:00Z')"
            )
        )
        await db.execute(
            text(
                "update station_owners set organisation = (select key from organisations"
                " where parent is null) where station = :station and valid_to is null"
            ),
            {"station": STATION},
        )
        entries = {f"GONE{n:02}": Entry(f"GONE{n:02}", None, group_id="CREW") for n in range(30)}
        held = Held(6, entries, is_known=True, last_version=6)
        await local_list_store.keep(db, STATION, held, now)
        new = NewReservation(
            STATION, 71, 1, None, "04A2B3C4D5E6F7", "CREW", now, now + timedelta(minutes=30)
        )
        await equipment_store.save_reservation(db, new)


@pytest.mark.parametrize(
    ("language", "width", "theme", "scripts"),
    [("en", 1440, "light", True), ("de", 320, "dark", False)],
)
async def test_a_list_is_brought_up_to_date_and_a_place_reserved_by_keyboard(
    chromium: Browser, address: str, language: str, width: int, theme: str, scripts: bool
) -> None:
    button, under_way, unfold, reserve, anywhere = WORDS[language]
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

        async def photographed(path: str) -> None:
            if scripts:
                assert await somebody.sideways() <= 0, path
            await page.screenshot(
                path=PICTURES / f"{picture(path)}-way-{language}.png", full_page=True
            )

        await somebody.go(LIST)
        await photographed(LIST)
        await expect(page.get_by_text("GONE00")).to_be_visible()
        await page.get_by_role("button", name=button).focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("table").first).to_contain_text(under_way)
        await page.get_by_role("button", name=button).focus()
        await page.keyboard.press("Enter")  # once more: it is refused in words
        await expect(page.get_by_role("alert")).to_be_visible()
        await photographed(LIST)

        await somebody.go(RESERVATIONS)
        await expect(page.get_by_text("#71").first).to_be_visible()
        await page.locator("details.unfold summary").focus()
        await page.keyboard.press("Enter")
        assert (await page.locator("details.unfold summary").inner_text()).strip() == unfold
        form = page.locator("details.unfold form")
        await expect(form.locator("#reserve-evse")).to_contain_text(anywhere)
        await form.locator("#reserve-token").fill("04A2B3C4D5E6F7")
        await form.locator("#reserve-group").fill("CREW")
        await photographed(RESERVATIONS)
        await form.get_by_role("button", name=reserve).focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#at-station .command").first).to_be_visible()
        await photographed(RESERVATIONS)
    complaints = [each for each in somebody.complaints if "422" not in each]
    assert complaints == []


@pytest.mark.parametrize("language", ["en", "de"])
async def test_both_fit_a_phone_of_320_pixels(
    chromium: Browser, address: str, language: str
) -> None:
    async with visitor(chromium, address, width=320, language=language) as somebody:
        for path in (LIST, RESERVATIONS):
            await somebody.go(path)
            assert await somebody.sideways() <= 0, path
    assert somebody.complaints == []
