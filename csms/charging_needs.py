"""What a vehicle needs by ISO 15118, and the charging profile that answers it. Pure.

A vehicle that can discharge is only charged by it: what it gives back, somebody has to ask for.

Source: OCPP 2.0.1 edition 3, part 2, K15 to K17; OCPP 2.1 part 2, K18 to K20, Q01 to Q04.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Any, Final

from csms.balancing import NOMINAL_V
from csms.ocpp.moments import parse

_AC_PHASES: Final = {"AC_single_phase": 1, "AC_two_phase": 2, "AC_three_phase": 3}
_DC: Final = frozenset({"DC", "DC_ACDP"})
_BOTH_WAYS: Final = frozenset({"AC_BPT", "AC_BPT_DER", "DC_BPT", "DC_ACDP_BPT"})
_TOLERANCE: Final = Decimal("0.1")
_RESERVE: Final = Decimal("1.1")
"""How much faster than needed a vehicle is charged that says when it leaves: it may ramp up late,
or lose some on the way into its battery."""
_BEYOND_ALL: Final = Decimal(10**9)
"""More than any charge point gives, in watts or amperes; what can still be rounded exactly."""
_LEAST_AC_A: Final = 6
"""IEC 61851-1: no vehicle is charged with less alternating current of a phase."""


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
    needs: Mapping[str, Any],
    *,
    most_a: int | None,
    most_w: Decimal | None,
    now: datetime,
    tuples: int = 1,
) -> dict[str, Any] | None:
    """Return the charging schedule that meets a vehicle's needs within what is there.

    Alternating current is limited in amperes for the phases that the vehicle asks for, direct
    current in watts, as is whatever a vehicle asks for by ISO 15118-20. A vehicle that says when it
    leaves, and with how much more energy, is charged until then as steadily as brings it that (a
    tenth faster, rounded up to a tenth), never with less than it can be; afterwards, where it takes
    a second period, with all that is there.

    Args:
        needs: ChargingNeedsType.
        most_a: What the charge point may draw of each phase; None: nobody limits it.
        most_w: What it can give; None: not known.
        now: From when on.
        tuples: How many periods the vehicle takes at most (maxScheduleTuples), 1 or more.

    Returns:
        ChargingScheduleType without its id; None where the needs are of a kind that nobody here
        answers, or name no limit at all.
    """
    mode = needs.get("requestedEnergyTransfer")
    within = None if most_a is None else most_a * 3 * NOMINAL_V
    newer = needs.get("v2xChargingParameters")
    of_all: dict[str, Any] = {}
    unit, watts_of_one = "W", Decimal(1)
    limits: list[Decimal | int | None]
    least: Decimal | None
    if newer is not None and is_answered(needs, may_discharge=True):
        limits = [_most_watts(newer), most_w, within]
        least = _number(newer.get("minChargePower"))
        of_all = {"operationMode": "ChargingOnly"}
    elif mode in _AC_PHASES:
        asked = needs.get("acChargingParameters") or {}
        limits = [_number(asked.get("evMaxCurrent")), _number(most_a)]
        least = max(_number(asked.get("evMinCurrent")) or Decimal(0), Decimal(_LEAST_AC_A))
        of_all = {"numberPhases": _AC_PHASES[mode]}
        unit, watts_of_one = "A", Decimal(NOMINAL_V * _AC_PHASES[mode])
    elif mode in _DC:
        asked = needs.get("dcChargingParameters") or {}
        wanted = _number(asked.get("evMaxPower"))
        if wanted is None and {"evMaxCurrent", "evMaxVoltage"} <= set(asked):
            wanted = Decimal(str(asked["evMaxCurrent"])) * Decimal(str(asked["evMaxVoltage"]))
        limits, least = [wanted, most_w, within], None
    else:
        return None
    known = [Decimal(each) for each in limits if each is not None]
    if not known:
        return None
    most = min(known)
    leaves_at, energy_wh = _leaves_at(needs), energy_needed(needs)
    periods = [{"startPeriod": 0, "limit": _plain(most)} | of_all]
    if leaves_at is not None and energy_wh is not None and leaves_at > now:
        stays_s = Decimal(str((leaves_at - now).total_seconds()))
        steady_w = energy_wh * _RESERVE * 3600 / stays_s
        steady = min(steady_w / watts_of_one, most, _BEYOND_ALL)
        enough = steady.quantize(_TOLERANCE, ROUND_CEILING)
        limit = min(most, max(enough, least or Decimal(0)))
        if limit < most:
            periods = [{"startPeriod": 0, "limit": _plain(limit)} | of_all]
            if tuples > 1:
                periods.append({"startPeriod": int(stays_s) + 1, "limit": _plain(most)} | of_all)
    return {
        "startSchedule": now.replace(microsecond=0).isoformat().replace("+00:00", "Z"),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods,
    }


def energy_needed(needs: Mapping[str, Any]) -> Decimal | None:
    """Return how much energy a vehicle wants before it leaves, in Wh; None where it does not say.

    By ISO 15118-20 what it wants, and never less than what it must have at least; by ISO 15118-2
    the amount it names, or what its battery lacks. Zero where it has enough.
    """
    newer = needs.get("v2xChargingParameters") or {}
    told = [newer.get("evTargetEnergyRequest"), newer.get("evMinEnergyRequest")]
    found = [Decimal(str(each)) for each in told if each is not None]
    if not found:
        ac, dc = needs.get("acChargingParameters") or {}, needs.get("dcChargingParameters") or {}
        named = ac.get("energyAmount", dc.get("energyAmount"))
        if named is not None:
            found = [Decimal(str(named))]
        elif {"evEnergyCapacity", "stateOfCharge"} <= dc.keys():
            lacks = int(dc.get("fullSoC", 100)) - int(dc["stateOfCharge"])
            found = [Decimal(str(dc["evEnergyCapacity"])) * lacks / 100]
    return max([*found, Decimal(0)]) if found else None


def _leaves_at(needs: Mapping[str, Any]) -> datetime | None:
    """Return when a vehicle leaves; None where it does not say, or not so that it can be read."""
    told = needs.get("departureTime")
    found = parse(str(told)) if told else None
    return None if found is None else found.at


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


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
