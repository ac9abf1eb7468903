"""A logger's page in a real browser: seen, fenced in, and cut; the pages that lead there."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, expect

from foundation.clock import SetClock
from foundation.database import Database
from portal.tunnel import Tunnel
from tests.portal.loggers import Logger, a_logger
from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.pages.test_maintenances import packaged
from tests.portal.pages.test_remote_console import PAGE, given_credits
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    address,
    chromium,
    visitor,
)
from tests.portal.test_tunnel import tunnelled
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]


@pytest.fixture
async def logger() -> AsyncIterator[Logger]:
    async with a_logger() as found:
        yield found


async def test_the_loggers_page_is_seen_fenced_in_and_cut(
    chromium: Browser,
    application: FastAPI,
    address: str,
    database: Database,
    clock: SetClock,
    logger: Logger,
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    port = free_port()
    context = tunnelled(application, tunnel_url=f"http://{{}}.localhost:{port}", tunnel_port=port)
    await given_credits(database, clock, 60)
    await packaged(database, clock)
    tunnel = Tunnel(context)
    await tunnel.start()
    try:
        for language, width in (("en", 1440), ("de", 320)):
            async with visitor(
                chromium, address, language=language, width=width, name="admin"
            ) as admin:
                await admin.go(PAGE)
                await admin.page.locator(
                    f'details:has(form[action="{PAGE}/pages"]) summary'
                ).click()
                await admin.page.fill("#title", f"Logger {language}")
                await admin.page.fill("#url", "http://192.0.2.1/")
                await admin.page.locator(f'form[action="{PAGE}/pages"] button').click()
                await expect(admin.page.locator(".wrong-why")).to_be_visible()
                await admin.page.fill("#url", f"{logger.url}/")
                await admin.page.locator(f'form[action="{PAGE}/pages"] button').click()
                await admin.go(PAGE)
                assert await admin.sideways() <= 0
                await admin.page.screenshot(
                    path=PICTURES / f"remote-pages-{language}.png", full_page=True
                )
                await admin.go("/support/maintenances")
                assert await admin.sideways() <= 0
                await admin.page.screenshot(
                    path=PICTURES / f"maintenances-{language}.png", full_page=True
                )
        async with visitor(chromium, address, name="otto", theme="dark") as otto:
            page = otto.page
            await otto.go(PAGE)
            await page.locator('button[name="do"][value="buy"]').click()
            await page.locator(
                f'form[action^="{PAGE}/pages/"][action$="/open"] button'
            ).first.click()
            await page.screenshot(path=PICTURES / "remote-opened.png", full_page=True)
            assert await otto.sideways() <= 0
            async with page.expect_popup() as coming:
                await page.locator("#open-page").click()
            seen = await coming.value
            await expect(seen.locator("h1")).to_have_text("Logger 7")
            await expect(seen.locator("#said")).to_have_text("heard hello ")
            assert ".localhost" in seen.url
            assert "ticket" not in seen.url
            # A stranger: our cookie is not its to read, and the portal is out of its reach.
            assert await seen.evaluate("document.cookie") == "sid=7"  # the page's own
            assert await seen.evaluate("window.opener") is None
            reached = await seen.evaluate(
                "url => fetch(url, {credentials: 'include', mode: 'no-cors'})"
                ".then(() => 'reached', () => 'refused')",
                f"{address}/account",
            )
            assert reached == "refused"
            assert await seen.evaluate("window.open('/')") is None
            await page.goto(f"{address}{PAGE}")
            await page.locator('button[name="do"][value="off"]').click()
            await tunnel.look()
            await expect(seen.locator("#said")).to_have_text("heard hello cut")
            await seen.reload()
            await expect(seen.locator("body")).to_contain_text("This page is closed.")
            await page.goto(f"{address}{PAGE}")
            await page.screenshot(path=PICTURES / "remote-closed.png", full_page=True)
    finally:
        await tunnel.stop()
