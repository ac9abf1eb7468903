"""The load generator: a process of its own with lean websocket clients and prebuilt frames.

Reads one order per line (JSON) from its standard input and answers each with one line. It speaks
only to the loopback address it is told, counts whatever is not the expected answer, and ends with
its input.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import re
import socket
import struct
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, cast

import uvloop

from tests.bench.frames import SESSION_S, STEP_WH, WORDS, Round, Words, frame
from tests.bench.machine import cpu_s, pin, raise_open_files

_NUMBER = re.compile(rb'"transactionId":\s*(-?\d+)')
_HANDSHAKE_S = 30.0
_ANSWER_S = 60.0


class Moments:
    """Writes seconds as date-times, each once."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def __call__(self, second: int) -> bytes:
        known = self._known.get(second)
        if known is None:
            if len(self._known) > 10_000:
                self._known.clear()
            known = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)).encode()
            self._known[second] = known
        return known


class Fleet:
    """All stations of this process, and what they have seen."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.moment = Moments()
        self.stations: list[Station] = []
        self.acknowledged: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.asked = 0
        self.latencies: list[float] = []
        self.stopping = False
        self.paced: Pace | None = None
        self.busy = 0
        self.idle = asyncio.Event()
        self.numbers = iter(range(1, 2**62))

    def message_id(self) -> bytes:
        return b"%036d" % next(self.numbers)

    def begin(self) -> None:
        self.acknowledged.clear()
        self.errors.clear()
        self.latencies = []
        self.stopping = False
        self.idle.clear()

    def one_less(self) -> None:
        self.busy -= 1
        if self.busy == 0:
            self.idle.set()

    async def all_idle(self, why: str) -> None:
        """Wait until every station is at rest; one that never answers is an error."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self.idle.wait()
        except TimeoutError:
            self.errors[f"no answer ({why})"] += self.busy


class Station(asyncio.Protocol):
    """One station on one socket; at most one call is outstanding."""

    def __init__(self, fleet: Fleet, number: int, identity: str, password: str, host: str) -> None:
        self.fleet = fleet
        self.identity = identity
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered: asyncio.Future[bytes] | None = None
        self._number = number
        self._key = base64.b64encode(os.urandom(16))
        credentials = base64.b64encode(f"{identity}:{password}".encode()).decode()
        self._request = (
            f"GET /{identity} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {self._key.decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {fleet.words.version}\r\n"
            f"Authorization: Basic {credentials}\r\n\r\n"
        ).encode()
        self._buffer = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None
        self._step = 0
        self._outstanding = b""
        self._name = ""
        self._sent_at = 0.0
        self._round = Round(f"BENCH{number:06d}".encode(), b"", 0, 1_000_000)
        self._rounds = 0

    # ------------------------------------------------------------------------------ the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are like asyncio's, but no subclass of them.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.ready.done():
            self.fleet.errors["handshake lost"] += 1
            self.ready.set_result(None)
        elif self._is_open:
            self._fail("connection lost")
        self._is_open = False

    def close(self) -> None:
        """End at once, so that no port is left waiting."""
        self._is_open = False
        if self._transport is not None:
            raw = self._transport.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self._is_open:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = buffer
                return
            if not buffer.startswith(b"HTTP/1.1 101"):
                self.fleet.errors[buffer[:60].split(b"\r\n")[0].decode(errors="replace")] += 1
                if not self.ready.done():
                    self.ready.set_result(None)
                self.close()
                return
            self._is_open = True
            if not self.ready.done():
                self.ready.set_result(None)
            buffer = buffer[end + 4 :]
        place, total = 0, len(buffer)
        while total - place >= 2:
            opcode, size, start = buffer[place] & 0x0F, buffer[place + 1], place + 2
            if size == 126:
                if total - place < 4:
                    break
                size, start = int.from_bytes(buffer[place + 2 : place + 4], "big"), place + 4
            elif size > 126:
                self._fail("long or masked frame")
                return
            if total - start < size:
                break
            place = start + size
            if opcode == 1:
                self._text(buffer[start:place])
            elif opcode == 9:
                self._write(bytes((0x8A, 0x80 | size)) + b"\0\0\0\0" + buffer[start:place])
            elif opcode == 8:
                self._fail(f"closed {int.from_bytes(buffer[start : start + 2], 'big')}")
                self._is_open = False
        self._buffer = buffer[place:]

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # ------------------------------------------------------------------------------- the calls

    def _text(self, text: bytes) -> None:
        if not text.startswith(b'[3,"%s"' % self._outstanding):
            if text.startswith(b"[2,"):
                self.fleet.asked += 1
                message = text.split(b'"', 2)[1]
                self._write(frame(b'[4,"%s","NotSupported","",{}]' % message))
            elif text.startswith(b'[4,"%s"' % self._outstanding):
                self._fail(f"CALLERROR to {self._name}: {text[40:120]!r}")
            else:
                self._fail(f"unexpected {text[:80]!r}")
            return
        fleet, name = self.fleet, self._name
        fleet.latencies.append(time.perf_counter() - self._sent_at)
        fleet.acknowledged[name] += 1
        self._outstanding = b"?"
        if self.answered is not None:
            answered, self.answered = self.answered, None
            answered.set_result(text)
            return
        if name == "start":
            if fleet.words.version == "ocpp1.6":
                number = _NUMBER.search(text)
                if number is None:
                    self._fail("start without a number")
                    return
                self._round.transaction = number[1]
            if b"Accepted" not in text:
                fleet.errors["start not accepted"] += 1
        elif name == "authorize" and b"Accepted" not in text:
            fleet.errors["token not accepted"] += 1
        self._step += 1
        if self._step == len(fleet.words.cycle):
            self._step = 0
        pace = fleet.paced
        if pace is not None:
            pace.free(self)
        elif self._step == 0 and fleet.stopping:
            fleet.one_less()
        else:
            self.next()

    def _fail(self, what: str) -> None:
        """Count an error; the station rests from now on."""
        self.fleet.errors[what] += 1
        if self.answered is not None:
            answered, self.answered = self.answered, None
            answered.set_result(b"")
        elif self.fleet.busy:
            self.fleet.one_less()

    def next(self, due_at: float | None = None) -> None:
        """Make the next call of the cycle; its time counts from `due_at`, or from now."""
        fleet = self.fleet
        name, build = fleet.words.cycle[self._step]
        if self._step == 0:
            self._new_round()
        message = fleet.message_id()
        text = build(message, self._round, fleet.moment)
        self._send(name, message, text, due_at)

    def _new_round(self) -> None:
        round_ = self._round
        round_.began = int(time.time()) - SESSION_S  # noqa: TID251 - a station's own clock
        round_.register += 10 * STEP_WH
        self._rounds += 1
        round_.transaction = b"%08x-%027d" % (self._number, self._rounds)

    def _send(self, name: str, message: bytes, text: bytes, due_at: float | None = None) -> None:
        self._name, self._outstanding = name, message
        self._sent_at = time.perf_counter() if due_at is None else due_at
        self._write(frame(text))

    async def ask(self, name: str, message: bytes, text: bytes) -> bytes:
        """Make one call outside the cycle and wait for its answer; empty if there is none."""
        if not self._is_open:
            return b""
        self.answered = asyncio.get_running_loop().create_future()
        answered = self.answered
        self._send(name, message, text)
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await answered
        except TimeoutError:
            self.fleet.errors[f"no answer to {name}"] += 1
            return b""

    async def boot(self) -> None:
        """Say who we are and that the connector is free."""
        words, fleet = self.fleet.words, self.fleet
        message = fleet.message_id()
        answer = await self.ask("boot", message, words.boot % message)
        if answer and b"Accepted" not in answer:
            fleet.errors["boot not accepted"] += 1
        message = fleet.message_id()
        at = fleet.moment(int(time.time()))  # noqa: TID251
        await self.ask("status", message, words.status % (message, at))

    async def start_only(self) -> None:
        """Begin a session and leave it running."""
        self._new_round()
        name, build = self.fleet.words.cycle[1]
        message = self.fleet.message_id()
        text = build(message, self._round, self.fleet.moment)
        answer = await self.ask(name, message, text)
        if answer and b"Accepted" not in answer:
            self.fleet.errors["start not accepted"] += 1


class Pace:
    """An open loop: calls fall due at a fixed rate, whether or not the answers keep up.

    A call that is due while no station is free waits, and its waiting counts.
    """

    def __init__(self, fleet: Fleet, rate: float) -> None:
        self._fleet = fleet
        self._rate = rate
        self._free = deque(fleet.stations)
        self._due: deque[float] = deque()
        self.lateness: list[float] = []
        self.waited = 0

    def free(self, station: Station) -> None:
        if self._due:
            station.next(self._due.popleft())
        else:
            self._free.append(station)
            if len(self._free) == len(self._fleet.stations):
                self._fleet.idle.set()

    async def run(self, seconds: float) -> None:
        """Let calls fall due, once per millisecond those of that millisecond."""
        began = time.perf_counter()
        done = 0
        while (now := time.perf_counter()) - began < seconds:
            wanted = int((now - began) * self._rate)
            if wanted > done:
                self.lateness.append((now - began) - (done + 1) / self._rate)
            for _ in range(done, wanted):
                if self._free:
                    self._free.popleft().next(now)
                else:
                    self.waited += 1
                    self._due.append(now)
            done = wanted
            await asyncio.sleep(0.001)
        self._due.clear()
        self._fleet.idle.clear()
        if len(self._free) < len(self._fleet.stations):
            self._fleet.busy = len(self._fleet.stations) - len(self._free)
            await self._fleet.all_idle("paced")


def quantile(values: list[float], share: float) -> float:
    """Return the value below which a share of the values lies; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


# -------------------------------------------------------------------------------- the orders


class Orders:
    """What the bench may ask of this process."""

    def __init__(self) -> None:
        self._fleet: Fleet | None = None

    @property
    def fleet(self) -> Fleet:
        assert self._fleet is not None, "connect first"
        return self._fleet

    async def connect(
        self, version: str, port: int, first: int, count: int, password: str, at_once: int
    ) -> dict[str, Any]:
        """Connect, boot and report a status; `at_once` stations are under way at a time."""
        fleet = self._fleet = Fleet(WORDS[version])
        loop = asyncio.get_running_loop()
        room = asyncio.Semaphore(at_once)
        began = time.perf_counter()

        async def enter(number: int) -> None:
            async with room:
                station = Station(
                    fleet, number, f"BENCH-{number:06d}", password, f"127.0.0.1:{port}"
                )
                fleet.stations.append(station)
                try:
                    async with asyncio.timeout(_HANDSHAKE_S):
                        await loop.create_connection(lambda: station, "127.0.0.1", port)
                        await station.ready
                except (OSError, TimeoutError) as error:
                    fleet.errors[f"handshake: {type(error).__name__}"] += 1
                    return
                await station.boot()

        async with asyncio.TaskGroup() as group:
            for number in range(first, first + count):
                group.create_task(enter(number))
        fleet.stations.sort(key=lambda each: each.identity)
        return self._seen(began)

    async def cycle(self, seconds: float) -> dict[str, Any]:
        """The closed loop: every station goes through whole cycles, one call at a time."""
        fleet = self.fleet
        fleet.begin()
        fleet.paced = None
        fleet.busy = len(fleet.stations)
        began = time.perf_counter()
        for station in fleet.stations:
            station.next()
        await asyncio.sleep(seconds)
        fleet.stopping = True
        await fleet.all_idle("cycle")
        return self._seen(began)

    async def paced(self, rate: float, seconds: float) -> dict[str, Any]:
        """The open loop, at so many calls per second over all stations."""
        fleet = self.fleet
        fleet.begin()
        pace = fleet.paced = Pace(fleet, rate)
        began = time.perf_counter()
        await pace.run(seconds)
        fleet.paced = None
        return self._seen(began) | {
            "late_p99_s": quantile(pace.lateness, 0.99),
            "waited": pace.waited,
        }

    async def starts(self, count: int) -> dict[str, Any]:
        """So many stations begin a session in the same instant."""
        fleet = self.fleet
        fleet.begin()
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for station in fleet.stations[:count]:
                group.create_task(station.start_only())
        return self._seen(began)

    async def idle(self) -> dict[str, Any]:
        """Do nothing, and tell what was used so far."""
        return {"cpu_s": cpu_s(os.getpid())}

    async def leave(self) -> dict[str, Any]:
        """Close every socket."""
        for station in self.fleet.stations:
            station.close()
        return {}

    def _seen(self, began: float) -> dict[str, Any]:
        fleet = self.fleet
        return {
            "wall_s": time.perf_counter() - began,
            "calls": fleet.acknowledged.total(),
            "acknowledged": dict(fleet.acknowledged),
            "errors": dict(fleet.errors),
            "asked": fleet.asked,
            "p50_s": quantile(fleet.latencies, 0.50),
            "p99_s": quantile(fleet.latencies, 0.99),
            "cpu_s": cpu_s(os.getpid()),
        }


async def obey() -> None:
    """Carry out the orders of the standard input until it ends."""
    orders = Orders()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order: dict[str, Any] = json.loads(line)
        answer = await getattr(orders, order.pop("do"))(**order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _options() -> Iterator[int]:
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    yield parser.parse_args().core


if __name__ == "__main__":
    for core in _options():
        pin(core)
    raise_open_files(1 << 16)
    uvloop.run(obey())
