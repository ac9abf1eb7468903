"""Money: an exact amount in one currency, rounded in one place, split without losing a cent.

An amount is an exact `Decimal` until somebody asks for `.rounded()`: half up (half away from zero,
so that a correction rounds like what it corrects) to the currency's minor unit. A country's law
that says otherwise is a change of `Money.rounded` alone.

Source: ISO 4217, list one, for the number of digits of each currency.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache
from math import lcm
from typing import Final

import msgspec

from foundation.errors import InvalidInput

MINOR_DIGITS: Final[dict[str, int]] = {
    "AED": 2,
    "AUD": 2,
    "BAM": 2,
    "BGN": 2,
    "BRL": 2,
    "CAD": 2,
    "CHF": 2,
    "CLP": 0,
    "CNY": 2,
    "CZK": 2,
    "DKK": 2,
    "EUR": 2,
    "GBP": 2,
    "GEL": 2,
    "HKD": 2,
    "HUF": 2,
    "ILS": 2,
    "INR": 2,
    "ISK": 0,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "MDL": 2,
    "MKD": 2,
    "MXN": 2,
    "NOK": 2,
    "NZD": 2,
    "PLN": 2,
    "RON": 2,
    "RSD": 2,
    "SEK": 2,
    "SGD": 2,
    "THB": 2,
    "TND": 3,
    "TRY": 2,
    "UAH": 2,
    "USD": 2,
    "ZAR": 2,
}
"""How many digits each currency has after the point; a currency that is missing is refused."""

_QUANTUM: Final[dict[str, Decimal]] = {
    currency: Decimal(1).scaleb(-digits) for currency, digits in MINOR_DIGITS.items()
}


class UnknownCurrency(InvalidInput):
    """The currency is none whose digits after the point we know, so it cannot be rounded."""

    code = "unknown_currency"

    def __init__(self, currency: str) -> None:
        self.currency = currency
        super().__init__(
            f"{currency!r} is no currency that this program knows; use an ISO 4217 code such as"
            " EUR or CHF.",
            field="currency",
        )


class Money(msgspec.Struct, frozen=True, gc=False):
    """An exact amount, finite, in a currency of ISO 4217.

    Arithmetic is between amounts of one currency only; amounts of two currencies are a mistake of
    ours, never converted.

    Raises:
        UnknownCurrency: If the currency is not in `MINOR_DIGITS`.
    """

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        assert isinstance(self.amount, Decimal), f"an amount is a Decimal, not {self.amount!r}"
        assert self.amount.is_finite(), f"an amount is finite, not {self.amount}"
        if self.currency not in MINOR_DIGITS:
            raise UnknownCurrency(self.currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> "Money":
        """Return the amount of so many minor units (cents), as it is stored."""
        return _from_minor(minor, currency)

    @classmethod
    def zero(cls, currency: str) -> "Money":
        return _ZEROS.get(currency) or cls.from_minor(0, currency)

    @property
    def minor(self) -> int:
        """The amount in minor units; asserts that it was rounded before."""
        units = self.amount.scaleb(MINOR_DIGITS[self.currency])
        minor = int(units)
        assert minor == units, f"{self.amount} {self.currency} was not rounded"
        return minor

    @property
    def text(self) -> str:
        """The rounded amount with its currency's digits, as in `12.30`, for JSON and CSV."""
        assert self.is_rounded, f"{self.amount} {self.currency} was not rounded"
        amount = self.amount.quantize(_QUANTUM[self.currency])
        return format(amount or abs(amount), "f")

    @property
    def is_rounded(self) -> bool:
        return self.amount == self.amount.quantize(_QUANTUM[self.currency], rounding=ROUND_HALF_UP)

    def rounded(self) -> "Money":
        """Return the amount rounded half up, away from zero, to the currency's minor unit."""
        return rounded(self.amount, self.currency)

    def __add__(self, other: "Money") -> "Money":
        self._check(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._check(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> "Money":
        assert not isinstance(factor, float)
        return Money(self.amount * factor, self.currency)

    __rmul__ = __mul__

    def __lt__(self, other: "Money") -> bool:
        self._check(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        self._check(other)
        return self.amount <= other.amount

    def __gt__(self, other: "Money") -> bool:
        self._check(other)
        return self.amount > other.amount

    def __ge__(self, other: "Money") -> bool:
        self._check(other)
        return self.amount >= other.amount

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _check(self, other: "Money") -> None:
        assert self.currency == other.currency, (
            f"{self.currency} and {other.currency} were mixed; currencies are never converted"
        )


@lru_cache(maxsize=50_000)  # a month has many sessions of the same few amounts
def _from_minor(minor: int, currency: str) -> Money:
    if currency not in MINOR_DIGITS:
        raise UnknownCurrency(currency)
    return Money(Decimal(minor).scaleb(-MINOR_DIGITS[currency]), currency)


def rounded(amount: Decimal, currency: str) -> Money:
    """Return an exact amount rounded half up, away from zero, to the currency's minor unit.

    Raises:
        UnknownCurrency: If the currency is not in `MINOR_DIGITS`.
    """
    quantum = _QUANTUM.get(currency)
    if quantum is None:
        raise UnknownCurrency(currency)
    return Money(amount.quantize(quantum, rounding=ROUND_HALF_UP), currency)


_ZEROS: Final = {currency: Money.from_minor(0, currency) for currency in MINOR_DIGITS}


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Return the exact sum of amounts that are all in `currency`; zero if there are none."""
    result = Decimal(0)
    for money in amounts:
        assert money.currency == currency, f"{money.currency} among {currency}"
        result += money.amount
    return Money.zero(currency) + Money(result, currency)


def split(whole: Money, weights: Sequence[Decimal | int]) -> list[Money]:
    """Share out a rounded amount in proportion to `weights`, losing no minor unit.

    By largest remainder: every part is rounded down, and the units left over go one each to the
    parts that lost most, a tie to the earlier. A negative whole is shared out like the positive
    one, with the sign turned. A weight of 0 gets nothing.

    Args:
        whole: A rounded amount.
        weights: Zero or more each; not all zero unless the whole is zero.
    """
    units = abs(whole.minor)
    sign = -1 if whole.amount < 0 else 1
    shares = _as_integers(weights)
    assert all(share >= 0 for share in shares), "a weight is negative"
    base = sum(shares)
    if base == 0:
        assert units == 0, "an amount cannot be shared out over weights of zero"
        return [whole] * len(shares)
    quotas = [divmod(units * share, base) for share in shares]
    return [
        Money.from_minor(sign * part, whole.currency)
        for part in _largest_remainder([(floor, Decimal(rest)) for floor, rest in quotas], units)
    ]


def allot(exact: Sequence[Money], whole: Money) -> list[Money]:
    """Round exact amounts so that they add up to `whole`, their rounded sum.

    By largest remainder, as in `split`, but each part stays within one minor unit of its exact
    amount, also when the parts have different signs.

    Args:
        exact: The parts before rounding, all in the whole's currency.
        whole: The exact sum, rounded.
    """
    assert total(exact, whole.currency).rounded() == whole, "the whole is not the rounded sum"
    sign = -1 if whole.amount < 0 else 1
    digits = MINOR_DIGITS[whole.currency]
    quotas = []
    for part in exact:
        units = (part.amount * sign).scaleb(digits)
        floor = units.to_integral_value(ROUND_FLOOR)
        quotas.append((int(floor), units - floor))
    return [
        Money.from_minor(sign * part, whole.currency)
        for part in _largest_remainder(quotas, abs(whole.minor))
    ]


def allot_minor(parts: Sequence[int], numerator: int, denominator: int) -> list[int]:
    """Return numerator/denominator of each part, rounded so that they add up to the rounded whole.

    The same as `allot`, in integers of minor units, which costs a tenth of it.

    Args:
        parts: In minor units, of any sign.
        numerator: Zero or more.
        denominator: More than zero.
    """
    exact = sum(parts) * numerator
    sign = -1 if exact < 0 else 1
    units = (2 * exact * sign + denominator) // (2 * denominator)  # half up, away from zero
    quotas = [divmod(part * sign * numerator, denominator) for part in parts]
    return [sign * part for part in _largest_remainder(quotas, units)]


def _largest_remainder(
    quotas: Sequence[tuple[int, Decimal]] | Sequence[tuple[int, int]], units: int
) -> list[int]:
    """Return the floors, raised by one where the remainder is among the largest."""
    parts = [floor for floor, _ in quotas]
    missing = units - sum(parts)
    assert 0 <= missing <= len(parts), "the parts do not belong to the whole"
    by_remainder = sorted(range(len(quotas)), key=lambda index: -quotas[index][1])
    for index in by_remainder[:missing]:
        parts[index] += 1
    return parts


def _as_integers(weights: Sequence[Decimal | int]) -> list[int]:
    """Return integers in the same proportion to each other, exactly."""
    ratios = [Decimal(weight).as_integer_ratio() for weight in weights]
    scale = lcm(*(denominator for _, denominator in ratios))
    return [numerator * scale // denominator for numerator, denominator in ratios]
