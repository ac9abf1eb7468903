"""Numbers are exact, and only numbers."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from csms.ocpp import fields


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=fields.decode_number, float_hook=Decimal)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1500.20", "1500.20"),
        ("0", "0"),
        ("-0.1", "-0.1"),
        ("123456789012345678.123456789", "123456789012345678.123456789"),
        ("1e3", "1000"),
        ("1e40", "1e40"),
    ],
)
def test_a_number_is_read_digit_by_digit(text: str, value: str) -> None:
    assert _decoder(fields.Number).decode(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ['"1.5"', '"NaN"', "true", "null", "[]", "{}", "1e41", "1e-41", "1" * 42]
)
def test_what_is_no_number_or_beyond_measure_is_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected `number`"):
        _decoder(fields.Number).decode(text)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (fields.Tenths, "21.4", "21.45"),
        (fields.Tenths, "1e2", "1e-2"),
        (fields.Tenths, "0", "0.01"),
        (fields.Tenths, "21.40", "21.401"),
        (fields.NumberTo0, "0", "0.1"),
        (fields.NumberTo0, "-5", "5"),
        (fields.NumberFrom0To100, "0", "-0.1"),
        (fields.NumberFrom0To100, "100", "100.1"),
    ],
)
def test_a_bound_includes_itself_and_nothing_beyond(kind: Any, good: str, bad: str) -> None:
    assert _decoder(kind).decode(good) == Decimal(good)
    with pytest.raises(msgspec.ValidationError, match="Expected `number`"):
        _decoder(kind).decode(bad)
