"""What stations hold and told by REST: by kind, for its owner alone."""

from datetime import timedelta

from httpx import AsyncClient

from csms import records
from csms.records import Held, Told
from foundation.clock import SetClock
from foundation.database import Database

STATION = "CS-N"


async def test_records_and_tellings_are_listed_by_kind_for_their_owner(
    administrator: AsyncClient,
    north: AsyncClient,
    south: AsyncClient,
    database: Database,
    clock: SetClock,
) -> None:
    body = {"identity": STATION, "organisation": "north"}
    assert (await administrator.post("/api/v1/stations", json=body)).status_code == 201
    now = clock.now()
    async with database.unit_of_work() as db:
        stream = {"id": 7, "variableMonitoringId": 3}
        await records.keep(db, STATION, Held.EVENT_STREAM, "7", stream, state="Open", at=now)
        for minute in range(3):
            values = {"id": 7, "pending": 0, "data": [{"t": minute, "v": "230.1"}]}
            at = now + timedelta(minutes=minute)
            await records.tell(db, STATION, Told.STREAM_VALUES, "7", values, at=at)
    path = f"/api/v1/stations/{STATION}"
    [held] = (await north.get(f"{path}/records?kind=event_stream")).json()["items"]
    assert (held["key"], held["state"], held["content"]["variableMonitoringId"]) == ("7", "Open", 3)
    assert (await north.get(f"{path}/records?kind=der_control")).json()["items"] == []
    told = (await north.get(f"{path}/tellings?kind=stream_values&limit=2")).json()["items"]
    assert [each["content"]["data"][0]["t"] for each in told] == [2, 1]
    assert {each["ref"] for each in told} == {"7"}
    for place in ("records?kind=event_stream", "tellings?kind=stream_values"):
        assert (await south.get(f"{path}/{place}")).status_code == 404
        wrong = place.partition("=")[0] + "=nonsense"
        assert (await north.get(f"{path}/{wrong}")).status_code == 422
