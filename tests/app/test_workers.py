"""Several processes share the stations' port; one of them is killed, and nothing is lost."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
import pytest
from sqlalchemy import text

from accounts import directory
from accounts.directory import WHOLE
from app.compose import prepare_root
from app.ports import CannotListen, PortBusy
from app.serve import Running, running
from app.workers import WorkerFailed, Workers, _told
from csms import administration, charging
from csms.administration import TokenSettings
from csms.charging import Transaction
from foundation.clock import SystemClock
from foundation.database import Database
from foundation.settings import Settings
from foundation.tasks import Tasks
from simulators.book import Book, Record
from simulators.fleet import Fleet, FleetOptions

T = TypeVar("T")

WORKERS = 2
DEADLINE_S = 90.0
"""How long what must happen may take: a process starts in seconds, even beside other tests."""


async def eventually(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until the answer is true, and return it; fails when it takes too long."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


def settings_of(database_url: str, folder: Path, **changes: object) -> Settings:
    facts: dict[str, object] = {
        "database_url": database_url,
        "data_dir": folder,
        "ocpp_port": 0,
        "http_port": 0,
        "onboarding": "accept",
        "workers": WORKERS,
        "shutdown_timeout_s": 10.0,
    }
    return Settings.read(**{**facts, **changes})


@asynccontextmanager
async def program(database_url: str, folder: Path) -> AsyncIterator[Running]:
    settings = settings_of(database_url, folder)
    async with running(settings, SystemClock(), say=lambda _: None) as up:
        yield up


def fleet_options(up: Running, **changes: object) -> FleetOptions:
    facts: dict[str, object] = {
        "url": up.ocpp_url,
        "stations": 12,
        "session_s": 0.4,
        "pause_s": 0.05,
        "reading_s": 0.1,
        "duration_s": 120.0,
        "drain_s": 60.0,
        "ramp_s": 0.0,
        "reconnect_max_s": 0.2,
        "power_w": 3_600_000,  # a Wh per millisecond, so that short sessions differ
    }
    return FleetOptions(**{**facts, **changes})  # type: ignore[arg-type]


async def admit_tokens(up: Running, options: FleetOptions) -> None:
    async with up.database.unit_of_work() as db:
        root = await directory.root(db)
        tokens = [
            TokenSettings(id_token=evse["id_token"], organisation=root.key)
            for station in options.described()
            for evse in station["evses"]
        ]
        await administration.set_id_tokens(db, tokens, now=up.clock.now())


async def connected_by_pid(up: Running) -> dict[int, int]:
    """Return how many stations are connected to each process."""
    async with up.database.unit_of_work() as db:
        found = await db.execute(
            text(
                "select node, count(*) from station_connections where closed_at is null group by 1"
            )
        )
        return {int(node.split("-")[-2]): count for node, count in found}


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.slow
async def test_a_killed_process_is_replaced_and_no_session_is_lost(
    database_url: str, tmp_path: Path
) -> None:
    async with program(database_url, tmp_path) as up:
        workers = up.workers
        assert workers is not None
        assert len(workers.pids) == WORKERS
        options = fleet_options(up)
        await admit_tokens(up, options)
        book = Book()
        fleet = Fleet(options, book)
        fleet_runs = asyncio.get_running_loop().create_task(fleet.run())

        async def both_have_stations() -> bool:
            return len(await connected_by_pid(up)) == WORKERS and fleet.online == options.stations

        await eventually(both_have_stations)
        before = workers.pids
        victim = before[0]
        told = len(book.records)
        os.kill(victim, signal.SIGKILL)

        async def all_are_back() -> bool:
            pids = workers.pids
            return (
                len(pids) == WORKERS
                and victim not in pids
                and fleet.online == options.stations
                and len(book.records) > told + 20
            )

        await eventually(all_are_back)
        fleet.stop()
        report = await fleet_runs
        assert report.unfinished == 0
        assert report.sessions == len(book.records)
        assert before[1] in workers.pids

        async def all_have_ended() -> list[Transaction]:
            async with up.database.unit_of_work() as db:
                found = await charging.transactions(db, WHOLE, limit=10_000)
            return found if all(each.state == "ended" for each in found) else []

        stored = await eventually(all_have_ended)
        pids = workers.pids
    assert_same(list(book.records.values()), stored)
    assert not any(is_alive(pid) for pid in pids)


def assert_same(records: list[Record], stored: list[Transaction]) -> None:
    """Every session of the book is stored once, with its energy."""
    by_ref = {(each.station, each.ref): each for each in stored if each.ocpp_version != "1.6"}
    by_number = {each.transaction_id: each for each in stored}
    assert len(stored) == len(records)
    for record in records:
        if record.version == "1.6":
            found = by_number[record.transaction_number]  # type: ignore[index]
        else:
            found = by_ref[record.station, record.ref]  # type: ignore[index]
        assert found.energy_wh == Decimal(str(record.energy_wh))


@pytest.mark.slow
async def test_readiness_and_figures_tell_of_the_processes(
    database_url: str, tmp_path: Path
) -> None:
    async with program(database_url, tmp_path) as up, httpx.AsyncClient() as client:
        options = fleet_options(up, charging=False)

        async def connections() -> int:
            lines = (await client.get(f"{up.portal_url}/metrics")).text.splitlines()
            return int(
                sum(float(each.split()[1]) for each in lines if each.startswith(CONNECTIONS))
            )

        here = await connections()  # what other tests left in this process, which is the parent
        fleet = Fleet(options, Book())
        idling = asyncio.get_running_loop().create_task(fleet.run())

        async def all_are_counted() -> bool:
            return await connections() == here + options.stations

        await eventually(all_are_counted)
        ready = await client.get(f"{up.portal_url}/readyz")
        assert (ready.status_code, ready.json()["listener"]) == (200, "up")
        figures = (await client.get(f"{up.portal_url}/metrics")).text
        assert "leitstand_requests_total" in figures
        assert figures.count("# TYPE leitstand_connections gauge") == 1

        workers = up.workers
        assert workers is not None
        for pid in workers.pids:
            os.kill(pid, signal.SIGKILL)

        async def nobody_listens() -> bool:
            found = (await client.get(f"{up.portal_url}/readyz")).json()
            return bool(found["listener"] == "down")

        await eventually(nobody_listens)
        await eventually(all_are_counted)
        assert (await client.get(f"{up.portal_url}/readyz")).status_code == 200
        fleet.stop()
        await idling


CONNECTIONS = "leitstand_connections{"


@pytest.mark.slow
async def test_a_process_whose_tls_cannot_be_had_says_why(
    database_url: str, tmp_path: Path
) -> None:
    missing = tmp_path / "missing.pem"
    settings = settings_of(
        database_url, tmp_path, ocpp_tls_port=0, ocpp_tls_cert=missing, ocpp_tls_key=missing
    )
    with pytest.raises(WorkerFailed, match=r"No such file.*LEITSTAND_OCPP_TLS_CERT"):
        async with running(settings, SystemClock(), say=lambda _: None):
            pass


async def test_a_port_that_somebody_else_has_is_refused_before_a_process_starts(
    database_url: str, tmp_path: Path
) -> None:
    other = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    workers = Workers(settings_of(database_url, tmp_path, ocpp_port=port), database_url)
    async with Tasks() as tasks:
        with pytest.raises(PortBusy, match="LEITSTAND_OCPP_PORT"):
            await workers.start(tasks)
        await workers.stop()
    other.close()
    await other.wait_closed()


async def test_an_address_of_another_machine_is_refused(database_url: str, tmp_path: Path) -> None:
    settings = settings_of(database_url, tmp_path, ocpp_host="192.0.2.1")
    workers = Workers(settings, database_url)
    async with Tasks() as tasks:
        with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
            await workers.start(tasks)
        await workers.stop()


async def test_a_child_ends_when_its_parent_does(prepared_url: str, tmp_path: Path) -> None:
    """Whatever the parent died of, its end of the pipe closes."""
    child = await start_child()
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(_told(settings_of(prepared_url, tmp_path), prepared_url))
    assert (await child.stdout.readline()).strip() == b"listens"
    child.stdin.close()
    assert await child.wait() == 0


async def test_a_child_that_cannot_reach_the_database_says_so(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    child = await start_child()
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(_told(settings_of(nowhere, tmp_path), nowhere))
    assert (await child.stdout.readline()).startswith(b"failed The database is not reachable")
    assert await child.wait() == 1


async def start_child() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.workers"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.fixture
async def prepared_url(database: Database, tmp_path: Path) -> str:
    """A database with the root organisation."""
    await prepare_root(database, settings_of(database.url, tmp_path), SystemClock())
    return database.url
