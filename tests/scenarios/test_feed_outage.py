"""The broker is stopped for half a minute while stations charge: afterwards nothing is missing.

Stations speak over real sockets; the feed publishes to a real broker, which is killed and comes
back knowing nothing. At the end the subscriber's picture is that of the database, every event of
the journal came, and what came twice has the same id.
"""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from csms.connectivity import SilenceLimits
from foundation.clock import SetClock
from foundation.settings import Settings
from portal import feed_picture, topics
from portal.feed import Feed
from tests.brokers import Gate, Kind, RunningBroker
from tests.csms.central import EVENING, Central, RawStation, central_running
from tests.subscribers import Subscriber

STATIONS = 12
TOLD = "select id from journal where id > :begun"
"""What happened since the feed was there."""
SHORT_S = 3.0
LONG_S = 30.0


async def charge(station: RawStation, number: int, stop: asyncio.Event) -> None:
    """Charge again and again until told to stop, and leave the last session running."""
    minute = float(number)
    while True:
        await station.status("Preparing", minute)
        session = await station.start(minute, wh=round(1000 + 100 * minute))
        await station.read(minute + 1, round(1050 + 100 * minute), transactionId=session)
        if stop.is_set():
            return
        await station.stop(session, minute + 2, round(1100 + 100 * minute))
        await station.status("Available", minute + 2)
        minute += 3
        await asyncio.sleep(0.05)  # a load, not a flood


async def outage(broker: RunningBroker, central: Central, gone_for_s: float) -> None:
    settings = Settings(mqtt_refresh_s=1, mqtt_readings_every_s=3600)
    stop = asyncio.Event()
    async with Gate(broker) as gate:
        settings = settings.model_copy(update={"mqtt_url": SecretStr(gate.url)})
        feed = Feed(central.database, central.clock, settings, poll_s=0.05, longest_pause_s=1)
        heard = Subscriber(broker)
        stations = [await central.here() for _ in range(STATIONS)]
        async with heard.listening(), asyncio.TaskGroup() as group:
            running = group.create_task(feed.run())
            await heard.until(lambda: len(heard.picture) >= STATIONS)
            [begun] = await central.rows("select coalesce(max(id), 0) as id from journal")
            charging = [
                group.create_task(charge(station, number, stop))
                for number, station in enumerate(stations)
            ]
            await heard.until(lambda: len(heard.events) > STATIONS)
            await gate.shut()
            await broker.stop()
            await asyncio.sleep(gone_for_s)
            await broker.start()
            # Whoever listens is back before the feed is: what a broker has taken is the broker's.
            await heard.until(lambda: heard.connections == 2)
            heard.picture.clear()
            await gate.open()
            before = len(heard.events)
            await heard.until(lambda: len(heard.events) > before + STATIONS)
            stop.set()
            await asyncio.gather(*charging)
            ids = {str(row["id"]) for row in await central.rows(TOLD, begun=begun["id"])}
            # What fell behind in the meantime is made up for; how fast, the bench tells.
            await heard.until(lambda: ids <= heard.events.keys(), within_s=20 + 6 * gone_for_s)
            wanted = await picture(central)
            await heard.until(lambda: heard.picture == wanted)
            feed.leave()
            async with asyncio.timeout(20):
                await running
            # It was told in full, also what was on its way when the picture first was right.
            await heard.until(lambda: heard.picture == wanted)

    assert heard.events.keys() >= ids
    told = {content["event_id"]: content for topic, content in heard.said if "/events/" in topic}
    assert {json.dumps(each) for each in told.values()} == {
        json.dumps(content) for topic, content in heard.said if "/events/" in topic
    }, "what came twice is the same"
    assert len([topic for topic in heard.picture if "/transactions/" in topic]) == STATIONS


async def picture(central: Central) -> dict[str, object]:
    """Return what the database says that a subscriber should see."""
    found: dict[str, bytes] = {}
    async with central.database.unit_of_work() as db:
        now = central.clock.now()
        async for some in feed_picture.of_all_stations(db, now, _LIMITS):
            found |= some
        async for some in feed_picture.of_running_transactions(db):
            found |= some
    assert all(topic.startswith(topics.BASE) for topic in found)
    return {topic: json.loads(payload) for topic, payload in found.items()}


_SETTINGS = Settings()
_LIMITS = SilenceLimits(
    timedelta(seconds=_SETTINGS.pending_after_s), timedelta(seconds=_SETTINGS.offline_after_s)
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["amqtt", "rumqttd"])
async def test_nothing_is_missing_after_the_broker_was_gone(
    kind: Kind, tmp_path: Path, database_url: str, clock: SetClock
) -> None:
    await _told(kind, tmp_path, database_url, clock, SHORT_S)


@pytest.mark.soak
@pytest.mark.timeout(400)
async def test_nothing_is_missing_after_the_broker_was_gone_for_half_a_minute(
    tmp_path: Path, database_url: str, clock: SetClock
) -> None:
    await _told("rumqttd", tmp_path, database_url, clock, LONG_S)


async def _told(
    kind: Kind, tmp_path: Path, database_url: str, clock: SetClock, gone_for_s: float
) -> None:
    clock.at = EVENING
    broker = RunningBroker(kind, tmp_path)
    await broker.start()
    try:
        async with central_running(database_url, clock, pool_size=10) as central:
            await outage(broker, central, gone_for_s)
    finally:
        await broker.stop()
