"""Tariffs at stations; `tests.conformance.test_limits_and_tariffs` shows them at real ones."""

from decimal import Decimal

from csms.held_tariffs import plain


def test_numbers_are_json_s_own_and_keep_their_digits() -> None:
    said = {"a": Decimal("0.40"), "b": [Decimal(5000), {"c": Decimal("0.12345")}], "d": "x"}
    assert plain(said) == {"a": 0.4, "b": [5000, {"c": 0.12345}], "d": "x"}
    assert isinstance(plain(Decimal("5000.0")), int)
