"""Whose clock is wrong: learned from what stations say, noted in batches."""

from datetime import timedelta

from csms import clocks
from csms.clocks import Clocks, SeenClock
from foundation.identifiers import StationId
from tests.csms.central import EVENING
from tests.csms.conftest import Starter
from tests.csms.handlers.work import OWNER, Work

CS_1, CS_2 = StationId("CS-1"), StationId("CS-2")
HOUR = timedelta(hours=1)


async def test_wrong_clocks_are_listed_until_they_are_right(work: Work) -> None:
    now = work.clock.now()
    right = SeenClock(CS_2, timedelta(0), now)
    await clocks.note(work.db, [SeenClock(CS_1, -HOUR, now), right])
    [wrong] = await Clocks().wrong(work.db)
    assert (wrong.station, wrong.skew, wrong.seen_at) == (CS_1, -HOUR, now)
    assert wrong.organisation == OWNER
    assert [row["station"] for row in await work.rows("select station from station_clocks")] == [
        CS_1
    ]
    await clocks.note(work.db, [SeenClock(CS_1, timedelta(0), now), right])
    assert await Clocks().wrong(work.db) == []


async def test_a_station_whose_moments_are_off_is_noted_with_how_far(
    start_central: Starter,
) -> None:
    async with start_central() as central:
        station = await central.connect(await central.station())
        await station.boot()
        for minute in range(3):
            central.clock.at = EVENING + timedelta(minutes=minute)
            told = (central.clock.at + HOUR).isoformat().replace("+00:00", "Z")
            status = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
            await station.call("StatusNotification", status | {"timestamp": told})
        connections = central.system.connections
        await connections.note_clocks()
        async with central.database.unit_of_work() as db:
            [wrong] = await Clocks().wrong(db)
        assert (wrong.station, wrong.skew) == (station.identity, HOUR)

        central.clock.at += 20 * timedelta(minutes=1)
        for _ in range(2):
            central.clock.at += timedelta(minutes=1)
            told = central.clock.at.isoformat().replace("+00:00", "Z")
            await station.call("StatusNotification", status | {"timestamp": told})
        await connections.note_clocks()
        async with central.database.unit_of_work() as db:
            assert await Clocks().wrong(db) == []
