"""The stations' side is built whole, and gives its node's lease back when it stops."""

from pathlib import Path

from sqlalchemy import text

from app.compose import (
    compose_central_system,
    node_name,
    open_database,
    prepare,
    start_central_system,
    stop_central_system,
)
from foundation.clock import SystemClock
from foundation.settings import Settings
from foundation.tasks import Tasks


def test_no_two_processes_have_the_same_name() -> None:
    assert node_name() != node_name()


async def test_a_stations_side_that_stops_leaves_no_lease(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings.read(data_dir=tmp_path, ocpp_port=0)
    database = open_database(settings, database_url)
    clock = SystemClock()
    try:
        await prepare(database, settings, clock)
        async with Tasks() as tasks:
            central = await compose_central_system(settings, database, clock, tasks)
            start_central_system(central, database, tasks)
            await central.listener.start()
            assert central.listener.port > 0
            await stop_central_system(central, timeout_s=5)
        async with database.unit_of_work() as db:
            assert (await db.execute(text("select count(*) from nodes"))).scalar_one() == 0
    finally:
        await database.close()


async def test_preparing_twice_makes_one_operator_and_one_administrator(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings.read(data_dir=tmp_path)
    database = open_database(settings, database_url)
    try:
        first = await prepare(database, settings, SystemClock())
        again = await prepare(database, settings, SystemClock())
        assert first
        assert again is None
    finally:
        await database.close()
