"""Credits in a real Chromium: ordered by a customer, booked by staff, used; both languages."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import re
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from portal.pages import remote_console
from tests.portal.pages.conftest import (  # noqa: F401
    application,
    database_url,
    lively,
    lively_template,
    quiet_template,
)
from tests.portal.test_browser import (  # noqa: F401
    PICTURES,
    Theme,
    address,
    chromium,
    picture,
    visitor,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lively")]

STATION = "DE-HN-002"
PAGES = ("/credits", "/credits/order?quantity=240", f"/stations/{STATION}/remote")


async def test_credits_are_ordered_booked_and_used(
    chromium: Browser,
    address: str,
    database: Database,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_console, "POLL_S", 0.1)
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with visitor(chromium, address, name="otto") as otto:
        await otto.go("/credits")
        await otto.page.click("text=Order credits …")
        await otto.page.fill("#quantity", "240")  # the price follows without a click
        await expect(otto.page.locator("#price")).to_contain_text("250 credits cost less: €28.50")
        await otto.page.fill("#quantity", "250")
        await otto.page.get_by_role("button", name="Order 250 credits for €28.50").click()
        await expect(otto.page.get_by_role("status").first).to_contain_text("An invoice follows.")
        await expect(otto.page.locator("main")).to_contain_text("CR-000001")

    async with visitor(chromium, address, language="de") as admin:
        await admin.go("/credits/orders")
        await expect(admin.page.locator("main")).to_contain_text("Noch nicht gebucht")
        await admin.page.screenshot(path=PICTURES / "credits-orders-de.png", full_page=True)
        await admin.page.fill("#payment-CR-000001", "Kontoauszug 17")
        await admin.page.get_by_role("button", name="Sie ist bezahlt").click()
        await expect(admin.page.get_by_role("status").first).to_contain_text("vermerkt")
        await expect(admin.page.locator("main")).to_contain_text("Nichts zu tun")
    async with database.unit_of_work() as db:
        [told] = await mail.outbox(db, before=None, limit=1)
    assert told.subject == "250 credits are booked"
    assert told.recipient == "rechnung@stadtwerke.example"

    async with visitor(chromium, address, name="otto", language="de") as otto:
        await otto.go(f"/stations/{STATION}/remote")
        await otto.page.check("#months-1")
        await otto.page.get_by_role("button", name="Mit Credits buchen").click()
        await expect(otto.page.get_by_role("status").first).to_contain_text("gebucht und offen")
        clock.advance(timedelta(seconds=1))
        async with database.unit_of_work() as db:
            await db.execute(
                text(
                    "insert into frames (station, at, direction, epoch, raw) values"
                    " (:station, :at, 'in', 1, '[2,\"77\",\"Heartbeat\",{}]')"
                ),
                {"station": STATION, "at": clock.now()},
            )
        await expect(otto.page.locator(".frames")).to_contain_text("Heartbeat")
        await otto.go("/credits")
        rows = otto.page.locator("section[aria-labelledby=bookings] tbody tr")
        await expect(rows.first).to_contain_text(
            re.compile(r"Fernzugriff, 1 Monat.*-50.*200", re.DOTALL)
        )
        await expect(rows.last).to_contain_text(re.compile(r"Kauf.*\+250.*250", re.DOTALL))
    assert otto.complaints == admin.complaints == []


@pytest.mark.parametrize("width", [360, 1440])
async def test_the_pages_fit_a_phone_and_a_desk(
    chromium: Browser, address: str, width: int
) -> None:
    theme: Theme = "dark" if width == 360 else "light"
    wide = {}
    async with visitor(
        chromium, address, width=width, language="de", name="otto", theme=theme
    ) as otto:
        for path in PAGES:
            await otto.go(path)
            if await otto.sideways() > 0:
                wide[path] = await otto.sideways()
            PICTURES.mkdir(parents=True, exist_ok=True)
            await otto.page.screenshot(
                path=PICTURES / f"credits-{width}-{picture(path)}.png", full_page=True
            )
    assert wide == {}
    assert otto.complaints == []
