"""A tiny central system on the `ocpp` package, for the simulators to talk to in tests.

It validates every frame by the package's schemas, keeps transactions by their natural keys as a
good server must, and can be told to behave badly.
"""

import asyncio
import base64
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from ocpp.exceptions import NotImplementedError as OcppNotImplemented
from ocpp.messages import unpack, validate_payload
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

LOGGER = logging.getLogger("tests.csms")
Json = dict[str, Any]


@dataclass
class Stored:
    """A transaction as the server came to know it."""

    station: str
    number: int
    start: Json
    end: Json | None = None
    events: dict[int, Json] = field(default_factory=dict)
    starts_heard: int = 1
    ends_heard: int = 0


class TinyCsms:
    """Set `swallow`, `refuse` or `admission` to misbehave; look into the rest afterwards."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, str, Json]] = []
        self.message_ids: list[str] = []
        self.passwords: dict[str, str | None] = {}
        self.transactions: dict[tuple[Any, ...], Stored] = {}
        self.bad_tokens: dict[str, str] = {}
        self.admission: dict[str, str] = {}
        self.swallow: Counter[str] = Counter()
        """Answers to so many calls of an action are not sent."""
        self.refuse: Counter[str] = Counter()
        """So many calls of an action get a CALLERROR and have no effect."""
        self.hang_up_after: Counter[str] = Counter()
        """After so many calls of an action the socket is cut, before the answer."""
        self.sockets: dict[str, ServerConnection] = {}
        self.now: Callable[[], datetime] = lambda: datetime(2026, 10, 15, 12, tzinfo=UTC)
        self.connections: Counter[str] = Counter()
        self.problems: list[str] = []
        self.answers: list[list[Any]] = []
        """Answers that nobody waits for."""
        self.port = 0
        self._server: Server | None = None
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._numbers = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    async def start(self) -> None:
        """Listen; again on the same port after `kill`."""
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            self.port,
            subprotocols=[Subprotocol(name) for name in _VERSIONS],
            process_request=self._admit,
            compression=None,
            ping_interval=None,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def kill(self) -> None:
        """Be gone without a word, as after signal 9."""
        assert self._server is not None
        for socket in list(self.sockets.values()):
            socket.transport.abort()
        self._server.close(close_connections=True)
        await self._server.wait_closed()
        self._server = None

    async def stop(self) -> None:
        if self._server is not None:
            await self.kill()

    def calls(self, action: str, station: str | None = None) -> list[Json]:
        """Return the payloads heard of an action, in order."""
        return [
            payload
            for who, name, payload in self.frames
            if name == action and station in {None, who}
        ]

    async def tell(self, station: str, action: str, payload: Json) -> None:
        """Ask a station without waiting for its answer, which lands in `answers`, if ever."""
        message_id = f"command-{len(self.message_ids)}-{action}"
        await self.sockets[station].send(json.dumps([2, message_id, action, payload]))

    async def command(self, station: str, action: str, payload: Json) -> Json:
        """Ask a station and return its answer; a CALLERROR comes back as {"error": code}."""
        message_id = f"command-{len(self.message_ids)}-{action}"
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._answers[message_id] = answer
        await self.sockets[station].send(json.dumps([2, message_id, action, payload]))
        async with asyncio.timeout(10):
            frame = await answer
        if frame[0] == 4:
            return {"error": frame[2]}
        assert isinstance(frame[2], dict)
        return frame[2]

    def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        identity = _identity(request)
        password = self.passwords.get(identity)
        if password is None:
            return None
        pair = base64.b64encode(f"{identity}:{password}".encode()).decode()
        if request.headers.get("Authorization") == f"Basic {pair}":
            return None
        return Response(401, "Unauthorized", Headers(), b"")

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        identity = _identity(socket.request)
        version = _VERSIONS[socket.subprotocol or "ocpp1.6"]
        self.sockets[identity] = socket
        self.connections[identity] += 1
        try:
            async for text in socket:
                frame = json.loads(text)
                if frame[0] == 2:
                    await self._call(socket, identity, version, text, frame)
                elif frame[1] in self._answers:
                    self._answers.pop(frame[1]).set_result(frame)
                else:
                    self.answers.append(frame)
        except ConnectionClosed:
            pass

    async def _call(
        self,
        socket: ServerConnection,
        identity: str,
        version: str,
        text: str | bytes,
        frame: list[Any],
    ) -> None:
        _, message_id, action, payload = frame
        try:
            await validate_payload(unpack(text), version)
        except Exception as error:  # noqa: BLE001 - the test looks at what was wrong
            self.problems.append(f"{identity} {action}: {error}")
        self.frames.append((identity, action, payload))
        self.message_ids.append(message_id)
        if self.refuse[action] > 0:
            self.refuse[action] -= 1
            await socket.send(json.dumps([4, message_id, "InternalError", "told to", {}]))
            return
        answer = self._answer(identity, version, action, payload)
        if self.hang_up_after[action] == 1:
            socket.transport.abort()
        self.hang_up_after[action] = max(0, self.hang_up_after[action] - 1)
        if self.swallow[action] > 0:
            self.swallow[action] -= 1
            return
        await socket.send(json.dumps([3, message_id, answer]))

    def _answer(self, identity: str, version: str, action: str, payload: Json) -> Json:
        now = self.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        match action:
            case "BootNotification":
                status = self.admission.get(identity, "Accepted")
                return {"currentTime": now, "interval": 300, "status": status}
            case "Heartbeat":
                return {"currentTime": now}
            case "Authorize":
                token = payload["idTag"] if version == "1.6" else payload["idToken"]["idToken"]
                return {_about(version): {"status": self.bad_tokens.get(token, "Accepted")}}
            case "StartTransaction":
                stored = self._start(
                    (
                        identity,
                        payload["connectorId"],
                        payload["timestamp"],
                        payload["meterStart"],
                        payload["idTag"],
                    ),
                    identity,
                    payload,
                )
                status = self.bad_tokens.get(payload["idTag"], "Accepted")
                return {"transactionId": stored.number, "idTagInfo": {"status": status}}
            case "StopTransaction":
                self._stop(identity, payload)
                return {}
            case "TransactionEvent":
                return self._event(identity, payload)
            case "MeterValues" | "StatusNotification" | "NotifyEvent" | "NotifyReport":
                return {}
            case "FirmwareStatusNotification" | "LogStatusNotification":
                return {}
            case "DiagnosticsStatusNotification" | "SignedFirmwareStatusNotification":
                return {}
            case "ReservationStatusUpdate" | "ReportChargingProfiles":
                return {}
            case "NotifyCustomerInformation":
                return {}
            case _:
                raise OcppNotImplemented(description=action)

    def _start(self, key: tuple[Any, ...], identity: str, payload: Json) -> Stored:
        stored = self.transactions.get(key)
        if stored is None:
            self._numbers += 1
            stored = self.transactions[key] = Stored(identity, self._numbers, payload)
        else:
            stored.starts_heard += 1
        return stored

    def _stop(self, identity: str, payload: Json) -> None:
        for stored in self.transactions.values():
            if stored.station == identity and stored.number == payload["transactionId"]:
                stored.end = payload
                stored.ends_heard += 1

    def _event(self, identity: str, payload: Json) -> Json:
        key = (identity, payload["transactionInfo"]["transactionId"])
        if payload["eventType"] == "Started":
            self._start(key, identity, payload)
        stored = self.transactions[key]
        stored.events[payload["seqNo"]] = payload
        if payload["eventType"] == "Ended":
            stored.end = payload
            stored.ends_heard += 1
        token = payload.get("idToken", {}).get("idToken")
        if token is None:
            return {}
        return {"idTokenInfo": {"status": self.bad_tokens.get(token, "Accepted")}}


_VERSIONS = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}


def _about(version: str) -> str:
    return "idTagInfo" if version == "1.6" else "idTokenInfo"


def _identity(request: Request) -> str:
    return unquote(request.path.rsplit("/", 1)[-1])


@asynccontextmanager
async def tiny_csms() -> AsyncIterator[TinyCsms]:
    """Run a central system on a free port of this machine."""
    csms = TinyCsms()
    await csms.start()
    try:
        yield csms
    finally:
        await csms.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop turn until something holds.

    What is waited for happens on two sides of real sockets; there is no one event to wait for.
    """
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
