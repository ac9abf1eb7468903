"""If/then rules on pages: made, tried out, switched, fired, taken away."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from alerts import raising, ruling
from csms.measured import NewestReadings
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from tests.accounts.licensed import granted, new_account
from tests.portal.pages.conftest import NOON, SignIn, token_in
from tests.portal.test_pages import judged

STATION = "DE-HN-001"
RULE: dict[str, Any] = {
    "name": "Too <hot>",
    "organisation": "stadtwerke",
    "metric": ["temperature_c", "", "power_w", ""],
    "comparison": ["above", "above", "below", "above"],
    "limit": ["70,5", "", "-3", ""],
    "match": "any",
    "consecutive": "2",
    "hour": [str(each) for each in range(168)],
    "severity": "fault",
    "mails": "a@x.example\r\nb@x.example",
    "webhook": "",
    "step_hours": "24",
    "steps_per_day": "3",
}


class Heat:
    """A charge point that was hot three hours before noon; known until a moment."""

    def __init__(self, until: datetime = NOON) -> None:
        self.until = until

    async def newest(self, *_: Any, **__: Any) -> list[NewestReadings]:
        """Return its readings."""
        readings = [
            (at, [{"measurand": "Temperature", "value": 80 if hours == 3 else 60}])
            for hours in range(1, 9)
            for at in (NOON - timedelta(hours=hours), NOON - timedelta(hours=hours, minutes=-5))
            if at <= self.until
        ]
        organisation = OrganisationKey("stadtwerke")
        return [
            NewestReadings(
                StationId(STATION), 1, organisation, None, "Europe/Berlin", sorted(readings)[::-1]
            )
        ]

    async def over(self, *_: Any, **__: Any) -> tuple[int, list[NewestReadings]]:
        """Return the same, of more than were looked at."""
        return 3, await self.newest()


@pytest.fixture
def joined(lively: None, database: Database) -> None:
    """The database with what rules ask for."""
    raising.join_sites(database, Registered())
    ruling.join(database, Heat())


@pytest.mark.usefixtures("joined")
async def test_a_rule_is_tried_out_made_switched_off_and_taken_away(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("otto")
    assert "No rules yet" in (await browser.get("/rules")).text
    sent = {**RULE, "csrf": token_in((await browser.get("/rules/new")).text)}
    tried = await browser.post("/rules/new", data={**sent, "do": "rehearse"})
    assert tried.status_code == 200, tried.text
    assert "It would have fired 1 time in the last 7 days" in tried.text
    assert "Looked at 1 of 3 charge points." in tried.text
    assert "No rules yet" in (await browser.get("/rules")).text
    made = await browser.post("/rules/new", data=sent)
    assert made.status_code == 303, made.text
    path = made.headers["location"].partition("?")[0]
    sheet = (await browser.get(path)).text
    assert judged(sheet) == []
    assert len(sheet.encode()) < 60_000
    assert judged(tried.text) == []
    assert "Too &lt;hot&gt;" in sheet
    assert 'value="70.5"' in sheet
    assert "It has not fired yet." in sheet
    listed = (await browser.get("/rules")).text
    assert judged(listed) == []
    assert "Temperature (°C) above 70.5 or Power (W) below -3" in listed
    assert "2 measurements in a row" in listed
    assert "alert, mail" in listed
    csrf = {"csrf": sent["csrf"]}
    assert (await browser.post(f"{path}/switch", data={**csrf, "to": "off"})).status_code == 303
    assert "Switch on" in (await browser.get("/rules")).text
    some = {**sent, "hour": ["0", "167"], "active": "yes"}
    assert (await browser.post(path, data=some)).status_code == 303
    assert "2 hours of the week" in (await browser.get(path)).text
    assert (await browser.post(f"{path}/remove", data=csrf)).status_code == 303
    assert "No rules yet" in (await browser.get("/rules")).text


@pytest.mark.usefixtures("joined")
async def test_when_it_fired_and_what_was_done_stands_on_its_page(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("otto")
    sent = {**RULE, "csrf": token_in((await browser.get("/rules/new")).text), "consecutive": "1"}
    made = await browser.post("/rules/new", data=sent)
    path = made.headers["location"].partition("?")[0]
    at = NOON - timedelta(hours=3) + timedelta(minutes=1)

    ruling.join(database, Heat(until=at))
    await ruling.rounds(database, SetClock(at))()
    async with database.unit_of_work() as db:
        number = await db.scalar(text("select max(id) from alerts"))
    sheet = (await browser.get(path)).text
    assert "Temperature (°C) 80" in sheet
    assert f'href="/alerts/{number}"' in sheet
    assert judged(sheet) == []
    assert "1 time in 7 days" in (await browser.get("/rules")).text
    alert = (await browser.get(f"/alerts/{number}")).text
    assert "Temperature (°C) 80" in alert
    assert f'href="{path}"' in alert


@pytest.mark.usefixtures("joined")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"limit": ["hot", "", "", ""]}, "Say above or below which number"),
        ({"metric": ["", "", "", ""]}, "A rule has 1 to 10 conditions."),
        ({"hour": []}, "Choose at least one hour"),
        ({"consecutive": "many"}, "Enter a whole number."),
        ({"mails": "nobody"}, "is no mail address"),
        ({"webhook": "http://127.0.0.1/"}, "127.0.0.1"),
    ],
)
async def test_bad_input_comes_back_filled_in_with_the_reason(
    sign_in: SignIn, changes: dict[str, Any], reason: str
) -> None:
    browser = await sign_in("otto")
    csrf = token_in((await browser.get("/rules/new")).text)
    answer = await browser.post("/rules/new", data={**RULE, **changes, "csrf": csrf})
    assert answer.status_code == 422
    assert reason in answer.text
    assert 'value="Too &lt;hot&gt;"' in answer.text


@pytest.mark.usefixtures("joined")
async def test_below_its_tier_rules_rest_with_the_reason(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("otto")
    sent = {**RULE, "csrf": token_in((await browser.get("/rules/new")).text)}
    made = await browser.post("/rules/new", data=sent)
    path = made.headers["location"].partition("?")[0]
    async with database.unit_of_work() as db:
        owner = OrganisationKey("stadtwerke")
        await granted(db, new_account(), NOON, organisation=owner)
    listed = (await browser.get("/rules")).text
    assert "If/then rules rest" in listed
    assert "Rests: the tier is too low" in listed
    refused = await browser.post("/rules/new", data=sent)
    assert refused.status_code == 422
    assert "If/then actions: this needs the tier Limited; the account has Basic." in refused.text
    csrf = {"csrf": sent["csrf"]}
    assert (await browser.post(f"{path}/switch", data={**csrf, "to": "off"})).status_code == 303
    on = await browser.post(f"{path}/switch", data={**csrf, "to": "on"})
    assert on.status_code == 422
