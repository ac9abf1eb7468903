"""What an if/then rule would have done: when it would have fired with what was measured."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alerts.detection_jobs import Point
from alerts.detections import Detection
from alerts.life import FLAPS_KEPT, calm_needed
from alerts.watch_rules import FRESH, Measured, Rule, applies, looks_at
from foundation.identifiers import StationId

OVER: Final = timedelta(days=7)
"""How far back one looks."""
KEPT: Final = FRESH * 2
"""How far back the measurements in a row may lie."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule would have fired at a charge point, and been met until a moment."""

    station: StationId
    evse_id: int
    fired_at: datetime
    ended_at: datetime


def rehearsed(
    rule: Rule,
    points: Sequence[Measured],
    since: datetime,
    until: datetime,
    members: Collection[Point] | None = None,
) -> list[Fired]:
    """Return when and where a rule would have fired, the newest first.

    Damped as alerts are: what is met again before it would have counted as over is the same.

    Args:
        rule: Which; whether it is switched on does not matter.
        points: What the charge points of its side measured, the newest first.
        since: From when on.
        until: Until when.
        members: The charge points of its group; None: it has none.
    """
    found = [
        Fired(each.station, each.evse_id, begun, ended)
        for each in points
        if looks_at(rule, each, members)
        for begun, ended in damped(met(rule, each, since, until))
    ]
    return sorted(found, key=lambda each: (each.fired_at, each.station, each.evse_id), reverse=True)


def met(
    rule: Rule, point: Measured, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans in which a rule was met at a charge point, in order, joined where they touch.

    A measurement counts until the next one, for half an hour at most.
    """
    zone = ZoneInfo(point.time_zone)
    series = point.measurements[::-1]
    begun: datetime | None = None
    ended = since
    for place, each in enumerate(series):
        first = place - rule.consecutive + 1
        if first < 0 or not all(rule.is_met_by(one.values) for one in series[first : place + 1]):
            continue
        end = min(each.measured_at + FRESH, series[first].measured_at + KEPT, until)
        if place + 1 < len(series):
            end = min(end, series[place + 1].measured_at)
        for start, stop in _hours(max(each.measured_at, since), end, zone):
            if not applies(rule.grid, start, zone):
                continue
            if begun is not None and start <= ended:
                ended = max(ended, stop)
                continue
            if begun is not None:
                yield begun, ended
            begun, ended = start, stop
    if begun is not None:
        yield begun, ended


def _hours(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Yield a span in pieces, cut where an hour begins by the clock of the site."""
    while start < end:
        local = start.astimezone(zone)
        passed = timedelta(
            minutes=local.minute, seconds=local.second, microseconds=local.microsecond
        )
        stop = min(end, start + timedelta(hours=1) - passed)
        yield start, stop
        start = stop


def damped(spans: Iterator[tuple[datetime, datetime]]) -> Iterator[tuple[datetime, datetime]]:
    """Yield spans as firings: one that comes back before it was over is the same firing."""
    before: tuple[datetime, datetime] | None = None
    flaps = 0
    for start, stop in spans:
        if before is None:
            before = start, stop
            continue
        over_at = before[1] + calm_needed(Detection.RULE, flaps)
        if start < over_at:
            before = before[0], stop
            flaps += 1
            continue
        yield before
        flaps = flaps + 1 if start - over_at < FLAPS_KEPT else 0
        before = start, stop
    if before is not None:
        yield before
