"""Ten thousand stations at one process: all are let in, booted and heard, within bounded memory.

The program is started as its user starts it; the stations are as small as stations can be. Both
stop by themselves.
"""

import asyncio
import json
import resource
import socket
from collections import Counter
from pathlib import Path
from typing import cast

import psutil
import pytest

from tests.scenarios.test_books_agree import served, until
from tests.scenarios.test_hardness import masked, upgrade_of

STATIONS = 10_000
AT_ONCE = 100
KIB_EACH = 60
"""Of the server's memory, beside what it has without any station."""
SPARE_FILES = 500

BOOT = {"chargePointVendor": "Wattwerk", "chargePointModel": "One"}


class Small(asyncio.Protocol):
    """A station that knows three messages, and counts what it is told."""

    def __init__(self, identity: str, told: Counter[str]) -> None:
        self._identity = identity
        self._told = told
        self._buffer = b""
        self.upgraded = asyncio.get_running_loop().create_future()
        self.answered = self.upgraded
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no child of it
        self.transport.write(upgrade_of(self._identity))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self.upgraded.done():
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            self._told[head.split(b"\r\n")[0].decode()] += 1
            self._buffer = rest
            self.upgraded.set_result(b" 101 " in head)
        while len(self._buffer) >= 2:
            size, start = self._buffer[1], 2
            if size == 126:
                size, start = int.from_bytes(self._buffer[2:4]), 4
            if len(self._buffer) < start + size:
                return
            kind, text = self._buffer[0], self._buffer[start : start + size]
            self._buffer = self._buffer[start + size :]
            self._frame(kind, text)

    def _frame(self, kind: int, text: bytes) -> None:
        assert self.transport is not None
        if kind == 0x89:  # a ping wants its pong, masked
            self.transport.write(bytes((0x8A, 0x80 | len(text))) + bytes(4) + text)
        elif kind == 0x81:
            frame = json.loads(text)
            if frame[0] == 2:
                self.transport.write(masked([4, frame[1], "NotSupported", "", {}]))
            elif not self.answered.done():
                self.answered.set_result(frame[0])
        else:
            self._told[f"frame {kind:#x}"] += 1

    def connection_lost(self, error: Exception | None) -> None:
        self._told["lost"] += 1
        for each in (self.upgraded, self.answered):
            if not each.done():
                each.set_result(None)

    async def say(self, action: str, payload: object) -> None:
        """Call, and count the kind of the answer."""
        assert self.transport is not None
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(masked([2, action, action, payload]))
        self._told[f"{action} answered {await self.answered}"] += 1


async def connected(number: int, port: int, told: Counter[str], turn: asyncio.Semaphore) -> Small:
    loop = asyncio.get_running_loop()
    async with turn:
        _, station = await loop.create_connection(
            lambda: Small(f"MANY{number:05d}", told),
            "127.0.0.1",
            port,
        )
        assert await station.upgraded
        await station.say("BootNotification", BOOT)
    return station


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_ten_thousand_stations_are_heard_by_one_process_in_bounded_memory(
    tmp_path: Path,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
    number = min(STATIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES)
    assert number > 0
    told: Counter[str] = Counter()
    more = {"LEITSTAND_ONBOARDING": "accept"}
    async with served(tmp_path, more) as (server, port, _):
        assert server.process is not None
        process = psutil.Process(server.process.pid)
        before = process.memory_info().rss
        turn = asyncio.Semaphore(AT_ONCE)
        stations = await asyncio.gather(*(connected(n, port, told, turn) for n in range(number)))
        with_all = process.memory_info().rss
        await asyncio.gather(*(each.say("Heartbeat", {}) for each in stations))
        each_kib = (with_all - before) / 1024 / number
        print(f"{number} stations, {each_kib:.1f} KiB each, {with_all / 2**20:.0f} MiB in all")
        print(dict(told))
        assert told["BootNotification answered 3"] == number
        assert told["Heartbeat answered 3"] == number
        assert told["lost"] == 0
        assert each_kib < KIB_EACH

        for each in stations:
            assert each.transport is not None
            each.transport.abort()

        async def all_gone() -> bool:
            return told["lost"] == number

        await until(all_gone, 60)
        await until(server.is_ready, 60)

        async def none_held() -> bool:
            found = process.net_connections("tcp")
            return not [
                each
                for each in found
                if each.laddr.port == port and each.status == psutil.CONN_ESTABLISHED
            ]

        await until(none_held, 120)
        await server.stop()
        assert server.process.returncode == 0
        with socket.socket() as late, pytest.raises(ConnectionRefusedError):
            late.connect(("127.0.0.1", port))
