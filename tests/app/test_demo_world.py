"""The demo's world: three owners in two time zones, stations of all versions, sound tariffs."""

from datetime import UTC, datetime

from accounts import directory
from accounts.directory import WHOLE
from app import demo_world
from billing import pricing
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.clock import SetClock
from foundation.database import Database

BEGIN = datetime(2026, 9, 28, tzinfo=UTC)


async def test_the_world_has_what_the_month_needs(database: Database, clock: SetClock) -> None:
    async with database.unit_of_work() as db:
        await directory.ensure_root(
            db,
            key="root",
            name="Operator",
            time_zone="Europe/Berlin",
            currency="EUR",
            country="DE",
            language="de",
            now=BEGIN,
        )
        world = await demo_world.build(db, number_of_stations=24, seed=1, begin=BEGIN)
    async with database.unit_of_work() as db:
        owners = [
            each for each in await directory.organisations(db) if each.key in demo_world.OWNERS
        ]
        stations = await registry.stations(
            db, WHOLE, clock.now(), limits=SilenceLimits(), limit=100
        )
        tokens = await registry.id_tokens(db, WHOLE, limit=500)
        tariffs = await pricing.tariffs(db)

    assert len({each.time_zone for each in owners}) == 2
    assert len(stations) == len(world.stations) == 24
    assert {each.organisation for each in stations} == {each.key for each in owners}
    assert {each["version"] for each in world.stations} == {"1.6", "2.0.1", "2.1"}
    assert all(each.evses and each.evses[0].connectors[0].max_power_w for each in stations)
    assert {each.status for each in tokens} == {"accepted", "blocked", "expired"}
    assert len(tokens) == len(world.tokens)
    assert len(tariffs) == len(demo_world.tariffs())


def test_the_owners_are_the_payees() -> None:
    assert list(demo_world.owner_keys()) == list(demo_world.OWNERS)
