"""What a transaction came to: energy, registers and usage from everything its station reported.

Pure and repeatable: the same reports in whatever order give the same result, so a transaction can
be rebuilt from its stored reports at any time. Nothing is repaired silently: what cannot be true
is kept with its doubt, and the energy is then the best estimate that the registers allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from foundation.events import Doubt, EnergyBasis, UsagePoint

ZERO = Decimal(0)

RESET_FRACTION = Decimal("0.5")
"""A register that falls below this part of its last value was reset; a smaller fall ran back."""

CLOSING_TOLERANCE_WH = Decimal(100)
"""A closing reading after the stop replaces the stop register only if it is this close to it."""

USAGE_SPACING = timedelta(seconds=60)
"""Usage points are no closer than this: enough for any tariff, and an event stays small."""


@dataclass(frozen=True, slots=True)
class RegisterReading:
    """One value of the import register; `context` in OCPP's words."""

    at: datetime
    context: str
    register_wh: Decimal


@dataclass(frozen=True, slots=True)
class Claims:
    """What was reported of one transaction, times corrected.

    `stop_wh` is None if the end named no register (or there was no end). `ended_at` is None while
    it is active.
    """

    started_at: datetime
    ended_at: datetime | None
    start_wh: Decimal | None
    stop_wh: Decimal | None
    start_seen: bool
    inferred: bool
    clock_wrong: bool
    station_waiting: bool
    readings: Sequence[RegisterReading]


@dataclass(frozen=True, slots=True)
class Assembled:
    """What we hold true of a transaction."""

    meter_start_wh: Decimal | None
    meter_stop_wh: Decimal | None
    energy_wh: Decimal
    energy_basis: EnergyBasis
    usage: tuple[UsagePoint, ...]
    doubts: tuple[Doubt, ...]


def assemble(claims: Claims) -> Assembled:
    """Return energy, registers, usage and doubts of a transaction.

    The energy is never negative. Registers: the stop minus the start, as long as nothing shows
    that the register was reset in between; then the sum of its rises (basis SEGMENTS).
    """
    readings = sorted(claims.readings, key=lambda reading: (reading.at, reading.register_wh))
    within = [
        reading
        for reading in readings
        if reading.at >= claims.started_at
        and (claims.ended_at is None or reading.at <= claims.ended_at)
    ]
    start_wh = claims.start_wh
    if start_wh is None and claims.start_seen and within:
        start_wh = within[0].register_wh
    stop_wh = _stop_register(claims, readings, within)

    doubts: list[Doubt] = []
    ended_at = claims.ended_at
    if ended_at is not None and ended_at < claims.started_at:
        doubts.append(Doubt.END_BEFORE_START)
    if not claims.start_seen:
        doubts.append(Doubt.MISSING_START)
    if claims.inferred:
        doubts.append(Doubt.INFERRED_END)
    if claims.clock_wrong:
        doubts.append(Doubt.CLOCK_WRONG)
    if claims.station_waiting:
        doubts.append(Doubt.STATION_WAITING)

    curve = [reading.register_wh for reading in within]
    energy, basis, negative = _energy(start_wh, stop_wh, curve)
    if negative:
        doubts.append(Doubt.NEGATIVE_ENERGY)
    return Assembled(
        meter_start_wh=start_wh,
        meter_stop_wh=stop_wh,
        energy_wh=energy,
        energy_basis=basis,
        usage=_usage(claims, within, energy),
        doubts=tuple(doubts),
    )


def _stop_register(
    claims: Claims, readings: Sequence[RegisterReading], within: Sequence[RegisterReading]
) -> Decimal | None:
    """The stop as said, or a closing reading near it, or the last reading there is."""
    stop = claims.stop_wh
    if stop is not None and stop < 0:
        stop = None  # -1 is how some stations say that they do not know
    closing = [reading.register_wh for reading in readings if reading.context == "Transaction.End"]
    if closing:
        if stop is None:
            return closing[-1]
        if stop < closing[-1] <= stop + CLOSING_TOLERANCE_WH:
            return closing[-1]
    if stop is None and within:
        return within[-1].register_wh
    return stop


def _energy(
    start: Decimal | None, stop: Decimal | None, curve: Sequence[Decimal]
) -> tuple[Decimal, EnergyBasis, bool]:
    """Return energy in Wh, its basis, and whether the registers ran backwards."""
    if start is None:
        # Nothing to subtract from; what readings there are still show a rise.
        rise = max(ZERO, curve[-1] - curve[0]) if curve else ZERO
        return rise, EnergyBasis.REGISTERS, False
    if stop is None:
        return ZERO, EnergyBasis.REGISTERS, False
    relative = stop >= start and _is_relative(start, curve)
    if not relative and _was_reset(start, stop, curve):
        return _rises([start, *curve, stop]), EnergyBasis.SEGMENTS, False
    if stop >= start:
        return stop - start, EnergyBasis.REGISTERS, False
    # The register ran backwards: what was certainly taken is what the readings rose by before.
    estimate = max(ZERO, max(curve) - start) if curve and not relative else ZERO
    return estimate, EnergyBasis.REGISTERS, True


def _is_relative(start: Decimal, curve: Sequence[Decimal]) -> bool:
    """Tell whether the readings count from the transaction's start, unlike start and stop.

    Such stations send lifetime registers in start and stop, and the energy of the transaction in
    between; their readings all lie below the start and never fall.
    """
    return (
        bool(curve)
        and start > 0
        and curve[0] < start * RESET_FRACTION
        and max(curve) < start
        and all(a <= b for a, b in pairwise(curve))
        and len(curve) >= 2
    )


def _was_reset(start: Decimal, stop: Decimal, curve: Sequence[Decimal]) -> bool:
    """Tell whether the register fell to near zero and rose again, as readings must show."""
    if not curve:
        return False
    series = [start, *curve, stop]
    return any(b < a * RESET_FRACTION for a, b in pairwise(series))


def _rises(series: Sequence[Decimal]) -> Decimal:
    """Sum the rises of a register; after a reset it counts from zero again."""
    total = ZERO
    for before, after in pairwise(series):
        if after >= before:
            total += after - before
        elif after < before * RESET_FRACTION:
            total += after
    return total


def _usage(
    claims: Claims, within: Sequence[RegisterReading], energy: Decimal
) -> tuple[UsagePoint, ...]:
    """Return where the energy stood when, scaled so that the last point is the whole energy."""
    ended_at = claims.ended_at
    if ended_at is None:
        ended_at = within[-1].at if within else claims.started_at
    if ended_at <= claims.started_at:
        return (UsagePoint(claims.started_at, ZERO, charging=False),)
    points = [(claims.started_at, ZERO)]
    if within:
        base = within[0].register_wh if _starts_elsewhere(claims, within) else claims.start_wh
        previous = within[0].register_wh if base is None else base
        taken = ZERO
        for reading in within:
            step = reading.register_wh - previous
            if step < 0:
                step = reading.register_wh if reading.register_wh < previous / 2 else ZERO
            taken = min(taken + step, energy)
            previous = reading.register_wh
            if reading.at - points[-1][0] >= USAGE_SPACING and reading.at < ended_at:
                points.append((reading.at, taken))
    points.append((ended_at, energy))
    usage = [
        UsagePoint(at, taken, charging=following > taken)
        for (at, taken), (_, following) in pairwise(points)
    ]
    return (*usage, UsagePoint(ended_at, energy, charging=False))


def _starts_elsewhere(claims: Claims, within: Sequence[RegisterReading]) -> bool:
    """Tell whether the readings do not continue the start register."""
    if claims.start_wh is None:
        return True
    lifetime = claims.stop_wh is None or claims.stop_wh >= claims.start_wh
    return lifetime and _is_relative(claims.start_wh, [each.register_wh for each in within])
