"""If/then rules: several conditions, a weekly grid, consecutive measurements."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from alerts.detection_jobs import Point
from alerts.watch_rules import (
    ALWAYS,
    Comparison,
    Condition,
    ContradictingConditions,
    Measured,
    Metric,
    Rule,
    checked,
    findings,
    measurement,
    rule_of,
)
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)  # a Thursday, 14:00 in Berlin
NORTH = OrganisationKey("north")
HOT = Condition(Metric.TEMPERATURE_C, Comparison.ABOVE, Decimal(70))
WEAK = Condition(Metric.POWER_W, Comparison.BELOW, Decimal(1000))
RULE = Rule(id=3, organisation=NORTH, name="Hot", conditions=(HOT,))


def point(*temperatures: int, power_w: int = 500, **changes: Any) -> Measured:
    """A charge point that measured these, a minute apart, the newest first."""
    usual: dict[str, Any] = {
        "station": StationId("CS-1"),
        "evse_id": 1,
        "organisation": NORTH,
        "location": "yard",
        "time_zone": "Europe/Berlin",
        "measurements": [
            measurement(
                NOW - timedelta(minutes=minutes),
                [
                    {"measurand": "Temperature", "value": each},
                    {"measurand": "Power.Active.Import", "value": power_w / 2, "phase": "L1"},
                    {"measurand": "Power.Active.Import", "value": power_w / 2, "phase": "L2"},
                ],
            )
            for minutes, each in enumerate(temperatures)
        ],
    }
    return Measured(**(usual | changes))


def is_met(rule: Rule, *points: Measured, now: datetime = NOW) -> bool:
    return bool(findings(rule, points, now))


def test_all_conditions_must_be_met_and_limits_are_not_included() -> None:
    assert is_met(RULE, point(71))
    assert not is_met(RULE, point(70))
    both = replace(RULE, conditions=(HOT, WEAK))
    assert is_met(both, point(71, power_w=999))
    assert not is_met(both, point(71, power_w=1000))
    current = Condition(Metric.CURRENT_A, Comparison.BELOW, Decimal(1))
    assert not is_met(replace(RULE, conditions=(HOT, current)), point(71))  # nobody measured it


def test_any_of_the_conditions_is_enough_where_the_rule_says_so() -> None:
    current = Condition(Metric.CURRENT_A, Comparison.BELOW, Decimal(1))
    either = replace(RULE, conditions=(HOT, WEAK, current), needs_all=False)
    assert is_met(either, point(71, power_w=1000))
    assert is_met(either, point(20, power_w=999))
    assert not is_met(either, point(70, power_w=1000))
    [finding] = findings(either, [point(71)], NOW)
    assert finding.evidence["measured"] == "temperature_c 71, power_w 500.0"


def test_it_looks_only_at_the_charge_points_of_its_group() -> None:
    in_it = [Point(StationId("CS-1"), 1)]
    assert findings(RULE, [point(71)], NOW, in_it)
    assert findings(RULE, [point(71)], NOW, [Point(StationId("CS-1"))])
    assert not findings(RULE, [point(71)], NOW, [Point(StationId("CS-1"), 2)])
    assert not findings(RULE, [point(71)], NOW, [])


def test_a_cause_tells_its_rule() -> None:
    assert rule_of(RULE.cause) == RULE.id
    assert rule_of("job/3") is None
    assert rule_of("rule/x") is None


def test_so_many_measurements_in_a_row_must_meet_them() -> None:
    thrice = replace(RULE, consecutive=3)
    assert is_met(thrice, point(71, 72, 73, 20))
    assert not is_met(thrice, point(71, 70, 73))
    assert not is_met(thrice, point(71, 72))


def test_it_applies_in_the_hours_of_the_grid_by_the_clock_of_the_site() -> None:
    hour = 3 * 24 + 14
    only = replace(RULE, grid="0" * hour + "1" + "0" * (167 - hour))
    assert is_met(only, point(71))
    assert not is_met(only, point(71, time_zone="Europe/London"))
    assert not is_met(only, point(71), now=NOW + timedelta(hours=1))


def test_what_was_measured_long_ago_or_elsewhere_does_not_count() -> None:
    assert not is_met(RULE, point(71), now=NOW + timedelta(minutes=31))
    assert not is_met(replace(RULE, location="roof"), point(71))
    [finding] = findings(replace(RULE, location="yard"), [point(71)], NOW)
    assert (finding.cause, finding.evidence["measured"]) == ("rule/3", "temperature_c 71")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"conditions": ()},
        {"consecutive": 0},
        {"consecutive": 61},
        {"grid": "1"},
        {"grid": "0" * 168},
        {"grid": "2" * 168},
        {"name": "two\nlines"},
        {"mails": tuple(f"{each}@example.org" for each in range(11))},
        {"step_hours": 0},
        {"step_hours": 169},
        {"steps_per_day": 0},
        {"steps_per_day": 21},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(changes: dict[str, Any]) -> None:
    assert checked(replace(RULE, grid=ALWAYS)) == RULE
    with pytest.raises(InvalidInput):
        checked(replace(RULE, **changes))


def test_conditions_that_contradict_each_other_are_refused() -> None:
    cold = Condition(Metric.TEMPERATURE_C, Comparison.BELOW, Decimal(70))
    with pytest.raises(ContradictingConditions, match="temperature_c"):
        checked(replace(RULE, conditions=(HOT, cold)))
    assert checked(replace(RULE, conditions=(HOT, replace(cold, limit=Decimal(71)))))
    assert checked(replace(RULE, conditions=(HOT, cold), needs_all=False))
