"""Charging profiles, load balancing and the display in a real Chromium: by keyboard, and narrow."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import text

from csms import records
from csms.records import Held
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
    Visitor,
    address,
    chromium,
    picture,
    visitor,
)
from tests.portal.test_equipment_in_browser import tab_to

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

STATION = "DE-HN-002"
PROFILES = f"/stations/{STATION}/charging-profiles"
DISPLAY = f"/stations/{STATION}/display"
BALANCED = "/load-balancing/zob"
MESSAGE = "Bitte das Kabel abziehen"
LOOKS = [("en", 1440, "light", True), ("de", 320, "dark", False)]


@pytest.fixture(autouse=True)
async def own(lively: None, database: Database, clock: SetClock) -> None:
    """The station is the operator's own, speaks 2.0.1, and has a profile and a message."""
    now = clock.now()
    schedule = {
        "chargingRateUnit": "A",
        "startSchedule": now.isoformat(),
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16},
            {"startPeriod": 7200, "limit": 8},
        ],
    }
    profile = {
        "id": 71,
        "stackLevel": 0,
        "chargingProfilePurpose": "ChargingStationMaxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule],
    }
    message = {
        "id": 81,
        "priority": "NormalCycle",
        "message": {"format": "UTF8", "language": "de", "content": MESSAGE},
    }
    held = {
        Held.CHARGING_PROFILE: ("71", {"evseId": 0, "chargingProfile": profile}),
        Held.DISPLAY_MESSAGE: ("81", message),
    }
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
        for table, column, version in (
            ("stations", "identity", "ocpp_version"),
            ("station_connections", "station", "version"),
        ):
            await db.execute(
                text(f"update {table} set {version} = 'ocpp2.0.1' where {column} = :station"),
                {"station": STATION},
            )
        for kind, (key, content) in held.items():
            await records.keep(db, STATION, kind, key, content, state=None, at=now)


async def pressed(page: Page, button: Locator) -> None:
    await tab_to(page, button)
    await page.keyboard.press("Enter")


async def typed(page: Page, field: Locator, words: str) -> None:
    await tab_to(page, field)
    await page.keyboard.press("Control+A")
    await page.keyboard.type(words)


def photographer(
    somebody: Visitor, language: str, *, scripts: bool
) -> Callable[[str], Coroutine[Any, Any, None]]:
    PICTURES.mkdir(parents=True, exist_ok=True)

    async def photographed(path: str) -> None:
        if scripts:
            assert await somebody.sideways() <= 0, path
        name = f"{picture(path)}-keys-{language}.png"
        await somebody.page.screenshot(path=PICTURES / name, full_page=True)

    return photographed


async def commands(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """What the station was asked for, the newest first."""
    async with database.unit_of_work() as db:
        found = await db.execute(
            text(
                "select action, payload from commands where station = :station"
                " order by id desc limit 5"
            ),
            {"station": STATION},
        )
        return [(action, payload) for action, payload in found]


@pytest.mark.parametrize(("language", "width", "theme", "scripts"), LOOKS)
async def test_a_limit_is_set_and_a_profile_cleared_by_keyboard(
    chromium: Browser,
    address: str,
    database: Database,
    language: str,
    width: int,
    theme: str,
    scripts: bool,
) -> None:
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
        scripts=scripts,
    ) as somebody:
        page, photographed = somebody.page, photographer(somebody, language, scripts=scripts)
        await somebody.go(PROFILES)
        await expect(page.locator("main svg:visible").first).to_be_visible()
        await expect(page.locator("main table.cards tbody")).to_contain_text("16 A")
        await photographed(PROFILES)

        form = page.locator('form:has(input[name="do"][value="limit"])')
        await typed(page, form.locator('[name="limit"]'), "10")
        await typed(page, form.locator('[name="level"]'), "x")
        await pressed(page, form.get_by_role("button"))
        await expect(page.locator("#level-wrong")).to_be_visible()
        assert [action for action, _ in await commands(database)].count("SetChargingProfile") == 0

        await typed(page, form.locator('[name="level"]'), "2")
        await pressed(page, form.get_by_role("button"))
        await expect(page.locator("#at-station .command").first).to_be_visible()
        action, payload = (await commands(database))[0]
        assert action == "SetChargingProfile"
        told = payload["chargingProfile"]
        assert (told["stackLevel"], payload["evseId"]) == (2, 0)
        [schedule] = told["chargingSchedule"]
        assert schedule["chargingSchedulePeriod"] == [{"limit": 10, "startPeriod": 0}]

        await pressed(page, page.locator('form:has(input[name="number"]) button').first)
        await expect(page.locator("#at-station .command").first).to_be_visible()
        assert (await commands(database))[0] == ("ClearChargingProfile", {"chargingProfileId": 71})
        await photographed(PROFILES)
    complaints = [each for each in somebody.complaints if "422" not in each]
    assert complaints == []


@pytest.mark.parametrize(("language", "width", "theme", "scripts"), LOOKS)
async def test_a_message_is_shown_and_another_cleared_by_keyboard(
    chromium: Browser,
    address: str,
    database: Database,
    language: str,
    width: int,
    theme: str,
    scripts: bool,
) -> None:
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
        scripts=scripts,
    ) as somebody:
        page, photographed = somebody.page, photographer(somebody, language, scripts=scripts)
        await somebody.go(DISPLAY)
        await expect(page.get_by_text(MESSAGE)).to_be_visible()
        await photographed(DISPLAY)
        await pressed(page, page.locator("details.unfold summary"))
        form = page.locator("details.unfold form")
        await typed(page, form.locator("#text1"), "Willkommen")
        await typed(page, form.locator("#language1"), "klingon")
        await pressed(page, form.get_by_role("button"))
        await expect(page.locator("#language1-wrong")).to_be_visible()
        assert "SetDisplayMessage" not in [action for action, _ in await commands(database)]
        await typed(page, form.locator("#language1"), "de")
        await pressed(page, form.get_by_role("button"))
        await expect(page.locator("#at-station .command").first).to_be_visible()
        action, payload = (await commands(database))[0]
        assert (action, payload["message"]["message"]) == (
            "SetDisplayMessage",
            {"format": "UTF8", "language": "de", "content": "Willkommen"},
        )
        await photographed(DISPLAY)
        await pressed(page, page.locator('main button[name="do"][value="clear"]'))
        await expect(page.locator("#at-station .command").first).to_be_visible()
        async with database.unit_of_work() as db:
            cleared = await db.scalar(
                text("select count(*) from commands where action = 'ClearDisplayMessage'")
            )
        assert cleared == 1
    complaints = [each for each in somebody.complaints if "422" not in each]
    assert complaints == []


@pytest.mark.parametrize(("language", "width", "theme", "scripts"), LOOKS)
async def test_a_location_is_balanced_by_keyboard(
    chromium: Browser,
    address: str,
    database: Database,
    language: str,
    width: int,
    theme: str,
    scripts: bool,
) -> None:
    async with visitor(
        chromium,
        address,
        width=width,
        language=language,
        theme="dark" if theme == "dark" else "light",
        scripts=scripts,
    ) as somebody:
        page, photographed = somebody.page, photographer(somebody, language, scripts=scripts)
        await somebody.go("/load-balancing")
        await pressed(page, page.locator(f'main a[href="{BALANCED}"]'))
        await page.wait_for_url(f"{address}{BALANCED}")
        form = page.locator(f'form[action="{BALANCED}"]')
        await typed(page, form.locator("#limit_a"), "none")
        await pressed(page, form.get_by_role("button"))
        await expect(page.locator("#limit_a-wrong")).to_be_visible()
        await photographed(BALANCED)
        await typed(page, form.locator("#limit_a"), "63")
        await pressed(page, form.get_by_role("button"))
        await page.wait_for_url(f"{address}{BALANCED}*")
        await expect(page.locator("#limit_a-wrong")).to_have_count(0)
        async with database.unit_of_work() as db:
            limit = await db.scalar(
                text("select limit_a from load_balancers where location = 'zob'")
            )
        assert limit == 63
        await photographed(BALANCED)
    complaints = [each for each in somebody.complaints if "422" not in each]
    assert complaints == []
