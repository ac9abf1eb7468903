"""Stations and askers in one process: from the API call to the frame at the station.

`python -m tests.bench.commanding --core N` reads one line of JSON (ports, keys, stations, rate,
seconds) and answers one: latencies in seconds, errors.
"""

import argparse
import asyncio
import base64
import json
import sys
import time
from collections import Counter
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.bench.load import quantile
from tests.bench.machine import pin, raise_open_files

_BOOT = '[2,"b","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"One"}]'
_LATE_S = 30.0


class Bench:
    """The stations, and what was asked when."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        self.due: dict[str, float] = {}
        self.latencies: list[float] = []
        self.answered: list[float] = []
        self.errors: Counter[str] = Counter()
        self.all_came = asyncio.Event()

    async def station(self, identity: str, ready: asyncio.Event) -> None:
        """Be a station: boot, and answer every GetConfiguration at once."""
        secret = base64.b64encode(f"{identity}:{self._told['password']}".encode()).decode()
        async with connect(
            f"ws://127.0.0.1:{self._told['port']}/{identity}",
            subprotocols=[Subprotocol("ocpp1.6")],
            additional_headers={"Authorization": f"Basic {secret}"},
            compression=None,
        ) as socket:
            await socket.send(_BOOT)
            if "Accepted" not in str(await socket.recv()):
                self.errors["boot not accepted"] += 1
            ready.set()
            await self._obey(socket)

    async def _obey(self, socket: ClientConnection) -> None:
        async for text in socket:
            now = time.perf_counter()
            frame = json.loads(text)
            if frame[0] != 2:
                continue
            marker = (frame[3].get("key") or [""])[0]
            due = self.due.pop(marker, None)
            if due is not None:
                self.latencies.append(now - due)
            answer = [3, frame[1], {"unknownKey": [marker]}]
            await socket.send(json.dumps(answer))
            if not self.due:
                self.all_came.set()

    async def ask(self, number: int, reader: asyncio.StreamReader, writer: Any) -> None:
        """Make one API call on a connection that stays open."""
        stations = self._told["stations"]
        identity, key = stations[number % len(stations)], self._told["keys"][number % len(stations)]
        marker = f"m-{number}"
        body = json.dumps({"action": "GetConfiguration", "payload": {"key": [marker]}})
        self.due[marker] = began = time.perf_counter()
        self.all_came.clear()
        writer.write(
            (
                f"POST /api/v1/stations/{identity}/commands HTTP/1.1\r\nHost: localhost\r\n"
                f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        said = await reader.readexactly(length)
        self.answered.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 202"):
            self.errors[head.split(b"\r\n", 1)[0].decode()] += 1
            self.due.pop(marker, None)
            print(said[:300], file=sys.stderr)

    async def asker(self, queue: asyncio.Queue[int | None]) -> None:
        """Ask for what falls due, one after the other."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._told["http_port"])
        while (number := await queue.get()) is not None:
            await self.ask(number, reader, writer)
        writer.close()

    async def run(self) -> dict[str, Any]:
        """Let the API calls fall due at the rate; a call that waits for an asker is late."""
        queue: asyncio.Queue[int | None] = asyncio.Queue()
        askers = [asyncio.ensure_future(self.asker(queue)) for _ in range(16)]  # noqa: TID251
        rate, seconds = self._told["rate"], self._told["seconds"]
        began, done = time.perf_counter(), 0
        while (now := time.perf_counter()) - began < seconds:
            wanted = int((now - began) * rate)
            for number in range(done, wanted):
                queue.put_nowait(number)
            done = max(done, wanted)
            await asyncio.sleep(0.001)
        for _ in askers:
            queue.put_nowait(None)
        await asyncio.gather(*askers)
        try:
            async with asyncio.timeout(_LATE_S):
                while self.due:
                    await self.all_came.wait()
        except TimeoutError:
            self.errors["never came"] += len(self.due)
        return {
            "asked": done,
            "came": len(self.latencies),
            "p50": quantile(self.latencies, 0.5),
            "p99": quantile(self.latencies, 0.99),
            "most": max(self.latencies, default=0.0),
            "api_p99": quantile(self.answered, 0.99),
            "errors": dict(self.errors),
        }


async def main() -> None:
    """Take the order, connect, measure, tell."""
    told = json.loads(sys.stdin.readline())
    bench = Bench(told)
    stations = []
    for identity in told["stations"]:
        ready = asyncio.Event()
        stations.append(asyncio.ensure_future(bench.station(identity, ready)))  # noqa: TID251
        await ready.wait()
    warm = dict(told, seconds=min(1.0, told["seconds"]))
    bench._told = warm
    await bench.run()
    bench._told = told
    bench.latencies.clear()
    bench.answered.clear()
    found = await bench.run()
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    for station in stations:
        station.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    options = parser.parse_args()
    pin(options.core)
    raise_open_files(1 << 14)
    uvloop.run(main())
