"""What a rule would have done is what it does, seen from behind."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alerts.detection_jobs import Point
from alerts.rule_rehearsal import KEPT, met, rehearsed
from alerts.watch_rules import (
    ALWAYS,
    CONSECUTIVE_MAX,
    Measured,
    Measurement,
    Metric,
    Rule,
    findings,
)
from foundation.identifiers import StationId
from tests.alerts.test_watch_rules import HOT, NOW, RULE, WEAK, point

MINUTE = timedelta(minutes=1)
SINCE = NOW - timedelta(hours=6)


def series(*said: tuple[int, int]) -> Measured:
    """A charge point whose temperature was so high so many minutes ago, the oldest first."""
    return point(
        measurements=[
            Measurement(NOW - minutes * MINUTE, {Metric.TEMPERATURE_C: Decimal(value)})
            for minutes, value in reversed(said)
        ]
    )


def times(rule: Rule, measured: Measured) -> list[int]:
    """How many minutes ago the rule would have fired, the newest first."""
    found = rehearsed(rule, [measured], SINCE, NOW)
    return [int((NOW - each.fired_at) / MINUTE) for each in found]


def test_it_fires_when_it_is_met_and_again_only_after_it_was_over() -> None:
    assert times(RULE, series((100, 60), (90, 75), (80, 75), (70, 60))) == [90]
    assert times(RULE, series((90, 75), (80, 60), (40, 75))) == [40, 90]
    flapping = series((90, 75), (88, 60), (85, 75), (83, 60), (80, 75), (75, 60))
    assert times(RULE, flapping) == [90]  # it was back before it would have counted as over
    assert times(RULE, series((90, 60), (80, 65))) == []
    assert times(replace(RULE, consecutive=2), series((50, 75), (45, 75), (40, 60))) == [45]


def test_what_nobody_measured_for_long_is_no_longer_met() -> None:
    [fired] = rehearsed(RULE, [series((200, 75))], SINCE, NOW)
    assert fired.ended_at - fired.fired_at == timedelta(minutes=30)
    assert times(RULE, series((200, 75), (100, 75))) == [100, 200]


def test_measurements_in_a_row_lie_within_an_hour() -> None:
    twice = replace(RULE, consecutive=2)
    assert times(twice, series((90, 75), (25, 75))) == []
    [fired] = rehearsed(twice, [series((90, 75), (35, 75))], SINCE, NOW)
    assert fired.ended_at == NOW - 30 * MINUTE  # then the older one is an hour old


def test_it_begins_and_ends_with_the_hours_of_the_grid() -> None:
    hour = 3 * 24 + 13  # from 13:00 on by the clock of the site: NOW is 14:00 there
    grid = "0" * hour + "1" + "0" * (167 - hour)
    heat = series(*((minutes, 75) for minutes in range(120, 0, -10)))
    [fired] = rehearsed(replace(RULE, grid=grid), [heat], SINCE, NOW)
    assert (fired.fired_at, fired.ended_at) == (NOW - 60 * MINUTE, NOW)


def test_only_the_charge_points_of_its_group_count_and_the_newest_stands_first() -> None:
    other = replace(series((20, 75)), station=StationId("CS-2"), evse_id=2)
    found = rehearsed(RULE, [series((30, 75)), other], SINCE, NOW)
    assert [each.station for each in found] == ["CS-2", "CS-1"]
    whole = rehearsed(RULE, [series((30, 75)), other], SINCE, NOW, [Point(StationId("CS-2"))])
    assert [each.station for each in whole] == ["CS-2"]
    assert rehearsed(RULE, [other], SINCE, NOW, [Point(StationId("CS-2"), 1)]) == []


@given(
    said=st.lists(st.tuples(st.integers(0, 100), st.sampled_from([60, 75])), max_size=12),
    consecutive=st.integers(1, 3),
    needs_all=st.booleans(),
    hours=st.sets(st.integers(0, 2)),
)
def test_it_is_met_in_exactly_the_minutes_in_which_the_round_finds_it(
    said: list[tuple[int, int]], consecutive: int, needs_all: bool, hours: set[int]
) -> None:
    left_out = {3 * 24 + 13 - each for each in hours}
    grid = "".join("0" if hour in left_out else "1" for hour in range(168))
    rule = replace(
        RULE,
        conditions=(HOT, replace(WEAK, metric=Metric.TEMPERATURE_C, limit=Decimal(90))),
        needs_all=needs_all,
        consecutive=consecutive,
        grid=grid if hours else ALWAYS,
    )
    measured = series(*sorted(dict(said).items(), reverse=True))
    spans = list(met(rule, measured, SINCE, NOW))
    assert all(begun < ended for begun, ended in spans)
    for minutes in range(120, 0, -1):
        now = NOW - minutes * MINUTE + timedelta(seconds=30)
        assert _is_within(now, spans) == _is_found(rule, measured, now), minutes


def _is_within(now: datetime, spans: list[tuple[datetime, datetime]]) -> bool:
    return any(begun <= now < ended for begun, ended in spans)


def _is_found(rule: Rule, measured: Measured, now: datetime) -> bool:
    known = [each for each in measured.measurements if now - KEPT <= each.measured_at <= now][
        :CONSECUTIVE_MAX
    ]
    return bool(findings(rule, [replace(measured, measurements=known)], now))
