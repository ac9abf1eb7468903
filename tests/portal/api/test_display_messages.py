"""The messages of a display by REST: what is held, for whom it is to be seen."""

import httpx

from csms import administration, records
from csms.administration import StationSettings
from csms.records import Held
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId

STATION = StationId("CS-1")
PATH = f"/api/v1/stations/{STATION}/display-messages"


async def test_what_a_station_holds_is_seen_by_its_owner_alone(
    north: httpx.AsyncClient, south: httpx.AsyncClient, database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await administration.create_station(
            db,
            STATION,
            OrganisationKey("north"),
            StationSettings(),
            password=None,
            time_zone="UTC",
            now=clock.now(),
        )
    assert (await north.get(PATH)).json()["items"] == []
    one = {"format": "UTF8", "language": "en", "content": "Welcome"}
    other = {"format": "UTF8", "content": "Willkommen"}
    said = {"id": 7, "priority": "InFront", "message": one, "messageExtra": [other]}
    async with database.unit_of_work() as db:
        await records.keep(
            db, STATION, Held.DISPLAY_MESSAGE, "7", said, state="Idle", at=clock.now()
        )
    answer = await north.get(PATH)
    assert answer.status_code == 200
    [found] = answer.json()["items"]
    assert (found["message_id"], found["priority"], found["state"]) == (7, "InFront", "Idle")
    assert [(each["language"], each["content"]) for each in found["texts"]] == [
        ("en", "Welcome"),
        (None, "Willkommen"),
    ]
    assert (await south.get(PATH)).status_code == 404
