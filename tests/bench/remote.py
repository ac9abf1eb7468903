"""Remote commands: how long it takes from the API call to the frame at the station."""

import asyncio
import json
from collections.abc import Iterator

from accounts import api_keys
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from tests.bench import world
from tests.bench.figures import Figure
from tests.bench.stage import Stage, Worker, check

STATIONS = 100
RATE_PER_S = 100.0
_GOAL_MS = 50.0


async def _keys(url: str, count: int) -> list[str]:
    """Make API keys: nobody asks for more in flight than one may."""
    database = Database(url, pool_size=2)
    try:
        async with database.unit_of_work() as db:
            made = [
                await api_keys.create_api_key(
                    db,
                    role="administrator",
                    name=f"bench {number}",
                    organisation_key=OrganisationKey(world.ROOT),
                    now=SystemClock().now(),
                )
                for number in range(count)
            ]
        return [secret for _, secret in made]
    finally:
        await database.close()


def command(stage: Stage) -> Iterator[Figure]:
    """From the API call to the frame at the station, at 100 commands a second, one node."""
    seconds = 5.0 if stage.quick else 30.0
    with stage.leitstand(STATIONS) as server:
        assert server.url is not None
        told = {
            "port": server.port,
            "http_port": server.http_port,
            "stations": [f"BENCH-{number:06d}" for number in range(STATIONS)],
            "keys": asyncio.run(_keys(server.url, STATIONS)),
            "password": world.PASSWORD,
            "rate": RATE_PER_S,
            "seconds": seconds,
        }
        first_line = json.dumps(told)
        with Worker("tests.bench.commanding", core=stage.load_core, first_line=first_line) as load:
            before = server.used()
            seen = check(load.read())
            after = server.used()
    beside = {
        "asked": seen["asked"],
        "p50_ms": round(seen["p50"] * 1e3, 2),
        "most_ms": round(seen["most"] * 1e3, 2),
        "api_answer_p99_ms": round(seen["api_p99"] * 1e3, 2),
        "app_ms_per_command": round((after.app_s - before.app_s) / seen["asked"] * 1e3, 2),
        "postgres_ms_per_command": round(
            (after.postgres_s - before.postgres_s) / seen["asked"] * 1e3, 2
        ),
    }
    yield Figure(
        "command, API call to frame at the station, p99 at 100/s",
        seen["p99"] * 1e3,
        "ms",
        _GOAL_MS,
        beside=beside,
    )
