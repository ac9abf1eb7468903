"""Stations of another implementation of OCPP charge, lose the line, and come back.

They speak through the `ocpp` package; what arrives is compared with their own books, and a reader
of the outbox is told of every end exactly once.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import SetClock
from foundation.events import TransactionEnded
from foundation.outbox import Delivery, DeliveryLoop, Subscription, routes
from foundation.tasks import OnEnd
from simulators.book import Book
from simulators.clock import HandClock
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import LinkLost
from simulators.meter import Car
from simulators.station import Station
from tests.csms.central import CARD, EVENING, NOON, Central, central_running, eventually

VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
PATIENCE = Patience(answer_timeout_s=5, retry_pause_s=0, reconnect_min_s=0.01, reconnect_max_s=0.05)


@dataclass
class Told:
    """A reader of the outbox that remembers what it was told."""

    ended: list[TransactionEnded] = field(default_factory=list)

    async def handle(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        for each in deliveries:
            assert isinstance(each.event, TransactionEnded)
            self.ended.append(each.event)


@pytest.fixture
async def day(database_url: str, clock: SetClock) -> AsyncIterator[tuple[Central, Told]]:
    """A central system whose ends are delivered to a reader."""
    clock.at = EVENING
    told = Told()
    readers = [Subscription("test", (TransactionEnded.kind,), told.handle)]
    async with central_running(database_url, clock, routes=routes(readers)) as central:
        deliveries = DeliveryLoop(central.database, readers, clock)
        central.tasks.start("deliveries", deliveries.run, on_end=OnEnd.RESTART)
        yield central, told


async def built(central: Central, version: str) -> Station:
    identity = await central.station(password="a-good-password")
    spec = StationSpec(
        identity=identity,
        version=version,
        password="a-good-password",
        evses=(EvseSpec(evse_id=1), EvseSpec(evse_id=2, register_wh=5_000_000)),
    )
    return Station(spec, url=central.url, clock=HandClock(NOON), book=Book(), patience=PATIENCE)


async def charge(station: Station, evse_id: int, minutes: int) -> None:
    """Plug in, charge with readings every ten minutes, stop, unplug."""
    station.plug_in(evse_id, Car(battery_wh=60_000, soc=0.2, max_power_w=11_000))
    station.begin(evse_id, CARD)
    for _ in range(minutes // 10):
        await station.clock.pass_time(timedelta(minutes=10))
        station.take_reading(evse_id)
    station.finish(evse_id)
    station.unplug(evse_id)


async def books_agree(central: Central, told: Told, station: Station) -> None:
    """Everything in the station's book is stored once with its energy, and told once."""
    records = list(station.book.records.values())
    stored = await central.transactions(station.spec.identity)
    assert sorted(Decimal(str(each.energy_wh)) for each in records) == sorted(
        each.energy_wh or Decimal(0) for each in stored
    )
    assert {each.state for each in stored} == {"ended"}
    assert {each.doubts for each in stored} == {()}

    async def all_told() -> bool:
        mine = [each for each in told.ended if each.station == station.spec.identity]
        return len(mine) >= len(stored)

    await eventually(all_told)
    mine = [each for each in told.ended if each.station == station.spec.identity]
    assert len({(each.transaction_id, each.revision) for each in mine}) == len(mine)
    last = {each.transaction_id: each.energy_wh for each in mine}
    assert last == {each.transaction_id: each.energy_wh for each in stored}


@VERSIONS
async def test_a_day_with_two_places_agrees_with_the_stations_book(
    day: tuple[Central, Told], version: str
) -> None:
    central, told = day
    station = await built(central, version)
    await station.connect()
    assert (await station.boot()).status == "Accepted"
    assert await station.authorize(CARD) == "Accepted"
    for evse_id in (1, 2, 1):
        await charge(station, evse_id, 30)
        await station.deliver()
    await station.disconnect()
    await books_agree(central, told, station)


@VERSIONS
async def test_a_night_offline_is_delivered_in_the_morning(
    day: tuple[Central, Told], version: str
) -> None:
    central, told = day
    station = await built(central, version)
    for evse_id in (1, 2):
        await charge(station, evse_id, 60)
    await station.connect()
    await station.boot()
    await station.deliver()
    await station.disconnect()
    await books_agree(central, told, station)
    stored = await central.transactions(station.spec.identity)
    assert {each.start_received_at for each in stored} == {EVENING}


@VERSIONS
async def test_a_line_that_breaks_again_and_again_costs_nothing_and_doubles_nothing(
    day: tuple[Central, Told], version: str
) -> None:
    central, told = day
    station = await built(central, version)
    await charge(station, 1, 60)
    for _ in range(5):
        await station.connect()
        await station.boot()
        delivering = asyncio.gather(station.deliver(), return_exceptions=True)
        await asyncio.sleep(0)
        station.cut_link()
        [outcome] = await delivering
        assert outcome is None or isinstance(outcome, LinkLost)
    await station.connect()
    await station.deliver()
    await station.disconnect()
    await books_agree(central, told, station)
