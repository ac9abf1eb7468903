"""A car that charges and a meter that obeys physics, or lies about it in a named way.

The meter counts whole milliwatt-hours, so that nothing is lost to rounding however often it is
read. What it truly counted and what it shows are kept apart: a quirk changes only what is shown.
"""

import math
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

MWH_PER_WH = 1000
_SECONDS_PER_HOUR = 3600.0
_POWER_LEFT_WHEN_FULL = 0.05
_RUN_ON_MWH = 4 * MWH_PER_WH


class Quirk(StrEnum):
    """How a meter may show something else than what it counted."""

    SESSION_RELATIVE = "session_relative"
    """The shown register starts at 0 with each transaction."""
    RESET_AT_BOOT = "reset_at_boot"
    """The shown register starts at 0 with each boot, even in the middle of a transaction."""
    BACKWARDS = "backwards"
    """The shown register falls while energy flows (a current transformer the wrong way round)."""
    KWH_AS_WH = "kwh_as_wh"
    """Numbers in kWh, labelled Wh."""
    RUNS_ON = "runs_on"
    """The register goes on by 4 Wh after each stop, truly and visibly."""


@dataclass
class Car:
    """A battery behind a charger: constant power, then a taper, then nothing.

    Above `taper_from` (state of charge, 0 to 1) the power falls in proportion to what is missing,
    down to a twentieth when full; a full car takes nothing.
    """

    battery_wh: float
    soc: float
    max_power_w: float
    taper_from: float = 0.8

    def __post_init__(self) -> None:
        assert self.battery_wh > 0
        assert self.max_power_w > 0
        assert 0 <= self.soc <= 1
        assert 0 < self.taper_from < 1

    @property
    def is_full(self) -> bool:
        return self.soc >= 1

    def power_w(self, limit_w: float) -> float:
        """Return the power the car takes now where `limit_w` is offered."""
        if self.is_full:
            return 0.0
        return min(self.max_power_w, limit_w) * self._share(self.soc)

    def charge(self, seconds: float, limit_w: float) -> float:
        """Charge for a while and return the energy taken in Wh.

        Exact: charging twice for half the time takes the same energy as once for all of it.
        """
        assert seconds >= 0
        power_w = min(self.max_power_w, limit_w)
        if power_w <= 0 or self.is_full:
            return 0.0
        before = self.soc
        rate = power_w / self.battery_wh / _SECONDS_PER_HOUR
        flat_s = max(0.0, self.taper_from - self.soc) / rate
        if seconds <= flat_s:
            self.soc += rate * seconds
        else:
            self.soc = max(self.soc, self.taper_from)
            share = self._share(self.soc) * math.exp(-self._slope * rate * (seconds - flat_s))
            if share <= _POWER_LEFT_WHEN_FULL:
                self.soc = 1.0
            else:
                self.soc = self.taper_from + (1 - share) / self._slope
        return (self.soc - before) * self.battery_wh

    def seconds_until_full(self, limit_w: float) -> float:
        """Return for how long the car would go on charging at that limit (W, above 0)."""
        if self.is_full:
            return 0.0
        rate = min(self.max_power_w, limit_w) / self.battery_wh / _SECONDS_PER_HOUR
        flat_s = max(0.0, self.taper_from - self.soc) / rate
        share = self._share(max(self.soc, self.taper_from))
        return flat_s + math.log(share / _POWER_LEFT_WHEN_FULL) / (self._slope * rate)

    @property
    def _slope(self) -> float:
        return (1 - _POWER_LEFT_WHEN_FULL) / (1 - self.taper_from)

    def _share(self, soc: float) -> float:
        """Return the part of full power that flows at a state of charge."""
        return 1.0 if soc <= self.taper_from else 1 - self._slope * (soc - self.taper_from)


@dataclass
class Meter:
    """The import register of one EVSE.

    `counted_mwh` is the truth, a lifetime register that never falls. `fractional` says whether
    the station tells three decimals of a Wh or cuts them off (a 1.6 station must).
    """

    max_power_w: float
    counted_mwh: int = 0
    fractional: bool = False
    quirks: frozenset[Quirk] = field(default=frozenset())
    _shown_mwh: int = field(init=False)
    _left_over_mwh: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        assert self.counted_mwh >= 0
        self._shown_mwh = self.counted_mwh

    def begin(self) -> None:
        """A transaction begins."""
        if Quirk.SESSION_RELATIVE in self.quirks:
            self._shown_mwh = 0

    def end(self) -> None:
        """A transaction has ended, and its last reading was taken."""
        if Quirk.RUNS_ON in self.quirks:
            self._count(_RUN_ON_MWH)

    def boot(self) -> None:
        """The station starts again."""
        if Quirk.RESET_AT_BOOT in self.quirks:
            self._shown_mwh = 0

    def advance(self, seconds: float, car: Car | None) -> None:
        """Let time pass; None means that no energy flows (no car, or suspended)."""
        if car is None:
            return
        exact_mwh = car.charge(seconds, self.max_power_w) * MWH_PER_WH + self._left_over_mwh
        # A hundredth of a mWh forgives floating point: eleven kW for an hour are 11,000 Wh.
        whole_mwh = math.floor(exact_mwh + 0.01)
        self._left_over_mwh = exact_mwh - whole_mwh
        self._count(whole_mwh)

    def _count(self, mwh: int) -> None:
        self.counted_mwh += mwh
        if Quirk.BACKWARDS in self.quirks:
            self._shown_mwh = max(0, self._shown_mwh - mwh)
        else:
            self._shown_mwh += mwh

    def true_wh(self) -> Decimal:
        """Return the true register in Wh at the station's resolution, cut off, not rounded."""
        return self._in_wh(self.counted_mwh)

    def shown_wh(self) -> Decimal:
        """Return the number that goes into messages labelled Wh."""
        if Quirk.KWH_AS_WH in self.quirks:
            return self._in_wh(self._shown_mwh // 1000)
        return self._in_wh(self._shown_mwh)

    def _in_wh(self, mwh: int) -> Decimal:
        if self.fractional:
            return Decimal(mwh) / MWH_PER_WH
        return Decimal(mwh // MWH_PER_WH)
