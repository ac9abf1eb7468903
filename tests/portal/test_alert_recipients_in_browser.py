"""Who hears of alerts in a real Chromium: a number entered, an SMS paid, a mail without credits."""

# ruff: noqa: F811 - fixtures are imported, and used by naming them as parameters
import json

import pytest
from playwright.async_api import Browser, expect

from alerts import purse, raising
from alerts.channels.gateway import Gateway
from alerts.detections import Detection
from alerts.notices import Channel
from alerts.noticing import Notices
from billing import credit_store
from billing.sms_purse import SmsPurse
from csms.whereabouts import Registered
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey
from foundation.jobs import Attempt, Jobs
from foundation.mail import Mails
from foundation.outbox import Delivery, event_from, journal_after
from foundation.sealing import Sealer
from foundation.settings import Settings
from tests.alerts.watch import finding
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
from tests.receivers import receiving


@pytest.fixture
def gateway_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installation has a gateway for SMS."""
    monkeypatch.setenv("LEITSTAND_SMS_URL", "https://gateway.example/send")


pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("gateway_named", "lively")]

STATION = "DE-HN-002"
WORKS = OrganisationKey("stadtwerke")


async def _tells(database: Database, clock: SetClock, notices: Notices, number: int) -> None:
    """Have a job of error detection find something, and people be told."""
    found = finding(
        STATION,
        detection=Detection.JOB,
        cause=f"job/{number}",
        organisation=WORKS,
        at=clock.now(),
    )
    async with database.unit_of_work() as db:
        await raising.report(db, [found], now=clock.now())
    async with database.unit_of_work() as db:
        entries = await journal_after(db, None, kinds=[AlertChanged.kind], limit=10)
        newest = entries[-1]
        event = event_from(newest.kind, newest.payload)
        await notices(db, [Delivery(number, event, clock.now())])
    await notices.send({"notice": number}, Attempt(1, False))


async def test_a_number_is_entered_and_its_sms_are_paid_until_the_credits_end(
    chromium: Browser, address: str, database: Database, clock: SetClock
) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    raising.join_sites(database, Registered())
    purse.join(database, SmsPurse())
    jobs = Jobs(database.url)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=Settings.read())
    async with (
        receiving() as gateway,
        visitor(chromium, address, name="otto", language="de") as otto,
    ):
        notices = Notices(
            database=database,
            jobs=jobs,
            clock=clock,
            mails=mails,
            sealer=Sealer(bytes(32)),
            ways={Channel.SMS: Gateway(gateway.url, token=None, timeout_s=10)},
            public_url="https://leitstand.example",
        )
        await otto.go("/alerts")
        await otto.page.click("text=Wer von Alarmen erfährt")
        await otto.page.click("text=Neuer Eintrag")
        await otto.page.screenshot(path=PICTURES / "recipient-new-de.png", full_page=True)
        await otto.page.select_option("#channel", "sms")
        await otto.page.fill("#target", "0170 1234567")
        await otto.page.get_by_role("button", name="Speichern").click()
        await expect(otto.page.get_by_role("alert")).to_contain_text("die Vorwahl ihres Landes")
        await otto.page.fill("#target", "+49 170 1234567")
        await otto.page.get_by_role("button", name="Speichern").click()
        await expect(otto.page.locator("main")).to_contain_text("+491701234567")
        async with database.unit_of_work() as db:
            await credit_store.add(db, WORKS, 1, reference="order/1", by="test", now=clock.now())
        await _tells(database, clock, notices, 1)
        [came] = gateway.came
        assert json.loads(came.body)["to"] == "+491701234567"
        await _tells(database, clock, notices, 2)
        assert len(gateway.came) == 1
        async with database.unit_of_work() as db:
            [told] = await mail.outbox(db, limit=1)
            assert (await credit_store.wallet(db, WORKS)).balance == 0
        assert told.subject in (
            "Keine Credits für 1 SMS über Alarme",
            "No credits for 1 SMS about alerts",
        )
        await otto.go("/alerts/recipients")
        await expect(otto.page.locator("main")).to_contain_text("In den letzten 30 Tagen gesendet")
        await otto.page.screenshot(path=PICTURES / "recipients-de.png", full_page=True)
    async with visitor(chromium, address, name="otto", width=360, theme="dark") as phone:
        for path in ("/alerts/recipients", "/alerts/recipients/new"):
            await phone.go(path)
            assert await phone.sideways() <= 0
            name = path.rpartition("/")[2]
            await phone.page.screenshot(
                path=PICTURES / f"recipients-360-{name}.png", full_page=True
            )
    assert otto.complaints == [each for each in otto.complaints if "422" in each], (
        "a refusal is no complaint"
    )
    assert phone.complaints == []
