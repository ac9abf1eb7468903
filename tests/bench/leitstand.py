"""The whole program as one process, as `leitstand serve` runs it, for the bench.

`python -m tests.bench.leitstand DATA_DIR --core N`, with the database's URL on the first line of
its standard input; prints its ports as one line of JSON and ends with its standard input.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

import uvloop
from pydantic import SecretStr

from app.serve import running
from foundation.clock import SystemClock
from foundation.log import configure_log
from foundation.settings import Onboarding, Settings
from tests.bench.machine import pin, raise_open_files
from tests.bench.world import ROOT


async def run(data_dir: Path, url: str) -> None:
    """Serve until the standard input ends; every setting that matters is the default."""
    configure_log("warning")
    settings = Settings.read(
        data_dir=data_dir,
        database_url=SecretStr(url),
        ocpp_port=0,
        http_port=0,
        onboarding=Onboarding.REFUSE,
        organisation=ROOT,
        log_level="warning",
    )
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with running(settings, SystemClock(), say=lambda _: None) as program:
        sys.stdout.write(
            json.dumps({"port": program.ocpp_port, "http_port": program.http_port}) + "\n"
        )
        sys.stdout.flush()
        await reader.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    pin(options.core)
    raise_open_files(1 << 16)
    uvloop.run(run(options.data_dir, sys.stdin.readline().strip()))
