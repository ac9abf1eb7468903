"""A router takes ten stations along, and one flaps: what comes of it, from silence to alert."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE
from alerts import alerting, raising
from alerts.handlers import watch
from app.compose import open_database, prepare_root
from csms import administration, silence, store
from csms.administration import LocationSettings, StationSettings
from csms.connectivity import SilenceLimits
from csms.reports import OcppVersion
from csms.store import Opened
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import event_from
from foundation.settings import Settings

TEN = tuple(StationId(f"Y-{number}") for number in range(10))
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def yard(database_url: str, clock: SetClock) -> AsyncIterator[Database]:
    """Ten stations behind one router, all connected; somebody has been listening for a day."""
    settings = Settings()
    database = open_database(settings, database_url)
    await prepare_root(database, settings, clock)
    root = OrganisationKey(settings.organisation)
    async with database.unit_of_work() as db:
        place = LocationSettings(
            key="yard", organisation=root, name="Yard", time_zone="Europe/Berlin"
        )
        await administration.set_location(db, place, create=True)
        for each in TEN:
            await administration.create_station(
                db,
                each,
                root,
                StationSettings(location="yard"),
                password=None,
                time_zone="Europe/Berlin",
                now=clock.now(),
            )
        await db.execute(
            text("insert into silence_rounds values (1, :now, :since)"),
            {"now": clock.now(), "since": clock.now() - timedelta(days=1)},
        )
    await connect(database, clock, *TEN)
    yield database
    await database.close()


async def connect(database: Database, clock: SetClock, *stations: StationId) -> None:
    async with database.unit_of_work() as db:
        opened = [Opened(each, "node", OcppVersion.V16, "", clock.now()) for each in stations]
        await store.open_connections(db, opened)


async def cut(database: Database, clock: SetClock) -> None:
    async with database.unit_of_work() as db:
        await db.execute(
            text("update station_connections set closed_at = :now"), {"now": clock.now()}
        )


async def minutes(database: Database, clock: SetClock, number: int) -> None:
    """Let minutes go by, with all that comes round in each."""
    look = silence.watching(database, clock, SilenceLimits(), ping_for=MINUTE)
    for _ in range(number):
        clock.at += MINUTE
        await look()
        await outbox.deliver(database, watch(clock), clock)
        await raising.settling(database, clock)()


async def told(database: Database) -> list[tuple[str, int]]:
    """Return what was told of alerts, each with how many stations it is about."""
    async with database.unit_of_work() as db:
        rows = await db.execute(
            text("select payload from journal where kind = 'alert_changed' order by id")
        )
        events = [event_from(AlertChanged.kind, payload) for (payload,) in rows]
    return [(each.change, len(each.stations)) for each in events if isinstance(each, AlertChanged)]


async def test_ten_stations_behind_one_failing_router_are_one_alert_and_one_recovery(
    yard: Database, clock: SetClock
) -> None:
    await cut(yard, clock)
    await minutes(yard, clock, 60)
    assert await told(yard) == []
    await minutes(yard, clock, 3)
    assert await told(yard) == [("raised", 10)]
    async with yard.unit_of_work() as db:
        [found] = await alerting.alerts(db, WHOLE)
    assert found.alert.location == "yard"

    for _ in range(3):  # the router flaps before it stays
        await connect(yard, clock, *TEN)
        await minutes(yard, clock, 2)
        await cut(yard, clock)
        await minutes(yard, clock, 35)
    assert [change for change, _ in await told(yard)] == ["raised"]
    await connect(yard, clock, *TEN)
    await minutes(yard, clock, 25)
    assert [change for change, _ in await told(yard)] == ["raised", "recovered"]
