"""If/then rules of people: if all conditions were met by so many measurements in a row, alert.

A rule looks at what charge points measure now. It applies in the hours of a weekly grid, by the
clock of the site; where nothing was measured lately it finds nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from alerts.detections import Detection, Finding, Severity
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId

HOURS_OF_A_WEEK: Final = 168
ALWAYS: Final = "1" * HOURS_OF_A_WEEK
CONDITIONS_MAX: Final = 10
CONSECUTIVE_MAX: Final = 60
FRESH: Final = timedelta(minutes=30)
"""How old the newest measurement may be."""


class Metric(StrEnum):
    """What can be measured, by OCPP's measurands, in base units."""

    POWER_W = "power_w"
    CURRENT_A = "current_a"
    VOLTAGE_V = "voltage_v"
    TEMPERATURE_C = "temperature_c"
    SOC_PERCENT = "soc_percent"


MEASURANDS: Final[Mapping[str, Metric]] = {
    "Power.Active.Import": Metric.POWER_W,
    "Current.Import": Metric.CURRENT_A,
    "Voltage": Metric.VOLTAGE_V,
    "Temperature": Metric.TEMPERATURE_C,
    "SoC": Metric.SOC_PERCENT,
}


class Comparison(StrEnum):
    """How a measured value is compared; neither includes the limit."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Condition:
    """A limit on something measured."""

    metric: Metric
    comparison: Comparison
    limit: Decimal

    def is_met(self, value: Decimal) -> bool:
        """Tell whether a value is beyond the limit."""
        return value > self.limit if self.comparison is Comparison.ABOVE else value < self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An if/then rule.

    Attributes:
        conditions: All must be met by each measurement that counts.
        consecutive: By how many measurements in a row, the newest included.
        grid: The hours of a week from Monday 0:00 on, `1` where the rule applies.
        location: Only there; None: at all stations of the organisation and those below it.
    """

    id: int = 0
    organisation: OrganisationKey
    name: str
    conditions: tuple[Condition, ...]
    consecutive: int = 1
    grid: str = ALWAYS
    location: str | None = None
    severity: Severity = Severity.WARNING
    is_active: bool = True

    @property
    def cause(self) -> str:
        """Of all that it finds."""
        return f"rule/{self.id}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a charge point measured at a moment."""

    measured_at: datetime
    values: Mapping[Metric, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The newest measurements of a charge point, the newest first."""

    station: StationId
    evse_id: int
    organisation: OrganisationKey
    location: str | None
    time_zone: str
    measurements: Sequence[Measurement]


class ContradictingConditions(InvalidInput):
    """No value can meet all conditions of a rule."""

    code = "contradicting_conditions"

    def __init__(self, metric: Metric) -> None:
        super().__init__(
            f"Nothing can meet all conditions on {metric.value}: one asks for more than another"
            " allows.",
            field="conditions",
        )


def checked(rule: Rule) -> Rule:
    """Return a rule that makes sense.

    Raises:
        InvalidInput: If it has no name, no condition, no hour, or too many measurements.
        ContradictingConditions: If it can never be met.
    """
    if not 1 <= len(rule.name.strip()) <= 100:
        raise InvalidInput("A name has 1 to 100 characters.", field="name")
    if not 1 <= len(rule.conditions) <= CONDITIONS_MAX:
        raise InvalidInput("A rule has 1 to 10 conditions.", field="conditions")
    if not 1 <= rule.consecutive <= CONSECUTIVE_MAX:
        raise InvalidInput("1 to 60 measurements in a row count.", field="consecutive")
    if len(rule.grid) != HOURS_OF_A_WEEK or not set(rule.grid) <= {"0", "1"}:
        raise InvalidInput("The grid has 168 hours, each 0 or 1.", field="grid")
    if "1" not in rule.grid:
        raise InvalidInput("Choose at least one hour in which the rule applies.", field="grid")
    for metric in Metric:
        lows = [each.limit for each in rule.conditions if _is(each, metric, Comparison.ABOVE)]
        highs = [each.limit for each in rule.conditions if _is(each, metric, Comparison.BELOW)]
        if lows and highs and max(lows) >= min(highs):
            raise ContradictingConditions(metric)
    return rule


def _is(condition: Condition, metric: Metric, comparison: Comparison) -> bool:
    return condition.metric is metric and condition.comparison is comparison


def applies(grid: str, now: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a rule applies at a moment, by the clock of a site."""
    local = now.astimezone(zone)
    return grid[local.weekday() * 24 + local.hour] == "1"


def findings(rule: Rule, points: Sequence[Measured], now: datetime) -> list[Finding]:
    """Return where a rule is met.

    Args:
        rule: Which.
        points: The charge points of its side.
        now: The moment.
    """
    found = []
    for each in points:
        if rule.location is not None and each.location != rule.location:
            continue
        if not applies(rule.grid, now, ZoneInfo(each.time_zone)):
            continue
        newest = each.measurements[: rule.consecutive]
        if len(newest) < rule.consecutive or now - newest[0].measured_at > FRESH:
            continue
        if all(_meets(measurement, rule.conditions) for measurement in newest):
            values = newest[0].values
            shown = ", ".join(
                f"{metric.value} {values[metric]:f}"
                for metric in dict.fromkeys(condition.metric for condition in rule.conditions)
            )
            found.append(
                Finding(
                    detection=Detection.RULE,
                    cause=rule.cause,
                    organisation=each.organisation,
                    station=each.station,
                    evse_id=each.evse_id,
                    severity=rule.severity,
                    seen_at=now,
                    evidence={"rule": rule.name, "measured": shown},
                )
            )
    return found


def _meets(measurement: Measurement, conditions: Sequence[Condition]) -> bool:
    return all(
        each.metric in measurement.values and each.is_met(measurement.values[each.metric])
        for each in conditions
    )


def measurement(measured_at: datetime, samples: Sequence[Mapping[str, object]]) -> Measurement:
    """Return the values of a reading: over all phases where it says so, else of the phases.

    The phases of power are added; of anything else the largest counts.

    Args:
        measured_at: When.
        samples: Each with `measurand`, `value` in base units, and perhaps `phase`.
    """
    whole: dict[Metric, Decimal] = {}
    phases: dict[Metric, list[Decimal]] = {}
    for each in samples:
        metric = MEASURANDS.get(str(each.get("measurand")))
        value = each.get("value")
        if metric is None or value is None:
            continue
        number = Decimal(str(value))
        if each.get("phase") is None:
            whole[metric] = max(number, whole.get(metric, number))
        else:
            phases.setdefault(metric, []).append(number)
    for metric, numbers in phases.items():
        total = sum(numbers) if metric is Metric.POWER_W else max(numbers)
        whole.setdefault(metric, Decimal(total))
    return Measurement(measured_at, whole)
