"""Tests of the event feed: a real central system, a real broker, somebody who listens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from accounts import directory
from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import alerting, raising
from csms import administration
from csms.administration import StationSettings
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.settings import Settings
from portal.feed import Feed
from tests.alerts.watch import finding
from tests.brokers import Gate, Kind, RunningBroker
from tests.csms.central import EVENING, OWNER, Central, central_running
from tests.subscribers import Subscriber

pytestmark = pytest.mark.slow


@pytest.fixture(params=["amqtt", "rumqttd"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningBroker]:
    kind: Kind = request.param
    made = RunningBroker(kind, tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def central(database_url: str, clock: SetClock) -> AsyncIterator[Central]:
    clock.at = EVENING
    async with central_running(database_url, clock) as made:
        yield made


@asynccontextmanager
async def fed(database: Database, clock: SetClock, url: str, **given: Any) -> AsyncIterator[Feed]:
    """A feed that publishes while the block goes on."""
    usual: dict[str, Any] = {"mqtt_refresh_s": 3600, "mqtt_readings_every_s": 0.05}
    settings = Settings(mqtt_url=SecretStr(url), **(usual | given))
    feed = Feed(database, clock, settings, poll_s=0.01, longest_pause_s=0.1)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        yield feed
        feed.leave()
        await asyncio.wait([running], timeout=2)
        running.cancel()  # it may wait for another to leave


def topic(identity: str, rest: str, owner: str = OWNER) -> str:
    return f"leitstand/v1/{owner}/stations/{identity}/{rest}"


async def test_a_session_is_told_from_plug_to_end(broker: RunningBroker, central: Central) -> None:
    station = await central.here()
    async with (
        Subscriber(broker).listening() as heard,
        fed(central.database, central.clock, broker.url),
    ):
        await heard.until(lambda: topic(station.identity, "state") in heard.picture)
        await station.boot()
        await station.status("Preparing", 0)
        number = await station.start(0)
        running = topic(station.identity, f"transactions/{number}")
        await heard.until(lambda: running in heard.picture)
        central.clock.advance(timedelta(minutes=5))
        await station.read(5, 2000, transactionId=number)
        reading = topic(station.identity, "readings/1")
        await heard.until(lambda: any(said == reading for said, _ in heard.said))
        state = heard.picture[topic(station.identity, "state")]
        status = heard.picture[topic(station.identity, "evses/1/status")]
        await station.stop(number, 30, 4000)
        await heard.until(lambda: (running, None) in heard.said)

    assert (state["identity"], state["connected"], state["vendor"]) == (
        station.identity,
        True,
        "Wattwerk",
    )
    assert status["evse_id"] == 1
    told = [content for said, content in heard.said if said == running]
    assert [each and each["state"] for each in told] == ["active", "ended", None]
    assert told[1]["energy_wh"] == 3000
    kinds = {said.rpartition("/")[2] for said, _ in heard.said if "/events/" in said}
    assert {"station_booted", "transaction_started", "transaction_ended"} <= kinds
    assert set(heard.events.values()) == {1}
    reading_told = next(content for said, content in heard.said if said == reading)
    assert reading_told["energy_register_wh"] == 2000


async def test_what_a_broker_forgot_is_told_again(broker: RunningBroker, central: Central) -> None:
    first, second = await central.here(), await central.here()
    states = {topic(each.identity, "state") for each in (first, second)}
    async with fed(central.database, central.clock, broker.url):
        for _ in range(2):
            async with Subscriber(broker).listening() as heard:
                await heard.until(lambda: states <= heard.picture.keys())
            await broker.stop()
            await broker.start()


async def test_what_a_broker_kept_too_long_is_cleared(
    broker: RunningBroker, central: Central
) -> None:
    station = await central.here()
    async with Subscriber(broker).listening() as heard:
        async with fed(central.database, central.clock, broker.url):
            number = await station.start(0)
            running = topic(station.identity, f"transactions/{number}")
            await heard.until(lambda: running in heard.picture)
        await station.stop(number, 30, 4000)
        async with fed(central.database, central.clock, broker.url):
            await heard.until(lambda: running not in heard.picture)
    async with Subscriber(broker).listening() as fresh:
        await fresh.until(lambda: topic(station.identity, "state") in fresh.picture)

    assert running not in fresh.picture


async def test_a_station_that_changes_hands_leaves_its_old_owners_topics(
    broker: RunningBroker, central: Central
) -> None:
    station = await central.station()
    async with central.database.unit_of_work() as db:
        await directory.create_organisation(db, "buyer", {"name": "B"}, now=central.clock.now())
    before, after = topic(station, "state"), topic(station, "state", "buyer")
    async with (
        Subscriber(broker).listening() as heard,
        fed(central.database, central.clock, broker.url, mqtt_refresh_s=0.05),
    ):
        await heard.until(lambda: before in heard.picture)
        async with central.database.unit_of_work() as db:
            await administration.change_station(
                db,
                station,
                StationSettings(organisation=OrganisationKey("buyer")),
                now=central.clock.now(),
            )
        await heard.until(lambda: after in heard.picture and before not in heard.picture)


async def test_silence_is_told_without_an_event(broker: RunningBroker, central: Central) -> None:
    station = await central.here()
    state = topic(station.identity, "state")
    async with (
        Subscriber(broker).listening() as heard,
        fed(central.database, central.clock, broker.url, mqtt_refresh_s=0.05),
    ):
        await heard.until(lambda: heard.picture.get(state, {}).get("state") == "online")
        await station.close()
        central.clock.advance(timedelta(hours=2))
        await heard.until(lambda: heard.picture[state]["state"] == "offline")

    assert heard.picture[state]["connected"] is False


async def test_of_two_feeds_one_publishes_and_the_other_takes_over(
    broker: RunningBroker, central: Central
) -> None:
    station = await central.here()
    async with Subscriber(broker).listening() as heard:
        async with fed(central.database, central.clock, broker.url):
            await heard.until(lambda: topic(station.identity, "state") in heard.picture)
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(second(central, broker, heard, station.identity))
                await station.boot()
                await heard.until(lambda: len(heard.events) >= 1)
                assert not waiting.done()
                assert set(heard.events.values()) == {1}
                waiting.cancel()
        await station.status("Faulted", 1, errorCode="GroundFailure")
        told = len(heard.events)
        async with fed(central.database, central.clock, broker.url):
            await heard.until(lambda: len(heard.events) > told)


async def second(central: Central, broker: RunningBroker, heard: Subscriber, identity: str) -> None:
    async with fed(central.database, central.clock, broker.url):
        await heard.until(lambda: False)


async def test_no_event_is_lost_over_an_outage_and_none_gets_another_id(
    broker: RunningBroker, central: Central
) -> None:
    station = await central.here()
    async with (
        Gate(broker) as gate,
        Subscriber(broker).listening() as heard,
        fed(central.database, central.clock, gate.url),
    ):
        await heard.until(lambda: topic(station.identity, "state") in heard.picture)
        for minute in range(60):
            await station.status("Preparing" if minute % 2 else "Available", minute)
            if minute == 20:
                await heard.until(lambda: len(heard.events) > 0)
                await gate.shut()
            if minute == 40:
                await gate.open()
        ids = {
            str(row["id"])
            for row in await central.rows("select id from journal where kind like 'conn%'")
        }
        await heard.until(lambda: ids <= heard.events.keys())

    said = [content["event_id"] for name, content in heard.said if "/events/conn" in name]
    assert sorted(set(said), key=said.index) == sorted(ids, key=int)


@pytest.mark.parametrize("broker", ["rumqttd"], indirect=True)
async def test_what_happens_to_an_alert_is_told_to_its_organisation(
    broker: RunningBroker, central: Central
) -> None:
    station = await central.here()
    here = finding(station.identity, organisation=OWNER, at=central.clock.now())
    about = f"leitstand/v1/{OWNER}/events/alert_changed"
    async with (
        Subscriber(broker).listening() as heard,
        fed(central.database, central.clock, broker.url),
    ):
        await heard.until(lambda: topic(station.identity, "state") in heard.picture)
        async with central.database.unit_of_work() as db:
            await raising.report(db, [here], now=central.clock.now())
            [line] = await alerting.alerts(db, WHOLE)
            lea = Actor("person/1", "Lea Secret", "portal", None)
            await alerting.acknowledge(db, line.alert.id, by=lea, now=central.clock.now())
        await heard.until(lambda: sum(name == about for name, _ in heard.said) == 2)
    raised, taken = [content["payload"] for name, content in heard.said if name == about]
    assert (raised["change"], taken["change"]) == ("raised", "acknowledged")
    assert (raised["detection"], raised["cause"]) == ("offline", "silence")
    assert raised["stations"] == [station.identity]
    assert raised["alert_id"] == taken["alert_id"] == line.alert.id
