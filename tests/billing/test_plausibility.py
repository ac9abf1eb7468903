"""A transaction is held for every reason there is, and the one that says most is shown."""

from datetime import timedelta
from decimal import Decimal

import pytest

from billing.plausibility import DEFAULT_LIMITS, HoldReason, Limits, holds, possible_energy_wh
from foundation.events import Doubt, EndBasis, TransactionEnded
from tests.billing.builders import START, ended


def reasons(
    transaction: TransactionEnded, *, has_tariff: bool = True, has_payer: bool = True
) -> list[str]:
    held = holds(transaction, has_tariff=has_tariff, has_payer=has_payer)
    return [reason.value for reason in held]


def test_a_plausible_transaction_is_not_held() -> None:
    assert reasons(ended()) == []


@pytest.mark.parametrize("doubt", list(Doubt))
def test_every_doubt_of_the_central_system_holds(doubt: Doubt) -> None:
    assert reasons(ended(doubts=(doubt,))) == [doubt.value]


def test_an_end_that_was_not_reported_with_its_start_is_held() -> None:
    assert reasons(ended(basis=EndBasis.ADOPTED)) == ["missing_start"]
    assert reasons(ended(basis=EndBasis.INFERRED)) == ["inferred_end"]
    assert reasons(ended(basis=EndBasis.REPORTED)) == []


def test_what_has_no_tariff_or_nobody_to_pay_is_held() -> None:
    assert reasons(ended(), has_tariff=False) == ["no_tariff"]
    assert reasons(ended(), has_payer=False) == ["no_payer"]


def test_more_energy_than_power_times_time_is_impossible() -> None:
    most = possible_energy_wh(ended())
    assert most == 11_000 * Decimal("1.10") + 100
    assert reasons(ended(energy_wh=most)) == []
    assert reasons(ended(energy_wh=most + 1)) == ["impossible_energy"]
    # 25.6 kWh in 54 minutes at 22 kW cannot be; the same at 50 kW can.
    session = {"ended_at": START + timedelta(minutes=54), "energy_wh": Decimal(25_600)}
    assert reasons(ended(max_power_w=Decimal(22_000), **session)) == ["impossible_energy"]
    assert reasons(ended(max_power_w=Decimal(50_000), **session)) == []


def test_without_a_known_power_only_the_absurd_is_impossible() -> None:
    assert reasons(ended(max_power_w=None, energy_wh=Decimal(300_000))) == []
    assert reasons(ended(max_power_w=None, energy_wh=Decimal(500_000))) == ["impossible_energy"]


def test_limits_can_be_others() -> None:
    strict = Limits(tolerance=Decimal(0), slack_wh=Decimal(0))
    just = ended(energy_wh=Decimal(11_000))
    over = ended(energy_wh=Decimal(11_001))
    assert holds(just, has_tariff=True, has_payer=True, limits=strict) == ()
    assert holds(over, has_tariff=True, has_payer=True, limits=strict) == (
        HoldReason.IMPOSSIBLE_ENERGY,
    )
    assert DEFAULT_LIMITS.tolerance > 0


def test_negative_energy_and_an_end_before_the_start_are_seen_without_a_doubt_too() -> None:
    assert reasons(ended(energy_wh=Decimal(-1))) == ["negative_energy"]
    backwards = ended(ended_at=START - timedelta(seconds=1), energy_wh=Decimal(0))
    assert reasons(backwards) == ["end_before_start"]


def test_the_reason_that_says_most_comes_first() -> None:
    everything = ended(
        doubts=tuple(reversed(Doubt)), basis=EndBasis.ADOPTED, energy_wh=Decimal(10**9)
    )
    assert reasons(everything, has_tariff=False, has_payer=False) == [
        "station_waiting",
        "no_payer",
        "missing_start",
        "clock_wrong",
        "end_before_start",
        "inferred_end",
        "negative_energy",
        "impossible_meter",
        "impossible_energy",
        "no_tariff",
    ]


def test_the_reasons_are_those_of_the_api() -> None:
    assert {reason.value for reason in HoldReason} == {
        "negative_energy",
        "impossible_energy",
        "end_before_start",
        "missing_start",
        "inferred_end",
        "no_tariff",
        "no_payer",
        "station_waiting",
        "clock_wrong",
        "by_hand",
        "impossible_meter",
        "too_much_energy",
        "too_long",
        "signature_failed",
        "signature_missing",
        "signature_pending",
        "overlap",
        "card_in_two_places",
    }
