"""Rules 1.2 and 1.7: the tabs of a station's data sheet, by right, and EVSE IDs in three fields."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import text

from accounts import directory, groups, passwords
from accounts.directory import Principal, Scope
from accounts.entitlements import Entitlement
from accounts.licences import Licence
from accounts.permissions import Permission, Reach
from accounts.tiers import Tier
from csms import registry
from csms.connectivity import SilenceLimits
from csms.tables import StatusHistoryRow
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import StationCameBack, StationWentOffline
from foundation.identifiers import OrganisationKey, StationId
from portal.guard import Caller
from portal.pages.station_sheets import tabs_of
from portal.words import words
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.world import PARKING, PASSWORD, WORKS

pytestmark = pytest.mark.usefixtures("lively")

SHEET = "/stations/DE-HN-005"
TABS = [
    "additional",
    "charge-points",
    "components",
    "errors",
    "sessions",
    "documents",
    "geolocation",
    "reservations",
    "messages",
    "log",
    "history",
    "tickets",
    "statistics",
    "operations",
]
"""The tabs of rules 1.2, in their order."""


async def send(browser: httpx.AsyncClient, tab: str, path: str, **form: str) -> httpx.Response:
    token = token_in((await browser.get(f"{SHEET}/{tab}")).text)
    return await browser.post(
        f"{SHEET}/{path}", data={"csrf": token, **form}, follow_redirects=True
    )


async def somebody_with(
    database: Database, clock: SetClock, home: OrganisationKey, *rights: Permission
) -> str:
    hashed = await passwords.hashed(PASSWORD)
    async with database.unit_of_work() as db:
        group = await groups.create_group(
            db,
            "some",
            name="Some",
            rights=rights,
            reach=Reach.OWN,
            organisation=home,
            now=clock.now(),
        )
        await directory.create_person(
            db,
            "sonja",
            {"group_id": group.id, "organisation": home, "name": "Sonja"},
            password_hash=hashed,
            now=clock.now(),
        )
    return "sonja"


def tabs_in(html: str) -> list[str]:
    [bar] = re.findall(r'<nav class="tabs".*?</nav>', html, re.DOTALL)
    return list(re.findall(rf'href="{SHEET}/([a-z-]+)"', bar))


async def test_1_2_every_tab_of_the_data_sheet_is_there_in_its_order(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    shown = tabs_in((await browser.get(SHEET)).text)
    assert [each for each in shown if each in TABS] == TABS
    for tab in TABS:
        page = await browser.get(f"{SHEET}/{tab}")
        assert page.status_code == 200, tab
        assert tabs_in(page.text) == shown, tab


async def test_1_2_which_tabs_somebody_sees_depends_on_rights(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    name = await somebody_with(database, clock, WORKS, Permission.STATIONS_READ)
    browser = await sign_in(name)
    shown = set(tabs_in((await browser.get(SHEET)).text))
    hidden = {"sessions", "messages", "log", "tickets", "statistics", "operations"}
    assert shown & set(TABS) == set(TABS) - hidden
    for tab in hidden:
        assert (await browser.get(f"{SHEET}/{tab}")).status_code == 403, tab
    assert "Add a component" not in (await browser.get(f"{SHEET}/components")).text


async def test_1_2_nobody_else_finds_a_tab_of_the_sheet(sign_in: SignIn) -> None:
    browser = await sign_in("petra")
    for tab in TABS:
        assert (await browser.get(f"{SHEET}/{tab}")).status_code in {403, 404}, tab


async def test_1_2_additional_information_is_free_pairs(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    page = await send(browser, "additional", "additional", name="Key", value="at the <office>")
    assert "at the &lt;office&gt;" in page.text
    refused = await send(browser, "additional", "additional", name="Key", value=" ")
    assert refused.status_code == 422
    assert "Say what it is." in refused.text
    [number] = re.findall(r'name="number" value="(\d+)"', page.text)
    gone = await send(browser, "additional", "additional/remove", number=number)
    assert "Nothing was added yet" in gone.text


async def test_1_2_components_are_told_by_the_station_or_entered_with_their_last_update(
    sign_in: SignIn,
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(f"{SHEET}/components")).text
    assert "SN-71005" in html
    router = {"name": "Router", "place": "external", "model": "RUT241", "version": "7.1"}
    added = await send(browser, "components", "components", **router)
    assert "RUT241" in added.text
    [number] = re.findall(r'name="number" value="(\d+)"', added.text)
    changed = await send(
        browser, "components", "components", **{**router, "number": number, "version": "7.2"}
    )
    assert "7.2" in changed.text
    gone = await send(browser, "components", "components", number=number, do="remove")
    assert "RUT241" not in gone.text


async def test_1_2_errors_hold_what_the_station_reported_and_when_it_was_away(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        for hours, status, error in ((5, "Faulted", "GroundFailure"), (4, "Faulted", None)):
            db.add(
                StatusHistoryRow(
                    station="DE-HN-005",
                    evse_id=1,
                    connector_id=1,
                    original_status=status,
                    error_code=error,
                    received_at=clock.now() - timedelta(hours=hours),
                )
            )
        station, away = StationId("DE-HN-005"), clock.now() - timedelta(hours=3)
        gone = StationWentOffline(station=station, happened_at=away, last_heard_at=away)
        back = StationCameBack(station=station, happened_at=away + timedelta(hours=1))
        await outbox.append(db, [gone, back], recorded_at=clock.now())
    browser = await sign_in("admin")
    browser.headers["accept-language"] = "en"
    html = (await browser.get(f"{SHEET}/errors")).text
    faults = html.partition('id="faults-head"')[2].partition("</section>")[0]
    assert faults.count("<tr>") == 2, "the head and one line: Faulted without an error is no fault"
    assert "Ground failure" in faults
    assert "GroundFailure" in faults
    assert "Over" in faults
    connection = html.partition('id="conn-head"')[2].partition("</section>")[0]
    assert connection.index("Back") < connection.index("Offline"), "the newest first"


async def test_1_2_documents_are_uploaded_fetched_as_they_were_and_removed(
    sign_in: SignIn,
) -> None:
    browser = await sign_in("admin")
    token = token_in((await browser.get(f"{SHEET}/documents")).text)
    kept = await browser.post(
        f"{SHEET}/documents",
        data={"csrf": token, "about": "acceptance"},
        files={"file": ("Prüf<1>.html", b"<script>alert(1)</script>", "text/html")},
        follow_redirects=True,
    )
    assert "Prüf&lt;1&gt;.html" in kept.text
    [number] = re.findall(rf'href="{SHEET}/documents/(\d+)"', kept.text)
    fetched = await browser.get(f"{SHEET}/documents/{number}")
    assert fetched.content == b"<script>alert(1)</script>"
    assert fetched.headers["content-disposition"].startswith("attachment")
    assert fetched.headers["x-content-type-options"] == "nosniff"
    empty = await send(browser, "documents", "documents")
    assert empty.status_code == 422
    gone = await send(browser, "documents", f"documents/{number}/remove")
    assert "No documents yet" in gone.text
    assert (await browser.get(f"{SHEET}/documents/{number}")).status_code == 404


async def test_1_2_geolocation_holds_address_and_position_as_apps_show_them(
    sign_in: SignIn,
) -> None:
    browser = await sign_in("admin")
    assert "This location has no position." in (await browser.get(f"{SHEET}/geolocation")).text
    place = {"address": "Weg 1", "city": "Heilbronn", "country": "de"}
    for wrong in ({"latitude": "49.1"}, {"latitude": "91", "longitude": "9"}, {"country": "DEU"}):
        refused = await send(browser, "geolocation", "geolocation", **{**place, **wrong})
        assert refused.status_code == 422, wrong
        assert "Weg 1" in refused.text
    set_ = await send(
        browser, "geolocation", "geolocation", **place, latitude="49,1427", longitude="9.2109"
    )
    assert "49.1427, 9.2109" in set_.text


async def test_1_2_logs_are_prepared_for_people_and_the_same_is_there_in_raw_form_and_as_json(
    sign_in: SignIn,
) -> None:
    browser = await sign_in("admin")
    words = (await browser.get("/stations/DE-HN-002/messages")).text
    assert "EVSE 1: " in words
    raw = (await browser.get("/stations/DE-HN-002/log")).text
    assert "/api/v1/stations/DE-HN-002/frames" in raw


async def test_1_2_history_entries_have_kinds_that_are_managed_under_the_crm_rights(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("admin")
    kinds = await send(browser, "history", "history/kinds", kind_name="Visit")
    assert "Visit" in kinds.text
    twice = await send(browser, "history", "history/kinds", kind_name="Visit")
    assert twice.status_code == 422
    written = await send(browser, "history", "history", text="Cable changed", kind="Visit")
    assert "Cable changed" in written.text
    unknown = await send(browser, "history", "history", text="Cleaned", kind="Party")
    assert unknown.status_code == 422
    name = await somebody_with(
        database, clock, WORKS, Permission.STATIONS_READ, Permission.STATIONS_WRITE
    )
    browser.cookies.clear()
    await sign_in(name)
    html = (await browser.get(f"{SHEET}/history")).text
    assert "Kinds of entries" not in html
    assert "****" in html  # who wrote it is personal data
    refused = await send(browser, "history", "history/kinds", kind_name="Other")
    assert refused.status_code == 403


async def test_1_2_tickets_of_the_station_are_listed_and_opened_from_there(
    sign_in: SignIn,
) -> None:
    browser = await sign_in("admin")
    assert "No tickets" in (await browser.get(f"{SHEET}/tickets")).text
    token = token_in((await browser.get(f"{SHEET}/additional")).text)
    ticket = {"csrf": token, "station": "DE-HN-005", "title": "Display is dark", "text": ""}
    assert (await browser.post("/support/tickets", data=ticket)).status_code == 303
    other = {**ticket, "station": "DE-HN-002", "title": "Cable is cut"}
    assert (await browser.post("/support/tickets", data=other)).status_code == 303
    listed = (await browser.get(f"{SHEET}/tickets")).text
    assert "Display is dark" in listed
    assert "Cable is cut" not in listed, "it is about another station"


# ------------------------------------------------------------------------------------ EVSE IDs


async def test_1_7_three_fields_the_e_is_added_and_changes_apply_on_saving(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("admin")
    parts = {"country": "de", "operator": "BOX", "point": "AC0004"}
    saved = await send(browser, "charge-points", "charge-points/1", **parts)
    assert "DE*BOX*EAC0004" in saved.text
    sheet = (await browser.get(SHEET)).text.replace("<wbr>", "")
    assert "DE*BOX*EAC0004" in sheet
    async with database.unit_of_work() as db:
        deeds = await db.scalars(text("select deed from audit_entries order by id desc limit 1"))
        assert list(deeds) == ["station.change"]


@pytest.mark.parametrize("taken", ["001*1", "0011", "00*11"])
async def test_1_7_the_same_evse_id_cannot_be_given_twice_however_it_is_written(
    sign_in: SignIn, taken: str
) -> None:
    browser = await sign_in("admin")
    parts = {"country": "DE", "operator": "ABC", "point": taken}
    refused = await send(browser, "charge-points", "charge-points/1", **parts)
    assert refused.status_code == 422
    assert f"Another charge point has the EVSE ID DE*ABC*E{taken} already." in refused.text
    assert f'value="{taken}"' in refused.text
    kept = await send(browser, "charge-points", "charge-points/1", **{**parts, "point": "9999"})
    assert "DE*ABC*E9999" in kept.text


async def test_1_7_a_malformed_part_is_refused_beside_its_field(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    parts = {"country": "D", "operator": "ABC", "point": "1"}
    refused = await send(browser, "charge-points", "charge-points/2", **parts)
    assert refused.status_code == 422
    assert 'id="country-2-wrong"' in refused.text
    assert (await send(browser, "charge-points", "charge-points/7", **parts)).status_code == 404


async def test_what_a_former_owner_wrote_is_not_shown_to_the_next(
    sign_in: SignIn, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("admin")
    await send(browser, "additional", "additional", name="Key", value="with Otto")
    async with database.unit_of_work() as db:
        await db.execute(
            text("update station_owners set organisation = :to where station = 'DE-HN-005'"),
            {"to": PARKING},
        )
    name = await somebody_with(database, clock, PARKING, Permission.STATIONS_READ)
    browser.cookies.clear()
    await sign_in(name)
    assert "with Otto" not in (await browser.get(f"{SHEET}/additional")).text


async def test_1_2_which_tabs_somebody_sees_depends_on_the_licence(
    database: Database, clock: SetClock
) -> None:
    """An account that has expired only reads; monitoring can still be ended."""

    async def shown(licensed_for: timedelta) -> set[str]:
        granted = Entitlement(
            account=WORKS,
            licence=Licence.BUSINESS,
            tier=Tier.PROFESSIONAL,
            ends_on=clock.now().date(),
            ends_at=clock.now() + licensed_for,
            is_archived=False,
            now=clock.now(),
        )
        asker = Principal(
            "person/9", "Otto", "", frozenset(Permission), Reach.OWN_AND_BELOW, WORKS, "en"
        )
        caller = Caller(asker, Scope(frozenset({WORKS})), granted=granted)
        limits = SilenceLimits(timedelta(minutes=30), timedelta(hours=1))
        async with database.unit_of_work() as db:
            station = await registry.station(
                db, caller.scope, "DE-HN-005", clock.now(), limits=limits
            )
        return {key for key, *_ in tabs_of(station, caller, words("en"))}

    licensed, expired = await shown(timedelta(days=1)), await shown(timedelta(0))
    assert licensed - expired == {"meters", "sharing"}
    assert "operations" in expired


async def test_1_2_of_a_shared_station_the_owners_own_tabs_stay_hidden(sign_in: SignIn) -> None:
    browser = await sign_in("admin")
    shared = await send(browser, "sharing", "sharing", organisation=PARKING, level="read")
    assert shared.status_code == 200, shared.text
    browser.cookies.clear()
    await sign_in("petra")
    assert set(tabs_in((await browser.get(SHEET)).text)) & set(TABS) == {
        "charge-points",
        "sessions",
    }
    for tab in TABS:
        status = (await browser.get(f"{SHEET}/{tab}")).status_code
        expected = {200} if tab in {"charge-points", "sessions"} else {403, 404}
        assert status in expected, tab
