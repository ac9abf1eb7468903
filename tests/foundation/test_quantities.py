"""Units are converted exactly, and shares are whole basis points."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation import quantities


@given(energy_wh=st.decimals(0, 10**9, places=3))
def test_wh_become_kwh_and_come_back_unchanged(energy_wh: Decimal) -> None:
    assert quantities.wh(quantities.kwh(energy_wh)) == energy_wh


@pytest.mark.parametrize(
    ("energy_wh", "shown"), [("1234.5", "1.235"), ("1234.4", "1.234"), ("0", "0.000")]
)
def test_paper_shows_whole_wh_as_kwh_with_three_decimals(energy_wh: str, shown: str) -> None:
    assert str(quantities.kwh_for_paper(Decimal(energy_wh))) == shown


@given(micros=st.integers(0, 10**15))
def test_a_span_is_exact_to_the_microsecond(micros: int) -> None:
    span = timedelta(microseconds=micros)
    assert quantities.span(quantities.seconds(span)) == span


def test_power_and_energy_belong_together() -> None:
    assert quantities.mean_power_w(Decimal(11_000), Decimal(3600)) == Decimal(11_000)
    assert quantities.energy_at_power_wh(Decimal(22_000), Decimal(1800)) == Decimal(11_000)
    assert quantities.hours(Decimal(5400)) == Decimal("1.5")
    with pytest.raises(AssertionError):
        quantities.mean_power_w(Decimal(1), Decimal(0))


def test_a_share_is_a_whole_number_of_basis_points() -> None:
    assert quantities.percent(9000) == 90
    assert quantities.fraction(9000) == Decimal("0.9")
    assert quantities.bps(Decimal("99.25")) == 9925
    with pytest.raises(AssertionError):
        quantities.bps(Decimal("99.255"))
