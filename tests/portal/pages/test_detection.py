"""Error detection on pages: a job is made, runs, shows what it found, and is taken away."""

import pytest

from alerts import detecting, raising
from alerts.detecting import Rounds
from csms.job_facts import Charging
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.pages.conftest import NOON, SignIn, token_in

STATION, OTHER = "DE-HN-001", "DE-HN-002"
JOB = {
    "name": "Morning",
    "organisation": "stadtwerke",
    "execute_at": "14:01",
    "hours": "1",
    "check": ["no_message"],
    "tolerance_percent": "50",
    "meter_tolerance_percent": "5",
}


@pytest.fixture
def joined(lively: None, database: Database) -> None:
    """The database with what jobs ask for."""
    raising.join_sites(database, Registered())
    detecting.join(database, Charging())


@pytest.mark.usefixtures("joined")
async def test_a_job_is_made_runs_and_shows_what_it_found(
    sign_in: SignIn, database: Database
) -> None:
    browser = await sign_in("otto")
    form = await browser.get("/detection/jobs/new")
    sent = {**JOB, "csrf": token_in(form.text)}
    made = await browser.post("/detection/jobs/new", data=sent)
    assert made.status_code == 303, made.text
    path = made.headers["location"].partition("?")[0]
    await Rounds(database, SetClock(NOON.replace(hour=23)))()
    sheet = (await browser.get(path)).text
    assert "It has not run yet." in sheet
    await Rounds(database, SetClock(NOON.replace(minute=1)))()
    sheet = (await browser.get(path)).text
    assert "Nothing found" in sheet or "Found something" in sheet
    listed = (await browser.get("/detection")).text
    assert "Morning" in listed
    assert "14:01" in listed
    off = {**sent, "active": ""}
    assert (await browser.post(path, data=off)).status_code == 303
    assert "It is switched off." in (await browser.get(path)).text
    gone = await browser.post(f"{path}/remove", data={"csrf": sent["csrf"]})
    assert gone.status_code == 303
    assert "No jobs yet" in (await browser.get("/detection")).text


@pytest.mark.usefixtures("joined")
async def test_bad_input_comes_back_filled_in_with_the_reason(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    csrf = token_in((await browser.get("/detection/jobs/new")).text)
    for changes, reason in (
        ({"execute_at": "24:30"}, "is no time of day"),
        ({"check": []}, "Choose at least one check"),
        ({"hours": "many"}, "Enter a whole number."),
    ):
        answer = await browser.post("/detection/jobs/new", data={**JOB, **changes, "csrf": csrf})
        assert answer.status_code == 422
        assert reason in answer.text
        assert 'value="Morning"' in answer.text


@pytest.mark.usefixtures("joined")
async def test_a_group_of_one_is_not_compared_and_a_group_in_use_stays(sign_in: SignIn) -> None:
    browser = await sign_in("otto")
    csrf = token_in((await browser.get("/detection/groups/new")).text)
    group = {"name": "Roof", "organisation": "stadtwerke", "csrf": csrf}
    wrong = await browser.post("/detection/groups/new", data={**group, "points": "NOBODY"})
    assert wrong.status_code == 422
    assert "NOBODY" in wrong.text
    made = await browser.post("/detection/groups/new", data={**group, "points": f"{STATION}/1"})
    assert made.status_code == 303
    path = "/detection/groups/1"
    assert f"{STATION}/1" in (await browser.get(path)).text
    comparison = {**JOB, "check": ["comparison"], "group": ["1"], "csrf": csrf}
    refused = await browser.post("/detection/jobs/new", data=comparison)
    assert "a comparison needs two" in refused.text
    both = {**group, "points": f"{STATION}\r\n{OTHER}\r\n"}
    assert (await browser.post(path, data=both)).status_code == 303
    assert (await browser.post("/detection/jobs/new", data=comparison)).status_code == 303
    used = await browser.post(f"{path}/remove", data={"csrf": csrf})
    assert used.status_code == 409
    assert "Morning" in used.text
