"""Servers, the database and the load as processes of their own, each on its core."""

import asyncio
import contextlib
import functools
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from foundation import migrate
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.postgres import EmbeddedPostgres
from tests.bench import node_peer, world
from tests.bench.machine import cores, cpu_s, family_cpu_s, rss_bytes

_DRAIN_S = 120.0
_SETTLE_S = 1.2
"""After the last answer: what is written behind (frames, who was heard) is written by then."""


class BenchFailed(AssertionError):
    """Something was lost or refused: such a figure is worth nothing."""


class Worker:
    """A process that takes one JSON line and answers one, or only says its port."""

    def __init__(self, module: str, *arguments: str, core: int, first_line: str = "") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--core", str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid
        if first_line:
            self._write(first_line)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def read(self) -> dict[str, Any]:
        """Return the next line that it says."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed(f"{self._process.args!r} ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def order(self, do: str, **what: Any) -> dict[str, Any]:
        """Give an order to the load and return what it saw."""
        self._write(json.dumps({"do": do, **what}))
        return self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let it end by itself, and make sure that it did."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True, slots=True)
class Used:
    """What a stretch of work used, in CPU seconds."""

    app_s: float
    postgres_s: float


@dataclass(slots=True)
class Server:
    """A server under load; `url` is its database's, None where it stores nothing."""

    worker: Worker
    port: int
    url: str | None
    postmaster: int | None
    http_port: int | None = None

    def used(self) -> Used:
        """Return what it has used so far."""
        postgres = 0.0 if self.postmaster is None else family_cpu_s(self.postmaster)
        return Used(cpu_s(self.worker.pid), postgres)

    def rss(self) -> int:
        return rss_bytes(self.worker.pid)

    def drain(self) -> None:
        """Wait until the outbox is empty and what is written behind is written."""
        if self.url is None:
            return
        time.sleep(_SETTLE_S)
        deadline = time.monotonic() + _DRAIN_S
        with psycopg.connect(self.url, autocommit=True) as connection:
            while connection.execute("select 1 from deliveries limit 1").fetchone():
                if time.monotonic() > deadline:
                    raise BenchFailed("the outbox does not empty")
                time.sleep(0.1)

    def know_itself(self) -> None:
        """Let the database look at what is in it, as it has in an installation that is in use.

        One that knows its tables as empty reads them whole, however large they have grown since.
        """
        if self.url is not None:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute("analyze")

    def count(self, query: str) -> int:
        """Return what a query counts."""
        assert self.url is not None
        with psycopg.connect(self.url) as connection:
            found = connection.execute(query.encode()).fetchone()
        assert found is not None
        return int(found[0])


class Stage:
    """The machine's cores, one embedded PostgreSQL, and what runs on them."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.server_core, self.load_core = cores()
        self._databases = itertools.count(1)
        self._folder = Path(tempfile.mkdtemp(prefix="leitstand-bench-"))
        self._folder.chmod(0o755)
        self._node = self._folder / "node"
        self._postgres: EmbeddedPostgres | None = None

    def postgres(self) -> EmbeddedPostgres:
        """Return the database server, started when first asked for; durable as in real life."""
        if self._postgres is None:
            self._postgres = EmbeddedPostgres(self._folder / "postgres", say=lambda _: None)
            self._postgres.start()
        return self._postgres

    def fresh_database(self) -> str:
        """Return the URL of a new, migrated, empty database."""
        server = self.postgres()
        name = f"bench_{next(self._databases)}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        url = server.url_of(name)
        migrate.upgrade(url)
        return url

    @contextlib.contextmanager
    def peer(self, kind: str, version: str) -> Iterator[Server]:
        """Run one of the servers that store nothing."""
        with Worker("tests.bench.peers", kind, version, core=self.server_core) as worker:
            yield Server(worker, worker.read()["port"], None, None)

    @functools.cached_property
    def no_node_peer(self) -> str | None:
        """Why the server on Node cannot be run here; None: it can. Installed when first asked."""
        return node_peer.install(self._node)

    @contextlib.contextmanager
    def node_peer(self, version: str) -> Iterator[Server]:
        """Run the `ocpp-rpc` package's server, which stores nothing."""
        assert self.no_node_peer is None
        folder = str(self._node)
        with Worker("tests.bench.node_peer", folder, version, core=self.server_core) as worker:
            yield Server(worker, worker.read()["port"], None, None)

    @contextlib.contextmanager
    def leitstand(self, stations: int) -> Iterator[Server]:
        """Run the program on a fresh database with the bench's world in it."""
        url = self.fresh_database()
        asyncio.run(_settle(url, stations))
        folder = self._folder / "data"
        with Worker(
            "tests.bench.leitstand", str(folder), core=self.server_core, first_line=url
        ) as worker:
            told = worker.read()
            yield Server(worker, told["port"], url, self.postgres().pid, told["http_port"])

    @contextlib.contextmanager
    def load(self) -> Iterator[Worker]:
        """Run the load generator."""
        with Worker("tests.bench.load", core=self.load_core) as worker:
            yield worker

    def close(self) -> None:
        """Stop the database and delete everything."""
        if self._postgres is not None:
            self._postgres.discard()
        shutil.rmtree(self._folder, ignore_errors=True)


async def _settle(url: str, stations: int) -> None:
    database = Database(url, pool_size=2)
    try:
        await world.settle(database, stations=stations, now=SystemClock().now())
    finally:
        await database.close()


def connect(load: Worker, server: Server, version: str, count: int, at_once: int = 50) -> Any:
    """Connect and boot stations; nothing may go wrong."""
    seen = load.order(
        "connect",
        version=version,
        port=server.port,
        first=0,
        count=count,
        password=world.PASSWORD,
        at_once=at_once,
    )
    return check(seen)


def check(seen: dict[str, Any]) -> dict[str, Any]:
    """Return what the load saw, if there was no error."""
    if seen["errors"]:
        raise BenchFailed(f"the load met errors: {seen['errors']}")
    return seen


def today() -> str:
    return datetime.now(UTC).date().isoformat()  # noqa: TID251 - only written into the report
