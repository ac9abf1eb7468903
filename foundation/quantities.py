"""Energy, power, time and shares in the units that we keep: Wh, W, s and basis points.

Everything is `Decimal` and exact, except where a division has no finite result (noted there).
"""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

WH_PER_KWH: Final = Decimal(1000)
SECONDS_PER_HOUR: Final = Decimal(3600)
BASIS_POINTS: Final = 10_000
"""Basis points in a whole: 10000 bps are 100 %."""

_MICROSECOND: Final = timedelta(microseconds=1)
_MICROS_PER_SECOND: Final = Decimal(1_000_000)


def kwh(energy_wh: Decimal) -> Decimal:
    """Return an energy in kWh."""
    return energy_wh / WH_PER_KWH


def wh(energy_kwh: Decimal) -> Decimal:
    """Return an energy in Wh."""
    return energy_kwh * WH_PER_KWH


def kwh_for_paper(energy_wh: Decimal) -> Decimal:
    """Return an energy in kWh with three decimals, that is, whole Wh, rounded half up."""
    return kwh(energy_wh).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)


def seconds(span: timedelta) -> Decimal:
    """Return a span of time in seconds, exact to the microsecond."""
    return Decimal(span // _MICROSECOND) / _MICROS_PER_SECOND


def hours(span_s: Decimal) -> Decimal:
    """Return seconds as hours, to 28 digits: a third of an hour has no finite decimal."""
    return span_s / SECONDS_PER_HOUR


def span(duration_s: Decimal) -> timedelta:
    """Return seconds as a span of time, rounded half up to the microsecond."""
    micros = (duration_s * _MICROS_PER_SECOND).to_integral_value(ROUND_HALF_UP)
    return timedelta(microseconds=int(micros))


def mean_power_w(energy_wh: Decimal, duration_s: Decimal) -> Decimal:
    """Return the mean power of an energy over a duration above zero, to 28 digits."""
    assert duration_s > 0, "a mean power needs a duration"
    return energy_wh * SECONDS_PER_HOUR / duration_s


def energy_at_power_wh(power_w: Decimal, duration_s: Decimal) -> Decimal:
    """Return the energy that a power gives in a duration, to 28 digits."""
    return power_w * duration_s / SECONDS_PER_HOUR


def percent(bps: int) -> Decimal:
    """Return basis points as a percentage: 9000 is 90."""
    return Decimal(bps) / 100


def fraction(bps: int) -> Decimal:
    """Return basis points as a factor: 9000 is 0.9."""
    return Decimal(bps) / BASIS_POINTS


def bps(percentage: Decimal) -> int:
    """Return a percentage of at most two decimals as basis points: 90 is 9000."""
    points = percentage * 100
    assert points == int(points), f"{percentage} % is finer than a basis point"
    return int(points)
