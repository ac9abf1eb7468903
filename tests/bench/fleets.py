"""Large fleets: what a connected station costs in memory, and in CPU when all come at once."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.bench.machine import raise_open_files
from tests.bench.stage import BenchFailed, Server, Stage, connect

_FULL, _QUICK = 5000, 1000
_SPARE_FILES = 500
_AT_ONCE = 100
_VERSION = "1.6"
_TWELVE_SECONDS = 10_000 / 12


@dataclass(frozen=True, slots=True)
class Storm:
    """All stations have connected, booted and told a status; per station."""

    app_ms: float
    postgres_ms: float
    rss_kib: float
    per_s: float


def _storm(stage: Stage, server: Server, count: int) -> Storm:
    rss_before, before = server.rss(), server.used()
    with stage.load() as load:
        seen = connect(load, server, _VERSION, count, at_once=_AT_ONCE)
        server.drain()
        after, rss = server.used(), server.rss()
        if server.url is not None:
            stored = server.count(
                "select count(*) from connectors where status = 'Available' and status_at is not"
                " null"
            )
            if stored != count:
                raise BenchFailed(f"{count} stations told a status, {stored} are stored")
        load.order("leave")
    return Storm(
        app_ms=(after.app_s - before.app_s) / count * 1e3,
        postgres_ms=(after.postgres_s - before.postgres_s) / count * 1e3,
        rss_kib=(rss - rss_before) / count / 1024,
        per_s=count / seen["wall_s"],
    )


def fleet(stage: Stage) -> Iterator[Figure]:
    """Memory per idle station, and CPU per station of a boot storm, with passwords checked."""
    count = min(_QUICK if stage.quick else _FULL, raise_open_files(1 << 16) - _SPARE_FILES)
    with stage.peer("canned", _VERSION) as server:
        base = _storm(stage, server, count)
    with stage.leitstand(count) as server:
        ours = _storm(stage, server, count)
    with stage.peer("canned", _VERSION) as server:
        again = _storm(stage, server, count)
    base_kib = (base.rss_kib + again.rss_kib) / 2
    base_ms = (base.app_ms + again.app_ms) / 2
    beside = {
        "stations": count,
        "base": round(base_kib, 1),
        "ratio_to_base": round(ours.rss_kib / base_kib, 2),
    }
    yield Figure("memory per idle station", ours.rss_kib, "KiB", 30.0, beside=beside)
    beside = {
        "stations": count,
        "base_ms": round(base_ms, 3),
        "ratio_to_base": round(ours.app_ms / base_ms, 2),
        "postgres_ms": round(ours.postgres_ms, 3),
    }
    yield Figure("boot storm, app CPU per station", ours.app_ms, "ms", 1.0, beside=beside)
    yield Figure(
        "boot storm, stations per second", ours.per_s, "1/s", _TWELVE_SECONDS, at_least=True
    )
