"""Tests of shared stations over HTTP."""

from datetime import timedelta

from httpx import AsyncClient
from sqlalchemy import text

from foundation.clock import SetClock
from foundation.database import Database


async def shared_station(administrator: AsyncClient, database: Database) -> None:
    made = await administrator.post(
        "/api/v1/stations", json={"identity": "N-1", "organisation": "north"}
    )
    assert made.status_code == 201


async def test_a_shared_station_is_seen_until_the_share_ends_by_the_clock(
    administrator: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    clock: SetClock,
    database: Database,
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1"
    assert (await south.get(path)).status_code == 404

    shared = await north.put(
        f"{path}/shares",
        json={"organisation": "south", "level": "read", "valid_to": "2026-10-15T13:00:00Z"},
    )
    assert shared.status_code == 200
    assert (await south.get(path)).status_code == 200
    assert [each["identity"] for each in (await south.get("/api/v1/stations")).json()["items"]] == [
        "N-1"
    ]
    # To whom it is shared it is neither his to share nor to change, and its log is not his.
    assert (await south.get(f"{path}/shares")).status_code == 404
    assert (
        await south.put(f"{path}/shares", json={"organisation": "north-city", "level": "read"})
    ).status_code == 404

    clock.advance(timedelta(hours=1))
    assert (await south.get(path)).status_code == 404
    assert (await south.get("/api/v1/stations")).json()["items"] == []
    [past] = (await north.get(f"{path}/shares")).json()["items"]
    assert past["is_valid"] is False


async def test_a_share_is_ended_and_both_stand_in_the_audit(
    administrator: AsyncClient, north: AsyncClient, south: AsyncClient, database: Database
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1/shares"
    await north.put(path, json={"organisation": "south", "level": "command"})
    ended = await north.delete(f"{path}/south")
    again = await north.delete(f"{path}/south")
    deeds = (await administrator.get("/api/v1/audit", params={"subject": "station/N-1"})).json()

    assert (ended.status_code, again.status_code) == (204, 404)
    assert (await south.get("/api/v1/stations/N-1")).status_code == 404
    assert [each["deed"] for each in deeds["items"]][:2] == ["station.unshare", "station.share"]


async def test_sharing_tells_nothing_of_who_else_there_is(
    administrator: AsyncClient, north: AsyncClient, database: Database
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1/shares"
    real = await north.put(path, json={"organisation": "south", "level": "read"})
    fancied = await north.put(path, json={"organisation": "nobody-at-all", "level": "read"})
    items = (await north.get(path)).json()["items"]
    itself = await north.put(path, json={"organisation": "north", "level": "read"})

    strip = {"organisation": ""}
    assert real.json() | strip == fancied.json() | strip
    assert len(items) == 2
    assert itself.status_code == 422
    async with database.unit_of_work() as db:
        void = await db.scalar(text("select count(*) from station_shares where is_void"))
    assert void == 1


async def test_what_is_wrong_with_a_share_is_named(
    administrator: AsyncClient, north: AsyncClient, database: Database
) -> None:
    await shared_station(administrator, database)
    path = "/api/v1/stations/N-1/shares"
    for change, field in (
        ({"level": "own"}, "level"),
        ({"valid_to": "2026-10-15T11:00:00Z"}, "valid_to"),
        ({"organisation": "Not a key"}, "key"),
    ):
        body = {"organisation": "south", "level": "read", **change}
        refused = await north.put(path, json=body)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert (await north.get("/api/v1/stations/X/shares")).status_code == 404
