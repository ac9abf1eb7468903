"""First aid over HTTP: playbooks, and the trail of an alert."""

from typing import Any

from httpx import AsyncClient

from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.api.test_commands import made
from tests.support.aid import Aid

PATH = "/api/v1/playbooks"
BOOK: dict[str, Any] = {
    "organisation": "north",
    "name": "Locks",
    "detection": "fault",
    "causes": ["ConnectorLockFailure"],
    "steps": ["unlock", "soft_reset"],
    "per_day": 3,
}


async def test_a_playbook_is_written_switched_on_and_taken_away(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    await made(administrator, "CS-1", "north")
    written = await administrator.post(PATH, json=BOOK)
    assert written.status_code == 201, written.text
    book = written.json()
    assert (book["is_on"], book["steps"]) == (False, ["unlock", "soft_reset"])
    one = f"{PATH}/{book['id']}"
    assert (await administrator.put(one, json=BOOK | {"is_on": True})).json()["is_on"]
    assert [each["id"] for each in (await north.get(PATH)).json()["items"]] == [book["id"]]
    assert (await south.get(PATH)).json()["items"] == []
    assert (await south.delete(one)).status_code in (403, 404)
    assert (await administrator.delete(one)).status_code == 204
    assert (await administrator.delete(one)).status_code == 404


async def test_what_would_loop_or_is_none_is_refused_with_its_reason(
    administrator: AsyncClient,
) -> None:
    await made(administrator, "CS-1", "north")
    loop = await administrator.post(PATH, json=BOOK | {"steps": ["soft_reset", "unlock"]})
    assert (loop.status_code, loop.json()["code"], loop.json()["field"]) == (
        422,
        "would_loop",
        "steps",
    )
    assert (await administrator.post(PATH, json=BOOK | {"steps": []})).json()["field"] == "steps"
    nobody = await administrator.post(PATH, json=BOOK | {"organisation": "nobody"})
    assert nobody.status_code == 404
    assert (await administrator.post(PATH, json=BOOK | {"is_on": True})).status_code == 201
    turns = await administrator.post(PATH, json=BOOK | {"is_on": True})
    assert (turns.status_code, turns.json()["code"]) == (409, "takes_turns")


async def test_the_trail_of_an_alert_is_read_by_its_side_alone(
    administrator: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    await made(administrator, "N-1", "north")
    at = Aid(database, clock)
    await at.furnish()
    await at.playbook(organisation="north")
    alert = await at.fault()
    await at.look()
    path = f"/api/v1/alerts/{alert}/first-aid"
    [run] = (await north.get(path)).json()["items"]
    assert [(each["step"], each["result"]) for each in run["tried"]] == [("unlock", None)]
    assert (await south.get(path)).status_code == 404


async def test_a_playbook_is_tried_out_at_a_station_of_ones_own(
    administrator: AsyncClient, south: AsyncClient, database: Database, clock: SetClock
) -> None:
    await made(administrator, "N-1", "north")
    await Aid(database, clock).furnish()
    more = {"steps": ["unlock", "out_of_service"], "settles_min": 5, "out_hours": 6, "is_on": True}
    book = (await administrator.post(PATH, json=BOOK | more)).json()
    assert (book["settles_min"], book["out_hours"]) == (5, 6)
    path = f"{PATH}/{book['id']}/rehearse"
    found = (await administrator.post(path, json={"station": "N-1"})).json()
    assert (found["hindrances"], found["first"], found["waits_for"]) == ([], "unlock", None)
    assert [each["action"] for each in found["steps"]] == ["UnlockConnector", "ChangeAvailability"]
    nobody = await administrator.post(path, json={"station": "nobody"})
    assert nobody.status_code == 404
    assert (await south.post(path, json={"station": "N-1"})).status_code in (403, 404)
