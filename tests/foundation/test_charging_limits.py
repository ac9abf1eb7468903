"""Limits of both sides: the lower one of each counts, and only what we limit is told."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from foundation.charging_limits import NO_LIMITS, ChargingLimits, lower, told

SOME = st.builds(
    ChargingLimits,
    max_cost=st.none() | st.decimals(0, 1000, places=2),
    max_energy_wh=st.none() | st.decimals(0, 100_000, places=0),
    max_time_s=st.none() | st.integers(0, 100_000),
    max_soc=st.none() | st.integers(0, 100),
)


def test_the_lower_of_two_limits_wins() -> None:
    ours = ChargingLimits(max_cost=Decimal(20), max_energy_wh=Decimal(9000))
    stations = ChargingLimits(max_cost=Decimal(15), max_time_s=3600)
    assert lower(ours, stations) == ChargingLimits(
        max_cost=Decimal(15), max_energy_wh=Decimal(9000), max_time_s=3600
    )


def test_only_what_we_limit_is_told_with_the_lower_value() -> None:
    ours = ChargingLimits(max_cost=Decimal(20), max_energy_wh=Decimal(9000))
    stations = ChargingLimits(max_cost=Decimal(15), max_time_s=3600)
    assert told(ours, stations) == ChargingLimits(max_cost=Decimal(15), max_energy_wh=Decimal(9000))
    assert not told(NO_LIMITS, stations)


@given(one=SOME, other=SOME)
def test_it_does_not_matter_who_said_what_first(one: ChargingLimits, other: ChargingLimits) -> None:
    assert lower(one, other) == lower(other, one)
    assert lower(one, NO_LIMITS) == one == lower(one, one)
    assert lower(lower(one, other), one) == lower(one, other)
