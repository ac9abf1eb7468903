"""From a customer to its invoice in a real Chromium, in both languages."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.test_browser import PICTURES, address, chromium, picture, visitor  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

MONTH = "2026-09"


async def fill(page: Page, values: dict[str, str]) -> None:
    for name, value in values.items():
        await page.fill(f"#{name}", value)


async def test_from_a_customer_to_its_invoice_and_back(chromium: Browser, address: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(chromium, address) as admin:
        page = admin.page

        # Who issues is recorded first, then the switches are set.
        await admin.go("/contacts/new?represents=organisation/root")
        await fill(page, {"street": "Hafenstraße 1", "postcode": "89073", "city": "Ulm"})
        await page.fill("#vat_id", "DE136695977")
        await page.click("main button.main")
        await expect(page.locator("#vat_id-wrong")).to_contain_text("check digit")
        await page.fill("#vat_id", "DE136695976")
        await page.click("main button.main")
        await page.wait_for_url(re.compile(r"/contacts/\d+\?done=saved"))
        await admin.go("/invoicing")
        await page.fill("#iban", "DE89370400440532013000")
        await page.check("#zero_invoices")
        await page.click("form[action='/invoicing'] button.main")
        await page.wait_for_url("**/invoicing?done=saved")
        await expect(page.locator("#zero_invoices")).to_be_checked()

        # A customer, a contract, a token on it.
        await admin.go("/contacts/new")
        await fill(
            page,
            {
                "name": "Huber Transporte",
                "street": "Ring 5",
                "postcode": "10115",
                "city": "Berlin",
                "email": "huber@example.com",
            },
        )
        await page.select_option("#language", "de")
        await page.click("main button.main")
        await page.wait_for_url(re.compile(r"/contacts/\d+\?done=saved"))
        contact = re.sub(r"\?.*", "", page.url.removeprefix(address))
        await page.click("summary:has-text('New contract')")
        await fill(
            page,
            {"contract-name": "Fleet", "base_fee": "4.90", "contract-since": "2026-01-01"},
        )
        await page.click("button:has-text('Make the contract')")
        await page.click("summary:has-text('Put a token on it')")
        await fill(page, {"token-1": "04A2B3C4D500", "since-1": "2026-01-01"})
        await page.click("button:has-text('Put it on')")
        await page.wait_for_url("**done=saved")

        # The month's documents; the invoice, booked as the customer's open item.
        await admin.go(f"/invoicing?month={MONTH}")
        await page.screenshot(path=PICTURES / "papers-invoicing.png", full_page=True)
        await page.click("summary:has-text('Make the documents now')")
        await page.click("button:has-text('Make the documents of')")
        await page.wait_for_url("**/documents?*")
        await page.get_by_role("link", name=re.compile("RE.*000001")).click()
        await expect(page.locator("article.paper")).to_contain_text("Grundgebühr, Vertrag Fleet")
        for form, kind in (("pdf", "application/pdf"), ("sessions.csv", "text/csv")):
            made = await page.request.get(f"{address}/api/v1/documents/RE-2026-000001.{form}")
            assert (made.status, made.headers["content-type"].split(";")[0]) == (200, kind)

        # Taken back by a counter-document only.
        await page.click("summary:has-text('Take it back')")
        await page.fill("#reason", "Wrong address")
        await page.click("button:has-text('Issue the counter-document')")
        await page.wait_for_url("**/documents/ST-2026-000001?done=saved")
        await admin.go("/documents/RE-2026-000001")
        await expect(page.locator("main")).to_contain_text("ST-2026-000001")
        pages = (
            "/contacts",
            contact,
            f"{contact}/change",
            "/contracts",
            "/documents",
            "/documents/RE-2026-000001",
            "/invoicing",
        )
        for path in pages:
            await admin.go(path)
            await page.screenshot(path=PICTURES / f"papers-{picture(path)}.png", full_page=True)
    # The refusal, and nothing else.
    assert [each for each in admin.complaints if " 422 " not in each] == []

    async with visitor(chromium, address, language="de", width=360, theme="dark") as admin:
        for path in pages:
            await admin.go(path)
            assert await admin.sideways() <= 0, path
            name = f"papers-{picture(path)}-de.png"
            await admin.page.screenshot(path=PICTURES / name, full_page=True)
        await expect(admin.page.locator("h1")).to_have_text("Abrechnung")
        await admin.go("/documents/RE-2026-000001")
        await expect(admin.page.locator("h1")).to_have_text("Rechnung RE-2026-000001")
    assert admin.complaints == []
