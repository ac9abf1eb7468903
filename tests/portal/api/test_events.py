"""Tests of the journal as outsiders read it."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from httpx import AsyncClient

from accounts.directory import WHOLE
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import EVENTS, Event, StationCameBack, StationWentOffline
from foundation.identifiers import StationId
from foundation.outbox import Cursor
from portal import paging
from portal.api.events import stream
from portal.journal import Audience

PATH = "/api/v1/events"
EVERYBODY = Audience(WHOLE, frozenset(EVENTS))


def event(number: int, at: datetime) -> Event:
    station = StationId(f"S{number}")
    if number % 2:
        return StationCameBack(happened_at=at, station=station)
    return StationWentOffline(happened_at=at, station=station, last_heard_at=at)


async def happened(database: Database, clock: SetClock, *numbers: int) -> None:
    async with database.unit_of_work() as db:
        await outbox.append(
            db, [event(number, clock.now()) for number in numbers], recorded_at=clock.now()
        )


async def test_the_journal_is_read_from_a_cursor_on(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    await happened(database, clock, 1, 2, 3)
    first = (await administrator.get(PATH, params={"limit": 2})).json()
    rest = (await administrator.get(PATH, params={"after": first["next"]})).json()
    await happened(database, clock, 4)
    later = (await administrator.get(PATH, params={"after": rest["items"][-1]["cursor"]})).json()

    subjects = [each["subject"] for each in first["items"] + rest["items"] + later["items"]]
    assert subjects == [f"station/S{number}" for number in (1, 2, 3, 4)]
    assert rest["next"] is None
    assert first["items"][1]["kind"] == "station_went_offline"
    assert first["items"][1]["payload"]["station"] == "S2"
    assert first["items"][1]["happened_at"] == "2026-10-15T12:00:00Z"


async def test_an_event_that_may_come_late_holds_back_what_is_younger(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as slow:
        await outbox.append(slow, [event(1, clock.now())], recorded_at=clock.now())
        await happened(database, clock, 2)
        assert (await administrator.get(PATH)).json()["items"] == []
    both = (await administrator.get(PATH)).json()["items"]

    assert [each["subject"] for each in both] == ["station/S1", "station/S2"]


async def test_kinds_are_chosen(
    administrator: AsyncClient, database: Database, clock: SetClock
) -> None:
    await happened(database, clock, 1, 2, 3)
    chosen = (await administrator.get(PATH, params={"kind": "station_came_back"})).json()
    unknown = await administrator.get(PATH, params={"kind": "earthquake"})

    assert [each["subject"] for each in chosen["items"]] == ["station/S1", "station/S3"]
    assert (unknown.status_code, unknown.json()["field"]) == (422, "kind")


@pytest.mark.parametrize("after", ["x", "WyJhIiwxXQ", "%00"])
async def test_a_cursor_that_is_none_is_refused(administrator: AsyncClient, after: str) -> None:
    for path in (PATH, f"{PATH}/stream"):
        refused = await administrator.get(path, params={"after": after})
        assert (refused.status_code, refused.json()["field"]) == (422, "after")


async def test_nobody_reads_the_journal_without_a_key(client: AsyncClient) -> None:
    for path in (PATH, f"{PATH}/stream"):
        assert (await client.get(path)).status_code == 401


async def test_an_owner_reads_what_happened_at_his_stations_while_they_were_his(
    north: AsyncClient,
    south: AsyncClient,
    administrator: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    for identity, owner in (("S1", "north"), ("S2", "south"), ("S3", "north-city")):
        created = await administrator.post(
            "/api/v1/stations", json={"identity": identity, "organisation": owner}
        )
        assert created.status_code == 201
    await happened(database, clock, 1, 2, 3)
    clock.advance(timedelta(hours=1))
    sold = await administrator.patch("/api/v1/stations/S3", json={"organisation": "south"})
    assert sold.status_code == 200
    clock.advance(timedelta(hours=1))
    await happened(database, clock, 3)

    hers = (await north.get(PATH)).json()["items"]
    his = (await south.get(PATH)).json()["items"]
    theirs = (await administrator.get(PATH)).json()["items"]
    assert [(each["station"], each["organisation"]) for each in hers] == [
        ("S1", "north"),
        ("S3", "north-city"),
    ]
    assert [(each["station"], each["organisation"]) for each in his] == [
        ("S2", "south"),
        ("S3", "south"),
    ]
    assert [each["station"] for each in theirs] == ["S1", "S2", "S3", "S3"]


async def test_a_page_without_an_event_of_ones_own_says_how_far_it_looked(
    north: AsyncClient, database: Database, clock: SetClock
) -> None:
    await happened(database, clock, 1, 2)  # stations of nobody
    page = (await north.get(PATH)).json()
    behind = (await north.get(PATH, params={"after": page["next"]})).json()

    assert page["items"] == []
    assert behind == {"items": [], "next": None}


async def test_a_stream_goes_on_behind_the_last_event_seen(
    database: Database, clock: SetClock
) -> None:
    await happened(database, clock, 1, 2)
    told: list[str] = []
    async with asyncio.timeout(20):
        async for text in stream(database, EVERYBODY, Cursor(0, 0), (), poll_s=0.01):
            told.append(text)
            if len(told) == 3:
                await happened(database, clock, 3)
            if len(told) == 4:
                break

    assert told[0].startswith("retry:")
    lines = [dict(line.split(": ", 1) for line in text.strip().splitlines()) for text in told[1:]]
    assert [json.loads(each["data"])["subject"] for each in lines] == [
        "station/S1",
        "station/S2",
        "station/S3",
    ]
    assert lines[0]["event"] == "station_came_back"
    place = paging.decoded(lines[1]["id"], int, int)
    assert place is not None
    async with asyncio.timeout(20):
        again = stream(database, EVERYBODY, Cursor(*place), (), poll_s=0.01)
        assert (await anext(again)).startswith("retry:")
        assert '"station/S3"' in await anext(again)
        await again.aclose()


async def test_a_stream_without_a_place_begins_now_says_that_it_lives_and_ends(
    database: Database, clock: SetClock
) -> None:
    await happened(database, clock, 1)
    async with asyncio.timeout(20):
        told = [
            text
            async for text in stream(
                database, EVERYBODY, None, (), poll_s=0.01, quiet_s=0, life_s=0.1
            )
        ]

    assert told[0].startswith("retry:")
    assert set(told[1:]) == {": still here\n\n"}


async def test_a_stream_ends_when_the_database_goes_away() -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    told = [text async for text in stream(away, EVERYBODY, None, ())]
    await away.close()

    assert told == ["retry: 3000\n\n"]
