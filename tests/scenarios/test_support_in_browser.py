"""From the click that switches monitoring on to the charge for a visit, and to the click that ends.

One story in each language: a station that is really connected reports a fault, and people see to
it by clicks alone, the technician on his phone. Mails leave through a real mail server.
"""

import re
from collections.abc import AsyncIterator

import psycopg
import pytest
from playwright.async_api import Browser, expect

from foundation.postgres import EmbeddedPostgres
from tests.pictures import png
from tests.portal.test_browser import PICTURES, chromium
from tests.scenarios.support_stage import Person, Stage, stage_on, text_of

__all__ = ["chromium"]

pytestmark = pytest.mark.slow

WORDS = {
    "en": {
        "tab": "Operational management",
        "points": "Charge points",
        "on": "Activate now",
        "end": "End the service …",
        "off": "Disable service for this charging station",
        "ticket": "Open a ticket …",
        "open": "Open the ticket",
        "plan": "Plan a visit",
        "page": "The technician's page",
        "no id": "no EVSE ID",
        "month": "9.90",
        "year": "118.80",
        "is on": "is switched on",
        "has ended": "has ended",
        "ground": "Ground failure",
        "voltage": "Voltage too high",
        "not monitored": "The station is not monitored",
        "raised": "Fault: Ground failure",
        "visit": "On-site service",
        "coordinates": "The station's coordinates are missing.",
        "write": "Write something here.",
        "decide": "Who pays",
        "outcome": "Name exactly one main outcome.",
        "nothing": "Nothing is charged",
        "next": "the next one",
        "intervention": "189.00",
        "close": "Close …",
    },
    "de": {
        "tab": "Betriebsführung",
        "points": "Ladepunkte",
        "on": "Jetzt aktivieren",
        "end": "Betriebsführung beenden …",
        "off": "Betriebsführung für Ladestation beenden",
        "ticket": "Ticket eröffnen …",
        "open": "Ticket eröffnen",
        "plan": "Einsatz planen",
        "page": "Die Seite des Technikers",
        "no id": "keine EVSE-ID",
        "month": "9,90",
        "year": "118,80",
        "is on": "ist eingeschaltet",
        "has ended": "ist beendet",
        "ground": "Erdschluss",
        "voltage": "Spannung zu hoch",
        "not monitored": "keine Betriebsführung: Ein Techniker",
        "raised": "Störung: Erdschluss",
        "visit": "Einsatz vor Ort",
        "coordinates": "Die Koordinaten der Station fehlen.",
        "write": "Schreiben Sie hier etwas.",
        "decide": "Wer zahlt",
        "outcome": "Nennen Sie genau ein Hauptergebnis.",
        "nothing": "Nichts wird berechnet",
        "next": "die nächste",
        "intervention": "189,00",
        "close": "Schließen …",
    },
}


@pytest.fixture(scope="module")
async def stage(
    postgres: EmbeddedPostgres,
    template: str,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stage]:
    """One program for the whole file."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database support_in_browser template {template}")
    url = postgres.url_of("support_in_browser")
    async with stage_on(url, tmp_path_factory.mktemp("support"), chromium) as made:
        await made.priced()
        yield made


async def switched_on(olga: Person, stage: Stage, station: str, key: str) -> None:
    """Refused without an EVSE ID, which is entered; then on, at a cost that stood there before."""
    said, page = WORDS[olga.language], olga.page
    main = page.locator("main")
    await olga.follows("/stations")
    await olga.follows(f"/stations/{station}")
    await page.get_by_role("link", name=said["tab"], exact=True).click()
    await expect(main).to_contain_text(said["no id"])
    await expect(page.get_by_role("button", name=said["on"], exact=True)).to_be_disabled()
    await olga.looks("way-monitoring-refused")
    await page.get_by_role("link", name=said["points"], exact=True).click()
    await page.fill("#country-1", "DE")
    await page.fill("#operator-1", "HBR")
    await page.fill("#number-1", f"{key}001".upper().replace("-", ""))
    await olga.presses(f"/stations/{station}/charge-points/1")
    await page.get_by_role("link", name=said["tab"], exact=True).click()
    await expect(main).to_contain_text(said["month"])
    await expect(main).to_contain_text(said["year"])
    await olga.looks("way-monitoring-cost")
    await page.get_by_role("button", name=said["on"], exact=True).click()
    await expect(page.get_by_text(said["end"])).to_be_visible()
    for address in (f"office@{key}.example", f"olga-{key}@{key}.example"):
        mail = await stage.mail(address, station, said["is on"])
        assert said["month"] in text_of(mail)
    await stage.draw_mail(f"mail-monitoring-on-{olga.language}", mail)
    await page.fill("#name", "Tom Technik")
    await page.fill("#email", f"tom@{key}.example")
    await olga.presses(f"/stations/{station}/operations/technician")
    await expect(page.locator("#email")).to_have_value(f"tom@{key}.example")


async def wants_to_hear(olga: Person, key: str) -> None:
    """Enter a mail address that is told of faults."""
    await olga.follows("/alerts")
    await olga.follows("/alerts/recipients")
    await olga.follows("/alerts/recipients/new")
    await olga.page.select_option("#organisation", key)
    await olga.page.fill("#target", f"duty@{key}.example")
    await olga.presses("/alerts/recipients/new")
    await expect(olga.page.locator("main")).to_contain_text(f"duty@{key}.example")


async def looked_at(agnes: Person, station: str, cause: str) -> None:
    """Find an alert among all, and open it."""
    await agnes.follows("/alerts")
    row = agnes.page.locator("tr", has_text=station).filter(has_text=cause)
    await agnes.looks("way-alerts")
    await row.locator("a.go").click()
    await agnes.page.wait_for_url("**/alerts/*")
    await agnes.looks("way-alert")


async def ticketed(agnes: Person, station: str) -> str:
    """From the alert of a monitored station to the ticket that it has already."""
    await looked_at(agnes, station, WORDS[agnes.language]["ground"])
    await agnes.page.get_by_role("link", name=re.compile(r"^Ticket #\d+")).click()
    await agnes.page.wait_for_url(re.compile(r"/support/tickets/\d+"))
    await agnes.looks("way-ticket")
    return agnes.where()


async def refused_without_service(agnes: Person, station: str) -> None:
    """What breaks later is the owner's: a ticket by hand, and nobody can be sent."""
    said, page = WORDS[agnes.language], agnes.page
    await looked_at(agnes, station, said["voltage"])
    await page.get_by_role("link", name=said["ticket"]).click()
    await expect(page.locator("#station")).to_have_value(station)
    await agnes.looks("way-ticket-new")
    await page.get_by_role("button", name=said["open"]).click()
    await page.wait_for_url(re.compile(r"/support/tickets/\d+"))
    where = await planned(agnes, "chargeable", "No guarantee.")
    await page.fill("#fault_analysis", "Fuse.")
    await page.fill("#technician", "Tom Technik")
    await page.fill("#email", "tom@elsewhere.example")
    await agnes.presses(f"{where}/dispatch")
    await expect(page.locator("main")).to_contain_text(said["not monitored"])


async def planned(agnes: Person, cover: str, reason: str) -> str:
    """Plan a visit and decide who pays; return where the visit stands."""
    page = agnes.page
    await page.get_by_role("button", name=WORDS[agnes.language]["plan"]).click()
    await page.wait_for_url("**/support/visits/*")
    where = agnes.where()
    await expect(page.locator(f'form[action="{where}/dispatch"]')).to_have_count(0)
    await page.select_option("#cover", cover)
    await page.fill("#reason", "  ")
    await agnes.presses(f"{where}/cover")
    await expect(page.locator("main")).to_contain_text(WORDS[agnes.language]["write"])
    await page.fill("#reason", reason)
    await agnes.presses(f"{where}/cover")
    await expect(page.locator("#fault_analysis")).to_be_visible()
    return where


async def dispatched(agnes: Person, where: str) -> None:
    """Refused without coordinates, fault analysis or contact; then sent."""
    said, page = WORDS[agnes.language], agnes.page
    main = page.locator("main")
    await expect(page.locator("#latitude")).to_have_value("48.6855")
    await page.fill("#latitude", " ")
    await page.fill("#fault_analysis", " ")
    await page.fill("#contact", " ")
    for field, text, why in (
        ("#latitude", "48.6855", said["coordinates"]),
        ("#fault_analysis", "Cable torn at the lid; no short circuit.", said["write"]),
        ("#contact", "Caretaker, +49 7031 555", said["write"]),
    ):
        await agnes.presses(f"{where}/dispatch")
        await expect(main).to_contain_text(why)
        wrong = page.locator(".field.wrong", has=page.locator(field))
        await expect(wrong).to_be_visible()
        await page.fill(field, text)
    await agnes.looks("way-visit-refused")
    await agnes.presses(f"{where}/dispatch")
    await expect(page.locator("#link")).to_be_visible()
    await agnes.looks("way-visit-sent")


async def done_on_site(stage: Stage, language: str, key: str) -> None:
    """The technician opens the link of his mail on his phone, and documents."""
    said = WORDS[language]
    mail = await stage.mail(f"tom@{key}.example")
    link = re.search(r"http://\S+/visit/\S+", text_of(mail))
    assert link is not None
    await stage.draw_mail(f"mail-dispatch-{language}", mail)
    async with stage.phone(language) as work:
        main = work.locator("main")
        await work.goto(link.group())
        await work.locator("button.main").click()
        await expect(main).to_contain_text("+49 7031 555")
        await work.locator('form[action="/visit/arrive"] button').click()
        await work.set_input_files(
            "#photo", {"name": "lid.png", "mimeType": "image/png", "buffer": png()}
        )
        await work.fill("#caption", "The new cable")
        await work.locator('form[action="/visit/photo"] button').click()
        await work.fill("#part", "Cable type 2, 5 m")
        await work.fill("#serial", "K-77")
        await work.locator('form[action="/visit/part"] button').click()
        await expect(main).to_contain_text("K-77")
        await work.fill("#text", "Cable replaced, tested with a car.")
        await work.locator('form[action="/visit/document"] button').click()
        await expect(main).to_contain_text(said["outcome"])
        await work.check("#outcome-parts_replaced")
        await work.fill("#text", "Cable replaced, tested with a car.")
        await work.locator('form[action="/visit/document"] button').click()
        await expect(work.locator(".banner.ok")).to_be_visible()
        assert await work.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await work.screenshot(path=PICTURES / f"way-phone-{language}.png", full_page=True)
    async with stage.phone(language) as other:
        answer = await other.goto(link.group())
        assert answer is not None
        assert answer.status == 404  # one device alone


async def ended(olga: Person, stage: Stage, station: str, key: str) -> None:
    """The service ends at once: no stickers, nobody is sent any more, and a mail says so."""
    said, page = WORDS[olga.language], olga.page
    await olga.follows("/stations")
    await olga.follows(f"/stations/{station}")
    await page.get_by_role("link", name=said["tab"], exact=True).click()
    await page.get_by_text(said["end"]).click()
    await page.get_by_role("button", name=said["off"], exact=True).click()
    await expect(page.get_by_role("button", name=said["on"], exact=True)).to_be_visible()
    await expect(page.locator(f'a[href="/stations/{station}/operations/stickers"]')).to_have_count(
        0
    )
    await olga.looks("way-monitoring-ended")
    mail = await stage.mail(f"office@{key}.example", station, said["has ended"])
    await stage.draw_mail(f"mail-monitoring-off-{olga.language}", mail)


@pytest.mark.parametrize("language", ["en", "de"])
async def test_from_activation_over_a_real_fault_to_the_charge_and_the_end(
    stage: Stage, language: str
) -> None:
    said = WORDS[language]
    key = await stage.owner(f"works-{language}", language)
    identity = f"CS-{language.upper()}"
    station = await stage.station(identity, key)
    async with (
        stage.somebody(f"olga-{key}", language) as olga,
        stage.somebody(f"agnes-{key}", language, dark=True) as agnes,
    ):
        await switched_on(olga, stage, identity, key)
        await wants_to_hear(olga, key)
        station.fault(1, "GroundFailure")
        await station.deliver()
        told = await stage.mail(f"duty@{key}.example", said["raised"])
        assert identity in told["Subject"]
        await stage.draw_mail(f"mail-alert-{language}", told)

        ticket = await ticketed(agnes, identity)
        where = await planned(agnes, "chargeable", "Torn by a car, the guarantee does not hold.")
        await dispatched(agnes, where)
        await done_on_site(stage, language, key)
        page, main = agnes.page, agnes.page.locator("main")
        await agnes.follows(ticket)
        await agnes.follows(where)
        await page.fill("#agent_text", "Asked back: the customer confirms that it works again.")
        await page.fill("#work", "189.00")
        await page.fill("#parts", "240,50")
        await agnes.looks("way-visit-to-close")
        await agnes.presses(f"{where}/close")
        await expect(main.locator("img")).to_have_count(1)
        await agnes.looks("way-visit-closed")

        await agnes.follows(ticket)
        where = await planned(agnes, "warranty", "The new cable was loose: our own work.")
        await page.fill("#fault_analysis", "Loose.")
        await page.fill("#technician", "Tina")
        await page.fill("#email", "")
        await agnes.presses(f"{where}/dispatch")
        await page.get_by_role("link", name=said["page"]).click()
        await page.check("#outcome-parts_replaced")
        await page.fill("#text", "Fixed.")
        await agnes.presses(f"{where}/technician/document")
        await expect(page.locator(".banner.ok")).to_be_visible()
        await page.goto(f"{stage.address}{where}")
        await expect(main).to_contain_text(said["nothing"])
        await page.fill("#agent_text", "It works.")
        await agnes.presses(f"{where}/close")
        await agnes.follows(ticket)
        station.clear_fault(1)
        await station.deliver()
        await page.get_by_text(said["close"], exact=True).click()
        await page.fill("#outcome", "The cable was replaced.")
        await agnes.presses(f"{ticket}/close")
        await expect(main).to_contain_text("The cable was replaced.")
        await agnes.looks("way-ticket-closed")

        await olga.follows("/service-costs")
        booked = olga.page.locator('section[aria-labelledby="booked"]')
        await expect(booked.locator("tbody tr")).to_have_count(2)
        for words in (said["intervention"], said["next"]):
            await expect(booked).to_contain_text(words)
        await olga.looks("way-charge")
        await ended(olga, stage, identity, key)

        station.fault(1, "OverVoltage")
        await station.deliver()
        await stage.mail(f"duty@{key}.example", said["voltage"])
        await refused_without_service(agnes, identity)
        assert olga.complaints() == agnes.complaints() == []
