"""Rules 1.1 and 7.2 on the tab "Operational management", as people meet them in the portal."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from pypdf import PdfReader
from sqlalchemy import text, update

from accounts import directory, groups, passwords
from accounts.permissions import Permission, Reach
from alerts import handlers as alerts_handlers
from app.routes import ROUTES
from csms.tables import EvseRow
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import PASSWORD, WORKS

pytestmark = pytest.mark.usefixtures("lively")

OFF = "/stations/DE-HN-005/operations"
"""Of the works, not monitored."""
ON = "/stations/DE-HN-001/operations"
BUTTONS = {
    "en": ("Activate now", "Disable service for this charging station"),
    "de": ("Jetzt aktivieren", "Betriebsführung für Ladestation beenden"),
}


@pytest.fixture(autouse=True)
def hotline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEITSTAND_HOTLINE_NUMBER", "+49 800 1234567")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """As the program opens it: events are addressed to their readers."""
    made = Database(database_url, routes=ROUTES, pool_size=5)
    yield made
    await made.close()


async def send(browser: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    tab = path.partition("/operations")[0] + "/operations"
    token = token_in((await browser.get(tab)).text)
    return await browser.post(path, data={"csrf": token, **form}, follow_redirects=True)


async def somebody_with(database: Database, clock: SetClock, *rights: Permission) -> str:
    """Return the name of somebody of the works who has exactly these rights."""
    hashed = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        group = await groups.create_group(
            db,
            "some",
            name="Some",
            rights=rights,
            reach=Reach.OWN,
            organisation=WORKS,
            now=clock.now(),
        )
        await directory.create_person(
            db,
            "sonja",
            {
                "group_id": group.id,
                "organisation": WORKS,
                "name": "Sonja",
                "email": "sonja@stadtwerke.example",
                "language": "de",
            },
            password_hash=hashed,
            now=clock.now(),
        )
    return "sonja"


async def listed(database: Database, query: str) -> list[object]:
    async with database.unit_of_work() as db:
        return list(await db.scalars(text(query)))


async def without_evse_id(database: Database, station: str, evse_id: int) -> None:
    async with database.unit_of_work() as db:
        await db.execute(
            update(EvseRow)
            .where(EvseRow.station == station, EvseRow.evse_id == evse_id)
            .values(emi3_id=None)
        )


@pytest.mark.parametrize("language", ["en", "de"])
async def test_1_1_activate_and_deactivate_by_the_buttons_with_these_words(
    sign_in: SignIn, language: str
) -> None:
    on, off = BUTTONS[language]
    browser = await sign_in("admin")
    browser.headers["accept-language"] = language
    sheet = (await browser.get("/stations/DE-HN-005")).text
    assert {"en": "Operational management", "de": "Betriebsführung"}[language] in sheet
    before = (await browser.get(OFF)).text
    assert f">{on}</button>" in before
    assert off not in before
    active = await send(browser, f"{OFF}/activate")
    assert f">{off}</button>" in active.text
    assert on not in active.text
    assert f">{on}</button>" in (await send(browser, f"{OFF}/deactivate")).text


async def test_1_1_what_it_is_drivers_find_the_hotline_where_a_station_is_monitored(
    browser: httpx.AsyncClient,
) -> None:
    """That faults then come to the provider's queue: the tests of watching; first aid: 7.2."""
    monitored = await browser.get("/at/DE*ABC*E0011")  # of DE-HN-001
    other = await browser.get("/at/DE*ABC*E0051")
    assert (monitored.status_code, other.status_code) == (200, 200)
    assert "+49 800 1234567" in monitored.text
    assert "+49 800" not in other.text


async def test_7_2_without_the_tabs_right_the_tab_is_hidden(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    name = await somebody_with(database, clock, Permission.STATIONS_READ, Permission.COST_RELEASE)
    browser = await sign_in(name)
    assert "/operations" not in (await browser.get("/stations/DE-HN-005")).text
    assert (await browser.get(OFF)).status_code == 403


async def test_7_2_with_the_tab_but_no_cost_release_the_button_is_disabled_with_the_reason(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    name = await somebody_with(database, clock, Permission.STATIONS_READ, Permission.MONITORING)
    browser = await sign_in(name)
    browser.headers["accept-language"] = "en"
    html = (await browser.get(OFF)).text
    assert 'id="activate" disabled aria-describedby="why-not">Activate now' in html
    assert "You may not release costs. Ask somebody who may." in html
    assert (await send(browser, f"{OFF}/activate")).status_code == 403
    assert (
        await listed(
            database, "select station from monitoring_activations where station = 'DE-HN-005'"
        )
        == []
    )


async def test_7_2_deactivation_needs_the_tabs_right_alone_and_is_audited(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    name = await somebody_with(database, clock, Permission.STATIONS_READ, Permission.MONITORING)
    browser = await sign_in(name)
    assert (await send(browser, f"{ON}/deactivate")).status_code == 200
    deeds = "select deed from audit_entries where subject = 'station/DE-HN-001'"
    assert await listed(database, deeds) == ["monitoring.deactivate"]


async def test_7_2_the_cost_and_who_is_told_stand_there_before_the_click(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(OFF)).text
    assert "€9.90" in html
    assert "€118.80" in html
    assert "a month in which it ends is not charged" in html
    assert "rechnung@stadtwerke.example" in html
    again = (await browser.get("/stations/DE-HN-003/operations")).text
    assert "this month is charged after all" in again


async def test_7_2_refused_naming_the_charge_points_and_support_is_asked_by_a_ticket(
    sign_in: SignIn, database: Database
) -> None:
    await without_evse_id(database, "DE-HN-005", 2)
    browser = await sign_in("admin")
    html = (await browser.get(OFF)).text
    assert "These charge points have no EVSE ID: 2." in html
    refused = await send(browser, f"{OFF}/activate")
    assert refused.status_code == 409
    assert "no EVSE ID: 2. Enter them first, or ask support for an EVSE ID." in refused.text
    asked = await send(browser, f"{OFF}/evse-ids")
    assert "Support was asked for it: ticket" in asked.text
    await send(browser, f"{OFF}/evse-ids")
    titles = "select title from tickets where station = 'DE-HN-005'"
    assert await listed(database, titles) == ["EVSE ID wanted"]


async def test_7_2_a_missing_technician_is_a_warning_and_an_open_task_until_stored(
    sign_in: SignIn,
) -> None:
    browser = await sign_in("admin")
    assert "No technician is stored." in (await browser.get(OFF)).text
    active = await send(browser, f"{OFF}/activate")
    assert "Store a technician" in active.text
    refused = await send(browser, f"{OFF}/technician", name="Frey")
    assert refused.status_code == 422
    assert "Give a phone number or a mail address." in refused.text
    stored = await send(browser, f"{OFF}/technician", name="Frey GmbH", phone="+49 7131 100")
    assert "Store a technician" not in stored.text


async def test_7_2_mails_go_to_who_clicked_and_to_the_contact_once_per_real_change(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    name = await somebody_with(
        database, clock, Permission.STATIONS_READ, Permission.MONITORING, Permission.COST_RELEASE
    )
    browser = await sign_in(name)
    for _ in range(2):
        assert (await send(browser, f"{OFF}/activate")).status_code == 200
    clock.advance(timedelta(minutes=1))
    for _ in range(2):
        assert (await send(browser, f"{OFF}/deactivate")).status_code == 200
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings.read())
    while await outbox.deliver(database, alerts_handlers.subscription(mails), clock):
        pass
    query = "select recipient || ' ' || subject from mails where subject like '%DE-HN-005%'"
    assert sorted(str(each) for each in await listed(database, query)) == [
        "rechnung@stadtwerke.example Monitoring of DE-HN-005 has ended",
        "rechnung@stadtwerke.example Monitoring of DE-HN-005 is switched on",
        "sonja@stadtwerke.example Betriebsführung für DE-HN-005 ist beendet",
        "sonja@stadtwerke.example Betriebsführung für DE-HN-005 ist eingeschaltet",
    ]


async def test_7_2_stickers_are_for_active_stations_only(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    given = await browser.get(f"{ON}/stickers")
    assert given.headers["content-type"] == "application/pdf"
    pages = PdfReader(io.BytesIO(given.content)).pages
    assert len(pages) == 2
    for page, evse_id in zip(pages, ("DE*ABC*E0011", "DE*ABC*E0012"), strict=True):
        assert "+49 800 1234567" in page.extract_text()
        assert evse_id in page.extract_text()
    assert (await browser.get(f"{OFF}/stickers")).status_code == 409
    assert "/stickers" not in (await browser.get(OFF)).text
    assert "/stickers" in (await browser.get(ON)).text


async def test_7_2_activation_opens_send_the_sheet_and_deactivation_remove_the_stickers(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    on = await send(browser, f"{OFF}/activate")
    assert "Send the sticker sheet" in on.text
    off = await send(browser, f"{OFF}/deactivate")
    assert "Send the sticker sheet" not in off.text
    assert "Remove the stickers" in off.text
    done = await send(browser, f"{OFF}/tasks/remove_stickers")
    assert "Remove the stickers" not in done.text
    assert (await send(browser, f"{OFF}/tasks/remove_stickers")).status_code == 404
    endings = "select ending from monitoring_tasks where station = 'DE-HN-005' order by id"
    assert await listed(database, endings) == ["needless", "done"]


async def test_a_second_person_finds_what_the_first_one_asked_for(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    name = await somebody_with(
        database, clock, Permission.STATIONS_READ, Permission.MONITORING, Permission.COST_RELEASE
    )
    browser = await sign_in("admin")
    token = token_in((await browser.get("/service-costs/services?organisation=stadtwerke")).text)
    limit = {"csrf": token, "organisation": "stadtwerke", "per_year": "100"}
    assert (await browser.post("/service-costs/services/limit", data=limit)).status_code == 303
    asked = await send(browser, f"{OFF}/activate")
    assert "It waits for a second person" in asked.text
    assert 'id="activate" disabled' in asked.text
    browser.cookies.clear()
    await sign_in(name)
    browser.headers["accept-language"] = "en"
    assert 'id="activate">Activate now' in (await browser.get(OFF)).text
    assert "Disable service" in (await send(browser, f"{OFF}/activate")).text


# ------------------------------------------------------------------------------ many at once


async def chosen(browser: httpx.AsyncClient, do: str, *stations: str) -> httpx.Response:
    token = token_in((await browser.get("/operations")).text)
    form = {"csrf": token, "station": list(stations), "do": do}
    return await browser.post("/operations", data=form)


def told_in(html: str) -> str:
    return html.partition('name="told" value="')[2].partition('"')[0]


async def test_many_stations_are_summed_up_before_the_click_and_switched_by_one_release(
    sign_in: SignIn, database: Database
) -> None:
    await without_evse_id(database, "DE-HN-006", 1)
    browser = await sign_in("admin")
    those = ["DE-HN-004", "DE-HN-005", "DE-HN-006", "DE-HN-001"]
    html = (await chosen(browser, "on", *those)).text
    assert "Activate 2 stations" in html
    assert "€19.80" in html
    assert "€237.60" in html
    assert "It is monitored already." in html
    assert "These charge points have no EVSE ID: 1." in html
    form = {"csrf": token_in(html), "station": those, "told": told_in(html)}
    done = await browser.post("/operations/activate", data=form, follow_redirects=True)
    assert "The stations are monitored from now on." in done.text
    query = "select station from monitoring_activations where active_to is null order by station"
    on = await listed(database, query)
    assert [each for each in on if each in those] == ["DE-HN-001", "DE-HN-004", "DE-HN-005"]
    released = "select subject || ' ' || per_year_minor from cost_releases order by id desc limit 1"
    assert await listed(database, released) == ["stations/DE-HN-004, DE-HN-005 23760"]

    off = await chosen(browser, "off", "DE-HN-004", "DE-HN-005", "DE-HN-006")
    assert "End the service for 2 stations" in off.text
    form = {"csrf": token_in(off.text), "station": those[:3]}
    ended = await browser.post("/operations/deactivate", data=form, follow_redirects=True)
    assert "The monitoring of the stations has ended." in ended.text
    assert ended.text.count("Remove the stickers") == 2


async def test_a_cost_that_changed_since_it_was_told_is_shown_again(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    html = (await chosen(browser, "on", "DE-HN-004", "DE-HN-005")).text
    form = {"csrf": token_in(html), "station": ["DE-HN-004"], "told": told_in(html)}
    again = await browser.post("/operations/activate", data=form)
    assert again.status_code == 409
    assert "The cost has changed meanwhile." in again.text
    form["told"] = told_in(again.text)
    assert (await browser.post("/operations/activate", data=form)).status_code == 303
    nothing = await chosen(browser, "on")
    assert nothing.status_code == 422
    assert "Choose at least one station." in nothing.text


async def test_the_sum_decides_whether_a_second_person_is_needed(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    path = "/service-costs/services"
    token = token_in((await browser.get(f"{path}?organisation=stadtwerke")).text)
    limit = {"csrf": token, "organisation": "stadtwerke", "per_year": "200"}
    assert (await browser.post(f"{path}/limit", data=limit)).status_code == 303
    html = (await chosen(browser, "on", "DE-HN-004", "DE-HN-005")).text
    form = {"csrf": token_in(html), "station": ["DE-HN-004", "DE-HN-005"], "told": told_in(html)}
    asked = await browser.post("/operations/activate", data=form, follow_redirects=True)
    assert "It waits for a second person" in asked.text
    one = await send(browser, f"{OFF}/activate")  # 118.80 a year: one person is enough
    assert "Disable service" in one.text
