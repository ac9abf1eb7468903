"""A job of error detection finds a silent station: an SMS where credits pay it, else one mail.

Two users enter a phone number and a job by clicks, in each language; then the hour comes. SMS
leave through a real HTTP gateway, mails through a real mail server.
"""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from playwright.async_api import Browser, expect

from alerts import detecting
from billing import credit_store
from foundation.identifiers import OrganisationKey
from foundation.postgres import EmbeddedPostgres
from tests.portal.test_browser import chromium
from tests.scenarios.stories import eventually
from tests.scenarios.support_stage import Person, Stage, stage_on, text_of

__all__ = ["chromium"]

pytestmark = pytest.mark.slow

WORDS = {
    "en": {
        "save": "Save",
        "job": "Silent since the night",
        "sms": "Error detection: {job} at {station}, Pier 3. (Alert {alert})",
        "unpaid": "No credits for 1 SMS about alerts",
        "listed": "Error detection: {job} at {station}, Pier 3.",
        "found": "1 place found",
        "country": "its country's code",
    },
    "de": {
        "save": "Speichern",
        "job": "Seit der Nacht still",
        "sms": "Fehlererkennung: {job} an {station}, Elbenplatz. (Alarm {alert})",
        "unpaid": "Keine Credits für 1 SMS über Alarme",
        "listed": "Fehlererkennung: {job} an {station}, Elbenplatz.",
        "found": "1 Stelle gefunden",
        "country": "die Vorwahl ihres Landes",
    },
}


@pytest.fixture(scope="module")
async def stage(
    postgres: EmbeddedPostgres,
    template: str,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stage]:
    """One program for the whole file; it is morning."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"create database sms_in_browser template {template}")
    url = postgres.url_of("sms_in_browser")
    async with stage_on(url, tmp_path_factory.mktemp("sms"), chromium) as made:
        yield made


async def enters_a_number(otto: Person, number: str) -> None:
    """Enter a phone number; one without its country is refused."""
    page = otto.page
    await otto.follows("/alerts")
    await otto.follows("/alerts/recipients")
    await otto.follows("/alerts/recipients/new")
    await page.select_option("#channel", "sms")
    await page.fill("#target", "0170 1234567")
    await otto.presses("/alerts/recipients/new")
    await expect(page.get_by_role("alert")).to_contain_text(WORDS[otto.language]["country"])
    await page.fill("#target", number)
    await otto.presses("/alerts/recipients/new")
    await expect(page.locator("main")).to_contain_text(number)
    await expect(page.locator("main")).to_contain_text("Olga")
    await otto.looks("way-sms-recipients")


async def sets_up_a_job(otto: Person, at: str) -> None:
    """Make a job by clicks."""
    page = otto.page
    await otto.follows("/alerts")
    await otto.follows("/detection")
    await otto.follows("/detection/jobs/new")
    await page.fill("#name", WORDS[otto.language]["job"])
    await page.fill("#execute_at", "25:00")
    await page.fill("#hours", "4")
    await page.check("#check-no_message")
    await otto.presses("/detection/jobs/new")
    await expect(page.get_by_role("alert")).to_be_visible()  # no such time
    await page.fill("#execute_at", at)
    await otto.looks("way-job-new")
    await otto.presses("/detection/jobs/new")
    await page.wait_for_url(re.compile(r"/detection/jobs/\d+"))
    await otto.looks("way-job")


@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_job_is_told_by_sms_with_credits_and_by_one_mail_without(
    stage: Stage, language: str
) -> None:
    said = WORDS[language]
    clock, database = stage.told.clock, stage.told.program.database
    keys = [f"{name}-{language}" for name in ("rich", "poor")]
    numbers = ["+491701111111", "+491702222222"]
    if language == "de":
        numbers = [each.replace("170", "171") for each in numbers]
    for key in keys:
        await stage.owner(key, language)
        await stage.told.enter(f"CS-{key.upper()}", OrganisationKey(key), location=f"{key}-place")
    async with database.unit_of_work() as db:
        rich = OrganisationKey(keys[0])
        await credit_store.add(
            db, rich, 2, reference=f"order/{language}", by="test", now=clock.now()
        )
    look = detecting.rounds(database, clock)
    local = clock.now() + timedelta(hours=2 + 6)  # by the clock of Berlin in summer
    for key, number in zip(keys, numbers, strict=True):
        async with stage.somebody(f"olga-{key}", language) as otto:
            await enters_a_number(otto, number)
            await sets_up_a_job(otto, f"{local:%H:%M}")
            assert otto.complaints() == []

    await clock.pass_time(timedelta(hours=6))
    another = await stage.told.station(f"CS-HEARD-{language.upper()}")
    await another.heartbeat()
    await look()
    await stage.told.settled()

    async def sent() -> list[str]:
        return stage.messages(numbers[0])

    [message] = await eventually(sent)
    assert re.fullmatch(
        re.escape(
            said["sms"].format(job=said["job"], station=f"CS-{keys[0].upper()}", alert="NN")
        ).replace("NN", r"\d+"),
        message,
    )
    await stage.draw_sms(f"sms-job-{language}", numbers[0], message)
    mail = await stage.mail(f"olga-{keys[1]}@{keys[1]}.example", said["unpaid"])
    listed = said["listed"].format(job=said["job"], station=f"CS-{keys[1].upper()}")
    assert f"{listed}  ({numbers[1]})" in text_of(mail)
    assert stage.messages(numbers[1]) == []
    await stage.draw_mail(f"mail-unpaid-{language}", mail)
    assert len(stage.mails(f"olga-{keys[0]}@{keys[0]}.example")) == 0

    async with stage.somebody(f"olga-{keys[0]}", language, width=390, dark=True) as otto:
        await otto.visitor.go("/credits")
        rows = otto.page.locator("section[aria-labelledby=bookings] tbody tr")
        await expect(rows).to_have_count(2)
        await expect(rows.first).to_contain_text(re.compile(r"SMS.*-1.*1", re.DOTALL))
        await otto.looks("way-sms-credits")
        await otto.visitor.go("/detection")
        await expect(otto.page.locator("main")).to_contain_text(said["found"])
        await otto.looks("way-detection")
        assert otto.complaints() == []
    async with stage.somebody(f"olga-{keys[1]}", language) as otto:
        await otto.visitor.go("/alerts")
        await otto.page.locator("tr", has_text=keys[1].upper()).locator("a.go").click()
        await otto.looks("way-alert-unpaid")
        await otto.visitor.go("/credits")
        await expect(otto.page.locator(".figure .value").first).to_have_text("0")
