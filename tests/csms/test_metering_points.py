"""What stations meter: connectors of accepted stations, with the series that they store."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from csms import administration
from csms.administration import ConnectorSettings, EvseSettings, StationSettings
from csms.metering_points import StationPoints, newest_values
from foundation.clock import SetClock
from foundation.identifiers import ConnectorId, EvseId, OrganisationKey
from tests.accounts.licensed import NORTH, made_north

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


async def station(db: AsyncSession, identity: str, *connectors: int) -> None:
    await administration.create_station(
        db,
        identity,
        NORTH,
        StationSettings(
            evses=[
                EvseSettings(
                    evse_id=EvseId(number),
                    emi3_id=None,
                    connectors=[
                        ConnectorSettings(
                            connector_id=ConnectorId(each + 1), type=None, max_power_w=None
                        )
                        for each in range(count)
                    ],
                )
                for number, count in enumerate(connectors, 1)
            ]
        ),
        password=None,
        time_zone="Europe/Berlin",
        now=NOON,
    )
    await db.flush()


async def reading(
    db: AsyncSession, identity: str, evse_id: int, at: datetime, *measurands: str
) -> None:
    values = ", ".join(f'{{"measurand": "{each}", "value": "7"}}' for each in measurands)
    await db.execute(
        text(
            "insert into readings (station, evse_id, transaction_id, measured_at, context,"
            " energy_register_wh, values, received_at) values (:station, :evse, null, :at,"
            " 'Sample.Clock', 1000, cast(:values as jsonb), :at)"
        ),
        {"station": identity, "evse": evse_id, "at": at, "values": f"[{values}]"},
    )


async def test_each_connector_and_measurand_that_is_stored_is_a_datapoint(
    db: AsyncSession, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    await station(db, "CS-1", 1, 2)
    await reading(db, "CS-1", 1, NOON, "Voltage", "Current.Import")
    await reading(db, "CS-1", 1, NOON + timedelta(minutes=1), "Voltage")
    found = await StationPoints().points(db, [NORTH])

    assert [(each.key, each.datapoints) for each in found] == [
        ("CS-1/1/1", 3),
        ("CS-1/2/1", 1),
        ("CS-1/2/2", 1),
    ]
    assert await StationPoints().points(db, [OrganisationKey("root")]) == []


async def test_nothing_is_metered_of_a_station_that_was_refused(
    db: AsyncSession, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    await station(db, "CS-1", 1)
    await administration.refuse_station(db, "CS-1")

    assert await StationPoints().points(db, [NORTH]) == []


async def test_the_newest_values_are_those_of_the_last_reading(
    db: AsyncSession, clock: SetClock
) -> None:
    await made_north(db, clock.now())
    await directory.organisation(db, NORTH)
    await station(db, "CS-1", 1)
    assert await newest_values(db, "CS-1", 1) == []
    await reading(db, "CS-1", 1, NOON, "Voltage")
    await reading(db, "CS-1", 1, NOON + timedelta(minutes=1), "Power.Active.Import")
    newest = await newest_values(db, "CS-1", 1)

    assert [(each.measurand, each.value) for each in newest] == [
        ("Energy.Active.Import.Register", "1000"),
        ("Power.Active.Import", "7"),
    ]
    assert {each.measured_at for each in newest} == {NOON + timedelta(minutes=1)}
