"""An agreement in a real Chromium: refused, made, changed and ended; and an end finds its start."""

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
from tests.portal.some_loose_ends import LOOSE, SESSION, add_loose_end
from tests.portal.test_browser import PICTURES, Theme, Visitor, address, chromium, visitor  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

WORDS = {
    "en": ("in that time already", "The agreement is made.", "The agreement ends.", "same card"),
    "de": ("In dieser Zeit gilt", "ist angelegt.", "Die Vereinbarung endet.", "dieselbe Karte"),
}


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1440, "light"), ("de", 390, "dark")]
)
async def test_an_agreement_is_made_and_ended_and_an_end_gets_its_session(
    chromium: Browser,
    address: str,
    database: Database,
    clock: SetClock,
    language: str,
    width: int,
    theme: Theme,
) -> None:
    async with database.unit_of_work() as db:
        await add_loose_end(db, clock.now())
    taken, made, ended, card = WORDS[language]
    PICTURES.mkdir(parents=True, exist_ok=True)

    async def seen(somebody: Visitor, name: str) -> None:
        assert await somebody.sideways() <= 0, name
        await somebody.page.screenshot(
            path=PICTURES / f"agreement-{language}-{width}-{name}.png", full_page=True
        )

    async with visitor(
        chromium, address, width=width, theme=theme, language=language, scripts=width > 1000
    ) as somebody:
        page = somebody.page
        await somebody.go("/agreements/new")
        await page.select_option("#payee", "parkhaus")
        await page.fill("#external", "87.5")
        await page.click("main button.main")
        await expect(page.locator(".error-summary")).to_contain_text(taken)
        await expect(page.locator("#external")).to_have_value("87.5")
        await seen(somebody, "refused")
        await page.select_option("#payee", "root")
        await page.click("main button.main")
        await expect(page.get_by_text(made)).to_be_visible()
        await page.fill('form[action$="/end"] #to', "2026-12-31")
        await page.click("main button.danger")
        await expect(page.get_by_text(ended)).to_be_visible()
        await seen(somebody, "ended")
        await somebody.go(f"/sessions/{LOOSE}/match")
        await expect(page.get_by_text(card)).to_be_visible()
        await seen(somebody, "match")
        await page.fill("#reason", card)
        await page.click("main button.main")
        await page.wait_for_url(f"**/sessions/{SESSION}?done=matched")
        await seen(somebody, "matched")
    # A form that is refused is answered 422, of which Chromium tells.
    assert [each for each in somebody.complaints if "422" not in each] == []
