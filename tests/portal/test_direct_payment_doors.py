"""Refusals of drivers' addresses carry their words; `tests.conformance` drives the whole way."""

from portal.direct_payment_doors import WRONG_LIMITS, Turned


def test_a_refusal_names_what_is_wrong() -> None:
    refused = Turned(WRONG_LIMITS, "maxCost")
    assert str(refused) == "The address has a limit that cannot be: maxCost."
    assert refused.code == "not_payable"
