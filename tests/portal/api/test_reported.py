"""What stations hold and told by REST: by kind, for its owner alone."""

from datetime import timedelta

from httpx import AsyncClient

from csms import records
from csms.records import Held, Told
from foundation.clock import SetClock
from foundation.database import Database
from portal import paging

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
        for number in range(5):
            monitor = {"id": number, "type": "Delta"}
            await records.keep(db, STATION, Held.MONITOR, str(number), monitor, state=None, at=now)
    path = f"/api/v1/stations/{STATION}"
    [held] = (await north.get(f"{path}/records?kind=event_stream")).json()["items"]
    assert (held["key"], held["state"], held["content"]["variableMonitoringId"]) == ("7", "Open", 3)
    assert (await north.get(f"{path}/records?kind=der_control")).json()["items"] == []
    told = (await north.get(f"{path}/tellings?kind=stream_values&limit=2")).json()["items"]
    assert [each["content"]["data"][0]["t"] for each in told] == [2, 1]
    assert {each["ref"] for each in told} == {"7"}
    for place, keys in (
        ("tellings?kind=stream_values&limit=2", [[2, 1], [0]]),
        ("records?kind=monitor&limit=3", [[0, 1, 2], [3, 4]]),
    ):
        pages, more = [], ""
        while True:
            page = (await north.get(f"{path}/{place}{more}")).json()
            contents = [each["content"] for each in page["items"]]
            is_value = "stream_values" in place
            pages.append([each["data"][0]["t"] if is_value else each["id"] for each in contents])
            if page["next"] is None:
                break
            more = f"&cursor={page['next']}"
        assert pages == keys, "none twice, none left out"
        for cursor in ("WzFd", paging.encoded("never", 1), paging.encoded("2026-01-01T00:00", 1)):
            answer = await north.get(f"{path}/tellings?kind=stream_values&cursor={cursor}")
            assert (answer.status_code, answer.json()["code"]) == (422, "wrong_cursor")
    for place in ("records?kind=event_stream", "tellings?kind=stream_values"):
        assert (await south.get(f"{path}/{place}")).status_code == 404
        wrong = place.partition("=")[0] + "=nonsense"
        assert (await north.get(f"{path}/{wrong}")).status_code == 422
