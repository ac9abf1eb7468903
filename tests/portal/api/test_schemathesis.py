"""The API tried by its own document: whatever it is sent, it answers as it says it does.

schemathesis makes calls of every kind, good and bad, and checks each answer: no mistake of ours,
a documented status, kind and shape; nothing that the schema forbids is taken; nothing without a
key; a method that is not there is 405.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from accounts import api_keys
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.sealing import Sealer
from portal.api.events import written_event
from portal.application import create_application
from portal.context import PortalContext
from portal.limits import Limits
from portal.webhooks import Webhooks
from tests.portal.conftest import Keys

CONFIG = Path(__file__).parents[2] / "schemathesis.toml"
OUT_OF_REACH = "alter table api_keys alter id restart 900000000"
"""No call that is made up will name this number, which is our own key's."""


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


async def tried(context: PortalContext, database: Database, *arguments: str) -> str:
    """Let schemathesis try the API; return what it found, nothing if all is well."""
    clock = SystemClock()
    async with database.unit_of_work() as db:
        await db.execute(text(OUT_OF_REACH))
        _, key = await api_keys.create_api_key(db, role="administrator", name="t", now=clock.now())
    jobs = Jobs(database.url)
    mails = Mails(database=database, jobs=jobs, clock=clock, settings=context.settings)
    hooks = Webhooks(
        database=database,
        jobs=jobs,
        clock=clock,
        sealer=Sealer(bytes(32)),
        mails=mails,
        written=written_event,
    )
    app = create_application(
        replace(context, clock=clock, webhooks=hooks, mails=mails, limits=Limits(10**9))
    )
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
async def test_schemathesis_finds_nothing(
    context: PortalContext, database: Database, keys: Keys
) -> None:
    assert keys
    found = await tried(
        context,
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
    context: PortalContext, database: Database, keys: Keys
) -> None:
    assert keys
    found = await tried(context, database, "--max-time", "600")

    assert not found, found
