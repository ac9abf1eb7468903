"""Deliveries, jobs, mails and the portal, built whole and started."""

from pathlib import Path

import httpx

from app.compose import open_database, prepare
from app.house import compose_house, start_house
from foundation.clock import SystemClock
from foundation.settings import Settings
from foundation.tasks import Tasks


async def test_the_house_starts_and_answers(database_url: str, tmp_path: Path) -> None:
    settings = Settings.read(data_dir=tmp_path)
    database = open_database(settings, database_url)
    try:
        await prepare(database, settings, SystemClock())
        house = compose_house(settings, database, SystemClock())
        async with Tasks() as tasks:
            start_house(house, database, tasks)
            assert {"deliveries", "jobs"} <= set(tasks.names)
            transport = httpx.ASGITransport(app=house.portal)
            async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
                assert (await client.get("/healthz")).status_code == 200
                assert (await client.get("/readyz")).json()["database"] == "reachable"
                assert (await client.get("/api/v1/stations")).status_code == 401
    finally:
        await database.close()
