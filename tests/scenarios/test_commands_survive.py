"""Commands survive: three nodes, 300 stations, 2,000 commands, a node killed at random four times.

The real program three times on one database, behind a relay that stands for a load balancer, with
stations of another implementation of OCPP. Afterwards every command is in a final state, and by the
simulators' own book no start and no stop was carried out twice.
"""

import asyncio
import itertools
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from accounts import api_keys
from csms import administration
from csms.administration import TokenSettings
from csms.queue import FINAL, STARTS, STOPS
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.postgres import EmbeddedPostgres
from tests.ports import free_port
from tests.scenarios.test_books_agree import Server, printed, simulators, until

NODES = 3
STATIONS = 300
COMMANDS = 2000
KILLS = 4
ASKERS = 12
SEED = 20261122
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Node:
    """One of the nodes, with the ports that it keeps over its deaths."""

    server: Server
    ocpp_port: int
    http_port: int
    is_alive: bool = False


@dataclass
class Relay:
    """A load balancer: each new connection goes to the next node that lives."""

    nodes: list[Node]
    turn: Iterator[int] = field(default_factory=itertools.count)
    server: asyncio.Server | None = None

    async def start(self) -> int:
        self.server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        alive = [node for node in self.nodes if node.is_alive]
        try:
            port = alive[next(self.turn) % len(alive)].ocpp_port if alive else 1
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        with suppress(OSError, asyncio.CancelledError):
            await asyncio.wait(
                [
                    asyncio.ensure_future(_pump(reader, far_writer)),  # noqa: TID251
                    asyncio.ensure_future(_pump(far_reader, writer)),  # noqa: TID251
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        writer.transport.abort()
        far_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()


@asynccontextmanager
async def nodes_running(folder: Path, url: str) -> AsyncIterator[list[Node]]:
    nodes: list[Node] = []
    for number in range(NODES):
        ocpp_port, http_port = free_port(), free_port()
        environment = {
            **{name: value for name, value in os.environ.items() if "LEITSTAND" not in name},
            "LEITSTAND_DATABASE_URL": url,
            "LEITSTAND_DATA_DIR": str(folder / f"node-{number}"),
            "LEITSTAND_DATABASE_POOL_SIZE": "10",
            "LEITSTAND_OCPP_PORT": str(ocpp_port),
            "LEITSTAND_HTTP_PORT": str(http_port),
            "LEITSTAND_ONBOARDING": "accept",
            "LEITSTAND_LOG_LEVEL": "warning",
            "LEITSTAND_CALL_TIMEOUT_S": "5",
            "LEITSTAND_EFFECT_TIMEOUT_S": "10",
            "LEITSTAND_COMMANDS_IN_FLIGHT_MAX": "10000",
        }
        ready = f"http://127.0.0.1:{http_port}/readyz"
        server = Server(environment, ready, folder / f"node-{number}.log")
        nodes.append(Node(server, ocpp_port, http_port))
    try:
        for node in nodes:
            await node.server.start()
            node.is_alive = True
        yield nodes
    finally:
        for node in nodes:
            await node.server.stop()


async def make_trouble(nodes: list[Node], rng: random.Random, until_done: asyncio.Event) -> int:
    """Kill a node with signal 9, four times, and start it again; return how often it was done."""
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(2.0, 6.0))
        node = rng.choice([each for each in nodes if each.is_alive])
        node.is_alive = False
        await node.server.kill()
        await node.server.start()
        node.is_alive = True
    until_done.set()
    return KILLS


class Asker:
    """Asks for commands by the REST API of whatever node answers."""

    def __init__(
        self,
        nodes: list[Node],
        api_key: str,
        described: list[dict[str, Any]],
        database: Database,
        rng: random.Random,
    ) -> None:
        self._nodes = nodes
        self._described = described
        self._database = database
        self._rng = rng
        self._headers = {"authorization": f"Bearer {api_key}"}
        self.client = httpx.AsyncClient(timeout=10)
        self.taken: list[str] = []
        self.refused: Counter[str] = Counter()

    async def ask(self, number: int) -> None:
        """Ask once: retried at another node as long as nobody answers, under one key."""
        station = self._rng.choice(self._described)
        body = await self._wish(station)
        if body is None:
            return
        headers = {**self._headers, "idempotency-key": f"command-{number}"}
        path = f"/api/v1/stations/{station['identity']}/commands"
        while True:
            alive = [each for each in self._nodes if each.is_alive] or self._nodes
            url = f"http://127.0.0.1:{self._rng.choice(alive).http_port}{path}"
            try:
                response = await self.client.post(url, json=body, headers=headers)
            except (httpx.TransportError, AttributeError):  # anyio's, of a socket just reset
                await asyncio.sleep(0.2)
                continue
            break
        if response.status_code == 202:
            self.taken.append(response.json()["id"])
        else:
            self.refused[f"{response.status_code} {response.json().get('code')}"] += 1
            await asyncio.sleep(0.1)

    async def _wish(self, station: dict[str, Any]) -> dict[str, Any] | None:
        """Return what to ask for: starts and stops mostly."""
        is_16 = station["version"] == "1.6"
        dice = self._rng.random()
        if dice < 0.4:
            return self._start(station["evses"][0], is_16)
        if dice < 0.65:
            return await self._stop(station["identity"], is_16)
        if dice < 0.8:
            return {"action": "ClearCache", "expires_in_s": 30}
        if dice < 0.9:
            payload = {"requestedMessage": "Heartbeat"}
            return {"action": "TriggerMessage", "payload": payload, "expires_in_s": 30}
        if is_16:
            change = {"key": "HeartbeatInterval", "value": str(self._rng.randint(60, 600))}
            return {"action": "ChangeConfiguration", "payload": change, "expires_in_s": 30}
        return {"action": "GetLocalListVersion", "expires_in_s": 30}

    def _start(self, evse: dict[str, Any], is_16: bool) -> dict[str, Any]:
        token = evse["id_token"]
        if is_16:
            payload: dict[str, Any] = {"connectorId": evse["evse_id"], "idTag": token}
        else:
            payload = {
                "evseId": evse["evse_id"],
                "idToken": {"idToken": token, "type": "ISO14443"},
            }
        action = "RemoteStartTransaction" if is_16 else "RequestStartTransaction"
        return {"action": action, "payload": payload, "expires_in_s": 30}

    async def _stop(self, station: str, is_16: bool) -> dict[str, Any] | None:
        async with self._database.unit_of_work() as db:
            connection = await db.connection()
            found = (
                await connection.exec_driver_sql(
                    "select id, ref from transactions where station = %(station)s"
                    " and state = 'active' order by id desc limit 1",
                    {"station": station},
                )
            ).first()
        if found is None:
            return None
        named: int | str = found.id if is_16 else found.ref.partition("|")[2]
        action = "RemoteStopTransaction" if is_16 else "RequestStopTransaction"
        return {"action": action, "payload": {"transactionId": named}, "expires_in_s": 30}


async def furnish(database: Database, described: list[dict[str, Any]]) -> str:
    """Set up the tokens of the fleet; return an administrator's key."""
    root = OrganisationKey("root")
    async with database.unit_of_work() as db:
        await administration.set_id_tokens(
            db,
            [
                TokenSettings(id_token=evse["id_token"], organisation=root)
                for station in described
                for evse in station["evses"]
            ],
            now=BEGIN,
        )
        made = await api_keys.create_api_key(
            db, role="administrator", name="scenario", organisation_key=root, now=BEGIN
        )
    return made[1]


async def connected(database: Database) -> int:
    async with database.unit_of_work() as db:
        connection = await db.connection()
        found = await connection.exec_driver_sql(
            "select count(*) from station_connections where closed_at is null"
        )
        return int(found.scalar_one())


async def stored(database: Database) -> list[Any]:
    async with database.unit_of_work() as db:
        connection = await db.connection()
        found = await connection.exec_driver_sql(
            "select id, station, action, state, failure, attempts, message_id from commands"
        )
        return list(found)


def carried_out(book: Path) -> list[dict[str, Any]]:
    """Return the commands of the simulators' book; a last line may be cut off."""
    lines = book.read_text().splitlines(keepends=True)
    found = [json.loads(line) for line in lines if line.endswith("\n")]
    return [line for line in found if line["kind"] == "command"]


@pytest.mark.slow
@pytest.mark.timeout(420)
async def test_every_command_ends_and_none_is_done_twice_whatever_node_is_killed(
    tmp_path: Path,
) -> None:
    rng = random.Random(SEED)
    described = await printed("fleet", "--stations", str(STATIONS), "--describe")
    postgres = EmbeddedPostgres(tmp_path / "database", say=lambda _: None, durable=False)
    await asyncio.to_thread(postgres.start)
    database = Database(postgres.url, pool_size=10)
    relay: Relay | None = None
    fleet: asyncio.subprocess.Process | None = None
    try:
        async with nodes_running(tmp_path, postgres.url) as nodes:
            key = await furnish(database, described)
            relay = Relay(nodes)
            port = await relay.start()
            book = tmp_path / "book.jsonl"
            fleet = await simulators(
                "fleet",
                *("--url", f"ws://127.0.0.1:{port}", "--book", str(book)),
                *("--stations", str(STATIONS), "--idle", "--duration-s", "300"),
                *("--ramp-s", "3", "--reading-s", "30", "--answer-timeout-s", "5"),
            )

            async def all_connected() -> bool:
                return await connected(database) >= STATIONS

            await until(all_connected, 60)
            asker = Asker(nodes, key, described, database, rng)
            done = asyncio.Event()
            trouble = asyncio.ensure_future(make_trouble(nodes, rng, done))  # noqa: TID251
            numbers = itertools.count()

            async def keep_asking() -> None:
                while len(asker.taken) < COMMANDS or not done.is_set():
                    if len(asker.taken) >= COMMANDS:
                        await asyncio.sleep(0.2)
                    else:
                        await asker.ask(next(numbers))

            async with asyncio.timeout(150):
                await asyncio.gather(*(keep_asking() for _ in range(ASKERS)))
                assert await trouble == KILLS
            await asker.client.aclose()

            async def all_final() -> bool:
                return all(row.state in FINAL for row in await stored(database))

            await until(all_final, 120)
            rows = await stored(database)
            fleet.send_signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(30):
                    await fleet.communicate()
        assert_nothing_lost_or_doubled(asker, rows, carried_out(book))
    finally:
        if fleet is not None and fleet.returncode is None:
            fleet.kill()
            await fleet.wait()
        if relay is not None and relay.server is not None:
            relay.server.close()
        await database.close()
        await asyncio.to_thread(postgres.discard)


def assert_nothing_lost_or_doubled(
    asker: Asker, rows: list[Any], deeds: list[dict[str, Any]]
) -> None:
    ids = {str(row.id) for row in rows}
    assert len(set(asker.taken)) == len(asker.taken) >= COMMANDS, "an idempotency key asked twice"
    assert ids >= set(asker.taken), "a command was lost"
    states = Counter((row.state, row.failure) for row in rows)
    print(states, asker.refused, file=sys.stderr)
    assert states["effective", None] > COMMANDS // 2, states

    moving = STARTS | STOPS
    moved = [each for each in deeds if each["action"] in moving]
    times = Counter(each["message_id"] for each in moved)
    assert not [each for each, count in times.items() if count > 1], "done twice"
    by_message = {row.message_id: row for row in rows if row.action in moving and row.message_id}
    assert set(times) <= set(by_message), "done without being asked"
    assert all(row.attempts <= 1 for row in rows if row.action in moving), "sent twice"
    effective = {
        row.message_id for row in rows if row.action in moving and row.state == "effective"
    }
    assert effective <= set(times), "effective without being done"
