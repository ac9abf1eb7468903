"""Tests of the REST calls about remote commands."""

from typing import Any

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from csms import remote
from foundation.clock import SetClock
from foundation.database import Database
from support.change_orders import OrderGate

STATIONS = "/api/v1/stations"
COMMANDS = "/api/v1/commands"
RESET = {"action": "Reset", "payload": {"type": "Soft"}}
CHANGE = {"action": "ChangeConfiguration", "payload": {"key": "A", "value": "1"}}


@pytest.fixture
async def station(administrator: AsyncClient, database: Database) -> str:
    """A 1.6 station of the north that is connected somewhere."""
    await made(administrator, "CS-N", "north")
    await connect(database, "CS-N")
    return "CS-N"


async def made(administrator: AsyncClient, identity: str, organisation: str) -> None:
    body = {"identity": identity, "organisation": organisation}
    assert (await administrator.post(STATIONS, json=body)).status_code == 201


async def connect(database: Database, identity: str, version: str = "ocpp1.6") -> None:
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into nodes (node, started_at, lease_until)"
                " values ('n1', now(), now() + interval '1 hour') on conflict do nothing"
            )
        )
        await db.execute(
            text(
                "insert into station_connections (station, node, epoch, version, connected_at,"
                " last_heard_at, silence) values (:s, 'n1', 1, :v, now(), now(), 'online')"
            ),
            {"s": identity, "v": version},
        )


async def asked(client: AsyncClient, station: str, body: Any, **more: Any) -> Any:
    return await client.post(f"{STATIONS}/{station}/commands", json=body, **more)


async def test_a_command_is_taken_in_and_can_be_followed(
    administrator: AsyncClient, station: str
) -> None:
    response = await asked(administrator, station, RESET | {"reference": "case 7"})
    assert response.status_code == 202
    command = response.json()
    assert (command["state"], command["why"], command["reference"]) == ("queued", "api", "case 7")
    assert [each["state"] for each in command["transitions"]] == ["queued"]
    followed = await administrator.get(response.headers["location"])
    assert followed.json() == command


async def test_a_station_without_a_connection_is_refused_at_once_unless_one_waits(
    administrator: AsyncClient, station: str, database: Database
) -> None:
    async with database.unit_of_work() as db:
        await db.execute(text("update station_connections set closed_at = now()"))
    refused = await asked(administrator, station, RESET)
    assert (refused.status_code, refused.json()["code"]) == (503, "station_unreachable")
    waits = await asked(administrator, station, RESET | {"when_offline": "queue"})
    assert waits.status_code == 202
    listed = (await administrator.get(COMMANDS)).json()["items"]
    assert [each["id"] for each in listed] == [waits.json()["id"]]


async def test_a_start_never_waits_for_a_station(administrator: AsyncClient, station: str) -> None:
    start = {"action": "RemoteStartTransaction", "payload": {"idTag": "A"}}
    refused = await asked(administrator, station, start | {"when_offline": "queue"})
    assert (refused.status_code, refused.json()["field"]) == (422, "when_offline")
    assert (await asked(administrator, station, start)).status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "Reset", "payload": {"type": "Gently"}}, "$.type"),
        ({"action": "Reset", "payload": {}}, "$.type"),
        ({"action": "BootNotification", "payload": {}}, "action"),
        ({"action": "Reset", "payload": {"type": "Soft"}, "expires_in_s": 0}, "expires_in_s"),
    ],
)
async def test_what_no_station_of_the_version_takes_is_refused_with_the_place(
    administrator: AsyncClient, station: str, body: dict[str, Any], field: str
) -> None:
    refused = await asked(administrator, station, body)
    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_raw_skips_the_schema_for_those_who_may(
    administrator: AsyncClient, support: AsyncClient, station: str
) -> None:
    odd = {"action": "Reset", "payload": {"type": "Gently"}, "raw": True}
    assert (await asked(administrator, station, odd)).status_code == 202
    refused = await asked(support, station, odd)
    assert refused.status_code == 403
    assert "commands.raw" in refused.json()["detail"]


async def test_configuration_of_anothers_station_needs_an_order_and_one_s_own_does_not(
    administrator: AsyncClient, database: Database, station: str
) -> None:
    await made(administrator, "CS-R", "root")
    await connect(database, "CS-R")
    refused = await asked(administrator, station, CHANGE)
    assert (refused.status_code, refused.json()["code"]) == (403, "change_order_needed")
    assert (await asked(administrator, "CS-R", CHANGE)).status_code == 202


async def test_an_order_that_nobody_knows_permits_nothing(
    administrator: AsyncClient, database: Database, station: str
) -> None:
    remote.join(database, orders=OrderGate())
    refused = await asked(administrator, station, CHANGE | {"change_order": "nobody-wrote-it"})
    assert (refused.status_code, refused.json()["code"]) == (403, "change_order_needed")


async def test_nobody_has_more_in_flight_than_he_may(
    administrator: AsyncClient, support: AsyncClient, database: Database, station: str
) -> None:
    remote.join(database, orders=None, in_flight_max=2)
    assert (await asked(administrator, station, RESET)).status_code == 202
    second = await asked(administrator, station, RESET)
    refused = await asked(administrator, station, RESET)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_commands")
    assert refused.headers["retry-after"] == "1"
    assert (await asked(support, station, RESET)).status_code == 202
    await administrator.delete(second.headers["location"])
    assert (await asked(administrator, station, RESET)).status_code == 202


async def test_the_same_key_asks_once(administrator: AsyncClient, station: str) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await asked(administrator, station, RESET, headers=headers)
    again = await asked(administrator, station, RESET, headers=headers)
    assert first.json()["id"] == again.json()["id"]
    assert len((await administrator.get(COMMANDS)).json()["items"]) == 1


async def test_only_what_waits_can_be_cancelled(
    administrator: AsyncClient, database: Database, station: str
) -> None:
    place = (await asked(administrator, station, RESET)).headers["location"]
    cancelled = await administrator.delete(place)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    refused = await administrator.delete(place)
    assert (refused.status_code, refused.json()["code"]) == (409, "command_under_way")


async def test_the_answer_is_waited_for_but_not_for_ever(
    administrator: AsyncClient, station: str
) -> None:
    response = await asked(administrator, f"{station}", RESET, params={"wait": "0.05"})
    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert response.headers["location"].endswith(response.json()["id"])


async def test_others_see_nothing_of_it(
    administrator: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    client: AsyncClient,
    station: str,
) -> None:
    place = (await asked(administrator, station, RESET)).headers["location"]
    assert (await client.get(place)).status_code == 401
    for path in (place, f"{COMMANDS}/999", f"{COMMANDS}/x", f"{COMMANDS}/{'9' * 40}"):
        assert (await south.get(path)).status_code in (403, 404)
        if path != place:
            assert (await administrator.get(path)).status_code == 404
    refused = await asked(south, station, RESET)
    assert refused.status_code in (403, 404)


async def test_the_list_goes_page_by_page_from_the_newest(
    administrator: AsyncClient, station: str
) -> None:
    ids = [(await asked(administrator, station, RESET)).json()["id"] for _ in range(5)]
    page = (await administrator.get(COMMANDS, params={"limit": 3, "station": station})).json()
    rest = (await administrator.get(COMMANDS, params={"limit": 3, "cursor": page["next"]})).json()
    found = [each["id"] for each in (*page["items"], *rest["items"])]
    assert found == list(reversed(ids))
    assert rest["next"] is None
    none = await administrator.get(COMMANDS, params={"state": "effective"})
    assert none.json()["items"] == []


async def test_rates_tell_how_commands_ended(
    administrator: AsyncClient, database: Database, station: str, clock: SetClock
) -> None:
    for state in ("effective", "rejected", "expired"):
        place = (await asked(administrator, station, RESET)).json()["id"]
        async with database.unit_of_work() as db:
            await db.execute(
                text("update commands set state = :s, due_at = null where id = :i"),
                {"s": state, "i": int(place)},
            )
    later = clock.now().replace(hour=23).isoformat()
    rates = await administrator.get(f"{COMMANDS}/rates", params={"to": later, "by": "vendor"})
    [rate] = rates.json()["items"]
    assert (rate["action"], rate["asked"], rate["effective"]) == ("Reset", 3, 1)
    assert (rate["rejected"], rate["not_sent"], rate["success"]) == (1, 1, 0.5)


async def test_a_password_is_told_over_the_wire(
    administrator: AsyncClient, database: Database
) -> None:
    await made(administrator, "CS-R", "root")
    await connect(database, "CS-R")
    told = await administrator.put(f"{STATIONS}/CS-R/password", json={"over_the_wire": True})
    assert told.status_code == 200
    command = (await administrator.get(f"{COMMANDS}/{told.json()['command']}")).json()
    assert (command["action"], command["payload"]["value"]) == ("ChangeConfiguration", "********")
    assert told.json()["password"] not in str(command)


async def test_a_password_of_anothers_station_is_told_only_by_an_order(
    administrator: AsyncClient, station: str, database: Database
) -> None:
    refused = await administrator.put(
        f"{STATIONS}/{station}/password", json={"over_the_wire": True}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "change_order_needed")
    async with database.unit_of_work() as db:
        kept = await db.scalar(text("select next_password from stations where identity = 'CS-N'"))
    assert kept is None
