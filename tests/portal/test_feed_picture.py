"""Tests of what the broker retains; `test_feed.py` tells how it gets there."""

import json
from datetime import timedelta

from csms.connectivity import SilenceLimits
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId, TransactionId
from portal import feed_picture
from tests.csms.central import EVENING, OWNER, central_running
from tests.portal.test_feed import topic

LIMITS = SilenceLimits(timedelta(minutes=30), timedelta(hours=1))


async def test_the_picture_holds_stations_evses_and_running_transactions(
    database_url: str, clock: SetClock
) -> None:
    clock.at = EVENING
    async with central_running(database_url, clock) as central:
        station, other = await central.here(), await central.here()
        await station.boot()
        await station.status("Preparing", 0)
        number = await station.start(0)
        ended = await other.start(0)
        await other.stop(ended, 30, 4000)
        async with central.database.unit_of_work() as db:
            stations = [
                each async for each in feed_picture.of_all_stations(db, clock.now(), LIMITS)
            ]
            some = await feed_picture.of_stations(
                db, clock.now(), LIMITS, [StationId(station.identity)]
            )
            running = [each async for each in feed_picture.of_running_transactions(db)]
            going_on, over = await feed_picture.of_transactions(
                db, [TransactionId(number), TransactionId(ended)]
            )
            nothing = await feed_picture.of_stations(db, clock.now(), LIMITS, [])

    [whole] = stations
    state = topic(station.identity, "state")
    assert some.items() <= whole.items()
    assert {state, topic(station.identity, "evses/1/status")} <= some.keys()
    told = json.loads(some[state])
    assert (told["identity"], told["organisation"]) == (station.identity, OWNER)
    assert not {"evses", "last_heard_at"} & told.keys()
    assert running == [going_on]
    assert list(going_on) == [topic(station.identity, f"transactions/{number}")]
    assert list(over) == [topic(other.identity, f"transactions/{ended}")]
    assert json.loads(next(iter(over.values())))["energy_wh"] == 3000
    assert nothing == {}


async def test_an_empty_installation_has_an_empty_picture(
    database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        stations = [each async for each in feed_picture.of_all_stations(db, clock.now(), LIMITS)]
        running = [each async for each in feed_picture.of_running_transactions(db)]

    assert (stations, running) == ([{}], [{}])
