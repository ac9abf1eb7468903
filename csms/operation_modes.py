"""What a charging profile of 2.1 may say for each operation mode, and what it must. Pure.

A vehicle can discharge, too. What a period of a schedule tells it (a limit, a setpoint, a curve)
depends on who controls it in that period: we, the station, or somebody else beside it. A station
refuses what does not go together; here it is refused before it leaves, with what to change.

Source: OCPP 2.1 part 2, block Q, section 2.2 (limits and setpoints per operation mode; modes per
purpose), Q10.FR.01, K01; ChargingSchedulePeriodType.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

CHARGING_ONLY: Final = "ChargingOnly"
"""The mode of a period that names none."""

_LIMIT: Final = frozenset({"limit", "limit_L2", "limit_L3"})
_DISCHARGE: Final = frozenset({"dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3"})
_SETPOINT: Final = frozenset({"setpoint", "setpoint_L2", "setpoint_L3"})
_REACTIVE: Final = frozenset({"setpointReactive", "setpointReactive_L2", "setpointReactive_L3"})
_CURVES: Final = frozenset({"v2xFreqWattCurve", "v2xSignalWattCurve", "v2xBaseline"})
_GOVERNED: Final = _LIMIT | _DISCHARGE | _SETPOINT | _REACTIVE | _CURVES

_MAY: Final[Mapping[str, frozenset[str]]] = {
    CHARGING_ONLY: _LIMIT,
    "CentralSetpoint": _SETPOINT | _LIMIT | _DISCHARGE | _REACTIVE,
    "CentralFrequency": _SETPOINT | _LIMIT | _DISCHARGE,
    "ExternalSetpoint": _LIMIT | _DISCHARGE,
    "ExternalLimits": frozenset(),
    "LocalFrequency": _CURVES,
    "LocalLoadBalancing": frozenset(),
    "Idle": frozenset(),
}
_MUST: Final[Mapping[str, tuple[str, ...]]] = {
    CHARGING_ONLY: ("limit",),
    "CentralSetpoint": ("setpoint",),
    "CentralFrequency": ("setpoint",),
}
"""What a period of the mode must have; of `LocalFrequency` see `_has_curve`."""

_EVERY_MODE: Final = frozenset(_MAY)
_MODES_OF: Final[Mapping[str, frozenset[str]]] = {
    "TxProfile": _EVERY_MODE,
    "TxDefaultProfile": _EVERY_MODE,
    "PriorityCharging": frozenset({CHARGING_ONLY}),
    "ChargingStationMaxProfile": frozenset({CHARGING_ONLY}),
    "ChargingStationExternalConstraints": frozenset(
        {CHARGING_ONLY, "ExternalLimits", "ExternalSetpoint"}
    ),
    "LocalGeneration": frozenset({CHARGING_ONLY, "ExternalLimits"}),
}

SET_OFTEN: Final = _LIMIT | _DISCHARGE | _SETPOINT | _REACTIVE
"""What of a period a dynamic profile can be told anew (ChargingScheduleUpdateType)."""


def objection(profile: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return what a profile says that does not go together: a sentence and where; None if it does.

    Args:
        profile: A ChargingProfileType of 2.1 that keeps to its schema.
    """
    purpose = profile["chargingProfilePurpose"]
    for place, schedule in enumerate(profile["chargingSchedule"]):
        for number, period in enumerate(schedule["chargingSchedulePeriod"]):
            where = f"$.chargingSchedule[{place}].chargingSchedulePeriod[{number}]"
            mode = period.get("operationMode", CHARGING_ONLY)
            if mode not in _MODES_OF.get(purpose, _EVERY_MODE):
                return f"A profile for {purpose} cannot have {mode}.", f"{where}.operationMode"
            for sentence, name in _of_period(period, mode):
                return sentence, f"{where}.{name}"
        if profile["chargingProfileKind"] == "Dynamic":
            found = _of_dynamic(schedule)
            if found is not None:
                return found, f"$.chargingSchedule[{place}].chargingSchedulePeriod"
    for name in ("dynUpdateInterval", "dynUpdateTime"):
        if name in profile and profile["chargingProfileKind"] != "Dynamic":
            return f"Only a profile of kind Dynamic has {name}.", f"$.{name}"
    return None


def _of_period(period: Mapping[str, Any], mode: str) -> Iterator[tuple[str, str]]:
    for name in sorted(_GOVERNED & period.keys()):
        if name not in _MAY[mode]:
            yield f"{name} means nothing in {mode}: leave it out.", name
    for name in _MUST.get(mode, ()):
        if name not in period:
            yield f"{mode} needs a {name}.", name
    if mode == "LocalFrequency" and not _has_curve(period):
        yield (
            "LocalFrequency needs a v2xFreqWattCurve, or a v2xSignalWattCurve with v2xBaseline.",
            "v2xFreqWattCurve",
        )
    for setpoint, most, least in (
        ("setpoint", "limit", "dischargeLimit"),
        ("setpoint_L2", "limit_L2", "dischargeLimit_L2"),
        ("setpoint_L3", "limit_L3", "dischargeLimit_L3"),
    ):
        told = period.get(setpoint)
        if told is None:
            continue
        if most in period and told > period[most]:
            yield f"{setpoint} is above {most}.", setpoint
        if least in period and told < period[least]:
            yield f"{setpoint} is below {least}.", setpoint


def _has_curve(period: Mapping[str, Any]) -> bool:
    if "v2xFreqWattCurve" in period:
        return True
    return "v2xSignalWattCurve" in period and "v2xBaseline" in period


def _of_dynamic(schedule: Mapping[str, Any]) -> str | None:
    """A dynamic profile has one period, whose values are set anew."""
    if len(schedule["chargingSchedulePeriod"]) != 1:
        return "A dynamic profile has one period, which is told anew: name one."
    return None


def objection_to_update(
    profile: Mapping[str, Any], update: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Return why a dynamic profile cannot be told this anew; None if it can.

    Args:
        profile: The ChargingProfileType that the station has.
        update: A ChargingScheduleUpdateType.
    """
    if profile["chargingProfileKind"] != "Dynamic":
        return "Only a profile of kind Dynamic can be told anew.", "$.chargingProfileId"
    if not SET_OFTEN & update.keys():
        return "The update tells nothing: name a limit or a setpoint.", "$.scheduleUpdate"
    period = profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]
    mode = period.get("operationMode", CHARGING_ONLY)
    for sentence, name in _of_period(period | values_of(update), mode):
        return sentence, f"$.scheduleUpdate.{name}"
    return None


def values_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a period, or of an update, what an update can tell."""
    return {name: value for name, value in told.items() if name in SET_OFTEN}
