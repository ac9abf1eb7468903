"""Which transactions are held back until a person has looked at them, and why.

A held transaction is rated and recorded like any other, but nobody is paid for it until somebody
sets it valid, with a reason. Each check can be switched by organisation; what nobody could bill
(no price, nobody who pays, a station that was not taken in, an end or a start that nobody
reported) is held whatever is switched. Nothing here ends a transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from foundation.events import Doubt, EndBasis, TransactionEnded
from foundation.quantities import energy_at_power_wh, seconds


class HoldReason(StrEnum):
    """Why a transaction is held; the words of the API, in the order in which one is shown.

    First what no release could mend (nobody to pay, no station of ours), then what the others may
    only follow from: a transaction without a start or with a wrong clock has all kinds of other
    oddities.
    """

    STATION_WAITING = "station_waiting"
    NO_PAYER = "no_payer"
    MISSING_START = "missing_start"
    CLOCK_WRONG = "clock_wrong"
    END_BEFORE_START = "end_before_start"
    INFERRED_END = "inferred_end"
    NEGATIVE_ENERGY = "negative_energy"
    IMPOSSIBLE_METER = "impossible_meter"
    IMPOSSIBLE_ENERGY = "impossible_energy"
    TOO_MUCH_ENERGY = "too_much_energy"
    TOO_LONG = "too_long"
    SIGNATURE_FAILED = "signature_failed"
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_PENDING = "signature_pending"
    OVERLAP = "overlap"
    CARD_IN_TWO_PLACES = "card_in_two_places"
    NO_TARIFF = "no_tariff"
    BY_HAND = "by_hand"


class Check(StrEnum):
    """What the plausibility monitor looks at; each can be switched."""

    TIMES = "times"
    """Times that cannot be: an end before the start, a clock that was wrong."""
    METER = "meter"
    """An end register below the start, or implausibly high."""
    DURATION = "duration"
    ENERGY = "energy"
    POWER = "power"
    """More energy than the connector can give in the time."""
    SIGNATURE = "signature"
    """Signed meter values that are missing, do not hold, or cannot be checked yet."""
    OVERLAP = "overlap"
    """Two transactions on one EVSE at once."""
    TWO_PLACES = "two_places"
    """One card charging at two locations at once."""


DEFAULT_CHECKS: Final = frozenset(
    {Check.TIMES, Check.METER, Check.POWER, Check.OVERLAP, Check.TWO_PLACES}
)
"""What is on unless an organisation says otherwise: what physics forbids. The others are matters
of taste (how long is too long?) or of equipment (does the meter sign?)."""

GUARDED: Final[Mapping[HoldReason, Check]] = {
    HoldReason.CLOCK_WRONG: Check.TIMES,
    HoldReason.END_BEFORE_START: Check.TIMES,
    HoldReason.NEGATIVE_ENERGY: Check.METER,
    HoldReason.IMPOSSIBLE_METER: Check.METER,
    HoldReason.IMPOSSIBLE_ENERGY: Check.POWER,
    HoldReason.TOO_MUCH_ENERGY: Check.ENERGY,
    HoldReason.TOO_LONG: Check.DURATION,
    HoldReason.SIGNATURE_FAILED: Check.SIGNATURE,
    HoldReason.SIGNATURE_MISSING: Check.SIGNATURE,
    HoldReason.SIGNATURE_PENDING: Check.SIGNATURE,
    HoldReason.OVERLAP: Check.OVERLAP,
    HoldReason.CARD_IN_TWO_PLACES: Check.TWO_PLACES,
}
"""Which check finds a reason; the others hold whatever is switched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the monitor is set to: which checks are on, and from where on something is flagged.

    Attributes:
        checks: Those that are on.
        max_duration_min: With DURATION, the longest time in minutes.
        max_energy_wh: With ENERGY, the most energy.
        max_rise_wh: With METER, the most that a register may rise: above what any vehicle takes.
        tolerance: Share of the possible energy that may come on top: charging above the nominal
            power by a few percent is everyday life.
        slack_wh: Energy that may come on top whatever the duration, for meters that count in
            steps and clocks that count in seconds.
        unknown_max_power_w: The power taken for possible where the connector's is not known;
            above what any AC connector gives, and near the most that DC gives today.
        overlap_s: How long two transactions may overlap and still be a matter of clocks.
        ghost_min: After so many minutes without energy a transaction costs nothing; None: never.
        ghost_wh: Energy up to which it counts as none.
    """

    checks: frozenset[Check] = DEFAULT_CHECKS
    max_duration_min: int = 24 * 60
    max_energy_wh: Decimal = Decimal(150_000)
    max_rise_wh: Decimal = Decimal(1_000_000)
    tolerance: Decimal = Decimal("0.10")
    slack_wh: Decimal = Decimal(100)
    unknown_max_power_w: Decimal = Decimal(400_000)
    overlap_s: int = 120
    ghost_min: int | None = 15
    ghost_wh: Decimal = Decimal(10)


DEFAULT_LIMITS: Final = Limits()

GHOST_WH_MAX: Final = Decimal(1000)
"""The most that `ghost_wh` may be set to: whoever took a kilowatt-hour is no ghost."""


# -------------------------------------------------------------------------- what others know


class Overlapping(Protocol):
    """Another transaction on the same EVSE at the same time."""

    @property
    def transaction_id(self) -> int: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime: ...


class Testimony(Protocol):
    """What the central system knows of a transaction beside its event.

    `signature` is verified, pending or failed; None where the meter signed nothing. `trouble` says
    why it is not verified.
    """

    @property
    def signature(self) -> str | None: ...
    @property
    def trouble(self) -> str | None: ...
    @property
    def signed_begin_wh(self) -> Decimal | None: ...
    @property
    def signed_end_wh(self) -> Decimal | None: ...
    @property
    def overlapping(self) -> Sequence[Overlapping]: ...


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Another transaction of the same card, at another location at the same time."""

    transaction_id: int
    station: str
    location: str
    started_at: datetime
    ended_at: datetime


class Finding(msgspec.Struct, frozen=True):
    """A reason with its evidence: facts as JSON values, numbers as texts in Wh, W, s."""

    reason: HoldReason
    facts: dict[str, Any]

    @property
    def counterpart(self) -> int | None:
        """The other transaction that it concerns as well."""
        found = self.facts.get("transaction_id")
        return None if found is None else int(found)


# -------------------------------------------------------------------------------- the checks

_DOUBTS: Final[Mapping[Doubt, HoldReason]] = {doubt: HoldReason(doubt.value) for doubt in Doubt}


def holds(
    ended: TransactionEnded,
    *,
    has_tariff: bool,
    has_payer: bool,
    limits: Limits = DEFAULT_LIMITS,
    testimony: Testimony | None = None,
    elsewhere: Sequence[Elsewhere] = (),
) -> tuple[HoldReason, ...]:
    """Return every reason to hold the transaction, the one to be shown first; empty if none."""
    return tuple(
        each.reason
        for each in findings(
            ended,
            has_tariff=has_tariff,
            has_payer=has_payer,
            limits=limits,
            testimony=testimony,
            elsewhere=elsewhere,
        )
    )


def findings(
    ended: TransactionEnded,
    *,
    has_tariff: bool,
    has_payer: bool,
    limits: Limits = DEFAULT_LIMITS,
    testimony: Testimony | None = None,
    elsewhere: Sequence[Elsewhere] = (),
) -> list[Finding]:
    """Return every reason to hold the transaction, each with its evidence, in the order shown.

    Args:
        ended: What the central system holds true about the transaction, with its doubts.
        has_tariff: Whether a tariff was assigned at its start; a free one is a tariff.
        has_payer: Whether somebody pays for it, or nobody has to (free vend).
        limits: What counts as impossible.
        testimony: What else is known of it; None where nobody was asked.
        elsewhere: Where its card charged at the same time.
    """
    found: dict[HoldReason, dict[str, Any]] = {}
    _doubts(ended, found)
    _times(ended, found)
    _energy(ended, limits, found)
    if testimony is not None:
        _signature(ended, testimony, found)
        _overlaps(ended, testimony.overlapping, limits, found)
    for each in elsewhere:
        if _overlap_s(ended, each.started_at, each.ended_at) > limits.overlap_s:
            found.setdefault(HoldReason.CARD_IN_TWO_PLACES, _other_place(ended, each))
    if not has_tariff:
        found[HoldReason.NO_TARIFF] = {}
    if not has_payer:
        found[HoldReason.NO_PAYER] = {}
    if not found:
        return []
    return [
        Finding(reason, found[reason])
        for reason in HoldReason
        if reason in found and ((check := GUARDED.get(reason)) is None or check in limits.checks)
    ]


def _doubts(ended: TransactionEnded, found: dict[HoldReason, dict[str, Any]]) -> None:
    for doubt in ended.doubts:
        found[_DOUBTS[doubt]] = {}
    if ended.corrected_by is not None:
        return  # somebody said how it was
    if ended.basis is EndBasis.ADOPTED:
        found[HoldReason.MISSING_START] = {}
    if ended.basis is EndBasis.INFERRED:
        found[HoldReason.INFERRED_END] = {}


def _times(ended: TransactionEnded, found: dict[HoldReason, dict[str, Any]]) -> None:
    duration_s = seconds(ended.ended_at - ended.started_at)
    if duration_s < 0 or HoldReason.END_BEFORE_START in found:
        found[HoldReason.END_BEFORE_START] = {"duration_s": str(duration_s)}


def _energy(
    ended: TransactionEnded, limits: Limits, found: dict[HoldReason, dict[str, Any]]
) -> None:
    energy, checks = ended.energy_wh, limits.checks
    if energy < 0 or HoldReason.NEGATIVE_ENERGY in found:
        found[HoldReason.NEGATIVE_ENERGY] = _registers(ended)
    if energy > limits.max_rise_wh:
        found[HoldReason.IMPOSSIBLE_METER] = _registers(ended) | {
            "limit_wh": str(limits.max_rise_wh)
        }
    possible = possible_energy_wh(ended, limits)
    if energy > possible or HoldReason.IMPOSSIBLE_ENERGY in found:
        found[HoldReason.IMPOSSIBLE_ENERGY] = {
            "energy_wh": str(energy),
            "possible_wh": str(possible.to_integral_value()),
            "power_w": None if ended.max_power_w is None else str(ended.max_power_w),
            "duration_s": str(seconds(ended.ended_at - ended.started_at)),
        }
    if Check.ENERGY in checks and energy > limits.max_energy_wh:
        found[HoldReason.TOO_MUCH_ENERGY] = {
            "energy_wh": str(energy),
            "limit_wh": str(limits.max_energy_wh),
        }
    if Check.DURATION in checks:
        duration_s = seconds(ended.ended_at - ended.started_at)
        if duration_s > limits.max_duration_min * 60:
            found[HoldReason.TOO_LONG] = {
                "duration_s": str(duration_s),
                "limit_s": str(limits.max_duration_min * 60),
            }


def _registers(ended: TransactionEnded) -> dict[str, Any]:
    return {
        "meter_start_wh": None if ended.meter_start_wh is None else str(ended.meter_start_wh),
        "meter_stop_wh": None if ended.meter_stop_wh is None else str(ended.meter_stop_wh),
        "energy_wh": str(ended.energy_wh),
    }


def _signature(
    ended: TransactionEnded, testimony: Testimony, found: dict[HoldReason, dict[str, Any]]
) -> None:
    reason = {
        None: HoldReason.SIGNATURE_MISSING,
        "pending": HoldReason.SIGNATURE_PENDING,
        "failed": HoldReason.SIGNATURE_FAILED,
    }.get(testimony.signature)
    if reason is None:
        return
    begin, end = testimony.signed_begin_wh, testimony.signed_end_wh
    found[reason] = {
        "trouble": testimony.trouble,
        "energy_wh": str(ended.energy_wh),
        "signed_wh": None if begin is None or end is None else str(end - begin),
    }


def _overlaps(
    ended: TransactionEnded,
    others: Sequence[Overlapping],
    limits: Limits,
    found: dict[HoldReason, dict[str, Any]],
) -> None:
    for each in others:
        overlap_s = _overlap_s(ended, each.started_at, each.ended_at)
        if overlap_s > limits.overlap_s:
            found[HoldReason.OVERLAP] = {
                "transaction_id": str(each.transaction_id),
                "started_at": each.started_at.isoformat(),
                "ended_at": each.ended_at.isoformat(),
                "overlap_s": str(overlap_s),
            }
            return


def _other_place(ended: TransactionEnded, other: Elsewhere) -> dict[str, Any]:
    return {
        "transaction_id": str(other.transaction_id),
        "station": other.station,
        "location": other.location,
        "started_at": other.started_at.isoformat(),
        "ended_at": other.ended_at.isoformat(),
        "overlap_s": str(_overlap_s(ended, other.started_at, other.ended_at)),
    }


def _overlap_s(ended: TransactionEnded, started_at: datetime, ended_at: datetime) -> Decimal:
    """Return for how many seconds two transactions went on at once; negative if they did not."""
    return seconds(min(ended.ended_at, ended_at) - max(ended.started_at, started_at))


def mirrored(finding: Finding, ended: TransactionEnded) -> Finding:
    """Return what a finding about two transactions says of the other one."""
    facts = finding.facts | {
        "transaction_id": str(ended.transaction_id),
        "started_at": ended.started_at.isoformat(),
        "ended_at": ended.ended_at.isoformat(),
    }
    if finding.reason is HoldReason.CARD_IN_TWO_PLACES:
        facts |= {"station": ended.station, "location": ended.location}
    return Finding(finding.reason, facts)


def possible_energy_wh(ended: TransactionEnded, limits: Limits = DEFAULT_LIMITS) -> Decimal:
    """Return the most energy that the connector can have given in the transaction's time.

    A transaction that ends before it starts has no time to judge by; its end is the doubt then,
    and the slack is all that is possible.
    """
    duration_s = max(Decimal(0), seconds(ended.ended_at - ended.started_at))
    power_w = limits.unknown_max_power_w if ended.max_power_w is None else ended.max_power_w
    return energy_at_power_wh(power_w, duration_s) * (1 + limits.tolerance) + limits.slack_wh


def is_ghost(ended: TransactionEnded, limits: Limits) -> bool:
    """Tell whether a transaction went on without taking any energy, so that it costs nothing.

    A broken plug or an end that never came must not become a bill. Where the registers ran
    backwards nobody knows the energy: that is for a person to look at, and no ghost.
    """
    return (
        limits.ghost_min is not None
        and ended.energy_wh <= limits.ghost_wh
        and Doubt.NEGATIVE_ENERGY not in ended.doubts
        and seconds(ended.ended_at - ended.started_at) > limits.ghost_min * 60
    )
