"""What error-detection jobs learn of charge points: within their hours, and by one statement."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import event, text

from csms import administration
from csms.administration import ConnectorSettings, EvseSettings, StationSettings
from csms.job_facts import ChargePointFacts, Charging
from foundation.identifiers import OrganisationKey, StationId
from tests.csms.central import moment
from tests.csms.handlers.work import Work
from tests.csms.test_reading_store import kept, reading
from tests.csms.test_transaction_store import added, new

ROOT = OrganisationKey("root")
CS_1, CS_2 = StationId("CS-1"), StationId("CS-2")
HOURS_4 = (moment(0), moment(240))


def past(begin: float, end: float, **more: Any) -> Any:
    """A transaction that ended, in minutes; it took 10 kWh unless told."""
    usual: dict[str, Any] = {
        "started_at": moment(begin),
        "ended_at": moment(end),
        "state": "ended",
        "energy_wh": Decimal(10_000),
        "meter_stop_wh": Decimal(11_000),
        "ref": f"1|{begin}",
    }
    return new(**(usual | more))


async def two_points(work: Work) -> None:
    """CS-1 has two charge points of 22 kW, CS-2 none."""
    await administration.change_station(
        work.db,
        CS_1,
        StationSettings(
            evses=[
                EvseSettings(
                    evse_id=each,
                    connectors=[ConnectorSettings(connector_id=1, max_power_w=Decimal(22_000))],
                )
                for each in (1, 2)
            ]
        ),
        now=moment(0),
    )


async def facts(work: Work, **changes: Any) -> dict[tuple[str, int | None], ChargePointFacts]:
    """The facts of the four hours, by charge point."""
    settings: dict[str, Any] = {
        "location": None,
        "points": None,
        "time_zone": "UTC",
        "span": HOURS_4,
        "usual": [],
    }
    found = await Charging().facts(work.db, [ROOT], **(settings | changes))
    return {(each.station, each.evse_id): each for each in found}


async def test_charge_points_are_those_of_the_organisation_place_zone_and_choice(
    work: Work,
) -> None:
    await two_points(work)
    every = await facts(work)
    assert list(every) == [(CS_1, 1), (CS_1, 2), (CS_2, None)]
    assert every[CS_1, 1].rated_power_w == 22_000
    assert every[CS_2, None].last_heard_at is None
    assert list(await facts(work, points=[(CS_1, 2)])) == [(CS_1, 2)]
    assert list(await facts(work, points=[(CS_2, 0)])) == [(CS_2, None)]
    assert await facts(work, time_zone="America/New_York") == {}
    assert await facts(work, location="elsewhere") == {}
    charging = Charging()
    zones = await charging.time_zones(work.db, [ROOT], location=None, points=None)
    assert zones == ["UTC"]
    asked = [(7, CS_1, 0), (8, CS_1, 2), (9, CS_2, 0)]
    assert await charging.sizes(work.db, [ROOT], asked) == {7: 2, 8: 1}
    assert await charging.sizes(work.db, [OrganisationKey("south")], asked) == {}


async def test_only_what_a_register_rose_within_the_hours_counts(work: Work) -> None:
    await two_points(work)
    [crossing, running] = await added(
        work,
        [
            past(-60, 60, meter_stop_wh=Decimal(9_000), energy_wh=Decimal(8_000)),
            new(ref="1|r", evse_id=2, started_at=moment(200)),
        ],
    )
    assert (await facts(work))[CS_1, 2].energy_wh is None  # it runs, and nobody knows its meter
    await kept(
        work,
        [
            reading(-30, 3_000, number=crossing.id),
            reading(30, 6_000, number=crossing.id),
            reading(230, 1_500, number=running.id, evse_id=2),
            reading(250, 4_000, number=running.id, evse_id=2),
        ],
    )
    found = await facts(work)
    assert found[CS_1, 1].energy_wh == 6_000
    assert found[CS_1, 2].energy_wh == 500
    earlier = await facts(work, span=(moment(-240), moment(0)))
    assert earlier[CS_1, 1].energy_wh == 2_000


async def test_starts_are_those_that_ended_and_those_that_never_came_about(work: Work) -> None:
    await two_points(work)
    await added(
        work,
        [
            past(10, 20),
            past(30, 40, energy_wh=Decimal(0), meter_stop_wh=Decimal(1000)),
            past(-30, 10),
            new(ref="1|r", started_at=moment(230)),
        ],
    )
    await work.db.execute(
        text("""
            insert into commands (id, station, owner, version, action, payload, raw, state, failure,
                asked_by, asked_by_name, asker_organisation, door, reason, asked_at, expires_at,
                priority, attempts, when_offline, until_ended)
            select n, 'CS-1', 'root', 'ocpp1.6', 'RemoteStartTransaction', '{"connectorId": 1}',
                false, 'failed', 'no_effect', 'test', 'Test', 'root', 'api', 'test',
                cast(:at as timestamptz), cast(:at as timestamptz), 1, 1, 'refuse', false
            from generate_series(1, 2) n
        """),
        {"at": moment(50)},
    )
    point = (await facts(work))[CS_1, 1]
    assert (point.starts, point.worked) == (4, 1)


async def test_use_in_weeks_before_is_counted_by_the_same_measure(work: Work) -> None:
    await two_points(work)
    week = timedelta(days=7) / timedelta(minutes=1)
    hanging = past(-2 * week - 600, -2 * week + 300, meter_stop_wh=Decimal(11_000))
    first, hung = await added(work, [past(-week + 10, -week + 20), hanging])
    await kept(work, [reading(-2 * week - 500, 11_000, number=hung.id)])
    assert first.id
    spans = [(moment(-n * week), moment(-n * week + 240)) for n in (1, 2, 3)]
    found = (await facts(work, usual=spans))[CS_1, 1]
    assert (found.usual_known, found.usual_used) == (2, 1)  # it hung there full in the second


async def test_registers_and_the_main_meter_are_read_within_the_hours(work: Work) -> None:
    await two_points(work)
    await added(
        work,
        [
            past(10, 20, meter_start_wh=Decimal(1000), meter_stop_wh=Decimal(11_000)),
            past(30, 40, meter_start_wh=Decimal(15_000), meter_stop_wh=Decimal(25_000)),
        ],
    )
    await kept(work, [reading(each, 100_000 + int(each), evse_id=0) for each in (-10, 5, 235, 250)])
    point = (await facts(work))[CS_1, 1]
    assert point.register_wh == 24_000
    assert point.sessions_wh == 20_000
    assert point.main_meter_wh == 245


async def test_a_run_asks_one_statement_however_many_stations_there_are(work: Work) -> None:
    await two_points(work)
    asked: list[str] = []
    connection = await work.db.connection()

    def note(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(connection.sync_connection, "before_cursor_execute", note)
    await facts(work, usual=[(moment(-1000), moment(-900))] * 8)
    assert len(asked) == 1
    assert await Charging().heard_at(work.db) is None
