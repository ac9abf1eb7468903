"""Real MQTT brokers for the tests, as processes in an environment of their own.

`amqtt` speaks MQTT 3.1.1, `rumqttd` (of the package iotcore) MQTT 5. Neither keeps anything when
it is stopped, so a broker that comes back knows nothing any more.
"""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Literal, Self

from tests.ports import free_port

Kind = Literal["amqtt", "rumqttd"]

ENVIRONMENT = Path(__file__).parent.parent / ".venv-brokers"

_AMQTT = """
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""
_RUMQTTD = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "tests"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 60000
    max_payload_size = 1048576
    max_inflight_count = 200
    dynamic_filters = true
"""
_SERVE = """
import sys
sys.path[:] = [each for each in sys.path if each not in ("", ".")]
from iotcore._serve import main
main()
"""


class RunningBroker:
    """A broker on a port of its own, which can be stopped and started again."""

    def __init__(self, kind: Kind, folder: Path) -> None:
        assert ENVIRONMENT.is_dir(), "make .venv-brokers/installed makes the brokers' environment"
        self.kind = kind
        self.port = free_port()
        template, ending = (_AMQTT, "yaml") if kind == "amqtt" else (_RUMQTTD, "toml")
        self._config = folder / f"{kind}-{self.port}.{ending}"
        self._config.write_text(template.format(port=self.port))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it; return when it listens."""
        if self.kind == "amqtt":
            command = [str(ENVIRONMENT / "bin" / "amqtt"), "-c", str(self._config)]
        else:
            options = json.dumps({"config_path": str(self._config)})
            command = [str(ENVIRONMENT / "bin" / "python"), "-c", _SERVE, options]
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it does not take long
            command,
            stdin=subprocess.PIPE,  # rumqttd ends when it is closed
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(30):
                while not await self._listens():
                    assert self._process.poll() is None, f"{self.kind} ended by itself"
                    await asyncio.sleep(0.05)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill it, as a power cut would."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.to_thread(process.wait)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


class Gate:
    """A way to the broker that can be shut: nobody comes through, and whoever is in falls out."""

    def __init__(self, broker: RunningBroker) -> None:
        self._broker = broker
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()
        while self._passing:
            await asyncio.wait(self._passing)

    async def open(self) -> None:
        """Let everybody through."""
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def shut(self) -> None:
        """Let nobody through any more, in the middle of whatever is said."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._broker.port)
        except OSError:
            writer.transport.abort()
            return
        if self._server is None:  # it was shut meanwhile
            writer.transport.abort()
            out.transport.abort()
            return
        self._open |= {writer, out}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, out))
                group.create_task(_copy(there, writer))
        except* OSError:
            pass
        finally:
            self._open -= {writer, out}
            writer.transport.abort()
            out.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while some := await reader.read(65536):
        writer.write(some)
        await writer.drain()
    raise ConnectionResetError
