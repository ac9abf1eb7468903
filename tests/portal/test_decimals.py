"""Decimals as people and programs write them, bounded."""

from decimal import Decimal

import pytest
from pydantic import TypeAdapter, ValidationError

from foundation.errors import InvalidInput
from portal import decimals

BOUNDED: TypeAdapter[Decimal] = TypeAdapter(decimals.Bounded)
ENORMOUS = ["1e999999", "1e-999999", "-1e999999", "9" * 16, "0." + "1" * 10, "NaN", "Infinity"]


@pytest.mark.parametrize(
    ("text", "number"),
    [("9.90", "9.90"), (" 9,9 ", "9.9"), ("+1", "1"), (".5", "0.5"), ("5.", "5"), ("100", "100")],
)
def test_a_decimal_is_read_with_a_point_or_a_comma(text: str, number: str) -> None:
    assert decimals.written(text, "price", most=100) == Decimal(number)


@pytest.mark.parametrize(
    "text", [*ENORMOUS, "", ".", "much", "1_0", "١", "-0.1", "100.1", "1,000.5"]
)
def test_what_is_no_decimal_within_the_bounds_is_refused_beside_its_field(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        decimals.written(text, "price", most=100, otherwise="No.")
    assert (refused.value.field, str(refused.value)) == ("price", "No.")
    assert decimals.written("-0.1", "price", least=-1, most=100) == Decimal("-0.1")


@pytest.mark.parametrize("text", [each for each in ENORMOUS if each != "9" * 16])
def test_the_api_takes_no_number_that_nothing_can_hold(text: str) -> None:
    with pytest.raises(ValidationError):
        BOUNDED.validate_python(text)
    with pytest.raises(ValidationError):
        BOUNDED.validate_json(f'"{text}"')


def test_the_api_takes_every_number_that_something_real_has() -> None:
    for text in ("0", "0.000000001", "-90", "123456789012345.123456789", "1e3"):
        assert BOUNDED.validate_python(text) == Decimal(text)
