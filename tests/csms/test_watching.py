"""Tests of what those who follow the journal ask for."""

from datetime import timedelta
from decimal import Decimal

from accounts import directory
from csms import administration, watching
from csms.administration import StationSettings
from foundation.identifiers import OrganisationKey, StationId, TransactionId
from tests.csms.central import OWNER, Central


async def test_a_stations_owner_is_told_as_of_a_moment(central: Central) -> None:
    before = central.clock.now()
    identity = StationId(await central.station())
    central.clock.advance(timedelta(hours=1))
    sold = central.clock.now()
    async with central.database.unit_of_work() as db:
        await directory.create_organisation(db, "buyer", {"name": "Buyer"}, now=sold)
        await administration.change_station(
            db, identity, StationSettings(organisation=OrganisationKey("buyer")), now=sold
        )
    just_before, unknown = sold - timedelta(microseconds=1), StationId("nobody's")
    async with central.database.unit_of_work() as db:
        found = await watching.owners_at(
            db,
            {
                (identity, before - timedelta(days=9000)),
                (identity, just_before),
                (identity, sold),
                (unknown, sold),
            },
        )
        nothing = await watching.owners_at(db, set())

    assert found == {
        (identity, before - timedelta(days=9000)): OWNER,
        (identity, just_before): OWNER,
        (identity, sold): "buyer",
    }
    assert nothing == {}


async def test_stations_of_transactions_and_their_newest_readings(central: Central) -> None:
    station = await central.here()
    await station.boot()
    number = TransactionId(await station.start(0))
    before = central.clock.now()
    central.clock.advance(timedelta(minutes=10))
    await station.read(5, 2000, transactionId=number)
    await station.read(10, 3000, transactionId=number)
    async with central.database.unit_of_work() as db:
        places = await watching.stations_of(db, {number, TransactionId(10**9)})
        mine = [
            each
            for each in await watching.newest_readings(db, before)
            if each.transaction_id == number
        ]
        later = await watching.newest_readings(db, central.clock.now())
        nothing = await watching.stations_of(db, set())
    await station.stop(number, 30, 4000)
    async with central.database.unit_of_work() as db:
        ended = await watching.newest_readings(db, before)

    assert places == {number: station.identity}
    assert [(each.energy_register_wh, each.owner) for each in mine] == [(Decimal(3000), OWNER)]
    assert number not in {each.transaction_id for each in (*later, *ended)}
    assert nothing == {}
