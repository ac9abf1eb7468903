"""The books agree: whatever is killed whenever, nothing is lost and nothing is counted twice.

The real program, started as its user starts it, serves 200 stations of another implementation of
OCPP. It is killed with signal 9 five times, a PostgreSQL backend and the postmaster once each, at
random moments under load. Afterwards every transaction of the simulators' own book is stored
exactly once with the same energy, and the statements are the book's sums.
"""

import asyncio
import json
import os
import random
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from accounts import directory
from app import demo_checks
from app.compose import open_database
from billing import pricing
from billing.closing import Closing
from billing.pricing import NewAssignment, place_from
from billing.statement_forms import statement_json
from csms import administration
from csms.administration import ConnectorSettings, EvseSettings, StationSettings, TokenSettings
from csms.registers import Registers
from foundation.database import Database, DatabaseAway
from foundation.identifiers import OrganisationKey
from foundation.postgres import EmbeddedPostgres
from foundation.settings import Settings
from roaming import administration as partners
from roaming.handlers import Reimbursement
from tests.ports import free_port

SEED = 20261122
OWNER = OrganisationKey("owner")
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
PRICE = Decimal(49)
"""Per kWh; high, since the transactions of a load test are short."""
ROOT = Path(__file__).resolve().parents[2]

TARIFF = {
    "country_code": "DE",
    "party_id": "TST",
    "id": "FLAT-KWH",
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": PRICE, "vat": 19, "step_size": 1}]}
    ],
    "last_updated": "2026-01-01T00:00:00Z",
}


@dataclass(frozen=True)
class Load:
    """What is done to the program, and for how long; seconds where it says so."""

    stations: int
    load_s: int
    session_s: float
    pause_s: float
    reading_s: float
    answer_s: float
    drain_s: int
    kills: int
    outage_s: float = 0
    """For how long the database answers nothing at all, once; 0: never."""


SHORT = Load(200, 40, 6, 1, 1, answer_s=5, drain_s=180, kills=5)
LONG = Load(1000, 600, 60, 10, 10, answer_s=20, drain_s=420, kills=8, outage_s=60)


@dataclass
class Server:
    """The program as a process that is started again whenever it was killed."""

    environment: dict[str, str]
    ready_url: str
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "app",
                "serve",
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await until(self.is_ready, 90)

    async def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()[-4000:]
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(self.ready_url, timeout=5)).status_code == 200
            except httpx.TransportError:
                return False

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            async with asyncio.timeout(60):
                await self.process.wait()


async def until(holds: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - other processes tell us nothing
            await asyncio.sleep(0.1)


@asynccontextmanager
async def served(
    folder: Path, more: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Server, int, EmbeddedPostgres]]:
    """The program and, beside it, a second user of its database: this test."""
    ocpp_port, http_port = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if "LEITSTAND" not in name},
        "LEITSTAND_DATA_DIR": str(folder / "data"),
        "LEITSTAND_OCPP_PORT": str(ocpp_port),
        "LEITSTAND_HTTP_PORT": str(http_port),
        "LEITSTAND_ONBOARDING": "refuse",
        "LEITSTAND_LOG_LEVEL": "warning",
        **(more or {}),
    }
    server = Server(environment, f"http://127.0.0.1:{http_port}/readyz", folder / "server.log")
    postgres = EmbeddedPostgres(folder / "data", say=lambda _: None)
    await server.start()
    await asyncio.to_thread(postgres.start)
    watch = asyncio.ensure_future(postgres.supervise())  # noqa: TID251 - no tasks owner in a test
    try:
        yield server, ocpp_port, postgres
    finally:
        watch.cancel()
        await server.stop()
        await asyncio.to_thread(postgres.discard)


async def furnish(database: Database, described: list[dict[str, Any]]) -> None:
    """Set up the owner, the fleet's stations, its tokens (own and a provider's) and the tariff."""
    async with database.unit_of_work() as db:
        await directory.create_organisation(
            db, OWNER, {"name": "Owner", "time_zone": "UTC", "country": "DE"}, now=BEGIN
        )
        await partners.create_provider(db, "DE*EMP", {"name": "Provider"}, now=BEGIN)
        for station in described:
            await administration.create_station(
                db,
                station["identity"],
                OWNER,
                StationSettings(
                    evses=[
                        EvseSettings(
                            evse_id=evse["evse_id"],
                            connectors=[
                                ConnectorSettings(connector_id=1, max_power_w=evse["max_power_w"])
                            ],
                        )
                        for evse in station["evses"]
                    ]
                ),
                password=None,
                time_zone="UTC",
                now=BEGIN,
            )
        await administration.set_id_tokens(
            db,
            [
                TokenSettings(id_token=token, organisation=OWNER)
                if place % 2
                else TokenSettings(id_token=token, provider="DE*EMP")
                for place, token in enumerate(
                    evse["id_token"] for station in described for evse in station["evses"]
                )
            ],
            now=BEGIN,
        )
        await pricing.create_tariff(
            db,
            TARIFF,
            [NewAssignment(place_from("organisation", OWNER), BEGIN)],
            organisation=None,
            now=BEGIN,
        )


async def simulators(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "simulators",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )


async def printed(*arguments: str) -> Any:
    process = await simulators(*arguments)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(out)


async def make_trouble(
    load: Load, server: Server, postgres: EmbeddedPostgres, rng: random.Random
) -> None:
    """Kill the server, a backend and the postmaster at random moments, and freeze the database."""
    blows = ["server"] * load.kills + ["backend", "postmaster"] + ["outage"] * bool(load.outage_s)
    rng.shuffle(blows)
    spare_s = load.load_s - load.outage_s
    for blow in blows:
        await asyncio.sleep(rng.uniform(1.0, 2 * spare_s / len(blows) - 3.0))
        if blow == "server":
            await server.kill()
            await server.start()
        elif blow == "backend":
            os.kill(await asyncio.to_thread(some_backend, postgres.url), signal.SIGKILL)
            await until(server.is_ready, 60)
        elif blow == "outage":
            await freeze(postgres, load.outage_s)
            await until(server.is_ready, 120)
        else:
            assert postgres.pid is not None
            os.kill(postgres.pid, signal.SIGKILL)
            await asyncio.sleep(1.0)
            await until(server.is_ready, 90)


async def freeze(postgres: EmbeddedPostgres, seconds: float) -> None:
    """Stop every process of the database where it stands, and let them all go on later."""
    assert postgres.pid is not None
    frozen: list[int] = []
    try:
        while found := [each for each in processes_of(postgres.pid) if each not in frozen]:
            for each in found:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGSTOP)
            frozen += found
        await asyncio.sleep(seconds)
    finally:
        for each in frozen:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGCONT)


def processes_of(postmaster: int) -> list[int]:
    """Return the postmaster and the processes that it started."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
    return [postmaster, *map(int, children.split())]


def some_backend(url: str) -> int:
    """Return the process of one of the server's connections."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select pid from pg_stat_activity where application_name = 'leitstand'"
            " and backend_type = 'client backend' and pid <> pg_backend_pid() limit 1"
        ).fetchone()
    assert found is not None
    return int(found[0])


async def stored_transactions(database: Database) -> list[dict[str, Any]]:
    async with database.unit_of_work() as db:
        connection = await db.connection()
        found = await connection.exec_driver_sql(
            "select station, evse_id, version, ref, start_reported_at, energy_wh, state, doubts,"
            " token_provider from transactions"
        )
        return [
            {
                "station": row.station,
                "evse_id": row.evse_id,
                "key": row.ref.partition("|")[2]
                if row.version != "ocpp1.6"
                else f"{row.start_reported_at:%Y-%m-%dT%H:%M:%S}."
                f"{row.start_reported_at.microsecond // 1000:03d}Z",
                "energy_wh": row.energy_wh,
                "state": row.state,
                "doubts": row.doubts,
                "external": row.token_provider is not None,
            }
            for row in found
        ]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_nothing_is_lost_or_counted_twice_whatever_is_killed(tmp_path: Path) -> None:
    await nothing_is_lost_or_counted_twice(tmp_path, SHORT)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_nothing_is_lost_by_a_thousand_stations_in_ten_minutes(tmp_path: Path) -> None:
    """The same with a thousand, more blows, and a minute in which the database says nothing."""
    await nothing_is_lost_or_counted_twice(tmp_path, LONG)


async def nothing_is_lost_or_counted_twice(tmp_path: Path, load: Load) -> None:
    described = await printed("fleet", "--stations", str(load.stations), "--describe")
    rng = random.Random(SEED)
    async with served(tmp_path) as (server, port, postgres):
        database = open_database(Settings.read(data_dir=tmp_path / "data"), postgres.url)
        try:
            await furnish(database, described)
            book = tmp_path / "book.jsonl"
            fleet = await simulators(
                "fleet",
                *("--url", f"ws://127.0.0.1:{port}", "--book", str(book)),
                *("--stations", str(load.stations), "--duration-s", str(load.load_s)),
                *("--session-s", str(load.session_s), "--pause-s", str(load.pause_s)),
                *("--reading-s", str(load.reading_s), "--drain-s", str(load.drain_s)),
                *("--answer-timeout-s", str(load.answer_s)),
            )
            await make_trouble(load, server, postgres, rng)
            async with asyncio.timeout(load.load_s + load.drain_s + 120):
                told, _ = await fleet.communicate()
            assert fleet.returncode == 0, told[-2000:]
            await until(lambda: delivered(database), 120)

            records = (await printed("book", str(book)))["sessions"]
            stored = await stored_transactions(database)
            agreement = demo_checks.books_agree(records, stored)
            assert agreement.holds, agreement.found
            assert len(records) == len(stored) >= load.stations
            assert all(record["end_acknowledged"] for record in records)
            print(f"{load.stations} stations, {len(stored)} sessions, each once in both books")
            await assert_statement_is_the_book(database, stored)
        finally:
            await database.close()


async def delivered(database: Database) -> bool:
    try:
        async with database.unit_of_work() as db:
            connection = await db.connection()
            found = await connection.exec_driver_sql("select count(*) from deliveries")
            return bool(found.scalar_one() == 0)
    except DatabaseAway:  # this test's own connections died with the postmaster
        return False


async def assert_statement_is_the_book(database: Database, stored: list[dict[str, Any]]) -> None:
    """Compare the month's statements with sums made from the transactions' energies alone."""
    nets: dict[str, Decimal] = defaultdict(Decimal)
    energies: dict[str, Decimal] = defaultdict(Decimal)
    for each in stored:
        assert each["doubts"] == [], each
        name = "external" if each["external"] else "internal"
        steps = each["energy_wh"].to_integral_value(ROUND_CEILING)  # the tariff's step is 1 Wh
        net = steps / 1000 * PRICE
        nets[name] += net.quantize(Decimal("0.01"), ROUND_HALF_UP)
        energies[name] += each["energy_wh"]
    now = datetime.now(UTC)  # noqa: TID251 - the real month, as the server had it
    month = f"{now:%Y-%m}"
    following = (now.replace(day=28) + timedelta(days=5)).replace(day=2)
    async with database.unit_of_work() as db:
        [statement] = await Closing(Registers(), Reimbursement()).close(
            db, OWNER, month, now=following
        )
    totals = statement_json(statement)["totals"]
    for name, share in (("internal", Decimal(1)), ("external", Decimal("0.9"))):
        payout = (nets[name] * share).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert Decimal(totals[name]["net_amount"]) == nets[name]
        assert Decimal(totals[name]["payout_amount"]) == payout
        assert Decimal(str(totals[name]["energy_wh"])) == energies[name]
