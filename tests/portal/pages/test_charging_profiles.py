"""The tab of a station's charging profiles."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from csms import records
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import SignIn, token_in
from tests.portal.pages.some_profiles import PATH, STATION, profile, profiles


@pytest.fixture
async def limited(lively: None, database: Database, clock: SetClock) -> None:
    async with database.unit_of_work() as db:
        await profiles(db, clock.now())


async def asked(database: Database) -> tuple[str, dict[str, object]]:
    """The newest command to the station."""
    async with database.unit_of_work() as db:
        row = (
            await db.execute(
                text(
                    "select action, payload from commands where station = :station"
                    " order by id desc limit 1"
                ),
                {"station": STATION},
            )
        ).one()
    return row.action, dict(row.payload)


async def test_what_it_has_is_shown_with_its_source_and_the_curve(
    sign_in: SignIn, limited: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    assert "Sent by us, accepted" in html
    assert "Reported by the station (EMS)" in html
    assert "32 A" in html
    assert "<svg" in html
    assert "By our figures: 20 A" in html
    # EVSE 1 has its own, and an answer that is another one.
    html = (await browser.get(f"{PATH}?evse=1")).text
    assert "By our figures: 16 A" in html
    assert "By the station&#39;s answer: 13 A" in html
    assert "would charge otherwise than by our figures" in html
    assert f'href="{PATH}"' in (await browser.get(f"/stations/{STATION}")).text
    browser.cookies.set("leitstand_language", "de")
    html = (await browser.get(f"{PATH}?evse=1")).text
    assert "Von uns gesendet, angenommen" in html
    assert "anders laden als nach unserer Rechnung" in html


async def test_a_station_without_profiles_says_so(sign_in: SignIn, lively: None) -> None:
    browser = await sign_in("admin")
    html = (await browser.get("/stations/DE-HN-003/charging-profiles")).text
    assert "No charging profiles known" in html
    assert "No charging profile that we know of limits it." in html


async def test_the_station_is_asked_and_profiles_are_cleared(
    sign_in: SignIn, limited: None, database: Database
) -> None:
    browser = await sign_in("admin")
    form = {"csrf": token_in((await browser.get(PATH)).text), "evse": "1", "unit": "W"}
    answer = await browser.post(PATH, data=form | {"do": "composite", "hours": "6"})
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{PATH}?evse=1&unit=W&hours=6&command=")
    action, payload = await asked(database)
    assert (action, payload) == (
        "GetCompositeSchedule",
        {"evseId": 1, "duration": 6 * 3600, "chargingRateUnit": "W"},
    )
    assert (await browser.post(PATH, data=form | {"do": "read"})).status_code == 303
    action, payload = await asked(database)
    assert (action, payload["chargingProfile"]) == ("GetChargingProfiles", {})
    assert (await browser.post(PATH, data=form | {"do": "clear", "number": "7"})).status_code == 303
    assert await asked(database) == ("ClearChargingProfile", {"chargingProfileId": 7})
    unknown = await browser.post(PATH, data=form | {"do": "clear", "number": "99"})
    assert unknown.status_code == 422
    assert (await asked(database))[1] == {"chargingProfileId": 7}


async def test_a_limit_is_set_from_to_in_the_stations_time(
    sign_in: SignIn, limited: None, database: Database, clock: SetClock
) -> None:
    browser = await sign_in("admin")
    form = {
        "csrf": token_in((await browser.get(PATH)).text),
        "do": "limit",
        "evse": "1",
        "unit": "A",
        "limit": "10,5",
        "starts_at": "2026-10-15T18:00",
        "ends_at": "2026-10-15T20:00",
        "level": "1",
    }
    for field, value in (
        ("limit", "much"),
        ("limit", "-1"),
        ("ends_at", "2026-10-15T17:00"),
        ("starts_at", "later"),
        ("level", "x"),
    ):
        wrong = await browser.post(PATH, data=form | {field: value})
        assert wrong.status_code == 422, (field, value)
        assert f'href="#{field}"' in wrong.text
    assert (await browser.post(PATH, data=form | {"evse": "77"})).status_code == 422
    done = await browser.post(PATH, data=form)
    assert done.status_code == 303, done.text
    action, payload = await asked(database)
    assert action == "SetChargingProfile"
    assert payload["evseId"] == 1
    told = json.loads(json.dumps(payload["chargingProfile"]))
    assert (told["chargingProfilePurpose"], told["stackLevel"]) == ("TxDefaultProfile", 1)
    assert (told["validFrom"], told["validTo"]) == ("2026-10-15T16:00:00Z", "2026-10-15T18:00:00Z")
    [schedule] = told["chargingSchedule"]
    assert schedule["duration"] == 7200
    assert float(schedule["chargingSchedulePeriod"][0]["limit"]) == 10.5


async def test_what_cannot_be_computed_is_said(
    sign_in: SignIn, limited: None, database: Database, clock: SetClock
) -> None:
    odd = profile(9, "TxDefaultProfile", clock.now() - timedelta(hours=1), (0, 10))
    odd["chargingSchedule"][0]["randomizedDelay"] = 30
    odd["stackLevel"] = 5
    async with database.unit_of_work() as db:
        sent = {"evseId": 1, "chargingProfile": odd}
        yes = {"status": "Accepted"}
        await records.answered(db, STATION, "SetChargingProfile", sent, yes, clock.now())
    browser = await sign_in("admin")
    html = (await browser.get(f"{PATH}?evse=1")).text
    assert "Profile 9 cannot be computed by us. The station delays it at random." in html


async def test_strangers_do_not_find_it_and_readers_have_no_buttons(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("petra")
    assert (await browser.get(PATH)).status_code == 404
    browser = await sign_in("otto")
    html = (await browser.get(PATH)).text
    assert "Charging profiles" in html
    assert 'value="limit"' not in html
