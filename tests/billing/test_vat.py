"""Standard rates of VAT."""

from datetime import date
from decimal import Decimal

import pytest

from billing.vat import UnknownVatRate, standard_vat_rate


@pytest.mark.parametrize(
    ("country", "on", "rate"),
    [
        ("DE", date(2026, 10, 31), "19"),
        ("DE", date(2020, 12, 31), "16"),
        ("AT", date(2026, 1, 1), "20"),
        ("CH", date(2023, 12, 31), "7.7"),
        ("CH", date(2024, 1, 1), "8.1"),
        ("FI", date(2026, 1, 1), "25.5"),
    ],
)
def test_the_rate_is_that_of_the_day(country: str, on: date, rate: str) -> None:
    assert standard_vat_rate(country, on) == Decimal(rate)


def test_a_country_that_is_not_known_is_refused() -> None:
    with pytest.raises(UnknownVatRate, match="XX"):
        standard_vat_rate("XX", date(2026, 1, 1))
