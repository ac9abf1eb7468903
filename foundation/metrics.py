"""Every figure that the installation tells of itself, defined in one place.

Names start with `leitstand_`, units are base units, and no label holds a station's identity:
labels have few values, so that a fleet of any size makes the same number of series.

Each process counts for itself. A socket process of several (`LEITSTAND_WORKERS`) writes its
figures where `PROMETHEUS_MULTIPROC_DIR` says, and the parent's `exposition` adds them to its own.
"""

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

REGISTRY = CollectorRegistry(auto_describe=True)

CONTENT_TYPE = CONTENT_TYPE_LATEST

_QUICK_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0)
_ROWS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)

# ------------------------------------------------------------------------------- stations

connections = Gauge(
    "leitstand_connections",
    "Stations connected to this process now.",
    ["version"],
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
connections_refused = Counter(
    "leitstand_connections_refused",
    "Upgrades refused, by reason.",
    ["reason"],
    registry=REGISTRY,
)
connections_closed = Counter(
    "leitstand_connections_closed",
    "Connections that ended, by reason.",
    ["reason"],
    registry=REGISTRY,
)
frames = Counter(
    "leitstand_frames",
    "OCPP messages, by direction (in, out), action and outcome (result, error, lost).",
    ["direction", "action", "outcome"],
    registry=REGISTRY,
)
frames_not_understood = Counter(
    "leitstand_frames_not_understood",
    "Messages of stations that had lost their meaning, by error code.",
    ["code"],
    registry=REGISTRY,
)
frames_dropped = Counter(
    "leitstand_frames_dropped",
    "Lines of the OCPP log that were not written because writing fell behind.",
    registry=REGISTRY,
)
repairs = Counter(
    "leitstand_repairs",
    "Messages accepted by a repair, by its rule.",
    ["rule"],
    registry=REGISTRY,
)
handling_seconds = Histogram(
    "leitstand_handling_seconds",
    "From a call's arrival to its answer.",
    ["action"],
    buckets=_QUICK_S,
    registry=REGISTRY,
)
quarantined = Counter(
    "leitstand_quarantined",
    "Messages about money that a defect of ours kept from being handled.",
    registry=REGISTRY,
)

# ------------------------------------------------------------------------------- storing

commits = Counter("leitstand_commits", "Units of work that lanes committed.", registry=REGISTRY)
rows_per_commit = Histogram(
    "leitstand_rows_per_commit",
    "Reports handled in one unit of work.",
    buckets=_ROWS,
    registry=REGISTRY,
)
batches_repeated = Counter(
    "leitstand_batches_repeated",
    "Batches done again, by reason (serialisation, single).",
    ["reason"],
    registry=REGISTRY,
)
outbox_lag_seconds = Gauge(
    "leitstand_outbox_lag_seconds",
    "Age of the oldest event that a reader has not taken.",
    ["reader"],
    registry=REGISTRY,
    multiprocess_mode="max",
)
outbox_parked = Gauge(
    "leitstand_outbox_parked",
    "Events that wait for a person, by reader.",
    ["reader"],
    registry=REGISTRY,
    multiprocess_mode="max",
)
feed_connected = Gauge(
    "leitstand_feed_connected",
    "1 in the process that has a connection to the MQTT broker.",
    registry=REGISTRY,
    multiprocess_mode="max",
)
feed_lag_seconds = Gauge(
    "leitstand_feed_lag_seconds",
    "Age of the last event that the MQTT broker acknowledged, when it did.",
    registry=REGISTRY,
    multiprocess_mode="max",
)
feed_requests = Counter(
    "leitstand_feed_requests",
    "Requests for commands by MQTT, by outcome (asked, refused, unreadable, dropped, failed).",
    ["outcome"],
    registry=REGISTRY,
)
jobs = Gauge(
    "leitstand_jobs",
    "Jobs that leave the house or come round, by state.",
    ["state"],
    registry=REGISTRY,
    multiprocess_mode="max",
)

# ------------------------------------------------------------------------------- people and money

commands = Counter(
    "leitstand_commands",
    "Calls to stations that are over, by their final state.",
    ["state"],
    registry=REGISTRY,
)
command_seconds = Histogram(
    "leitstand_command_seconds",
    "From asking a station to its answer.",
    buckets=_SLOW_S,
    registry=REGISTRY,
)
alerts = Counter("leitstand_alerts", "Alerts raised, by kind.", ["kind"], registry=REGISTRY)
statements = Counter(
    "leitstand_statements",
    "Statements, by outcome (issued, sent, failed).",
    ["outcome"],
    registry=REGISTRY,
)
requests = Counter(
    "leitstand_requests",
    "Calls of the portal and the API, by method and class of answer (2xx, 4xx …).",
    ["method", "outcome"],
    registry=REGISTRY,
)
request_seconds = Histogram(
    "leitstand_request_seconds",
    "From a request's arrival to the end of its answer.",
    ["method"],
    buckets=_QUICK_S,
    registry=REGISTRY,
)
incidents = Counter(
    "leitstand_incidents",
    "Requests that ended in a mistake of ours.",
    registry=REGISTRY,
)


class Handled:
    """The calls of one action with one outcome: counted here, told to the registry together.

    Asking the registry for each call would cost more than reading the call.
    """

    __slots__ = ("_counter", "_counts", "_histogram", "_seconds")

    def __init__(self, action: str, outcome: str) -> None:
        self._counter = frames.labels("in", action, outcome)
        self._histogram = handling_seconds.labels(action)
        self._counts = [0] * (len(_QUICK_S) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count a call that was answered after so long."""
        self._counts[bisect_left(_QUICK_S, seconds)] += 1
        self._seconds += seconds

    def tell(self) -> None:
        """Hand on what was counted since the last time."""
        counts, self._counts = self._counts, [0] * (len(_QUICK_S) + 1)
        if not any(counts):
            return
        self._counter.inc(sum(counts))
        # As `observe` does it for one: the library has no word for many.
        for bucket, count in zip(self._histogram._buckets, counts, strict=True):  # noqa: SLF001
            if count:
                bucket.inc(count)
        self._histogram._sum.inc(self._seconds)  # noqa: SLF001
        self._seconds = 0.0


_handled: dict[tuple[str, str], Handled] = {}


def handled(action: str, outcome: str) -> Handled:
    """Return what counts the calls of an action with an outcome."""
    found = _handled.get((action, outcome))
    if found is None:
        found = _handled[action, outcome] = Handled(action, outcome)
    return found


def tell_handled() -> None:
    """Hand on what was counted, so that other processes can read it."""
    for each in _handled.values():
        each.tell()


_folders: list[Path] = []
"""Where processes that we started write their figures."""


def read_also(folder: Path) -> None:
    """Tell from now on what other processes write into a folder, together with our own."""
    _folders.append(folder)


def read_no_more(folder: Path) -> None:
    """Leave a folder's figures out again; nothing happens if they were not told."""
    if folder in _folders:
        _folders.remove(folder)


def exposition() -> bytes:
    """Return all figures in the text format that Prometheus reads."""
    tell_handled()
    together = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
    if not _folders:
        return generate_latest(REGISTRY)
    together.register(_Together())
    return generate_latest(together)


class _Together(Collector):
    """Our own figures with those of the processes that we started: added up, or the greatest."""

    def collect(self) -> Iterator[Metric]:
        families = {family.name: family for family in REGISTRY.collect()}
        for folder in _folders:
            collector = MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]
            for family in collector.collect():  # type: ignore[no-untyped-call]
                _add(families[family.name], family.samples)
        yield from families.values()


def _add(family: Metric, others: Sequence[Sample]) -> None:
    """Add what another process counted to a family of ours."""
    is_greatest = family.name in _GREATEST
    places = {
        (sample.name, *sorted(sample.labels.items())): place
        for place, sample in enumerate(family.samples)
    }
    for other in others:
        place = places.get((other.name, *sorted(other.labels.items())))
        if place is None:
            family.samples.append(other)
            continue
        ours = family.samples[place]
        value = max(ours.value, other.value) if is_greatest else ours.value + other.value
        family.samples[place] = ours._replace(value=value)


_GREATEST = frozenset({"leitstand_outbox_lag_seconds", "leitstand_outbox_parked", "leitstand_jobs"})
"""What every process would tell of the same thing."""
