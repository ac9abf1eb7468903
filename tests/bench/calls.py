"""CPU per call, answer latency, and many starts at once."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.bench.figures import Figure
from tests.bench.frames import WORDS
from tests.bench.machine import busy_share
from tests.bench.stage import BenchFailed, Server, Stage, check, connect

STATIONS = 200
STARTS = 500

_OCPP_SHARE = {"1.6": 1 / 6, "2.0.1": 1 / 14}
_OPEN_LOOP_CEILING = 20_000.0


@dataclass(frozen=True, slots=True)
class Run:
    """One closed loop against one server; CPU in microseconds per call."""

    app_us: float
    postgres_us: float
    load_us: float
    calls: int
    per_s: float
    busy: float
    """Share of all cores that was busy, by whomever."""

    @property
    def all_us(self) -> float:
        return self.app_us + self.postgres_us

    def beside(self) -> dict[str, float]:
        return {
            "app_us": round(self.app_us, 1),
            "postgres_us": round(self.postgres_us, 1),
            "calls": self.calls,
            "calls_per_s": round(self.per_s),
            "load_ceiling_per_s": round(1e6 / self.load_us),
            "machine_busy": round(self.busy, 2),
        }


def closed_loop(stage: Stage, server: Server, version: str, seconds: float) -> Run:
    """Measure one server under the cycle; warm, and until its outbox is empty again."""
    with stage.load() as load:
        connect(load, server, version, STATIONS)
        check(load.order("cycle", seconds=0.5 if stage.quick else 2.0))
        server.drain()
        server.know_itself()
        rows = _rows(server)
        before, load_before = server.used(), load.order("idle")["cpu_s"]
        busy_share()
        seen = check(load.order("cycle", seconds=seconds))
        busy = busy_share()
        server.drain()
        after = server.used()
        _compare(server, seen["acknowledged"], rows)
        load.order("leave")
    calls = seen["calls"]
    return Run(
        app_us=(after.app_s - before.app_s) / calls * 1e6,
        postgres_us=(after.postgres_s - before.postgres_s) / calls * 1e6,
        load_us=(seen["cpu_s"] - load_before) / calls * 1e6,
        calls=calls,
        per_s=calls / seen["wall_s"],
        busy=busy,
    )


_COUNTED = {
    "start": "select count(*) from transactions",
    "end": "select count(*) from cdrs c where not exists"
    " (select from holds h where h.transaction_id = c.transaction_id)",
    "reports": "select count(*) from reports",
    "quarantine": "select count(*) from quarantine",
}


def _rows(server: Server) -> dict[str, int]:
    if server.url is None:
        return {}
    return {name: server.count(query) for name, query in _COUNTED.items()}


def _compare(server: Server, acknowledged: dict[str, int], before: dict[str, int]) -> None:
    """Every acknowledged call must be stored, every ended session billed."""
    after = _rows(server)
    for name, count in after.items():
        stored = count - before[name]
        expected = acknowledged.get(name, 0)
        if name == "reports":
            expected = sum(acknowledged.get(each, 0) for each in ("start", "meter", "end"))
        if stored != expected:
            raise BenchFailed(f"{name}: {expected} acknowledged, {stored} stored")


def cpu(stage: Stage) -> Iterator[Figure]:
    """CPU per call of the program and of others' servers, each between two runs of the base."""
    seconds = 4.0 if stage.quick else 15.0
    for version in WORDS:
        bases = [_base(stage, version, seconds)]
        with stage.leitstand(STATIONS) as server:
            ours = closed_loop(stage, server, version, seconds)
        bases.append(_base(stage, version, seconds))
        with stage.peer("ocpp", version) as server:
            package = closed_loop(stage, server, version, seconds)
        bases.append(_base(stage, version, seconds))
        node = None
        if stage.no_node_peer is None:
            with stage.node_peer(version) as server:
                node = closed_loop(stage, server, version, seconds)
            bases.append(_base(stage, version, seconds))
        base = (bases[0].app_us + bases[1].app_us) / 2
        package_base = (bases[1].app_us + bases[2].app_us) / 2
        yield Figure(
            f"base, canned text, {version}: CPU per call",
            base,
            "us",
            beside={"runs_us": [round(each.app_us, 1) for each in bases]} | bases[0].beside(),
        )
        beside = ours.beside()
        yield Figure(
            f"app CPU per call, {version}", ours.app_us / base, "x base", 2.0, beside=beside
        )
        yield Figure(
            f"app + PostgreSQL CPU per call, {version}",
            ours.all_us / base,
            "x base",
            2.5,
            beside=beside,
        )
        yield Figure(
            f"ocpp package, nothing stored, CPU per call, {version}",
            package.app_us / package_base,
            "x base",
            beside=package.beside(),
        )
        if node is not None:
            yield Figure(
                f"ocpp-rpc on Node, nothing stored, CPU per call, {version}",
                node.app_us / ((bases[2].app_us + bases[3].app_us) / 2),
                "x base",
                beside=node.beside(),
            )
        yield Figure(
            f"app CPU as share of the ocpp package's, {version}",
            (ours.app_us / base) / (package.app_us / package_base),
            "",
            _OCPP_SHARE[version],
        )
        yield Figure(
            f"calls per second, {STATIONS} stations, {version}",
            ours.per_s,
            "1/s",
            {"1.6": 7_800.0, "2.0.1": 5_200.0}[version],
            at_least=True,
        )


def _base(stage: Stage, version: str, seconds: float) -> Run:
    with stage.peer("canned", version) as server:
        return closed_loop(stage, server, version, seconds)


def latency(stage: Stage) -> Iterator[Figure]:
    """Answer latency at half of the saturated rate, open loop."""
    seconds = 4.0 if stage.quick else 20.0
    for version in WORDS:
        with stage.leitstand(STATIONS) as server, stage.load() as load:
            connect(load, server, version, STATIONS)
            check(load.order("cycle", seconds=1.0))
            server.know_itself()
            seen = check(load.order("cycle", seconds=seconds / 2))
            rate = min(seen["calls"] / seen["wall_s"] / 2, _OPEN_LOOP_CEILING)
            server.drain()
            seen = check(load.order("paced", rate=rate, seconds=seconds))
            load.order("leave")
        beside: dict[str, Any] = {
            "rate_per_s": round(rate),
            "generator_late_p99_ms": round(seen["late_p99_s"] * 1e3, 2),
            "waited": seen["waited"],
            "calls": seen["calls"],
        }
        for name, key, goal in (("p50", "p50_s", 2.0), ("p99", "p99_s", 10.0)):
            yield Figure(
                f"answer latency {name} at half load, {version}",
                seen[key] * 1e3,
                "ms",
                goal,
                beside=beside,
            )


def starts(stage: Stage) -> Iterator[Figure]:
    """Stations that begin a session in the same second."""
    for version in WORDS:
        with stage.leitstand(STARTS) as server, stage.load() as load:
            connect(load, server, version, STARTS)
            before = server.count(_COUNTED["start"])
            seen = check(load.order("starts", count=STARTS))
            stored = server.count(_COUNTED["start"]) - before
            load.order("leave")
        if stored != STARTS:
            raise BenchFailed(f"{STARTS} starts acknowledged, {stored} stored")
        yield Figure(
            f"{STARTS} starts at once, all stored, until the last answer, {version}",
            seen["wall_s"],
            "s",
            1.0,
            beside={"p50_ms": round(seen["p50_s"] * 1e3), "p99_ms": round(seen["p99_s"] * 1e3)},
        )
        time.sleep(0.1)
