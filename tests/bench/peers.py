"""What Leitstand is compared with: a server of canned text, and the `ocpp` package's own.

Run as a process: `python -m tests.bench.peers canned|ocpp VERSION --core N`; prints its port as one
line of JSON and ends with its standard input. Neither stores anything.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import ocpp.v16
import ocpp.v201
import uvloop
from ocpp.routing import on
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.bench.frames import WORDS
from tests.bench.machine import pin, raise_open_files

_NOW = "2026-10-15T12:00:00Z"
_ACCEPTED_16 = {"status": "Accepted"}

# ------------------------------------------------------------------------------ canned text

_CANNED = {
    "ocpp1.6": {
        "BootNotification": f'{{"status":"Accepted","currentTime":"{_NOW}","interval":300}}',
        "Heartbeat": f'{{"currentTime":"{_NOW}"}}',
        "Authorize": '{"idTagInfo":{"status":"Accepted"}}',
        "StartTransaction": '{"transactionId":1000001,"idTagInfo":{"status":"Accepted"}}',
        "StopTransaction": '{"idTagInfo":{"status":"Accepted"}}',
    },
    "ocpp2.0.1": {
        "BootNotification": f'{{"currentTime":"{_NOW}","interval":300,"status":"Accepted"}}',
        "Heartbeat": f'{{"currentTime":"{_NOW}"}}',
        "Authorize": '{"idTokenInfo":{"status":"Accepted"}}',
        "TransactionEvent": '{"idTokenInfo":{"status":"Accepted"}}',
    },
}


async def canned(socket: ServerConnection) -> None:
    """The base: find id and action, answer the same text every time."""
    answers = _CANNED[str(socket.subprotocol)]
    try:
        async for text in socket:
            assert isinstance(text, str)
            end = text.index('"', 4)
            message = text[4:end]
            action = text[end + 3 : text.index('"', end + 3)]
            await socket.send(f'[3,"{message}",{answers.get(action, "{}")}]')
    except ConnectionClosed:
        return


# ---------------------------------------------------------------------------- the ocpp package


class Station16(ocpp.v16.ChargePoint):  # type: ignore[misc]
    """1.6 as the package serves it: both directions validated against the schemas."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    async def booted(self, **said: Any) -> Any:
        return ocpp.v16.call_result.BootNotification(_NOW, 300, "Accepted")

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    async def status(self, **said: Any) -> Any:
        return ocpp.v16.call_result.StatusNotification()

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    async def alive(self, **said: Any) -> Any:
        return ocpp.v16.call_result.Heartbeat(_NOW)

    @on("Authorize")  # type: ignore[untyped-decorator]
    async def authorized(self, **said: Any) -> Any:
        return ocpp.v16.call_result.Authorize(_ACCEPTED_16)

    @on("StartTransaction")  # type: ignore[untyped-decorator]
    async def begun(self, **said: Any) -> Any:
        return ocpp.v16.call_result.StartTransaction(1_000_001, _ACCEPTED_16)

    @on("MeterValues")  # type: ignore[untyped-decorator]
    async def measured(self, **said: Any) -> Any:
        return ocpp.v16.call_result.MeterValues()

    @on("StopTransaction")  # type: ignore[untyped-decorator]
    async def ended(self, **said: Any) -> Any:
        return ocpp.v16.call_result.StopTransaction(_ACCEPTED_16)


class Station201(ocpp.v201.ChargePoint):  # type: ignore[misc]
    """2.0.1 as the package serves it."""

    @on("BootNotification")  # type: ignore[untyped-decorator]
    async def booted(self, **said: Any) -> Any:
        return ocpp.v201.call_result.BootNotification(_NOW, 300, "Accepted")

    @on("StatusNotification")  # type: ignore[untyped-decorator]
    async def status(self, **said: Any) -> Any:
        return ocpp.v201.call_result.StatusNotification()

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    async def alive(self, **said: Any) -> Any:
        return ocpp.v201.call_result.Heartbeat(_NOW)

    @on("Authorize")  # type: ignore[untyped-decorator]
    async def authorized(self, **said: Any) -> Any:
        return ocpp.v201.call_result.Authorize({"status": "Accepted"})

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    async def event(self, **said: Any) -> Any:
        return ocpp.v201.call_result.TransactionEvent(id_token_info={"status": "Accepted"})


async def with_package(socket: ServerConnection) -> None:
    """A station served by the package's own ChargePoint."""
    assert socket.request is not None
    kind = Station16 if socket.subprotocol == "ocpp1.6" else Station201
    try:
        await kind(socket.request.path.strip("/"), socket).start()
    except ConnectionClosed:
        return


_KINDS: dict[str, Callable[[ServerConnection], Awaitable[None]]] = {
    "canned": canned,
    "ocpp": with_package,
}


async def run(kind: str, version: str) -> None:
    """Serve on a free port of loopback until the standard input ends."""
    server = await serve(
        _KINDS[kind],
        "127.0.0.1",
        0,
        subprotocols=[Subprotocol(WORDS[version].version)],
        compression=None,
        ping_interval=None,
        backlog=4096,
    )
    port = next(iter(server.sockets)).getsockname()[1]
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=_KINDS)
    parser.add_argument("version", choices=WORDS)
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    pin(options.core)
    raise_open_files(1 << 16)
    uvloop.run(run(options.kind, options.version))
