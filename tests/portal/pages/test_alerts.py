"""Alerts on pages: found in the list, on the overview and on the station's sheet; seen to."""

import re
from datetime import timedelta

import pytest

from alerts import raising
from alerts.detections import Detection, Severity
from csms.whereabouts import Registered
from foundation.database import Database
from tests.alerts.watch import finding
from tests.portal.pages.conftest import NOON, SignIn, token_in

STATION = "DE-HN-002"


@pytest.fixture
async def alerts(lively: None, database: Database) -> None:
    """A ground failure that came an hour ago, and a routine warning that is gone."""
    raising.join_sites(database, Registered())
    at = NOON - timedelta(hours=1)
    ground = finding(
        STATION,
        detection=Detection.FAULT,
        cause="GroundFailure",
        organisation="stadtwerke",
        severity=Severity.CRITICAL,
        evse_id=1,
        connector_id=1,
        at=at,
        evidence={"info": "left <b>socket</b>", "last_heard_at": at.isoformat()},
    )
    signal = finding(
        STATION,
        detection=Detection.WARNING,
        cause="WeakSignal",
        organisation="stadtwerke",
        severity=Severity.WARNING,
        at=at,
    )
    async with database.unit_of_work() as db:
        await raising.report(db, [ground, signal], now=at)
    async with database.unit_of_work() as db:
        gone = finding(
            STATION,
            detection=Detection.WARNING,
            cause="WeakSignal",
            organisation="stadtwerke",
            at=at + timedelta(minutes=1),
            is_present=False,
        )
        await raising.report(db, [gone], now=at + timedelta(minutes=1))
        await raising.settle(db, now=at + timedelta(minutes=30))


def link_in(html: str, text: str) -> str:
    found = re.search(rf'href="(/alerts/\d+)">{text}', html)
    assert found is not None, html
    return found[1]


async def test_an_open_alert_is_on_the_overview_in_the_list_and_on_the_sheet(
    sign_in: SignIn, alerts: None
) -> None:
    browser = await sign_in("otto")
    overview = (await browser.get("/")).text
    assert '<a href="/alerts"><span class="how-many fault">1</span>' in overview
    assert re.search(r'Alerts\s*<span class="count fault"[^>]*>1', overview)
    listed = (await browser.get("/alerts")).text
    assert "Fault: Ground failure" in listed
    assert "Weak mobile signal" not in listed
    assert STATION in listed.replace("<wbr>", "")
    over = (await browser.get("/alerts", params={"state": "over"})).text
    assert "Operating warning: Weak mobile signal" in over
    assert "Ground failure" not in over
    sheet = (await browser.get(f"/stations/{STATION}/errors")).text
    assert "Open alerts" in sheet
    assert "Fault: Ground failure" in sheet


async def test_filters_find_what_they_say_or_say_that_nothing_matches(
    sign_in: SignIn, alerts: None
) -> None:
    browser = await sign_in("otto")

    async def shown(**query: str) -> str:
        return (await browser.get("/alerts", params=query)).text

    assert "Ground failure" in await shown(state="all", detection="fault")
    assert "No alert matches" in await shown(detection="clock")
    assert "Ground failure" in await shown(state="mine", station=STATION)
    assert "Monitored" in await shown(state="watched", detection="fault")
    assert "No alert matches" in await shown(station="DE-HN-001")


async def test_an_alert_is_taken_on_escalated_and_closed_with_a_reason(
    sign_in: SignIn, alerts: None
) -> None:
    browser = await sign_in("otto")
    path = link_in((await browser.get("/alerts")).text, "Fault: Ground failure")
    html = (await browser.get(path)).text
    assert "Do not touch the station; send a technician." in html
    assert "left &lt;b&gt;socket&lt;/b&gt;" in html
    csrf = {"csrf": token_in(html)}
    taken = await browser.post(f"{path}/acknowledge", data={**csrf, "note": "I look."})
    assert taken.status_code == 303
    html = (await browser.get(taken.headers["location"])).text
    assert "You take care of it." in html
    assert "I look." in html
    assert "I take care of it" not in html
    again = await browser.post(f"{path}/acknowledge", data=csrf)
    assert again.status_code == 422
    assert "Somebody takes care of it already." in again.text
    assert (await browser.post(f"{path}/escalate", data=csrf)).status_code == 303
    assert "marked as escalated already" in (
        (await browser.post(f"{path}/escalate", data=csrf)).text
    )
    silent = await browser.post(f"{path}/close", data=csrf)
    assert silent.status_code == 422
    assert "Say why it is closed all the same." in silent.text
    long = await browser.post(f"{path}/close", data={**csrf, "note": "x" * 1001})
    assert "This is too long." in long.text
    assert (await browser.post(f"{path}/close", data={**csrf, "note": "Off."})).status_code == 303
    late = await browser.post(f"{path}/close", data={**csrf, "note": "Off."})
    assert "This alert is over already." in late.text
    assert "All is well" in (await browser.get("/alerts")).text


async def test_another_owner_sees_nothing_of_it(sign_in: SignIn, alerts: None) -> None:
    admin = await sign_in("admin")
    path = link_in((await admin.get("/alerts")).text, "Fault: Ground failure")
    petra = await sign_in("petra")
    assert "Ground failure" not in (await petra.get("/alerts")).text
    assert (await petra.get(path)).status_code == 404
    assert (await petra.get("/alerts/x")).status_code == 404


async def test_it_is_read_in_german(sign_in: SignIn, alerts: None) -> None:
    browser = await sign_in("otto")
    browser.cookies.set("leitstand_language", "de")
    listed = (await browser.get("/alerts")).text
    assert "Als eskaliert kennzeichnen" in (await browser.get(link_in(listed, "Störung"))).text


async def test_alerts_have_charts_with_words_and_a_table_for_who_sees_none(
    sign_in: SignIn, alerts: None
) -> None:
    browser = await sign_in("otto")
    listed = (await browser.get("/alerts?state=all")).text
    assert 'id="days-720-d"' in listed
    assert "2 alerts in the last 30 days." in listed
    assert "Half recovered within 30" in listed
    one = (await browser.get(link_in(listed, "Fault: Ground failure"))).text
    assert 'id="around-720-d"' in one
    assert "DE-HN-002: connection: heard" in one
    assert one.count('<svg class="wide lanes"') == 1
