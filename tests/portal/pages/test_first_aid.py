"""First aid on pages: playbooks written, changed, tried out, switched and removed."""

import re
from dataclasses import replace
from typing import Any

from httpx import AsyncClient
from sqlalchemy import text

from accounts.directory import WHOLE
from alerts import alerting, raising
from alerts.detections import Detection
from csms.whereabouts import Registered
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from support import first_aid_store
from support.first_aid import Result, Run, Step, Tried
from tests.alerts.watch import finding
from tests.portal.pages.conftest import NOON, SignIn, token_in
from tests.portal.test_pages import judged

PATH = "/support/first-aid"
STATION = "DE-HN-001"


async def written(browser: AsyncClient) -> tuple[str, dict[str, Any]]:
    """Write a playbook; return its path, and the form as it was sent."""
    csrf = {"csrf": token_in((await browser.get(PATH)).text)}
    form = {
        **csrf,
        "name": "<b>Locks</b>",
        "detection": "fault",
        "per_day": "3",
        "step": ["unlock", "hard_reset", ""],
    }
    made = await browser.post(PATH, data=form)
    assert made.status_code == 303, made.text
    found = re.search(rf'action="({PATH}/\d+)/switch"', (await browser.get(PATH)).text)
    assert found is not None
    return found[1], form


async def test_a_playbook_is_written_off_switched_on_and_removed(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    html = (await browser.get(PATH)).text
    assert "No playbooks yet" in html
    csrf = {"csrf": token_in(html)}
    form = {**csrf, "name": "<b>Locks</b>", "detection": "fault", "per_day": "3"}
    silent = await browser.post(PATH, data=form)
    assert (silent.status_code, "Say what is tried." in silent.text) == (422, True)
    looping = await browser.post(PATH, data=form | {"detection": "offline", "step": "hard_reset"})
    assert "It would loop: a station that restarts is silent." in looping.text
    path, _ = await written(browser)
    html = (await browser.get(PATH)).text
    assert "&lt;b&gt;Locks&lt;/b&gt;" in html
    assert html.index("Unlock the connector") < html.index("Restart (hard)")
    on = await browser.post(f"{path}/switch", data={**csrf, "to": "on"})
    assert on.status_code == 303
    assert "Switch off" in (await browser.get(PATH)).text
    assert (await browser.post(f"{path}/remove", data=csrf)).status_code == 303
    assert "No playbooks yet" in (await browser.get(PATH)).text


async def test_a_playbook_is_changed_and_one_that_would_loop_comes_back_with_the_reason(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    path, form = await written(browser)
    sheet = (await browser.get(path)).text
    assert "Never during a session" in sheet
    assert 'value="unlock" selected' in sheet
    looping = await browser.post(path, data=form | {"step": ["hard_reset", "unlock"]})
    assert looping.status_code == 422
    assert "It would loop: each step is tried once, and the next one is stronger." in looping.text
    assert looping.text.index('value="hard_reset" selected') < looping.text.index(
        'value="unlock" selected'
    )
    better = {"step": ["unlock", "out_of_service"], "settles_min": "5", "out_hours": "6"}
    assert (await browser.post(path, data=form | better)).status_code == 303
    sheet = (await browser.get(path)).text
    assert 'value="out_of_service" selected' in sheet
    assert 'name="settles_min" type="text" value="5"' in sheet
    for wrong, reason in (
        ({"settles_min": "61"}, "It waits 1 to 60 minutes for the effect."),
        ({"out_hours": "x"}, "Out of service is 1 to 168 hours."),
    ):
        answer = await browser.post(path, data=form | wrong)
        assert (answer.status_code, reason in answer.text) == (422, True)


async def test_what_it_would_do_at_a_station_now_is_shown_and_nothing_is_sent(
    sign_in: SignIn, lively: None
) -> None:
    browser = await sign_in("admin")
    path, _ = await written(browser)
    tried = (await browser.get(path, params={"station": STATION, "evse": "1"})).text
    assert f"It would not begin at {STATION}" in tried
    assert "It is switched off." in tried
    assert "UnlockConnector" in tried
    assert "Nothing was sent." in tried
    assert judged(tried) == []
    nobody = (await browser.get(path, params={"station": "nobody"})).text
    assert "There is no such station." in nobody
    # Who may not write playbooks does not try them out.
    reader = await sign_in("otto")
    answer = await reader.get(path, params={"station": STATION})
    assert answer.status_code in (403, 404)


async def test_what_was_tried_stands_on_the_ticket_and_in_the_technicians_package(
    sign_in: SignIn, lively: None, database: Database
) -> None:
    browser = await sign_in("admin")
    path, form = await written(browser)
    owner = OrganisationKey("stadtwerke")
    raising.join_sites(database, Registered())
    async with database.unit_of_work() as db:
        fault = finding(
            STATION,
            detection=Detection.FAULT,
            cause="ConnectorLockFailure",
            organisation=owner,
            evse_id=1,
            at=NOON,
        )
        await raising.report(db, [fault], now=NOON)
        alert = (await alerting.alerts(db, WHOLE, limit=1))[0].alert.id
        run = Run(
            id=0,
            alert=alert,
            organisation=owner,
            station=StationId(STATION),
            evse_id=1,
            connector_id=1,
            playbook=int(path.rpartition("/")[2]),
            steps=(Step.UNLOCK,),
            per_day=3,
            began_at=NOON,
            due_at=NOON,
        )
        await first_aid_store.begin(db, [run])
        [begun] = await first_aid_store.runs_of(db, WHOLE, alerts=[alert])
        tried = (Tried(Step.UNLOCK, NOON, Result.FAILED, NOON, "4711"),)
        await first_aid_store.save(db, replace(begun, tried=tried))
    ticket = {"csrf": form["csrf"], "station": STATION, "title": "Lock", "alert": str(alert)}
    opened = await browser.post("/support/tickets", data=ticket)
    where = opened.headers["location"].partition("?")[0]
    sheet = (await browser.get(where)).text
    assert 'href="/commands/4711"' in sheet
    assert "Without effect" in sheet
    planned = await browser.post(f"{where}/visit", data={"csrf": form["csrf"], "kind": "repair"})
    visit = planned.headers["location"].partition("?")[0]
    decided = {"csrf": form["csrf"], "cover": "warranty", "reason": "New"}
    assert (await browser.post(f"{visit}/cover", data=decided)).status_code == 303
    line = f"{STATION}/1: Unlock the connector – Without effect (Command 4711)"
    assert line in (await browser.get(visit)).text
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "update visits set state = 'dispatched', latitude = 1, longitude = 1,"
                " fault_analysis = 'x', contact = 'y', technician = 'z', dispatched_at = :at"
            ),
            {"at": NOON},
        )
    assert line in (await browser.get(f"{visit}/technician")).text
