"""A real central system in the test's own loop, and stations that speak to it by hand.

`central_running` composes what the program composes: handlers, lanes, listener, OCPP log, on a
real database; only the clock is the test's. `RawStation` sends frames exactly as written.
"""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from sqlalchemy import CursorResult, text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from accounts import directory
from app.compose import (
    CentralSystem,
    compose_central_system,
    prepare_root,
    start_central_system,
    stop_central_system,
)
from csms import administration, charging
from csms.administration import StationSettings, TokenSettings
from csms.charging import StoredReading, StoredReport, Transaction
from csms.reports import OcppVersion
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import EVENTS, Event
from foundation.identifiers import OrganisationKey
from foundation.outbox import event_from
from foundation.settings import Settings
from foundation.tasks import Tasks

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
"""What the moments of the tests' messages count from."""

EVENING = datetime(2026, 10, 15, 20, tzinfo=UTC)
"""Where the tests' clock stands still: what stations tell is of the past eight hours."""

ROOT = OrganisationKey("root")
OWNER = OrganisationKey("owner")
CARD = "04A2B3C4"
"""A token that may charge."""

DEADLINE_S = 20.0
"""How long a test waits for what must happen; a healthy machine needs milliseconds."""

T = TypeVar("T")


async def eventually(ask: Callable[[], Awaitable[T]], *, every_s: float = 0.01) -> T:
    """Ask until the answer is true, and return it; fails when it takes too long."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(every_s)


def at(minutes: float) -> str:
    """Return the moment so many minutes after noon, as stations write it."""
    return moment(minutes).isoformat().replace("+00:00", "Z")


def moment(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


class Guest(Protocol):
    """Whoever is connected during a test, and must be gone after it."""

    async def close(self) -> None: ...
    def drop(self) -> None: ...


class Refused(Exception):
    """The central system answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        super().__init__(f"{code}: {description}")


class RawStation:
    """The other end of a socket: sends and receives frames by hand."""

    def __init__(self, socket: ClientConnection, identity: str, version: OcppVersion) -> None:
        self.socket = socket
        self.identity = identity
        self.version = version
        self.asked: list[list[Any]] = []
        """Calls of the central system that came while we waited for something else."""
        self._number = 0

    def new_id(self) -> str:
        self._number += 1
        return f"{self.identity}-{id(self.socket)}-{self._number}"

    async def send(self, frame: object) -> None:
        """Send a frame: a text as it is, anything else as JSON."""
        await self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def frame(self) -> list[Any]:
        """Return the next frame of the central system."""
        async with asyncio.timeout(DEADLINE_S):
            received: list[Any] = json.loads(await self.socket.recv())
        return received

    async def answer_to(self, message_id: str) -> list[Any]:
        """Return the answer to our call with this id, keeping what is asked of us meanwhile."""
        while True:
            frame = await self.frame()
            if frame[0] in (3, 4) and frame[1] == message_id:
                return frame
            assert frame[0] == 2, f"an answer to nothing asked: {frame}"
            self.asked.append(frame)

    async def call(
        self, action: str, payload: Mapping[str, Any], *, message_id: str | None = None
    ) -> dict[str, Any]:
        """Ask, and return the payload of the CALLRESULT.

        Raises:
            Refused: If a CALLERROR comes instead.
        """
        message_id = message_id or self.new_id()
        await self.send([2, message_id, action, payload])
        answer = await self.answer_to(message_id)
        if answer[0] == 4:
            raise Refused(answer[2], answer[3])
        result: dict[str, Any] = answer[2]
        return result

    async def next_asked(self) -> list[Any]:
        """Return the next call of the central system."""
        if self.asked:
            return self.asked.pop(0)
        frame = await self.frame()
        assert frame[0] == 2, f"no call: {frame}"
        return frame

    async def closed(self) -> tuple[int, str]:
        """Wait until the central system has closed the socket; return code and reason."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed as end:
                if end.rcvd is None:
                    return 1006, ""
                return end.rcvd.code, end.rcvd.reason

    async def close(self) -> None:
        await self.socket.close()

    def drop(self) -> None:
        """Cut the line without a word."""
        self.socket.transport.abort()

    # ------------------------------------------------------------------- what stations say

    async def boot(self, **more: Any) -> dict[str, Any]:
        if self.version is OcppVersion.V16:
            said = {"chargePointVendor": "Wattwerk", "chargePointModel": "One"} | more
        else:
            station = {"vendorName": "Wattwerk", "model": "One"}
            said = {"chargingStation": station, "reason": "PowerUp"} | more
        return await self.call("BootNotification", said)

    async def start(
        self,
        minutes: float = 0,
        wh: int = 1000,
        *,
        connector: int = 1,
        tag: str = CARD,
        **more: Any,
    ) -> int:
        """Start a 1.6 transaction; return the number that it was given."""
        said = start(minutes, wh, connector=connector, tag=tag) | more
        return int((await self.call("StartTransaction", said))["transactionId"])

    async def stop(
        self, number: int, minutes: float = 60, wh: int = 9000, **more: Any
    ) -> dict[str, Any]:
        return await self.call("StopTransaction", stop(number, minutes, wh) | more)

    async def read(self, minutes: float, wh: int, *, connector: int = 1, **more: Any) -> None:
        """Send a 1.6 reading of the energy register."""
        said = {"connectorId": connector, "meterValue": [register(minutes, wh)]} | more
        assert await self.call("MeterValues", said) == {}

    async def status(self, status: str, minutes: float, *, connector: int = 1, **more: Any) -> None:
        said = {
            "connectorId": connector,
            "errorCode": "NoError",
            "status": status,
            "timestamp": at(minutes),
        } | more
        assert await self.call("StatusNotification", said) == {}

    async def event(
        self, kind: str, seq_no: int, minutes: float, *, ref: str = "tx-1", **more: Any
    ) -> dict[str, Any]:
        """Send a 2.x TransactionEvent."""
        return await self.call("TransactionEvent", event(kind, seq_no, minutes, ref=ref, **more))


def start(minutes: float, wh: int = 1000, *, connector: int = 1, tag: str = CARD) -> dict[str, Any]:
    return {"connectorId": connector, "idTag": tag, "meterStart": wh, "timestamp": at(minutes)}


def stop(number: int, minutes: float, wh: int) -> dict[str, Any]:
    return {"transactionId": number, "meterStop": wh, "timestamp": at(minutes)}


def register(minutes: float, wh: float, context: str = "Sample.Periodic") -> dict[str, Any]:
    """A 1.6 meterValue element with the energy register."""
    return {"timestamp": at(minutes), "sampledValue": [{"value": str(wh), "context": context}]}


def register2(minutes: float, wh: float, context: str = "Sample.Periodic") -> dict[str, Any]:
    """A 2.x meterValue element with the energy register."""
    return {"timestamp": at(minutes), "sampledValue": [{"value": wh, "context": context}]}


def event(
    kind: str, seq_no: int, minutes: float, *, ref: str = "tx-1", **more: Any
) -> dict[str, Any]:
    info: dict[str, Any] = {"transactionId": ref}
    for name in ("chargingState", "stoppedReason", "remoteStartId"):
        if name in more:
            info[name] = more.pop(name)
    said: dict[str, Any] = {
        "eventType": kind,
        "timestamp": at(minutes),
        "triggerReason": {"Started": "Authorized", "Ended": "StopAuthorized"}.get(
            kind, "MeterValuePeriodic"
        ),
        "seqNo": seq_no,
        "transactionInfo": info,
        "evse": {"id": 1, "connectorId": 1},
    }
    if kind == "Started":
        said["idToken"] = {"idToken": CARD, "type": "ISO14443"}
    return said | more


@dataclass
class Central:
    """A central system that runs, its database and its clock."""

    settings: Settings
    database: Database
    clock: SetClock
    tasks: Tasks
    system: CentralSystem
    stations: list[RawStation] = field(default_factory=list)
    guests: list[Guest] = field(default_factory=list)
    """Who else came."""
    _number: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.system.listener.port}"

    def new_identity(self) -> str:
        self._number += 1
        return f"CS-{self._number}"

    # ---------------------------------------------------------------------------- set-up

    async def station(
        self,
        identity: str | None = None,
        *,
        password: str | None = None,
        time_zone: str = "Europe/Berlin",
        organisation: OrganisationKey = OWNER,
        **settings: Any,
    ) -> str:
        """Create an accepted station; return its identity."""
        identity = identity or self.new_identity()
        async with self.database.unit_of_work() as db:
            await administration.create_station(
                db,
                identity,
                organisation,
                StationSettings(**settings),
                password=password,
                time_zone=time_zone,
                now=self.clock.now(),
            )
        return identity

    async def token(self, value: str, **settings: Any) -> None:
        if "organisation" not in settings and "provider" not in settings:
            settings["organisation"] = OWNER
        async with self.database.unit_of_work() as db:
            await administration.set_id_tokens(
                db, [TokenSettings(id_token=value, **settings)], now=self.clock.now()
            )

    # -------------------------------------------------------------------------- connecting

    async def connect(
        self,
        identity: str,
        version: OcppVersion = OcppVersion.V16,
        *,
        password: str | bytes | None = None,
        user: str | None = None,
        path: str | None = None,
        offers: Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> RawStation:
        """Open a socket as a station.

        Raises:
            InvalidStatus: If the upgrade is refused.
        """
        sent = dict(headers or {})
        if password is not None:
            secret = password.encode() if isinstance(password, str) else password
            pair = (identity if user is None else user).encode() + b":" + secret
            sent["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        offered = [version] if offers is None else offers
        socket = await connect(
            f"{self.url}{path or '/ocpp/' + quote(identity, safe='')}",
            subprotocols=[Subprotocol(each) for each in offered] or None,
            additional_headers=sent,
            compression=None,
            ping_interval=None,
            max_size=4 * 1024 * 1024,
            close_timeout=2,
            proxy=None,
        )
        station = RawStation(socket, identity, version)
        self.stations.append(station)
        return station

    async def here(self, version: OcppVersion = OcppVersion.V16, **settings: Any) -> RawStation:
        """Create a station and connect as it."""
        return await self.connect(await self.station(**settings), version)

    # --------------------------------------------------------------------------- looking

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        async with self.database.unit_of_work() as db:
            found: CursorResult[Any] = await db.execute(text(query), values)  # type: ignore[assignment]
            return [dict(row) for row in found.mappings()] if found.returns_rows else []

    async def transactions(self, station: str) -> list[Transaction]:
        """A station's transactions, the first one first."""
        async with self.database.unit_of_work() as db:
            found = await charging.transactions(db, directory.WHOLE, station=station)
        return sorted(found, key=lambda each: each.transaction_id)

    async def transaction(self, number: int) -> Transaction:
        async with self.database.unit_of_work() as db:
            return await charging.transaction(db, directory.WHOLE, number)

    async def only_transaction(self, station: str) -> Transaction:
        [only] = await self.transactions(station)
        return only

    async def readings(self, number: int) -> list[StoredReading]:
        async with self.database.unit_of_work() as db:
            return await charging.readings(db, number)

    async def reports(self, number: int) -> list[StoredReport]:
        async with self.database.unit_of_work() as db:
            return await charging.reports(db, number)

    async def told(self, *kinds: type[T], about: str | None = None) -> list[T]:
        """Return the journal's events of some kinds, about a station or transaction, in order."""
        names = [kind.kind for kind in kinds]  # type: ignore[attr-defined]
        assert set(names) <= EVENTS.keys()
        found = await self.rows(
            "select kind, payload from journal where kind = any(:kinds)"
            " and (cast(:about as text) is null or payload ->> 'station' = :about) order by id",
            kinds=names,
            about=about,
        )
        events: list[Any] = [event_from(row["kind"], row["payload"]) for row in found]
        assert all(isinstance(each, Event) for each in events)
        return events

    async def connection_of(self, station: str) -> dict[str, Any]:
        """Return the row of a station's newest connection."""
        [row] = await self.rows(
            "select * from station_connections where station = :station", station=station
        )
        return row

    async def frames(self, station: str) -> list[dict[str, Any]]:
        """Write the OCPP log out, and return a station's lines in their order."""
        await self.system.frames.flush()
        return await self.rows(
            "select direction, raw, note from frames where station = :station order by at, ctid",
            station=station,
        )

    async def rested(self) -> None:
        """Close the sockets that the test left open, and wait until that is written."""
        for station in (*self.stations, *self.guests):
            await station.close()
        self.stations.clear()
        self.guests.clear()
        await self.system.connections.all_gone()
        self.clock.at = EVENING


def settings_for_tests(**given: Any) -> Settings:
    """Settings of a central system on loopback, on a port of its own, without real waits."""
    usual: dict[str, Any] = {
        "ocpp_port": 0,
        "http_port": 0,
        "data_dir": Path("unused"),
        "onboarding": "pending",
        "lanes": 2,
        "close_timeout_s": 2.0,
        "call_timeout_s": 10.0,
    }
    return Settings.read(**(usual | given))


@asynccontextmanager
async def central_running(
    url: str,
    clock: SetClock,
    *,
    routes: Mapping[str, tuple[str, ...]] | None = None,
    pool_size: int = 5,
    **given: Any,
) -> AsyncIterator[Central]:
    """Run a central system on a migrated database, with a root, an owner and one good card."""
    settings = settings_for_tests(**given)
    database = Database(url, routes=routes, pool_size=pool_size)
    tasks = Tasks()
    try:
        await prepare_root(database, settings, clock)
        async with database.unit_of_work() as db:
            known = {each.key for each in await directory.organisations(db)}
            if OWNER not in known:
                await directory.create_organisation(db, OWNER, {"name": "Owner"}, now=clock.now())
        system = await compose_central_system(settings, database, clock, tasks)
        start_central_system(system, database, tasks)
        await system.listener.start()
        central = Central(settings, database, clock, tasks, system)
        await central.token(CARD)
        try:
            yield central
        finally:
            for station in (*central.stations, *central.guests):
                station.drop()
            await stop_central_system(system, timeout_s=5)
    finally:
        await tasks.stop()
        await database.close()


def wh(value: int) -> Decimal:
    """Return a register or an energy in Wh."""
    return Decimal(value)
