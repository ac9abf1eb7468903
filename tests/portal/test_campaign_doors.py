"""A campaign in somebody's name; what the audit is told of it."""

from httpx import AsyncClient

from foundation.database import Database
from tests.portal.api.test_campaigns import PATH, RESET
from tests.portal.api.test_commands import connect, made


async def test_the_audit_names_the_stations_that_were_to_be_asked_and_who_stopped_it(
    administrator: AsyncClient, database: Database
) -> None:
    for identity in ("CS-1", "CS-2"):
        await made(administrator, identity, "north")
        await connect(database, identity)
    body = RESET | {"stations": ["CS-1", "CS-2"], "per_minute": 1}
    number = (await administrator.post(PATH, json=body)).json()["id"]
    for _ in range(2):
        await administrator.post(f"{PATH}/{number}/stop")
    found = await administrator.get("/api/v1/audit", params={"subject": f"campaign/{number}"})
    stopped, started = found.json()["items"]
    assert (started["deed"], started["after"]) == (
        "campaign.start",
        {"command": "Reset", "stations": ["CS-1", "CS-2"], "per_minute": 1},
    )
    assert (stopped["deed"], stopped["actor_name"]) == ("campaign.stop", "administrator")
