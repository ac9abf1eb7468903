"""Numbers, money, energy and moments as people read them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import formats
from portal.formats import LOCALES

EN, DE = LOCALES["en"], LOCALES["de"]
BERLIN, LISBON, VIENNA = (ZoneInfo(f"Europe/{each}") for each in ("Berlin", "Lisbon", "Vienna"))
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Amount:
    amount: Decimal
    currency: str = "EUR"


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def test_numbers_have_the_readers_own_marks() -> None:
    assert formats.number(Decimal("12345.675"), EN, 2) == "12,345.68"
    assert formats.number(Decimal("12345.675"), DE, 2) == "12.345,68"
    assert formats.number(-5, EN) == "-5"


def test_a_difference_has_a_sign_unless_it_is_none() -> None:
    assert formats.signed("1.234,50 €") == "+1.234,50 €"
    assert formats.signed("-€3.00") == "-€3.00"
    assert formats.signed("€0.00") == "€0.00"


def test_energy_has_one_decimal_on_pages_and_three_on_papers() -> None:
    assert formats.kwh(Decimal(12_449), EN) == "12.4"
    assert formats.kwh(12_449, DE, 3) == "12,449"
    assert formats.kw(22_000, DE) == "22,0"


def test_money_always_has_its_currency_and_that_currencys_decimals() -> None:
    assert formats.money(Amount(Decimal("1284.5")), EN) == "€1,284.50"
    assert plain(formats.money(Amount(Decimal("1284.5")), DE)) == "1.284,50 €"
    assert plain(formats.money(Amount(Decimal(-3), "CHF"), DE)) == "-3,00 CHF"


def test_a_price_per_unit_is_written_exactly() -> None:
    assert plain(formats.unit_price(Amount(Decimal("0.4537")), EN)) == "€0.4537"
    assert plain(formats.unit_price(Amount(Decimal("2.5")), DE)) == "2,50 €"
    assert plain(formats.unit_price(Amount(Decimal(10)), EN)) == "€10.00"


@pytest.mark.parametrize(
    ("basis_points", "english", "german"),
    [
        (9000, "90%", "90 %"),
        (10000, "100%", "100 %"),
        (8750, "87.5%", "87,5 %"),
        (1, "0.01%", "0,01 %"),
    ],
)
def test_a_share_has_decimals_only_where_they_say_something(
    basis_points: int, english: str, german: str
) -> None:
    assert formats.share(basis_points, EN) == english
    assert plain(formats.share(basis_points, DE)) == german


def test_a_change_has_a_sign_and_none_from_nothing() -> None:
    assert formats.change(112, 100, EN) == "+12%"
    assert plain(formats.change(96, 100, DE) or "") == "−4 %"
    assert formats.change(5, 5, EN) == "±0%"
    assert formats.change(5, 0, EN) is None


def test_moments_are_told_by_how_long_ago_they_are() -> None:
    assert formats.ago(NOON - timedelta(minutes=12), NOON, EN) == "12 min ago"
    assert formats.ago(NOON - timedelta(minutes=12), NOON, DE) == "vor 12 Min."
    assert formats.ago(NOON + timedelta(hours=2), NOON, EN) == "in 2 hr"
    assert formats.ago(NOON, NOON, DE) == "vor 1 Sek."


def test_the_exact_moment_names_its_zone() -> None:
    assert formats.exact_moment(NOON, BERLIN, EN) == "15 Oct 2026, 14:00:00 CEST"
    assert formats.exact_moment(NOON, BERLIN, DE) == "15.10.2026, 14:00:00 MESZ"
    assert formats.iso(NOON) == "2026-10-15T12:00:00Z"


def test_days_and_months_are_written_out() -> None:
    assert formats.month("2026-10", EN) == "October 2026"
    assert formats.month("2026-03", DE) == "März 2026"
    assert formats.weekday(date(2026, 10, 15), DE) == "Donnerstag"
    assert formats.short_day(date(2026, 10, 5), EN) == "5 Oct"
    assert formats.short_day(date(2026, 10, 5), DE) == "5. Okt."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (61, "1 min 01 s"),
        (3599, "59 min"),
        (3600, "1 h 00 min"),
        (100 * 3600, "4 d 4 h"),
        (-61, "−1 min 01 s"),
    ],
)
def test_durations_are_as_fine_as_they_are_short(seconds: int, text: str) -> None:
    assert plain(formats.duration(timedelta(seconds=seconds), EN)) == text


def test_a_second_zone_is_worth_naming_only_where_its_clock_differs() -> None:
    assert formats.same_clock(NOON, BERLIN, VIENNA)
    assert not formats.same_clock(NOON, BERLIN, LISBON)


@given(st.decimals(-(10**9), 10**9, places=3), st.integers(0, 3))
def test_writing_a_number_moves_it_by_half_a_step_at_most(value: Decimal, digits: int) -> None:
    written = Decimal(formats.number(value, EN, digits).replace(",", ""))
    assert abs(written - value) <= Decimal(5).scaleb(-digits - 1)
