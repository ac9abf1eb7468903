"""What a vehicle needs by ISO 15118, and the charging profile that answers it. Pure.

A vehicle that can discharge is only charged by it: what it gives back, somebody has to ask for.

Source: OCPP 2.0.1 edition 3, part 2, K15 to K17; OCPP 2.1 part 2, K18 to K20, Q01 to Q04.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from csms.balancing import NOMINAL_V

_AC_PHASES: Final = {"AC_single_phase": 1, "AC_two_phase": 2, "AC_three_phase": 3}
_DC: Final = frozenset({"DC", "DC_ACDP"})
_BOTH_WAYS: Final = frozenset({"AC_BPT", "AC_BPT_DER", "DC_BPT", "DC_ACDP_BPT"})
_TOLERANCE: Final = Decimal("0.1")


class NeedsStatus(StrEnum):
    """`NotifyEVChargingNeedsStatusEnumType`."""

    ACCEPTED = "Accepted"
    """A profile follows."""
    REJECTED = "Rejected"
    """Nothing charges there, or not in a way that anybody here answers or allows."""
    NO_PROFILE = "NoChargingProfile"
    """Nobody here limits it: the station goes by what it has (2.1, K19)."""


def is_answered(needs: Mapping[str, Any], *, may_discharge: bool) -> bool:
    """Tell whether what a vehicle asks for is of a kind that is answered and allowed there.

    Args:
        needs: ChargingNeedsType.
        may_discharge: Whether vehicles may also discharge at its charge point.
    """
    mode = needs.get("requestedEnergyTransfer")
    if mode in _BOTH_WAYS:
        return may_discharge
    return mode in _AC_PHASES or mode in _DC


def schedule_for(
    needs: Mapping[str, Any], *, most_a: int | None, most_w: Decimal | None, now: datetime
) -> dict[str, Any] | None:
    """Return the charging schedule that meets a vehicle's needs within what is there.

    Alternating current is limited in amperes for the phases that the vehicle asks for, direct
    current in watts, as is whatever a vehicle asks for by ISO 15118-20. One period: no vehicle's
    number of tuples is passed.

    Args:
        needs: ChargingNeedsType.
        most_a: What the charge point may draw of each phase; None: nobody limits it.
        most_w: What it can give; None: not known.
        now: From when on.

    Returns:
        ChargingScheduleType without its id; None where the needs are of a kind that nobody here
        answers, or name no limit at all.
    """
    mode = needs.get("requestedEnergyTransfer")
    period: dict[str, Any]
    within = None if most_a is None else most_a * 3 * NOMINAL_V
    newer = needs.get("v2xChargingParameters")
    if newer is not None and is_answered(needs, may_discharge=True):
        limits = [each for each in (_most_watts(newer), most_w, within) if each is not None]
        if not limits:
            return None
        period = {"limit": _plain(min(limits)), "operationMode": "ChargingOnly"}
        unit = "W"
    elif mode in _AC_PHASES:
        asked = needs.get("acChargingParameters") or {}
        limits = [each for each in (asked.get("evMaxCurrent"), most_a) if each is not None]
        if not limits:
            return None
        period = {"limit": _plain(min(limits)), "numberPhases": _AC_PHASES[mode]}
        unit = "A"
    elif mode in _DC:
        asked = needs.get("dcChargingParameters") or {}
        wanted = asked.get("evMaxPower")
        if wanted is None and {"evMaxCurrent", "evMaxVoltage"} <= set(asked):
            wanted = asked["evMaxCurrent"] * asked["evMaxVoltage"]
        limits = [each for each in (wanted, most_w, within) if each is not None]
        if not limits:
            return None
        period = {"limit": _plain(min(limits))}
        unit = "W"
    else:
        return None
    return {
        "startSchedule": now.replace(microsecond=0).isoformat().replace("+00:00", "Z"),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [{"startPeriod": 0} | period],
    }


def _most_watts(parameters: Mapping[str, Any]) -> Decimal | None:
    """Return what a vehicle can take at most, by its power or by its current and voltage."""
    if "maxChargePower" in parameters:
        return Decimal(str(parameters["maxChargePower"]))
    if {"maxChargeCurrent", "maxVoltage"} <= parameters.keys():
        current, voltage = parameters["maxChargeCurrent"], parameters["maxVoltage"]
        return Decimal(str(current)) * Decimal(str(voltage))
    return None


def keeps_within(
    schedule: Mapping[str, Any], limits: Mapping[str, Any], *, begins_at: datetime
) -> bool:
    """Tell whether a vehicle's schedule draws nowhere more than the newest that it was given.

    Schedules in other units than what was given cannot be compared, and are not within it; nor are
    those that say nothing of a limit (2.1 lets it be left out). What was given without one limits
    nothing.

    Args:
        schedule: The vehicle's, a ChargingScheduleType.
        limits: What it was given, likewise.
        begins_at: What the vehicle's schedule counts from (timeBase).
    """
    if schedule.get("chargingRateUnit") != limits.get("chargingRateUnit"):
        return False
    given = _steps(limits, _seconds(limits.get("startSchedule"), begins_at))
    drawn = _steps(schedule, 0)
    moments = sorted({start for start, _ in (*given, *drawn)})
    for moment in moments:
        if moment < drawn[0][0]:
            continue
        wanted, allowed = _at(drawn, moment), _at(given, moment)
        if wanted is None or (allowed is not None and wanted > allowed + _TOLERANCE):
            return False
    return True


def _seconds(start: object, since: datetime) -> int:
    """Return how many seconds after a moment a schedule starts; 0 where it does not say."""
    if not isinstance(start, str):
        return 0
    try:
        return int((datetime.fromisoformat(start) - since).total_seconds())
    except (ValueError, TypeError):  # no moment, or one without a zone
        return 0


def _steps(schedule: Mapping[str, Any], shift: int) -> list[tuple[int, Decimal | None]]:
    """Return from when on which limit holds, in order."""
    return sorted(
        (
            (
                each["startPeriod"] + shift,
                None if each.get("limit") is None else Decimal(str(each["limit"])),
            )
            for each in schedule["chargingSchedulePeriod"]
        ),
        key=lambda each: each[0],
    )


def _at(steps: list[tuple[int, Decimal | None]], moment: int) -> Decimal | None:
    """Return the limit at a moment; before the first period the first one's."""
    found = [limit for start, limit in steps if start <= moment]
    return found[-1] if found else steps[0][1]


def _plain(value: Any) -> int | float:
    number = Decimal(str(value))
    return int(number) if number == number.to_integral_value() else float(number)
