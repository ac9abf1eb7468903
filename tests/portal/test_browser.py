"""The portal in a real Chromium: policy, keys, phones, life without scripts, and pictures.

The executable is that of the environment variable CHROMIUM_PATH, else the system's, else
Playwright's own. The pictures are written to `out/screenshots`, for people to look at.
"""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Literal

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from sqlalchemy import update

from csms.tables import ConnectorRow
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import ConnectorStatusChanged
from foundation.identifiers import ConnectorId, EvseId, StationId
from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
    watched,
)
from tests.portal.pages.world import PASSWORD
from tests.portal.test_pages import PAGES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

PICTURES = Path(__file__).parents[2] / "out" / "screenshots"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
CHROMIUM = os.environ.get("CHROMIUM_PATH", "/usr/bin/chromium")
Theme = Literal["light", "dark"]


class Served(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def served(app: FastAPI, port: int = 0) -> AsyncIterator[int]:
    """Serve the application on loopback, and say at which port."""
    server = Served(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_level="error",
            ws="none",
            timeout_graceful_shutdown=1,
        )
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        await server.up.wait()
        try:
            yield server.servers[0].sockets[0].getsockname()[1]
        finally:
            server.should_exit = True


@pytest.fixture
async def address(application: FastAPI) -> AsyncIterator[str]:
    async with served(application) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM if Path(CHROMIUM).exists() else None,  # noqa: ASYNC240
            args=FLAGS,
        )
        yield browser
        await browser.close()


@dataclass
class Visitor:
    """Somebody at a browser, and everything that the browser complained about."""

    address: str
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        answer = await self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status == 200, path

    async def sideways(self) -> int:
        """How many pixels the page is wider than its window."""
        await self.page.wait_for_load_state()
        wider = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return int(wider)


@asynccontextmanager
async def visitor(
    chromium: Browser,
    address: str,
    *,
    name: str = "admin",
    width: int = 1440,
    theme: Theme = "light",
    language: str = "en",
    scripts: bool = True,
) -> AsyncIterator[Visitor]:
    """Open a browser window and sign somebody in."""
    context = await chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        locale=language,
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    found = Visitor(address, context, page)
    page.on(
        "console",
        lambda message: found.complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(address)
            else found.complaints.append(f"asked {request.url}")
        ),
    )
    await page.goto(f"{address}/sign-in")
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.click("button.main")
    await page.wait_for_url(f"{address}/")
    try:
        yield found
    finally:
        await context.close()


def picture(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "overview"


@pytest.mark.timeout(600)  # a hundred pages and more, on however slow a machine
@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    ("width", "theme", "language"),
    [(1440, "light", "en"), (1440, "dark", "de"), (390, "light", "de")],
)
async def test_every_page_loads_without_complaint_and_is_photographed(
    chromium: Browser, address: str, width: int, theme: Theme, language: str
) -> None:
    """Each width with the longer language, and each theme; see also the pages at 320 pixels."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    side = "wide" if width > 1000 else "narrow"
    wide: dict[str, int] = {}
    async with visitor(chromium, address, width=width, theme=theme, language=language) as somebody:
        for path in PAGES:
            await somebody.go(path)
            if (too_wide := await somebody.sideways()) > 0:
                wide[path] = too_wide
            name = f"{picture(path)}-{side}-{theme}-{language}.png"
            await somebody.page.screenshot(path=PICTURES / name, full_page=True)
    assert wide == {}
    assert somebody.complaints == []


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("language", ["en", "de"])
async def test_nothing_scrolls_sideways_at_320_pixels(
    chromium: Browser, address: str, language: str
) -> None:
    """320 pixels are a page of 1280 at a zoom of 400 %. Source: WCAG 2.2, 1.4.10 reflow."""
    wide: dict[str, int] = {}
    async with visitor(chromium, address, width=320, language=language) as somebody:
        for path in (*PAGES, "/sign-in"):
            if path == "/sign-in":
                await somebody.context.clear_cookies()
            await somebody.go(path)
            if (too_wide := await somebody.sideways()) > 0:
                wide[path] = too_wide
    assert wide == {}


async def test_layout_survives_words_twice_as_long(chromium: Browser, address: str) -> None:
    double = """
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
          const said = walk.currentNode.data.trim();
          if (/^[A-ZÄÖÜ]?[a-zäöüß ]{3,}$/.test(said)) walk.currentNode.data = said + " " + said;
        }"""
    wide: dict[str, int] = {}
    for width in (1440, 390):
        async with visitor(chromium, address, width=width, language="de") as somebody:
            for path in ("/", "/stations", "/stations/DE-HN-002", "/sessions/1037", "/statements"):
                await somebody.go(path)
                await somebody.page.evaluate(double)
                if (too_wide := await somebody.sideways()) > 0:
                    wide[f"{path} at {width}"] = too_wide
    assert wide == {}


async def test_the_keyboard_reaches_search_rows_and_pages(chromium: Browser, address: str) -> None:
    async with visitor(chromium, address) as somebody:
        page = somebody.page
        await somebody.go("/stations")
        await page.keyboard.press("/")
        await expect(page.locator("#search")).to_be_focused()
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await expect(page.locator("a.go").nth(1)).to_be_focused()
        await page.keyboard.press("k")
        await expect(page.locator("a.go").nth(0)).to_be_focused()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/stations/DE-HN-001")
        await page.keyboard.press("/")
        await page.keyboard.type("04A2")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/search?q=04A2")
        await page.keyboard.press("/")
        await page.keyboard.press("ArrowDown")
        await expect(page.locator("a.go").first).to_be_focused()
    assert somebody.complaints == []


async def test_the_first_stop_of_the_tab_key_skips_to_the_content(
    chromium: Browser, address: str
) -> None:
    async with visitor(chromium, address) as somebody:
        await somebody.go("/stations")
        await somebody.page.keyboard.press("Tab")
        skip = somebody.page.locator(".skip")
        await expect(skip).to_be_focused()
        box = await skip.bounding_box()
        assert box is not None
        assert box["width"] > 50
        await somebody.page.keyboard.press("Enter")
        await expect(somebody.page.locator("main")).to_be_focused()


async def test_points_of_a_chart_show_their_values_by_key_and_pointer(
    chromium: Browser, address: str
) -> None:
    async with visitor(chromium, address) as somebody:
        points = somebody.page.locator("svg.wide").first.locator(".pick")
        await points.first.focus()
        await expect(points.first.locator(".tip")).to_be_visible()
        await somebody.page.keyboard.press("ArrowRight")
        await expect(points.nth(1)).to_be_focused()
        await expect(points.nth(1).locator(".tip")).to_be_visible()
        await expect(points.first.locator(".tip")).to_be_hidden()
        await somebody.page.keyboard.press("End")
        await expect(points.last).to_be_focused()
        await points.nth(4).hover()
        await expect(points.nth(4).locator(".tip")).to_be_visible()


async def test_a_changed_value_is_replaced_where_it_stands_and_marked(
    chromium: Browser, address: str, database: Database, clock: SetClock
) -> None:
    async with visitor(chromium, address) as somebody:
        async with somebody.page.expect_request("**/live?about=stations"):
            await somebody.go("/stations")
        plugs = somebody.page.locator('[data-live="plugs-DE-HN-010"]')
        await expect(plugs).to_contain_text("Available")
        order = await somebody.page.locator("a.go").all_text_contents()
        async with database.unit_of_work() as db:
            await db.execute(
                update(ConnectorRow)
                .where(ConnectorRow.station == "DE-HN-010")
                .values(status="Reserved")
            )
            await outbox.append(
                db,
                [
                    ConnectorStatusChanged(
                        happened_at=clock.now(),
                        station=StationId("DE-HN-010"),
                        evse_id=EvseId(1),
                        connector_id=ConnectorId(1),
                        status="Reserved",
                        charging_state=None,
                    )
                ],
                recorded_at=clock.now(),
            )
        await expect(plugs).to_contain_text("Reserved", timeout=20_000)
        await expect(plugs).to_have_class(re.compile("changed"))
        await expect(plugs).not_to_have_class(re.compile("changed"), timeout=10_000)
        assert await somebody.page.locator("a.go").all_text_contents() == order


async def test_a_lost_stream_says_so_and_comes_back_by_itself(
    chromium: Browser, application: FastAPI
) -> None:
    async with served(application) as port:
        address = f"http://127.0.0.1:{port}"
        context = visitor(chromium, address)
        somebody = await context.__aenter__()
        async with somebody.page.expect_response("**/live?about=stations"):
            await somebody.go("/stations")
    stream = somebody.page.locator(".stream")
    await expect(stream).to_contain_text("interrupted", timeout=20_000)
    async with served(application, port):
        await expect(stream).to_be_hidden(timeout=40_000)
        await expect(somebody.page.locator(".notice")).to_contain_text("Live again")
        with suppress(Exception):
            await context.__aexit__(None, None, None)


async def test_themes_change_at_once_and_stay(chromium: Browser, address: str) -> None:
    async with visitor(chromium, address) as somebody:
        page = somebody.page
        ground = "getComputedStyle(document.body.parentElement).backgroundColor"
        light = await page.evaluate(ground)
        async with page.expect_response("**/preferences"):
            await page.click("[data-theme-switch] button")
        dark = await page.evaluate(ground)
        assert dark != light
        await somebody.go("/stations")
        assert await page.evaluate(ground) == dark
        await page.click("header button[value=de]")
        await page.wait_for_load_state()
        await expect(page.locator("h1")).to_have_text("Ladestationen")
    assert somebody.complaints == []


async def test_everything_works_without_scripts(chromium: Browser, address: str) -> None:
    async with visitor(chromium, address, width=390, scripts=False) as somebody:
        page = somebody.page
        side = page.locator("#menu")
        await expect(side).not_to_be_visible()
        await page.click("label.drawer-label")
        await expect(side).to_be_visible()
        await side.get_by_role("link", name="Stations", exact=False).first.click()
        await page.wait_for_url("**/stations")
        await page.click("details.menu summary")
        await page.click('details.menu button[value="dark"]')
        await page.wait_for_url("**/stations")
        assert await page.locator("html").get_attribute("data-theme") == "dark"
        await somebody.go("/sessions/1037")
        await page.get_by_text("Set invalid …").click()
        await page.fill("#void-reason", "A test of the technician.")
        await page.locator('form[action$="/void"] button').click()
        await expect(page.locator(".notice, .banner").first).to_be_visible()
        await expect(page.locator("main")).to_contain_text("A test of the technician.")
        await page.click("details.menu summary")
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in?gone=1")


async def test_a_statement_prints_as_paper_without_the_frame(
    chromium: Browser, address: str
) -> None:
    async with visitor(chromium, address) as somebody:
        await somebody.go("/statements/stadtwerke-2026-09-EUR")
        await somebody.page.emulate_media(media="print")
        await expect(somebody.page.locator(".paper")).to_be_visible()
        for hidden in ("#menu", ".top", ".actions"):
            await expect(somebody.page.locator(hidden).first).to_be_hidden()
