"""Stations: list, data sheet, log, and the decision about new ones."""

import re
from datetime import timedelta

from sqlalchemy import text

from accounts.directory import WHOLE
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in


def identities(html: str) -> list[str]:
    return re.findall(r'<a class="go" href="/stations/([^"]+)"', html)


async def test_counts_are_filters_and_filters_live_in_the_address(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/stations")).text
    assert 'href="/stations?state=offline"' in html
    assert identities((await browser.get("/stations?state=offline")).text) == [
        "DE-HN-009",
        "DE-HN-017",
    ]
    assert identities((await browser.get("/stations?state=never_connected")).text) == ["DE-HN-012"]
    assert identities((await browser.get("/stations?state=faulted")).text) == [
        "DE-HN-005",
        "DE-HN-014",
    ]


async def test_a_station_is_found_by_name_sticker_and_place(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("helen")
    for wanted in ("taxistand", "de*abc*e0021", "DE-HN-002"):
        found = identities((await browser.get("/stations", params={"q": wanted})).text)
        assert found == ["DE-HN-002"], wanted
    assert "No station matches" in (await browser.get("/stations?q=zzz")).text


async def test_a_search_also_finds_what_waits_and_the_plain_list_does_not(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    assert "ALFEN-0042" not in identities((await browser.get("/stations")).text)
    assert identities((await browser.get("/stations?q=alfen")).text) == [
        "ALFEN-0042",
        "CP_UNKNOWN_1",
    ]


async def test_a_fault_is_told_with_what_to_do(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/stations/DE-HN-005")).text
    assert "Ground failure" in html
    assert "Do not touch the station; send a technician." in html


async def test_a_running_session_shows_energy_power_and_time(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/stations/DE-HN-002")).text
    assert 'href="/sessions/5001"' in html
    assert "23" in html.partition('data-live="run-5001-time"')[2][:60]


async def test_a_station_without_a_password_is_named_as_a_danger(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    warning = "This station connects without a password."
    assert warning in (await browser.get("/stations/DE-HN-003")).text
    assert warning not in (await browser.get("/stations/DE-HN-002")).text


async def test_the_log_has_both_ways_and_goes_on_where_it_ended(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("helen")
    html = (await browser.get("/stations/DE-HN-002/log")).text
    assert "CALLERROR NotSupported" in html
    assert "repaired: unit was missing" in html
    assert html.count('<li class="in">') + html.count('<li class="sent">') == 40
    following = re.search(r'rel="next" href="([^"]+)"', html)
    assert following
    second = (await browser.get(following[1].replace("&amp;", "&"))).text
    assert "41–80" in second
    found = (await browser.get("/stations/DE-HN-002/log?q=StatusNotification")).text
    assert "Heartbeat" not in found


async def test_what_is_known_of_a_make_and_which_rules_fired_is_told(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into frames (station, at, direction, epoch, raw, note) values"
                " ('DE-HN-005', :now, 'in', 1, '', 'repaired: naive_time wrong_case'),"
                " ('DE-HN-005', :now, 'in', 1, '', 'repaired: naive_time'),"
                " ('DE-HN-005', :old, 'in', 1, '', 'repaired: long_ago')"
            ),
            {"now": clock.now(), "old": clock.now() - timedelta(days=2)},
        )
        await db.execute(
            text(
                "update stations set vendor = 'ABB', model = 'Terra AC', firmware = '1.8.21'"
                " where identity = 'DE-HN-002'"
            )
        )
    browser = await sign_in("admin")
    html = (await browser.get("/stations/DE-HN-002")).text
    assert "Known of this make" in html
    assert "stack level 0 alone" in html
    assert "must not be asked for GetConfiguration" in html
    assert "Known of this make" not in (await browser.get("/stations/DE-HN-001")).text
    html = (await browser.get("/stations/DE-HN-005/log")).text
    assert "2 rules repaired messages in the past day" in html
    assert "long_ago</th>" not in html
    rows = html.split("<tbody>")[1].split("</tbody>")[0]
    assert rows.index("naive_time") < rows.index("wrong_case")


async def test_identities_with_any_character_have_a_page(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    answer = await browser.get("/stations/A%2FB%23C")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


async def test_a_new_station_is_accepted_with_its_owner_and_location(
    sign_in: SignIn, lively: None, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/new-stations")).text
    assert "offered, becomes the station" in html
    assert "Without a password anybody could speak in its name." in html
    answer = await browser.post(
        "/new-stations",
        data={
            "csrf": token_in(html),
            "identity": "ALFEN-0042",
            "decision": "accept",
            "organisation": "parkhaus",
            "location": "nord",
        },
    )
    assert answer.headers["location"] == "/new-stations?done=accepted"
    assert "The station was accepted." in (await browser.get(answer.headers["location"])).text
    async with database.unit_of_work() as db:
        station = await registry.station(
            db, WHOLE, "ALFEN-0042", clock.now(), limits=SilenceLimits()
        )
    assert (station.admission, station.organisation, station.location) == (
        "accepted",
        "parkhaus",
        "nord",
    )


async def test_a_refused_station_stays_in_sight_and_can_be_accepted_later(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    token = token_in((await browser.get("/new-stations")).text)
    await browser.post(
        "/new-stations",
        data={"csrf": token, "identity": "CP_UNKNOWN_1", "decision": "refuse"},
    )
    html = (await browser.get("/new-stations")).text
    assert '<span class="state cross off">Refused</span>' in html
    assert "CP_UNKNOWN_1" in html


async def test_nonsense_is_refused_and_changes_nothing(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    token = token_in((await browser.get("/new-stations")).text)
    answer = await browser.post(
        "/new-stations", data={"csrf": token, "identity": "ALFEN-0042", "decision": "adopt"}
    )
    assert answer.status_code == 422
    answer = await browser.post(
        "/new-stations",
        data={
            "csrf": token,
            "identity": "ALFEN-0042",
            "decision": "accept",
            "location": "nowhere",
        },
    )
    assert answer.status_code == 422
    assert "nowhere" in answer.text
    assert "Waiting for acceptance" in (await browser.get("/new-stations")).text
