"""From a ticket to the charge: decided, sent, done on a phone, documented by both, booked."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import struct
import zlib

import pytest
from playwright.async_api import Browser, Page, expect

from billing import charges
from foundation.database import Database
from foundation.identifiers import OrganisationKey
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
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]


def png() -> bytes:
    """A picture of 2 × 2 red points."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\xff\0\0" * 2) * 2
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


async def press(page: Page, action: str) -> None:
    """Send the form that goes to an address."""
    await page.locator(f'form[action="{action}"] button').last.click()


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("de", "dark")])
async def test_ticket_decision_dispatch_phone_outcome_and_charge(
    chromium: Browser, address: str, database: Database, language: str, theme: str
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(
        chromium, address, language=language, theme="dark" if theme == "dark" else "light"
    ) as somebody:
        page = somebody.page

        async def photographed(name: str) -> None:
            assert await somebody.sideways() <= 0, name
            await page.screenshot(path=PICTURES / f"{name}-way-{language}.png", full_page=True)

        await somebody.go("/support/tickets/new?station=DE-HN-002")
        await page.fill("#title", "Display dark, plug torn")
        await press(page, "/support/tickets")
        await page.locator('button[name="kind"][value="repair"]').click()
        await page.wait_for_url("**/support/visits/*")
        where = page.url.removeprefix(address)
        await expect(page.locator(f'form[action="{where}/dispatch"]')).to_have_count(0)
        await page.select_option("#cover", "chargeable")
        await page.fill("#reason", "Torn by a car, the guarantee does not hold.")
        await press(page, f"{where}/cover")
        await expect(page.locator("#fault_analysis")).to_be_visible()
        await page.fill("#latitude", "49.1427")
        await page.fill("#longitude", "9,2109")
        await page.fill("#fault_analysis", "Cable torn at the lid; no short circuit.")
        await page.fill("#contact", "Caretaker, +49 7131 555")
        await page.fill("#technician", "Tom Technik")
        await page.fill("#email", "tom@technik.example")
        await photographed("visit-to-dispatch")
        await press(page, f"{where}/dispatch")
        link = await page.locator("#link").inner_text()
        await photographed("visit-sent")

        phone = await chromium.new_context(
            viewport={"width": 390, "height": 844},
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            is_mobile=True,
            has_touch=True,
        )
        work = await phone.new_page()
        path = link[link.index("/visit/") :]
        await work.goto(address + path)
        await work.locator("button.main").click()
        await work.wait_for_url(f"{address}/visit")
        await expect(work.locator("main")).to_contain_text("+49 7131 555")
        await press(work, "/visit/arrive")
        await work.set_input_files(
            "#photo", {"name": "lid.png", "mimeType": "image/png", "buffer": png()}
        )
        await work.fill("#caption", "The new cable")
        await press(work, "/visit/photo")
        await work.fill("#part", "Cable type 2, 5 m")
        await work.fill("#serial", "K-77")
        await press(work, "/visit/part")
        await expect(work.locator("main")).to_contain_text("K-77")
        await work.check("#outcome-parts_replaced")
        await work.fill("#text", "Cable replaced, tested with a car.")
        await press(work, "/visit/document")
        await expect(work.locator(".banner.ok")).to_be_visible()
        wider = await work.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0
        await work.screenshot(path=PICTURES / f"visit-phone-{language}.png", full_page=True)
        other = await phone.browser.new_context() if phone.browser else phone
        second = await other.new_page()
        used = await second.goto(address + path)
        assert used is not None
        assert used.status == 404  # one device alone
        await other.close()

        await somebody.go(where)
        await page.fill("#agent_text", "Asked back: charging works again.")
        await page.fill("#work", "189.00")
        await page.fill("#parts", "240,50")
        await photographed("visit-to-close")
        await press(page, f"{where}/close")
        await expect(page.locator("main")).to_contain_text("EUR")
        await expect(page.locator("img")).to_have_count(1)
        await photographed("visit-closed")
        report = await page.request.get(f"{address}{where}/report")
        assert (report.status, (await report.body())[:5]) == (200, b"%PDF-")
        gone = await work.goto(f"{address}/visit")
        assert gone is not None
        assert gone.status == 404
        await phone.close()
    assert somebody.complaints == []
    async with database.unit_of_work() as db:
        found = await charges.open_charges(
            db, debtor=charges.organisation(OrganisationKey("stadtwerke"))
        )
    booked = [str(each.charge.net.amount) for each in found if each.charge.kind == "intervention"]
    assert booked == ["189.00", "240.50"]
