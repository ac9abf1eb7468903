"""The API tried by its own document: whatever it is sent, it answers as it says it does.

schemathesis makes calls of every kind, good and bad, and checks each answer: no mistake of ours,
a documented status, kind and shape; nothing that the schema forbids is taken; nothing without a
key; a method that is not there is 405.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from accounts import api_keys
from app.compose import join_rooms
from app.house import compose_house
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.settings import Settings
from tests.portal.conftest import Keys, client_of

CONFIG = Path(__file__).parents[2] / "schemathesis.toml"
OUT_OF_REACH = "alter table api_keys alter id restart 900000000"
"""No call that is made up will name this number, which is our own key's."""

THINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("organisations", {"key": "stadtwerke-nord", "name": "Stadtwerke Nord"}),
    (
        "locations",
        {"key": "heilbronn-zob", "name": "ZOB", "time_zone": "Europe/Berlin", "city": "Heilbronn"},
    ),
    (
        "stations",
        {"identity": "DE-HN-014", "evses": [{"evse_id": 1, "connectors": [{"connector_id": 1}]}]},
    ),
    ("id-tokens", {"id_token": "04A2B3C4"}),
    ("providers", {"party_id": "DE*XYZ", "name": "Provider"}),
    ("webhooks", {"name": "Ours", "url": "https://erp.example.com/leitstand"}),
)
"""What the examples of the document name, so that the calls find something."""


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[str]:
    """Serve an application on loopback; give its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server._serve())
        while not server.started:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await serving


async def tried(folder: Path, database: Database, *arguments: str) -> str:
    """Let schemathesis try the API; return what it found, nothing if all is well."""
    clock = SystemClock()
    async with database.unit_of_work() as db:
        await db.execute(text(OUT_OF_REACH))
        _, key = await api_keys.create_api_key(db, role="administrator", name="t", now=clock.now())
    join_rooms(database)
    settings = Settings(api_calls_per_minute=10**9, data_dir=folder)
    app = compose_house(settings, database, clock).portal
    async with client_of(app, key) as client:
        for path, body in THINGS:
            answered = await client.post(f"/api/v1/{path}", json=body)
            assert answered.status_code < 300, answered.text
    async with listening(app) as address:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(CONFIG),
            "run",
            f"{address}/api/v1/openapi.json",
            "--header",
            f"Authorization: Bearer {key}",
            "--checks",
            "all",
            "--no-color",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        said = (await process.stdout.read()).decode()
        return said if await process.wait() else ""


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_schemathesis_finds_nothing(tmp_path: Path, database: Database, keys: Keys) -> None:
    assert keys
    found = await tried(
        tmp_path,
        database,
        "--phases",
        "examples,coverage,fuzzing",
        "--max-time",
        "60",
        "--seed",
        "1",
    )

    assert not found, found


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_schemathesis_finds_nothing_in_ten_minutes(
    tmp_path: Path, database: Database, keys: Keys
) -> None:
    assert keys
    found = await tried(tmp_path, database, "--max-time", "600")

    assert not found, found
