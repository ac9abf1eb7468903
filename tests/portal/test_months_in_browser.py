"""A month in a real Chromium: its shadow, its run with progress, its proof, one session's chain."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, expect

from billing.month_end import MonthEnd
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.sealing import Sealer
from foundation.settings import Settings
from portal.application import create_application
from portal.context import PortalContext
from portal.pages.routes import error_page, router
from tests.portal.pages import world
from tests.portal.pages.conftest import (  # noqa: F401
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.test_browser import PICTURES, address, chromium, picture, visitor  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

MONTH, PAYEE = "2026-09", "parkhaus"

WORDS = {
    "en": ("Draw the shadow", "Run for all payees", "Finished", "From the meter to the bank"),
    "de": ("Probemonat rechnen", "Für alle Empfänger laufen lassen", "Fertig", "Vom Zähler bis"),
}


@pytest.fixture
async def application(database: Database, clock: SetClock) -> AsyncIterator[FastAPI]:
    """The portal, with the jobs that run months beside it."""
    jobs = Jobs(database.url, stop_timeout_s=1)
    month_end = MonthEnd(database, world.closing(), clock, jobs=jobs)
    month_end.register()
    context = PortalContext(
        database=database,
        clock=clock,
        settings=Settings.read(),
        closing=world.closing(),
        month_end=month_end,
        sealer=Sealer(bytes(32)),
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(jobs.run())
        yield create_application(context, pages=[router], error_page=error_page)
        running.cancel()


@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_month_is_drawn_run_and_proven(
    chromium: Browser, address: str, language: str
) -> None:
    draw, run, finished, proof = WORDS[language]
    async with visitor(chromium, address, width=390, language=language) as admin:
        page = admin.page
        await admin.go("/months")
        await page.select_option("#payee", PAYEE)
        await page.fill("#month", MONTH)
        await page.get_by_role("button", name=draw).click()
        await page.wait_for_url(f"**/months/{MONTH}/{PAYEE}*")
        await expect(page.get_by_role("heading", name=proof)).to_be_visible()

        await admin.go("/months")
        await page.fill("#run", MONTH)
        await page.get_by_role("button", name=run).click()
        # The list is live: what the job does appears by itself, or with the next look.
        for _ in range(40):
            await admin.go("/months")
            row = page.get_by_role("row").filter(has=page.locator(f'a[href="/months/{MONTH}"]'))
            if finished in " ".join(await row.all_inner_texts()):
                break
        await expect(row).to_contain_text(finished)
        PICTURES.mkdir(parents=True, exist_ok=True)
        wide = {}
        statement = f"/statements/{PAYEE}-{MONTH}-EUR"
        paths = ["/months", f"/months/{MONTH}", f"/months/{MONTH}/{PAYEE}", "/late-sessions"]
        await admin.go(statement)
        session = await page.locator('td.nowrap a[href^="/sessions/"]').first.get_attribute("href")
        for path in [*paths, f"{session}/explained"]:
            await admin.go(path)
            if (too_wide := await admin.sideways()) > 0:
                wide[path] = too_wide
            name = f"months-{picture(path)}-{language}.png"
            await page.screenshot(path=PICTURES / name, full_page=True)
        await admin.go(f"/months/{MONTH}/{PAYEE}")
        # Nothing came between the shadow and the close.
        await expect(page.locator("section", has=page.locator("#shadows"))).to_contain_text("0")
    assert wide == {}
    assert admin.complaints == []
