"""Error-detection jobs over HTTP."""

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from alerts import detecting, raising
from alerts.detecting import Rounds
from csms.job_facts import Charging
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.api.test_commands import made

JOBS, GROUPS = "/api/v1/detection-jobs", "/api/v1/detection-groups"
JOB: dict[str, Any] = {
    "organisation": "north",
    "name": "Morning",
    "execute_at": "10:00",
    "hours": 4,
    "checks": ["no_message"],
}


@pytest.fixture
async def stations(administrator: AsyncClient, database: Database) -> None:
    """Two stations of the north, and one of the south."""
    raising.join_sites(database, Registered())
    detecting.join(database, Charging())
    for identity, owner in (("CS-1", "north"), ("CS-2", "north"), ("CS-3", "south")):
        await made(administrator, identity, owner)


@pytest.mark.usefixtures("stations")
async def test_a_job_is_made_runs_and_shows_its_result(
    administrator: AsyncClient, north: AsyncClient, database: Database, clock: SetClock
) -> None:
    answer = await administrator.post(JOBS, json=JOB)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    [turn] = job["next_runs"]
    assert turn["at"] == "2026-10-16T08:00:00Z"
    rounds = Rounds(database, clock)
    clock.advance(timedelta(days=1))
    await rounds()
    sheet = (await north.get(f"{JOBS}/{job['id']}")).json()
    assert sheet["last_run"]["due_at"] == "2026-10-16T08:00:00Z"
    assert sheet["last_run"]["remarks"] == [{"kind": "nothing_heard", "about": ""}]
    runs = (await north.get(f"{JOBS}/{job['id']}/runs")).json()
    assert [each["due_at"] for each in runs["items"]] == ["2026-10-16T08:00:00Z"]
    assert [each["id"] for each in (await north.get(JOBS)).json()["items"]] == [job["id"]]


@pytest.mark.usefixtures("stations")
@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"execute_at": "25:00"}, "no_such_time", "execute_at"),
        ({"checks": []}, "no_check", "checks"),
        ({"checks": ["comparison"]}, "nothing_to_compare", "groups"),
        ({"groups": [999]}, "invalid_input", "groups"),
        ({"location": "nowhere"}, "invalid_input", "location"),
        ({"site_meter": "CS-3"}, "invalid_input", "site_meter"),
        ({"organisation": "nobody"}, "invalid_input", "organisation"),
        ({"hours": 0}, "invalid_input", "hours"),
    ],
)
async def test_bad_input_is_refused_with_the_reason(
    administrator: AsyncClient, changes: dict[str, Any], code: str, field: str
) -> None:
    answer = await administrator.post(JOBS, json={**JOB, **changes})
    assert answer.status_code == 422, answer.text
    assert (answer.json()["code"], field in answer.text) == (code, True)


@pytest.mark.usefixtures("stations")
async def test_a_group_is_of_the_own_side_and_a_group_of_one_is_not_compared(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    body = {"organisation": "north", "name": "Roof", "points": ["CS-1/1"]}
    roof = (await administrator.post(GROUPS, json=body)).json()
    assert roof["points"] == ["CS-1/1"]
    wanted = {**JOB, "checks": ["comparison"], "groups": [roof["id"]]}
    refused = await administrator.post(JOBS, json=wanted)
    assert refused.json()["code"] == "nothing_to_compare"
    foreign = {**body, "name": "Other", "points": ["CS-3"]}
    assert (await administrator.post(GROUPS, json=foreign)).json()["field"] == "points"
    assert [each["name"] for each in (await north.get(GROUPS)).json()["items"]] == ["Roof"]
    assert (await south.get(GROUPS)).json()["items"] == []
    path = f"{GROUPS}/{roof['id']}"
    assert (await administrator.put(path, json={**body, "name": "Wall"})).json()["name"] == "Wall"
    job = (await administrator.post(JOBS, json={**JOB, "groups": [roof["id"]]})).json()
    assert (await administrator.delete(path)).json()["code"] == "group_in_use"
    assert (await south.get(f"{JOBS}/{job['id']}")).status_code == 404
    assert (await south.delete(f"{JOBS}/{job['id']}")).status_code in (403, 404)
