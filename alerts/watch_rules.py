"""If/then rules of people: if conditions were met by so many measurements in a row, alert.

A rule looks at what charge points measure now. It applies in the hours of a weekly grid, by the
clock of the site; where nothing was measured lately it finds nothing. Where it is met there is an
alert; once each time that it fires it may do more: write mails, tell a program, open a ticket, try
a step at the station.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from alerts.detection_jobs import Point
from alerts.detections import Detection, Finding, Severity
from alerts.steps import LONGEST_OUT, USUALLY_OUT, Step
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId

HOURS_OF_A_WEEK: Final = 168
ALWAYS: Final = "1" * HOURS_OF_A_WEEK
CONDITIONS_MAX: Final = 10
CONSECUTIVE_MAX: Final = 60
MAILS_MAX: Final = 10
STEPS_MAX: Final = 20
STEPS_PER_DAY: Final = 3
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
        conditions: Must be met by each measurement that counts: all of them, or any.
        consecutive: By how many measurements in a row, the newest included.
        grid: The hours of a week from Monday 0:00 on, `1` where the rule applies.
        location: Only there; None: at all stations of the organisation and those below it.
        group: Only at the charge points of this group.
        mails: Who is written to when it fires, besides whoever hears of alerts.
        webhook: The program that is told; of its URL only what may be shown.
        step: What is tried at the station when it fires.
        step_hours: After how many hours a station that is put out of service is put back.
        steps_per_day: How many steps of rules a station gets in a day of its own time zone.
    """

    id: int = 0
    organisation: OrganisationKey
    name: str
    conditions: tuple[Condition, ...]
    needs_all: bool = True
    consecutive: int = 1
    grid: str = ALWAYS
    location: str | None = None
    group: int | None = None
    severity: Severity = Severity.WARNING
    mails: tuple[str, ...] = ()
    webhook: str | None = None
    opens_ticket: bool = False
    step: Step | None = None
    step_hours: int = USUALLY_OUT
    steps_per_day: int = STEPS_PER_DAY
    is_active: bool = True

    @property
    def cause(self) -> str:
        """Of all that it finds."""
        return f"rule/{self.id}"

    def is_met_by(self, values: Mapping[Metric, Decimal]) -> bool:
        """Tell whether what was measured at a moment meets the conditions."""
        met = (
            each.metric in values and each.is_met(values[each.metric]) for each in self.conditions
        )
        return all(met) if self.needs_all else any(met)


def rule_of(cause: str) -> int | None:
    """Return the number of the rule that found something; None: it was none."""
    kind, _, number = cause.partition("/")
    return int(number) if kind == "rule" and number.isdecimal() else None


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
    if any(ord(each) < 32 for each in rule.name):
        raise InvalidInput("A name is one line of text.", field="name")
    if not 1 <= len(rule.conditions) <= CONDITIONS_MAX:
        raise InvalidInput("A rule has 1 to 10 conditions.", field="conditions")
    if not 1 <= rule.consecutive <= CONSECUTIVE_MAX:
        raise InvalidInput("1 to 60 measurements in a row count.", field="consecutive")
    if len(rule.grid) != HOURS_OF_A_WEEK or not set(rule.grid) <= {"0", "1"}:
        raise InvalidInput("The grid has 168 hours, each 0 or 1.", field="grid")
    if "1" not in rule.grid:
        raise InvalidInput("Choose at least one hour in which the rule applies.", field="grid")
    if len(rule.mails) > MAILS_MAX:
        raise InvalidInput("At most 10 mail addresses.", field="mails")
    if not 1 <= rule.step_hours <= LONGEST_OUT:
        raise InvalidInput("Out of service is 1 to 168 hours.", field="step_hours")
    if not 1 <= rule.steps_per_day <= STEPS_MAX:
        raise InvalidInput("A station gets 1 to 20 steps a day.", field="steps_per_day")
    for metric in Metric if rule.needs_all else ():
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


def looks_at(rule: Rule, point: Measured, members: Collection[Point] | None) -> bool:
    """Tell whether a rule is about a charge point: where it stands, and in which group it is."""
    if rule.location is not None and point.location != rule.location:
        return False
    return members is None or any(each.covers(point.station, point.evse_id) for each in members)


def findings(
    rule: Rule,
    points: Sequence[Measured],
    now: datetime,
    members: Collection[Point] | None = None,
) -> list[Finding]:
    """Return where a rule is met.

    Args:
        rule: Which.
        points: The charge points of its side.
        now: The moment.
        members: Those of its group; None: it has none.
    """
    found = []
    for each in points:
        if not looks_at(rule, each, members):
            continue
        if not applies(rule.grid, now, ZoneInfo(each.time_zone)):
            continue
        newest = each.measurements[: rule.consecutive]
        if len(newest) < rule.consecutive or now - newest[0].measured_at > FRESH:
            continue
        if all(rule.is_met_by(measurement.values) for measurement in newest):
            values = newest[0].values
            shown = ", ".join(
                f"{metric.value} {values[metric]:f}"
                for metric in dict.fromkeys(condition.metric for condition in rule.conditions)
                if metric in values
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
