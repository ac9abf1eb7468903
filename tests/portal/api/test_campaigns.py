"""The same command to many stations, over HTTP."""

from httpx import AsyncClient
from sqlalchemy import text

from csms import campaigns
from foundation.clock import SetClock
from foundation.database import Database
from tests.portal.api.test_commands import connect, made

PATH = "/api/v1/campaigns"
RESET = {"action": "Reset", "payload": {"type": "Soft"}, "title": "After the update"}
CHANGE = {
    "action": "ChangeConfiguration",
    "payload": {"key": "A", "value": "1"},
    "title": "Set A",
}


async def test_a_dry_run_says_what_would_become_of_each_station_and_asks_none(
    administrator: AsyncClient, database: Database
) -> None:
    for identity in ("CS-1", "CS-2", "CS-3"):
        await made(administrator, identity, "north")
    await connect(database, "CS-1")
    await connect(database, "CS-2", "ocpp2.0.1")
    body = RESET | {"stations": ["CS-1", "CS-2", "CS-3", "CS-4"], "dry_run": True}
    answer = await administrator.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    preview = answer.json()
    assert (preview["dry_run"], preview["asked"]) == (True, 1)
    assert [(each["station"], each["refusal"]) for each in preview["items"]] == [
        ("CS-1", None),
        ("CS-2", "invalid_input"),  # 2.0.1 has no soft reset
        ("CS-3", "station_unreachable"),
        ("CS-4", "not_found"),
    ]
    change = CHANGE | {"stations": ["CS-1"], "dry_run": True}
    [item] = (await administrator.post(PATH, json=change)).json()["items"]
    assert item["refusal"] == "change_order_needed"
    assert (await administrator.get(PATH)).json()["items"] == []
    async with database.unit_of_work() as db:
        assert (await db.execute(text("select count(*) from commands"))).scalar_one() == 0


async def test_a_campaign_asks_at_its_rate_is_followed_and_stopped(
    administrator: AsyncClient, south: AsyncClient, database: Database, clock: SetClock
) -> None:
    for identity in ("CS-1", "CS-2", "CS-3"):
        await made(administrator, identity, "north")
        await connect(database, identity)
    body = RESET | {"stations": ["CS-1", "CS-2", "CS-3", "CS-1"], "per_minute": 1}
    answer = await administrator.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    campaign = answer.json()
    assert (campaign["stations"], campaign["waiting"], campaign["is_asking"]) == (3, 3, True)
    await campaigns.go_on(database, clock.now())
    path = answer.headers["location"]
    campaign = (await administrator.get(path)).json()
    assert (campaign["waiting"], campaign["commands"]) == (2, {"queued": 1})
    first = (await administrator.get(f"{path}/stations", params={"limit": 1})).json()
    [item] = first["items"]
    assert (item["station"], item["state"]) == ("CS-1", "queued")
    command = (await administrator.get(f"/api/v1/commands/{item['command']}")).json()
    assert (command["why"], command["reference"]) == ("campaign", f"campaign/{campaign['id']}")
    rest = await administrator.get(f"{path}/stations", params={"cursor": first["next"]})
    assert [each["command"] for each in rest.json()["items"]] == [None, None]
    stopped = (await administrator.post(f"{path}/stop")).json()
    assert (stopped["is_asking"], stopped["stopped_by"]) == (False, "administrator")
    again = await administrator.post(f"{path}/stop")
    assert (again.status_code, again.json()["code"]) == (409, "campaign_over")
    assert (await south.get(PATH)).json()["items"] == []
    assert (await south.get(path)).status_code == 404


async def test_who_may_not_command_starts_none(
    administrator: AsyncClient, support: AsyncClient, north: AsyncClient, database: Database
) -> None:
    await made(administrator, "CS-1", "south")
    await connect(database, "CS-1")
    answer = await north.post(PATH, json=RESET | {"stations": ["CS-1"]})
    assert answer.status_code in (403, 404)
    none = await administrator.post(PATH, json=RESET | {"stations": []})
    assert none.status_code == 422
    unknown = await administrator.post(PATH, json=RESET | {"stations": ["CS-9"]})
    assert unknown.status_code == 404
