"""A statement adds up whatever is in it, and its shares are those that were agreed."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.cdr import ChargeClass
from billing.statements import (
    GapExplanation,
    PayableCdr,
    RegisterFacts,
    Statement,
    TaxStatus,
    Unpaid,
    explain_gap,
    share_out,
    vat_on,
)
from foundation.identifiers import EvseId, StationId, TransactionId
from foundation.money import Money, total
from tests.billing.builders import external, payable, statement


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def payouts(result: Statement) -> dict[int, str]:
    return {line.transaction_id: line.payout.text for line in result.lines}


def test_internal_sessions_pay_all_and_external_ones_their_share() -> None:
    result = statement(cdrs=[payable(1, "10.00"), external(2, "10.00")])
    assert payouts(result) == {1: "10.00", 2: "9.00"}
    assert result.totals[ChargeClass.INTERNAL].payout == eur("10.00")
    assert result.totals[ChargeClass.EXTERNAL].net == eur("10.00")
    assert result.totals[ChargeClass.EXTERNAL].payout == eur("9.00")
    assert (result.payout_net, result.payout_gross) == (eur("19.00"), eur("22.61"))


def test_the_share_is_of_the_sum_and_its_cents_go_to_the_largest_remainders() -> None:
    # 90 % of 0.15 is 0.135: 0.14 in all, of 0.009, 0.018, 0.108 each.
    result = statement(cdrs=[external(1, "0.01"), external(2, "0.02"), external(3, "0.12")])
    assert result.payout_net == eur("0.14")
    assert payouts(result) == {1: "0.01", 2: "0.02", 3: "0.11"}


def test_a_tie_goes_to_the_lower_transaction_number() -> None:
    for order in ([1, 2, 3], [3, 2, 1]):
        result = statement(cdrs=[external(number, "0.05") for number in order])
        assert payouts(result) == {1: "0.05", 2: "0.05", 3: "0.04"}  # 0.135 is 0.14


def test_every_share_is_a_group_of_its_own() -> None:
    cdrs = [external(1, "0.05"), external(2, "0.05", share_bps=8500), external(3, "0.05")]
    result = statement(cdrs=cdrs)
    assert [(group.share_bps, group.payout.text) for group in result.groups] == [
        (9000, "0.09"),
        (8500, "0.04"),
    ]
    assert result.totals[ChargeClass.EXTERNAL].sessions == 3
    assert result.totals[ChargeClass.EXTERNAL].payout == eur("0.13")


def test_late_sessions_share_their_groups_rounding_and_stand_last_with_their_month() -> None:
    late = external(1, "0.05", month="2026-08")
    result = statement(cdrs=[late, external(2, "0.05"), external(3, "0.05")])
    assert [line.late_from_month for line in result.lines] == [None, None, "2026-08"]
    assert result.payout_net == eur("0.14")
    assert payouts(result) == {1: "0.05", 2: "0.05", 3: "0.04"}


def test_a_session_of_a_month_to_come_is_not_paid() -> None:
    with pytest.raises(AssertionError):
        statement(cdrs=[payable(1, "1.00", month="2026-11")])
    assert statement(cdrs=[payable(1, "1.00", month="2026-10")]).lines


def test_a_correction_is_a_negative_line_and_the_payout_may_be_negative() -> None:
    wrong = external(7, "-10.00", month="2026-09")
    right = external(7, "4.01", month="2026-09")
    result = statement(cdrs=[wrong, right])
    assert [line.payout.text for line in result.lines] == ["-9.00", "3.61"]
    assert result.payout_net == eur("-5.39")
    assert result.vat[0].amount == eur("-1.02")
    assert result.payout_gross == eur("-6.41")


def test_a_session_of_price_zero_is_a_line() -> None:
    result = statement(cdrs=[payable(1, "0.00")])
    assert len(result.lines) == 1
    assert result.totals[ChargeClass.INTERNAL].sessions == 1


def test_an_empty_statement_adds_up_to_nothing() -> None:
    result = statement()
    assert (result.payout_net, result.payout_gross) == (eur("0"), eur("0"))
    assert result.totals[ChargeClass.EXTERNAL].sessions == 0
    assert result.lines == ()
    assert result.groups == ()


@pytest.mark.parametrize(
    ("status", "rate", "amount"),
    [
        (TaxStatus.STANDARD, "8.1", "8.10"),
        (TaxStatus.SMALL_BUSINESS, "0", "0.00"),
        (TaxStatus.REVERSE_CHARGE, "0", "0.00"),
        (TaxStatus.PRIVATE, "0", "0.00"),
    ],
)
def test_only_a_standard_payee_gets_vat_on_the_payout(
    status: TaxStatus, rate: str, amount: str
) -> None:
    vat = vat_on(eur("100.00"), status, Decimal("8.1"))
    assert (vat.rate, vat.net, vat.amount) == (Decimal(rate), eur("100.00"), eur(amount))


def test_unpaid_sessions_and_proof_stand_in_order() -> None:
    moment = datetime(2026, 10, 3, tzinfo=UTC)
    unpaid = Unpaid(
        transaction_id=TransactionId(2),
        reason="no_payer",
        station=StationId("CS-1"),
        evse_id=EvseId(1),
        started_at=moment,
        ended_at=moment,
        energy_wh=Decimal(0),
    )
    rows = [
        explain_gap(facts(station=StationId(name), evse_id=EvseId(number)))
        for name, number in (("CS-2", 1), ("CS-1", 2), ("CS-1", 1))
    ]
    result = statement(
        unpaid=[unpaid, replace(unpaid, transaction_id=TransactionId(1))], proof=rows
    )
    assert [each.transaction_id for each in result.unpaid] == [1, 2]
    assert [(row.station, row.evse_id) for row in result.proof] == [
        ("CS-1", 1),
        ("CS-1", 2),
        ("CS-2", 1),
    ]


@st.composite
def payables(draw: st.DrawFn) -> PayableCdr:
    is_external = draw(st.booleans())
    number = draw(st.integers(1, 50))
    minor = draw(st.integers(-5000, 20_000))
    changes: dict[str, object] = {"month": draw(st.sampled_from(["2026-09", "2026-10"]))}
    if is_external:
        changes["share_bps"] = draw(st.sampled_from([9000, 8750, 3333, 0]))
    net = str(Decimal(minor).scaleb(-2))
    return external(number, net, **changes) if is_external else payable(number, net, **changes)


@given(cdrs=st.lists(payables(), max_size=40))
def test_lines_always_add_up_to_totals(cdrs: list[PayableCdr]) -> None:
    result = statement(cdrs=cdrs)
    for group in result.groups:
        own = [
            line
            for line in result.lines
            if (line.charge_class, line.share_bps) == (group.charge_class, group.share_bps)
        ]
        assert total((line.payout for line in own), "EUR") == group.payout
        assert total((line.net for line in own), "EUR") == group.net
        exact = group.net.amount * group.share_bps / 10_000
        assert group.payout.amount == exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        for line in own:
            assert abs(line.payout.amount - line.net.amount * line.share_bps / 10_000) <= Decimal(
                "0.01"
            )
    for each, sums in result.totals.items():
        own = [line for line in result.lines if line.charge_class is each]
        assert sums.sessions == len(own)
        assert sums.net == total((line.net for line in own), "EUR")
        assert sums.payout == total((line.payout for line in own), "EUR")
    assert len(result.lines) == len(cdrs)
    assert result.payout_net == total((line.payout for line in result.lines), "EUR")
    assert result.payout_gross == result.payout_net + result.vat[0].amount


@given(cdrs=st.lists(payables(), max_size=20), rotation=st.integers(0, 19))
def test_the_order_of_arrival_changes_nothing(cdrs: list[PayableCdr], rotation: int) -> None:
    assert statement(cdrs=cdrs) == statement(cdrs=cdrs[rotation:] + cdrs[:rotation])


def test_two_of_one_session_and_amount_share_their_cent_in_any_order() -> None:
    late, own = external(1, "0.02", month="2026-09"), external(1, "0.02", month="2026-10")
    there, back = statement(cdrs=[late, own, own]), statement(cdrs=[own, own, late])
    assert there == back
    assert there.payout_net == eur("0.05")


def test_a_share_is_between_nothing_and_all() -> None:
    assert share_out([eur("1.00")], 10_000, "EUR") == [eur("1.00")]
    with pytest.raises(AssertionError):
        share_out([eur("1.00")], 10_001, "EUR")


def facts(**changes: object) -> RegisterFacts:
    values: dict[str, object] = {
        "station": StationId("CS-1"),
        "evse_id": EvseId(1),
        "register_start_wh": Decimal(1000),
        "register_end_wh": Decimal(11_000),
        "sessions_wh": Decimal(10_000),
    }
    return RegisterFacts(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "gap_wh", "explanation"),
    [
        ({}, "0", GapExplanation.NONE),
        ({"sessions_wh": Decimal("9999.5")}, "0.5", GapExplanation.NONE),
        ({"sessions_wh": Decimal(9000)}, "1000", GapExplanation.BETWEEN_SESSIONS),
        ({"sessions_wh": Decimal(11_000)}, "-1000", GapExplanation.BETWEEN_SESSIONS),
        (
            {"sessions_wh": Decimal(9000), "held_wh": Decimal(1000)},
            "1000",
            GapExplanation.HELD,
        ),
        (
            {"sessions_wh": Decimal(9000), "late_wh": Decimal(1000)},
            "1000",
            GapExplanation.LATE,
        ),
        (
            {"sessions_wh": Decimal(9000), "late_wh": Decimal(400), "held_wh": Decimal(600)},
            "1000",
            GapExplanation.HELD,
        ),
        (
            {"sessions_wh": Decimal(9000), "late_wh": Decimal(400)},
            "1000",
            GapExplanation.BETWEEN_SESSIONS,
        ),
        (
            {"sessions_wh": Decimal(9000), "offline_wh": Decimal(600)},
            "1000",
            GapExplanation.OFFLINE,
        ),
        (
            {"register_end_wh": Decimal(500), "was_reset": True},
            "-10500",
            GapExplanation.RESET,
        ),
        ({"register_end_wh": Decimal(500)}, "-10500", GapExplanation.RESET),
        (
            {"register_end_wh": Decimal(500), "exchanged_wh": Decimal(10_500), "was_reset": True},
            "0",
            GapExplanation.EXCHANGED,
        ),
        (
            {"register_end_wh": Decimal(500), "exchanged_wh": Decimal(11_000)},
            "500",
            GapExplanation.BETWEEN_SESSIONS,
        ),
        ({"register_start_wh": None}, None, GapExplanation.NO_LIFETIME_REGISTER),
        (
            {"register_end_wh": None, "was_reset": True},
            None,
            GapExplanation.NO_LIFETIME_REGISTER,
        ),
    ],
)
def test_a_gap_has_the_explanation_that_says_most(
    changes: dict[str, object], gap_wh: str | None, explanation: GapExplanation
) -> None:
    row = explain_gap(facts(**changes))
    assert row.gap_wh == (None if gap_wh is None else Decimal(gap_wh))
    assert row.explanation is explanation
