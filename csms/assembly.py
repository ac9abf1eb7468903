"""What a transaction came to: energy, registers and usage from everything its station reported.

Pure and repeatable: the same reports in whatever order give the same result, so a transaction can
be rebuilt from its stored reports at any time. Nothing is repaired silently: what cannot be true
is kept with its doubt, and the energy is then the best estimate that the registers allow.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from msgspec import Struct

from foundation.events import Doubt, EnergyBasis, UsagePoint

ZERO = Decimal(0)

RESET_FRACTION = Decimal("0.5")
"""A register that falls below this part of its last value was reset; a smaller fall ran back."""

CLOSING_TOLERANCE_WH = Decimal(100)
"""A closing reading after the stop replaces the stop register only if it is this close to it."""

USAGE_SPACING = timedelta(seconds=60)
"""Usage points are no closer than this: enough for any tariff, and an event stays small."""


class RegisterReading(Struct, frozen=True, gc=False):
    """One value of the import register; `context` in OCPP's words."""

    at: datetime
    context: str
    register_wh: Decimal


class Claims(Struct, frozen=True):
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


class Assembled(Struct, frozen=True):
    """What we hold true of a transaction."""

    meter_start_wh: Decimal | None
    meter_stop_wh: Decimal | None
    energy_wh: Decimal
    energy_basis: EnergyBasis
    usage: tuple[UsagePoint, ...]
    doubts: tuple[Doubt, ...]


def assemble(claims: Claims) -> Assembled:
    """Return energy, registers, usage and doubts of a transaction.

    The energy is never negative. Registers: the stop minus the start, as long as no reading shows
    that the register was reset in between; then the sum of its rises (basis SEGMENTS).
    """
    readings = [reading for reading in claims.readings if reading.register_wh >= 0]
    if any(earlier.at >= later.at for earlier, later in pairwise(readings)):
        readings.sort(key=lambda reading: (reading.at, reading.register_wh, reading.context))
    ended_at = claims.ended_at
    within = _without_dips(
        [
            reading
            for reading in readings
            # Without its start, a transaction began when it was first heard of, or before.
            if (reading.at >= claims.started_at or not claims.start_seen)
            and (ended_at is None or reading.at <= ended_at)
        ]
    )
    start_wh = _known(claims.start_wh) if claims.start_seen else None
    if start_wh is None and claims.start_seen:
        start_wh = _start_register(readings, within, claims.started_at)
    stop_wh, has_stop = _stop_register(claims, readings, within)
    energy, basis, ran_back = _energy(
        start_wh, stop_wh, [reading.register_wh for reading in within]
    )

    doubts: list[Doubt] = []
    if ended_at is not None and ended_at < claims.started_at:
        doubts.append(Doubt.END_BEFORE_START)
    if _lacks_start(claims, start_wh, stop_wh):
        doubts.append(Doubt.MISSING_START)
    if claims.inferred:
        doubts.append(Doubt.INFERRED_END)
    if claims.clock_wrong:
        doubts.append(Doubt.CLOCK_WRONG)
    if claims.station_waiting:
        doubts.append(Doubt.STATION_WAITING)
    if ran_back or (not has_stop and claims.stop_wh is not None):
        doubts.append(Doubt.NEGATIVE_ENERGY)
    return Assembled(
        meter_start_wh=start_wh,
        meter_stop_wh=stop_wh,
        energy_wh=energy,
        energy_basis=basis,
        usage=_usage(claims, start_wh, within, energy),
        doubts=tuple(doubts),
    )


def _known(register_wh: Decimal | None) -> Decimal | None:
    """Return a register; None for the -1 of stations that do not know it."""
    return None if register_wh is None or register_wh < 0 else register_wh


def _lacks_start(claims: Claims, start_wh: Decimal | None, stop_wh: Decimal | None) -> bool:
    """Tell whether nobody can say from which register this transaction counts."""
    if not claims.start_seen or (claims.start_wh is not None and claims.start_wh < 0):
        return True
    return claims.ended_at is not None and start_wh is None and stop_wh is not None


def _without_dips(readings: Sequence[RegisterReading]) -> list[RegisterReading]:
    """Leave out single readings far below both neighbours, where the register went on after.

    A register that was truly reset does not stand where it stood before at the next reading.
    """
    if all(earlier.register_wh <= later.register_wh for earlier, later in pairwise(readings)):
        return list(readings)
    return [
        reading
        for place, reading in enumerate(readings)
        if not (
            0 < place < len(readings) - 1
            and reading.register_wh < readings[place - 1].register_wh * RESET_FRACTION
            and readings[place + 1].register_wh >= readings[place - 1].register_wh
        )
    ]


def _start_register(
    readings: Sequence[RegisterReading], within: Sequence[RegisterReading], started_at: datetime
) -> Decimal | None:
    """The opening reading, whenever it was taken, or the first of the others; no closing one.

    An opening reading may be told later than the start, and be a little older than it (J02); of
    several the last until the start counts, for older ones are of what was before.
    """
    openings = [each for each in readings if each.context == "Transaction.Begin"]
    before = [each for each in openings if each.at <= started_at]
    if openings:
        return (before[-1] if before else openings[0]).register_wh
    if within and within[0].context != "Transaction.End":
        return within[0].register_wh
    return None


def _stop_register(
    claims: Claims, readings: Sequence[RegisterReading], within: Sequence[RegisterReading]
) -> tuple[Decimal | None, bool]:
    """The stop as said, or a closing reading near it, or the last reading there is.

    Also whether it was said, in the end itself or by a closing reading.
    """
    stop = _known(claims.stop_wh)
    closing = [reading.register_wh for reading in readings if reading.context == "Transaction.End"]
    if closing and (stop is None or stop < closing[-1] <= stop + CLOSING_TOLERANCE_WH):
        return closing[-1], True
    if stop is None and within:
        return within[-1].register_wh, False
    return stop, stop is not None


def _energy(
    start: Decimal | None, stop: Decimal | None, curve: Sequence[Decimal]
) -> tuple[Decimal, EnergyBasis, bool]:
    """Return energy in Wh, its basis, and whether the registers ran backwards."""
    if start is None:
        # Nothing to subtract from; what readings there are still show a rise.
        goes_on = curve and stop is not None and stop >= curve[-1]
        series = [*curve, stop] if goes_on and stop is not None else list(curve)
        return _rises(series), EnergyBasis.REGISTERS, False
    if stop is None:
        return ZERO, EnergyBasis.REGISTERS, False
    relative = _is_relative(start, curve)
    if stop >= start and relative:
        return stop - start, EnergyBasis.REGISTERS, False
    if _was_reset(start, curve):
        return _rises([start, *curve, stop]), EnergyBasis.SEGMENTS, False
    if stop >= start:
        return stop - start, EnergyBasis.REGISTERS, False
    # The register ran backwards: what was certainly taken is what the readings rose by before.
    estimate = max(ZERO, max(curve) - start) if curve else ZERO
    return estimate, EnergyBasis.REGISTERS, True


def _is_relative(start: Decimal, curve: Sequence[Decimal]) -> bool:
    """Tell whether the readings count from the transaction's start, unlike start and stop.

    Such stations send lifetime registers in start and stop, and the energy of the transaction in
    between; their readings all lie below the start and never fall.
    """
    return (
        bool(curve)
        and curve[0] < start * RESET_FRACTION
        and max(curve) < start
        and all(a <= b for a, b in pairwise(curve))
    )


def _was_reset(start: Decimal, curve: Sequence[Decimal]) -> bool:
    """Tell whether readings show that the register fell to near zero and counted on from there.

    The stop alone proves nothing: a stop far below the readings is of another register, or wrong.
    """
    return any(b < a and b < a * RESET_FRACTION for a, b in pairwise([start, *curve]))


def _rises(series: Sequence[Decimal]) -> Decimal:
    """Sum the rises of a register; after a reset it counts from zero again."""
    total = ZERO
    for before, after in pairwise(series):
        total += _step(before, after)
    return total


def _step(before: Decimal, after: Decimal) -> Decimal:
    """Return what was taken between two values: never negative, whole after a reset."""
    if after >= before:
        return after - before
    return after if after < before * RESET_FRACTION else ZERO


def _usage(
    claims: Claims,
    start_wh: Decimal | None,
    within: Sequence[RegisterReading],
    energy: Decimal,
) -> tuple[UsagePoint, ...]:
    """Return where the energy stood when; the last point is the whole energy."""
    ended_at = claims.ended_at
    if ended_at is None:
        ended_at = within[-1].at if within else claims.started_at
    if ended_at <= claims.started_at:
        return (UsagePoint(claims.started_at, ZERO, charging=False),)
    last = claims.started_at
    points = [(last, ZERO)]
    previous = _first_register(start_wh, within, energy)
    taken = ZERO
    for reading in within:
        at, register = reading.at, reading.register_wh
        taken += register - previous if register >= previous else _step(previous, register)
        if taken > energy:
            taken = energy
        previous = register
        if at - last >= USAGE_SPACING and at < ended_at:
            points.append((at, taken))
            last = at
    points.append((ended_at, energy))
    usage = [
        UsagePoint(at, taken, charging=following > taken)
        for (at, taken), (_, following) in pairwise(points)
    ]
    return (*usage, UsagePoint(ended_at, energy, charging=False))


def _first_register(
    start_wh: Decimal | None, within: Sequence[RegisterReading], energy: Decimal
) -> Decimal:
    """Return the register that the readings count from: the start's, if they continue it."""
    if not within:
        return ZERO
    first = within[0].register_wh
    if start_wh is None:
        return first
    if _is_relative(start_wh, [reading.register_wh for reading in within]):
        # They count from zero at the start; a first one above the energy counts from elsewhere.
        return ZERO if first <= energy else first
    return start_wh if first - start_wh <= energy else first
