"""Alerts over HTTP."""

import pytest
from httpx import AsyncClient

from alerts import raising
from alerts.detections import Detection
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from tests.alerts.watch import finding
from tests.portal.api.test_commands import made

PATH = "/api/v1/alerts"


@pytest.fixture
async def two(administrator: AsyncClient, database: Database, clock: SetClock) -> tuple[int, int]:
    """The alerts of a silent station of the north and of one of the south."""
    raising.join_sites(database, Registered())
    await made(administrator, "CS-1", "north")
    await made(administrator, "CS-2", "south")
    now = clock.now()
    async with database.unit_of_work() as db:
        await raising.report(
            db,
            [
                finding("CS-1", at=now, evidence={"last_heard_at": "2026-11-02T07:00:00+00:00"}),
                finding("CS-2", at=now, organisation="south"),
                finding("CS-1", detection=Detection.FAULT, cause="GroundFailure", at=now),
            ],
            now=now,
        )
    listed = (await administrator.get(PATH)).json()["items"]
    assert len(listed) == 3
    [first] = [each["id"] for each in listed if each["detection"] == "offline"][1:]
    [second] = [each["id"] for each in listed if each["stations"] == ["CS-2"]]
    return first, second


async def test_alerts_are_listed_and_read_within_the_scope_alone(
    north: AsyncClient, two: tuple[int, int]
) -> None:
    first, second = two
    listed = (await north.get(PATH, params={"detection": "offline"})).json()
    [line] = listed["items"]
    assert (line["id"], line["stations"], line["state"]) == (first, ["CS-1"], "open")
    page = (await north.get(PATH, params={"limit": 1})).json()
    older = (await north.get(PATH, params={"limit": 1, "cursor": page["next"]})).json()
    assert page["items"][0]["id"] == first
    assert older["items"][0]["cause"] == "GroundFailure"
    assert older["next"] is None
    assert (await north.get(PATH, params={"state": "closed"})).json()["items"] == []
    sheet = (await north.get(f"{PATH}/{first}")).json()
    assert sheet["faults"][0]["evidence"] == {"last_heard_at": "2026-11-02T07:00:00+00:00"}
    assert [each["change"] for each in sheet["history"]] == ["raised"]
    assert (await north.get(f"{PATH}/{second}")).status_code == 404


async def test_an_alert_is_taken_on_escalated_and_closed_with_a_reason(
    support: AsyncClient, administrator: AsyncClient, two: tuple[int, int]
) -> None:
    path = f"{PATH}/{two[0]}"
    taken = await support.post(f"{path}/acknowledge", json={"note": "I look."})
    assert (taken.status_code, taken.json()["state"]) == (200, "open"), taken.text
    again = await support.post(f"{path}/acknowledge", json={})
    assert (again.status_code, again.json()["code"]) == (409, "already_acknowledged")
    marked = await support.post(f"{path}/escalate", json={})
    assert (marked.json()["state"], marked.json()["escalated_by"]) == ("open", "support")
    assert (await support.post(f"{path}/escalate", json={})).json()["code"] == "already_escalated"
    silent = await support.post(f"{path}/close", json={})
    assert (silent.status_code, silent.json()["field"]) == (422, "note")
    closed = await support.post(f"{path}/close", json={"note": "Scrapped."})
    assert closed.json()["state"] == "closed"
    late = await support.post(f"{path}/close", json={"note": "Twice."})
    assert late.json()["code"] == "alert_over"


async def test_who_only_reads_and_who_is_elsewhere_does_nothing_to_an_alert(
    south: AsyncClient, two: tuple[int, int]
) -> None:
    for deed in ("acknowledge", "escalate", "close"):
        refused = await south.post(f"{PATH}/{two[0]}/{deed}", json={"note": "x"})
        assert refused.status_code in (403, 404)


async def test_a_stations_errors_are_read_open_or_solved(
    north: AsyncClient, south: AsyncClient, two: tuple[int, int]
) -> None:
    path = "/api/v1/stations/CS-1/errors"
    both = (await north.get(path)).json()["items"]
    assert {each["cause"] for each in both} == {"silence", "GroundFailure"}
    assert (await north.get(path, params={"state": "solved"})).json()["items"] == []
    closed = await north.post(f"{PATH}/{two[0]}/close", json={"note": "Gone."})
    assert closed.status_code == 200
    solved = (await north.get(path, params={"state": "solved"})).json()["items"]
    assert [each["cause"] for each in solved] == ["silence"]
    assert (await south.get(path)).status_code == 404
