"""Thousands of stations in one process that keep charging in real time and survive everything.

Each station charges again and again for a few seconds, whether its central system is there or not,
and delivers what it has to tell until it is acknowledged. The fleet ends all charging after a
time, and is finished when nothing waits any more or the time for that is over as well.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.book import Book
from simulators.clock import RealClock
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import Opener, is_loopback, open_lean, open_ocpp
from simulators.manners import Failing, Manners
from simulators.meter import Car
from simulators.station import Station

_MANY = 1_000_000


class RemoteTarget(Exception):
    """Load is for one's own machine; whoever means somebody else's must say so."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url} is not on this machine; say --allow-remote if you mean it")


@dataclass(frozen=True, kw_only=True)
class FleetOptions:
    """What the fleet consists of and what it does; times are real seconds.

    Station number n (from 1) has the identity `identity_prefix` + five digits, the n-th of
    `versions` in turn, and at EVSE e the id token `token_prefix` + five digits + e.
    """

    url: str
    stations: int = 200
    evses: int = 1
    versions: tuple[str, ...] = ("1.6", "2.0.1", "2.1")
    identity_prefix: str = "SIM"
    token_prefix: str = "SIM"  # noqa: S105 - no secret
    password: str | None = field(default=None, repr=False)
    charging: bool = True
    session_s: float = 5.0
    pause_s: float = 1.0
    reading_s: float = 0.5
    power_w: int = 22_000
    duration_s: float = 30.0
    drain_s: float = 120.0
    ramp_s: float = 2.0
    answer_timeout_s: float = 5.0
    reconnect_max_s: float = 3.0
    heartbeat_s: float | None = None
    seed: int = 1
    through_package: bool = False
    allow_remote: bool = False
    failings: Mapping[str, Failing] = field(default_factory=dict)
    failing_every: int = 1
    """Only every n-th station has the failings."""
    late_s: float = 5.0
    effect_s: float = 0.0

    def manners(self, index: int) -> Manners:
        """How the station of this number treats commands."""
        failings = dict(self.failings) if index % self.failing_every == 0 else {}
        return Manners(failings, late_s=self.late_s, effect_s=self.effect_s)

    def identity(self, index: int) -> str:
        return f"{self.identity_prefix}{index:05d}"

    def version(self, index: int) -> str:
        return self.versions[(index - 1) % len(self.versions)]

    def id_token(self, index: int, evse_id: int) -> str:
        return f"{self.token_prefix}{index:05d}{evse_id}"

    def described(self) -> list[dict[str, Any]]:
        """Return what a central system must know beforehand: stations and their tokens."""
        return [
            {
                "identity": self.identity(index),
                "version": self.version(index),
                "evses": [
                    {
                        "evse_id": evse_id,
                        "max_power_w": self.power_w,
                        "id_token": self.id_token(index, evse_id),
                    }
                    for evse_id in range(1, self.evses + 1)
                ],
            }
            for index in range(1, self.stations + 1)
        ]


@dataclass(frozen=True, kw_only=True)
class FleetReport:
    """How it went; `unfinished` counts transactions of which something was not acknowledged."""

    stations: int
    admitted: int
    sessions: int
    unfinished: int
    boots: int
    energy_wh: float


class Fleet:
    """The stations of one process; `stop` ends the charging early."""

    def __init__(self, options: FleetOptions, book: Book) -> None:
        if not options.allow_remote and not is_loopback(options.url):
            raise RemoteTarget(options.url)
        self.options = options
        self.book = book
        self._stopping = asyncio.Event()
        self._opener: Opener = open_ocpp if options.through_package else open_lean
        self._clock = RealClock()
        self.stations = [self._station(index) for index in range(1, options.stations + 1)]

    def _station(self, index: int) -> Station:
        options = self.options
        return Station(
            StationSpec(
                identity=options.identity(index),
                version=options.version(index),
                password=options.password,
                evses=tuple(
                    EvseSpec(
                        evse_id=evse_id,
                        max_power_w=options.power_w,
                        register_wh=100_000 * index + evse_id,
                    )
                    for evse_id in range(1, options.evses + 1)
                ),
            ),
            url=options.url,
            clock=self._clock,
            book=self.book,
            opener=self._opener,
            patience=Patience(
                answer_timeout_s=options.answer_timeout_s,
                retry_pause_s=0.1,
                retry_pause_max_s=2.0,
                # A fleet's proof is that nothing is ever given up; the drain time bounds it.
                refused_attempts=_MANY,
                unanswered_attempts=_MANY,
                reconnect_min_s=0.1,
                reconnect_max_s=options.reconnect_max_s,
                heartbeat_interval_s=options.heartbeat_s,
            ),
            rng=random.Random(options.seed * 100_003 + index),
            manners=options.manners(index),
        )

    @property
    def waiting(self) -> int:
        """How many messages about transactions are not acknowledged yet."""
        return sum(station.waiting for station in self.stations)

    @property
    def online(self) -> int:
        return sum(station.is_connected for station in self.stations)

    def stop(self) -> None:
        """End all charging now, and go on to delivering what waits."""
        self._stopping.set()

    async def run(self, progress: Callable[[str], None] = lambda _: None) -> FleetReport:
        """Charge for the given time, deliver what waits, and tell how it went."""
        options = self.options
        self.book.run(
            simulator="fleet",
            url=options.url,
            stations=options.stations,
            seed=options.seed,
            duration_s=options.duration_s,
        )
        async with asyncio.TaskGroup() as group:
            lives = [
                group.create_task(self._live(station, number))
                for number, station in enumerate(self.stations)
            ]
            users = [
                group.create_task(self._use(station, number, evse_id))
                for number, station in enumerate(self.stations, start=1)
                for evse_id in (station.evses if options.charging else ())
            ]
            await self._watch(progress)
            self._stopping.set()
            await asyncio.gather(*users)
            await self._drain(progress)
            for station in self.stations:
                station.leave()
            await asyncio.gather(*lives)
        return self._report()

    async def _live(self, station: Station, number: int) -> None:
        await asyncio.sleep(self.options.ramp_s * number / len(self.stations))
        await station.run()

    async def _use(self, station: Station, number: int, evse_id: int) -> None:
        """Charge again and again; nothing begins before the first boot was accepted."""
        options, rng = self.options, station.rng
        while not station.is_admitted and not self._stopping.is_set():
            await self._pause(0.05)
        await self._pause(rng.uniform(0, options.session_s))
        evse = station.evses[evse_id]
        while not self._stopping.is_set():
            if evse.is_charging or not evse.operative:
                # A remote start was faster, or the EVSE was taken out of service.
                await self._pause(options.pause_s + 0.05)
                continue
            station.plug_in(evse_id, Car(80_000, 0.1, options.power_w))
            charging = station.begin(evse_id, options.id_token(number, evse_id))
            left_s = options.session_s * rng.uniform(0.5, 1.5)
            while left_s > 0 and not self._stopping.is_set():
                await self._pause(min(left_s, options.reading_s))
                left_s -= options.reading_s
                if not evse.runs(charging):
                    break
                station.take_reading(evse_id)
            if evse.runs(charging):
                station.finish(evse_id)
            station.unplug(evse_id)
            await self._pause(options.pause_s * rng.uniform(0.5, 1.5))
        if evse.is_charging:
            station.finish(evse_id)

    async def _watch(self, progress: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.options.duration_s
        while loop.time() < until and not self._stopping.is_set():
            await self._pause(min(1.0, max(0.0, until - loop.time())))
            progress(
                f"{self.online} online, {len(self.book.records)} sessions, {self.waiting} waiting"
            )

    async def _drain(self, progress: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + self.options.drain_s
        while self.waiting and loop.time() < until:
            await asyncio.sleep(0.05)
            progress(f"{self.online} online, {self.waiting} messages still waiting")

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _report(self) -> FleetReport:
        records = self.book.records.values()
        report = FleetReport(
            stations=len(self.stations),
            admitted=sum(station.is_admitted for station in self.stations),
            sessions=len(records),
            unfinished=len(self.book.unfinished()),
            boots=sum(station.boots for station in self.stations),
            energy_wh=round(sum(record.energy_wh or 0 for record in records), 3),
        )
        self.book.note(
            "finished",
            sessions=report.sessions,
            unfinished=report.unfinished,
            energy_wh=report.energy_wh,
        )
        return report
