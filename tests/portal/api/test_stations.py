"""Tests of the REST calls about stations."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from csms.tables import ConnectionRow, FrameRow
from foundation.clock import SetClock
from foundation.database import Database

PATH = "/api/v1/stations"
STATION: dict[str, Any] = {
    "identity": "DE-HN-014",
    "organisation": "north",
    "security_profile": 1,
    "password": "a long password",
    "evses": [
        {
            "evse_id": 1,
            "emi3_id": "DE*ABC*E1001",
            "connectors": [{"connector_id": 1, "type": "cType2", "max_power_w": 22000}],
        }
    ],
}
LOCATION = {
    "key": "zob",
    "organisation": "north",
    "name": "ZOB",
    "time_zone": "Europe/London",
    "latitude": 49.1427,
    "longitude": 9.2109,
}


async def test_a_station_is_created_and_read_again(administrator: AsyncClient) -> None:
    created = await administrator.post(PATH, json=STATION)
    read = (await administrator.get(f"{PATH}/DE-HN-014")).json()

    assert created.status_code == 201
    assert created.json() == read
    assert (read["state"], read["connected"], read["admission"]) == (
        "never_connected",
        False,
        "accepted",
    )
    assert (read["organisation"], read["time_zone"]) == ("north", "Europe/Berlin")
    assert (read["has_password"], "password" in read) == (True, False)
    [evse] = read["evses"]
    assert evse["emi3_id"] == "DE*ABC*E1001"
    assert evse["connectors"][0]["max_power_w"] == 22000


@pytest.mark.parametrize("identity", ["a/b", "a#b?c", "a+b %", "ä", "%2F"])
async def test_any_identity_is_reached_by_its_encoded_form(
    administrator: AsyncClient, identity: str
) -> None:
    await administrator.post(PATH, json={"identity": identity})
    read = await administrator.get(f"{PATH}/{quote(identity, safe='')}")

    assert read.json()["identity"] == identity


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"identity": "x" * 49}, "identity"),
        ({"identity": ".."}, "identity"),
        ({"organisation": "nowhere"}, "organisation"),
        ({"location": "nowhere"}, "location"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"security_profile": 4}, "security_profile"),
        ({"password": "short"}, "password"),
        ({"evses": [{"evse_id": 0}]}, "evses.0.evse_id"),
        ({"speed": 9}, "speed"),
        ({"name": None}, "name"),
    ],
)
async def test_what_is_wrong_with_a_station_is_named(
    administrator: AsyncClient, change: dict[str, Any], field: str
) -> None:
    refused = await administrator.post(PATH, json={**STATION, **change})

    assert refused.status_code == 422
    assert refused.json()["field"] == field


async def test_an_identity_is_taken_once(administrator: AsyncClient) -> None:
    await administrator.post(PATH, json=STATION)

    assert (await administrator.post(PATH, json=STATION)).status_code == 409


async def test_a_station_changes_its_location_and_owner(
    administrator: AsyncClient, clock: SetClock, north: AsyncClient, south: AsyncClient
) -> None:
    await administrator.post("/api/v1/locations", json=LOCATION)
    await administrator.post(PATH, json=STATION)
    clock.advance(timedelta(minutes=1))
    body = {"location": "zob", "organisation": "south", "aliases": ["14"]}

    changed = (await administrator.patch(f"{PATH}/DE-HN-014", json=body)).json()

    assert (changed["location"], changed["time_zone"]) == ("zob", "Europe/London")
    assert (changed["organisation"], changed["aliases"]) == ("south", ["14"])
    assert (await south.get(f"{PATH}/DE-HN-014")).status_code == 200
    assert (await north.get(f"{PATH}/DE-HN-014")).status_code == 404


async def test_owners_see_their_own_and_change_nothing(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient
) -> None:
    await administrator.post(PATH, json=STATION)

    assert [each["identity"] for each in (await north.get(PATH)).json()["items"]] == ["DE-HN-014"]
    assert (await south.get(PATH)).json()["items"] == []
    assert (await south.get(f"{PATH}/DE-HN-014")).status_code == 404
    assert (await north.patch(f"{PATH}/DE-HN-014", json={"name": "X"})).status_code == 403
    assert (await north.get(f"{PATH}/DE-HN-014/frames")).status_code == 403


async def test_stations_are_searched_filtered_and_paged(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    for number in range(5):
        await administrator.post(PATH, json={"identity": f"S-{number}", "name": f"N{number % 2}"})
    async with database.unit_of_work() as db:
        db.add(
            ConnectionRow(
                station="S-3",
                node="node",
                epoch=1,
                version="ocpp1.6",
                remote="192.0.2.1",
                connected_at=clock.now(),
                closed_at=None,
                close_reason=None,
                last_heard_at=clock.now() - timedelta(minutes=31),
                silence="online",
            )
        )

    async def found(**parameters: str | int) -> list[str]:
        page = (await administrator.get(PATH, params=parameters)).json()
        names = [each["identity"] for each in page["items"]]
        if page["next"] is not None:
            names += await found(**{**parameters, "cursor": page["next"]})
        return names

    assert await found(limit=2) == ["S-0", "S-1", "S-2", "S-3", "S-4"]
    assert await found(q="n1") == ["S-1", "S-3"]
    assert await found(state="pending") == ["S-3"]
    assert await found(state="never_connected", limit=1) == ["S-0", "S-1", "S-2", "S-4"]
    assert await found(admission="waiting") == []
    assert (await administrator.get(PATH, params={"state": "away"})).status_code == 422


async def test_a_waiting_station_is_taken_in_or_refused(
    administrator: AsyncClient, support: AsyncClient, database: Database
) -> None:
    for identity in ("NEW-1", "NEW-2"):
        await administrator.post(PATH, json={"identity": identity})
    async with database.unit_of_work() as db:
        await db.execute(text("update stations set admission = 'waiting'"))

    taken = await support.post(f"{PATH}/NEW-1/accept")
    refused = await support.post(f"{PATH}/NEW-2/refuse")

    assert taken.json()["admission"] == "accepted"
    assert refused.json()["admission"] == "refused"
    assert (await support.post(f"{PATH}/NEW-3/accept")).status_code == 404


async def test_a_fresh_password_is_shown_once(administrator: AsyncClient) -> None:
    await administrator.post(PATH, json={"identity": "S"})
    path = f"{PATH}/S/password"

    given = (await administrator.put(path, json={"password": "my own password"})).json()
    made = (await administrator.put(path, json={})).json()

    assert given == {"identity": "S", "password": None, "command": None}
    assert len(made["password"]) >= 16
    assert (await administrator.get(f"{PATH}/S")).json()["security_profile"] == 1
    wire = await administrator.put(path, json={"over_the_wire": True})
    assert (wire.status_code, wire.json()["code"]) == (503, "station_unreachable")


async def test_the_log_is_read_page_by_page_as_json_and_as_text(
    administrator: AsyncClient, support: AsyncClient, database: Database, clock: SetClock
) -> None:
    await administrator.post(PATH, json={"identity": "S"})
    async with database.unit_of_work() as db:
        for number in range(7):  # three moments, some of them shared
            db.add(
                FrameRow(
                    station="S",
                    at=clock.now() + timedelta(seconds=number // 3),
                    direction="in" if number % 2 else "out",
                    epoch=1,
                    raw=f'[2,"{number}","Heartbeat",{{}}]\n',
                    note=None,
                )
            )
            await db.flush()
            db.expunge_all()

    seen: list[str] = []
    parameters: dict[str, str | int] = {"limit": 2}
    while True:
        page = (await support.get(f"{PATH}/S/frames", params=parameters)).json()
        seen += [each["raw"] for each in page["items"]]
        if page["next"] is None:
            break
        parameters["cursor"] = page["next"]
    lines = await support.get(
        f"{PATH}/S/frames",
        params={"from": "2026-10-15T12:00:01Z", "to": "2026-10-15T12:00:02Z"},
        headers={"accept": "text/plain"},
    )

    assert sorted(seen) == [f'[2,"{number}","Heartbeat",{{}}]\n' for number in range(7)]
    assert lines.headers["content-type"].startswith("text/plain")
    assert len(lines.text.splitlines()) == 3
    assert lines.text.startswith("2026-10-15T12:00:01Z ")


async def test_null_clears_name_and_location_and_nothing_else(
    administrator: AsyncClient,
) -> None:
    await administrator.post(
        "/api/v1/locations", json={"key": "zob", "name": "ZOB", "time_zone": "Europe/Lisbon"}
    )
    made = await administrator.post(
        "/api/v1/stations", json={"identity": "S1", "name": "One", "location": "zob"}
    )
    assert made.status_code == 201, made.text
    cleared = await administrator.patch(
        "/api/v1/stations/S1", json={"name": None, "location": None}
    )
    refused = await administrator.patch("/api/v1/stations/S1", json={"boot_policy": None})

    assert (made.json()["location"], made.json()["time_zone"]) == ("zob", "Europe/Lisbon")
    assert (cleared.json()["name"], cleared.json()["location"]) == (None, None)
    assert cleared.json()["time_zone"] == "Europe/Lisbon"
    assert (refused.status_code, refused.json()["field"]) == (422, "boot_policy")
