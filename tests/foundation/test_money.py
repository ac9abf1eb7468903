"""Money adds up: no cent is lost, none is made, and no two currencies ever meet."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.money import (
    MINOR_DIGITS,
    Money,
    UnknownCurrency,
    allot,
    allot_minor,
    split,
    total,
)

EXACT = st.decimals(-10_000, 10_000, places=6, allow_nan=False, allow_infinity=False)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD"])


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "EUR", "0.01"),
        ("0.00499999", "EUR", "0.00"),
        ("-0.005", "EUR", "-0.01"),
        ("-0.0049", "EUR", "0.00"),
        ("2.5", "JPY", "3"),
        ("2.4999", "JPY", "2"),
        ("0.1235", "KWD", "0.124"),
        ("12.345", "CHF", "12.35"),
        ("12.345", "HUF", "12.35"),
    ],
)
def test_rounding_is_half_up_to_the_minor_unit(amount: str, currency: str, rounded: str) -> None:
    money = Money(Decimal(amount), currency).rounded()
    assert money == Money(Decimal(rounded), currency)
    assert money.text == rounded


def test_an_unknown_currency_is_refused_and_a_known_one_is_not() -> None:
    with pytest.raises(UnknownCurrency, match="'XYZ'") as refused:
        Money(Decimal(1), "XYZ")
    assert refused.value.field == "currency"
    assert refused.value.currency == "XYZ"
    with pytest.raises(UnknownCurrency):
        Money.from_minor(1, "eur")
    assert Money(Decimal(1), "EUR").currency == "EUR"


def test_an_amount_is_a_finite_decimal() -> None:
    with pytest.raises(AssertionError):
        Money(1.5, "EUR")  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        Money(Decimal("NaN"), "EUR")
    assert Money(Decimal("1.5"), "EUR").amount == Decimal("1.5")


def test_minor_units_are_of_a_rounded_amount_only() -> None:
    assert eur("12.34").minor == 1234
    assert Money.from_minor(1234, "EUR") == eur("12.34")
    assert Money.from_minor(-5, "JPY") == Money(Decimal(-5), "JPY")
    with pytest.raises(AssertionError):
        _ = eur("12.345").minor
    with pytest.raises(AssertionError):
        _ = eur("12.345").text
    assert eur("12.345").is_rounded is False
    assert eur("12.340").is_rounded is True


def test_arithmetic_stays_in_one_currency() -> None:
    assert eur("1.10") + eur("2.20") - eur("0.30") == eur("3.00")
    assert -eur("1") == eur("-1")
    assert eur("1.10") * 3 == 3 * eur("1.10") == eur("3.30")
    assert eur("1.10") * Decimal("0.5") == eur("0.55")
    assert eur("1") < eur("2") <= eur("2")
    assert eur("2") > eur("1") >= eur("1")
    assert str(eur("1.10")) == "1.10 EUR"
    with pytest.raises(AssertionError, match="never converted"):
        eur("1") + Money(Decimal(1), "CHF")
    with pytest.raises(AssertionError, match="never converted"):
        _ = eur("1") < Money(Decimal(1), "CHF")


def test_a_sum_of_nothing_is_zero() -> None:
    assert total([], "EUR") == Money.zero("EUR")
    assert total([eur("1.005"), eur("2")], "EUR") == eur("3.005")


def test_a_rounded_nothing_has_no_sign() -> None:
    assert eur("-0.001").rounded().text == "0.00"


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        ("1.00", [1, 1, 1], ["0.34", "0.33", "0.33"]),  # a tie goes to the earlier
        ("-1.00", [1, 1, 1], ["-0.34", "-0.33", "-0.33"]),
        ("0.05", [3, 0, 2], ["0.03", "0.00", "0.02"]),
        ("0.01", [0, 1, 1], ["0.00", "0.01", "0.00"]),
        ("0.00", [0, 0], ["0.00", "0.00"]),
        ("0.00", [], []),
        ("10.00", [Decimal("0.5"), Decimal("0.25"), Decimal("0.2")], ["5.26", "2.63", "2.11"]),
    ],
)
def test_a_split_is_by_largest_remainder(
    whole: str, weights: list[Decimal | int], parts: list[str]
) -> None:
    assert split(eur(whole), weights) == [eur(part) for part in parts]


def test_an_amount_is_not_shared_out_over_nothing() -> None:
    with pytest.raises(AssertionError):
        split(eur("0.01"), [0, 0])
    with pytest.raises(AssertionError):
        split(eur("0.01"), [-1, 2])
    assert split(eur("0.01"), [0, 1]) == [eur("0"), eur("0.01")]


@given(
    minor=st.integers(-(10**9), 10**9),
    currency=CURRENCIES,
    weights=st.lists(
        st.one_of(st.integers(0, 10**6), st.decimals(0, 1000, places=4)), min_size=1, max_size=30
    ).filter(any),
)
def test_a_split_loses_no_cent(minor: int, currency: str, weights: list[Decimal | int]) -> None:
    whole = Money.from_minor(minor, currency)
    parts = split(whole, weights)
    assert total(parts, currency) == whole
    base = sum(Decimal(weight) for weight in weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - minor * Decimal(weight) / base) < 1 + Decimal("1e-9")
        assert weight != 0 or part.minor == 0
    assert split(-whole, weights) == [-part for part in parts]


@given(
    amounts=st.lists(EXACT, max_size=30),
    currency=CURRENCIES,
)
def test_amounts_rounded_together_add_up_to_the_rounded_sum(
    amounts: list[Decimal], currency: str
) -> None:
    exact = [Money(amount, currency) for amount in amounts]
    whole = total(exact, currency).rounded()
    parts = allot(exact, whole)
    assert total(parts, currency) == whole
    unit = Decimal(1).scaleb(-MINOR_DIGITS[currency])
    for part, amount in zip(parts, amounts, strict=True):
        assert abs(part.amount - amount) <= unit


def test_parts_of_different_sign_stay_near_their_exact_amount() -> None:
    exact = [eur("90.00"), eur("-89.991")]
    assert allot(exact, eur("0.01")) == [eur("90.00"), eur("-89.99")]
    with pytest.raises(AssertionError):
        allot(exact, eur("0.02"))


@given(amount=EXACT, currency=CURRENCIES)
def test_rounding_is_symmetric_and_final(amount: Decimal, currency: str) -> None:
    money = Money(amount, currency)
    rounded = money.rounded()
    assert (-money).rounded() == -rounded
    assert rounded.rounded() == rounded
    assert Money.from_minor(rounded.minor, currency) == rounded
    assert abs(rounded.amount - amount) * 10 ** MINOR_DIGITS[currency] <= Decimal("0.5")


@given(parts=st.lists(st.integers(-100_000, 100_000), max_size=30), share=st.integers(0, 10_000))
def test_integers_are_allotted_as_exact_amounts_are(parts: list[int], share: int) -> None:
    exact = [Money.from_minor(part, "EUR") * (Decimal(share) / 10_000) for part in parts]
    whole = total(exact, "EUR").rounded()
    assert allot_minor(parts, share, 10_000) == [each.minor for each in allot(exact, whole)]
