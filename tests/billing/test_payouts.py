"""Payments settle what is owed and never more; runs go step by step, released by two people."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payouts import (
    REMEDIES,
    Hindrance,
    NothingToPay,
    OpenStatement,
    PayeeNotPayable,
    PayoutState,
    PersonNeeded,
    ReleasedBySamePerson,
    Step,
    WrongPayoutState,
    after,
    check_release,
    check_return,
    due_by,
    parts_of,
    payable_now,
    steps_of,
)
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey
from foundation.money import Money, total

TOWN = OrganisationKey("town")


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def cents(amount: int) -> Money:
    return Money.from_minor(amount, "EUR")


def open_statement(month: int, gross: Money) -> OpenStatement:
    """Return the statement of a month of 2026, due in the middle of the next one."""
    return OpenStatement(
        statement_id=f"town-2026-{month:02}-EUR",
        payee=TOWN,
        gross=gross,
        due_on=date(2026, 1, 15) + timedelta(days=30 * month),
        issued_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=30 * month),
        is_taken_back=False,
    )


def paid(amounts: list[str], owed: str) -> list[str]:
    """Return what is paid of each of some months' statements."""
    statements = [open_statement(n, euro(each)) for n, each in enumerate(amounts, start=1)]
    return [part.paid.text for part in parts_of(statements, euro(owed))]


@pytest.mark.parametrize(
    ("amounts", "owed", "parts"),
    [
        (["100.00"], "100.00", ["100.00"]),
        (["100.00", "50.00"], "150.00", ["100.00", "50.00"]),
        # What is to be taken off comes first, whenever it came.
        (["-20.00", "100.00"], "80.00", ["0.00", "80.00"]),
        (["100.00", "-20.00"], "80.00", ["80.00", "0.00"]),
        (["50.00", "-30.00", "40.00"], "60.00", ["50.00", "0.00", "10.00"]),
        (["0.00", "5.00"], "5.00", ["0.00", "5.00"]),
        # The ledger owes less than the statements say, or more: the lesser counts.
        (["100.00"], "60.00", ["60.00"]),
        (["100.00"], "130.00", ["100.00"]),
    ],
)
def test_a_payment_is_spread_over_the_open_statements(
    amounts: list[str], owed: str, parts: list[str]
) -> None:
    assert paid(amounts, owed) == parts


@pytest.mark.parametrize(
    ("amounts", "owed"),
    [
        (["-5.00"], "-5.00"),
        (["-100.00", "60.00"], "-40.00"),
        (["10.00", "-10.00"], "0.00"),
        (["10.00"], "0.00"),
        ([], "0.00"),
    ],
)
def test_a_negative_balance_is_carried_forward_and_nothing_is_debited(
    amounts: list[str], owed: str
) -> None:
    assert paid(amounts, owed) == []


@given(
    st.lists(st.integers(-(10**6), 10**6), max_size=12),
    st.integers(-(10**6), 10**7),
)
def test_a_payment_is_never_more_than_is_owed_nor_a_part_than_its_statement(
    amounts: list[int], owed: int
) -> None:
    statements = [open_statement(n, cents(each)) for n, each in enumerate(amounts, start=1)]
    parts = parts_of(statements, cents(owed))
    whole = total((part.paid for part in parts), "EUR")
    assert whole == max(cents(0), min(cents(owed), cents(sum(amounts))))
    assert all(cents(0) <= part.paid <= max(cents(0), part.statement.gross) for part in parts)
    assert not parts or {part.statement for part in parts} == set(statements)


@given(st.lists(st.lists(st.integers(-(10**5), 10**5), max_size=4), max_size=8))
def test_month_after_month_payouts_are_the_ledgers_change_and_end_at_what_is_owed(
    months: list[list[int]],
) -> None:
    """Each month some statements are issued and whatever can be paid is paid."""
    waiting: list[OpenStatement] = []
    owed, number = 0, 0
    for issued in months:
        for amount in issued:
            number += 1
            waiting.append(open_statement(number, cents(amount)))
            owed += amount
        parts = parts_of(waiting, cents(owed))
        payment = sum(part.paid.minor for part in parts)
        assert payment == max(0, owed)
        owed -= payment
        if parts:
            waiting = []
        assert owed <= 0
        assert owed == sum(each.gross.minor for each in waiting)


def test_only_what_is_due_is_paid_and_what_is_taken_off_counts_always() -> None:
    early, late = open_statement(1, euro("10.00")), open_statement(6, euro("20.00"))
    minus = open_statement(9, euro("-3.00"))
    assert due_by([early, late, minus], early.due_on) == [early, minus]
    assert due_by([early, late, minus], early.due_on - timedelta(days=1)) == [minus]
    assert due_by([early, late, minus], None) == [early, late, minus]


def test_what_was_taken_back_is_not_paid_and_the_others_are_paid_in_full() -> None:
    taken_back = replace(open_statement(1, euro("100.00")), is_taken_back=True)
    other = open_statement(2, euro("50.00"))
    assert due_by([taken_back, other], None) == [other]
    waits = payable_now(euro("50.00"), euro("100.00"), euro("100.00"))
    assert waits == euro("50.00")
    # It was paid before its credit note was taken back: nothing is taken off the other.
    assert payable_now(euro("-50.00"), euro("100.00"), euro("0.00")) == euro("50.00")


def test_a_run_goes_from_draft_over_two_releases_to_paid() -> None:
    state = PayoutState.DRAFT
    for step, expected in (
        (Step.RELEASE, PayoutState.RELEASED_ONCE),
        (Step.RELEASE, PayoutState.RELEASED),
        (Step.SEND, PayoutState.SENT),
        (Step.PAY, PayoutState.PAID),
    ):
        state = after(1, state, step)
        assert state is expected


@pytest.mark.parametrize("state", PayoutState)
@pytest.mark.parametrize("step", Step)
def test_what_a_state_does_not_allow_is_refused(state: PayoutState, step: Step) -> None:
    allowed = {
        PayoutState.DRAFT: {Step.RELEASE, Step.DISCARD},
        PayoutState.RELEASED_ONCE: {Step.RELEASE, Step.DISCARD},
        PayoutState.RELEASED: {Step.SEND, Step.DISCARD},
        PayoutState.SENT: {Step.PAY},
        PayoutState.PAID: set(),
        PayoutState.DISCARDED: set(),
    }[state]
    assert steps_of(state) == allowed
    if step in allowed:
        after(7, state, step)
    else:
        with pytest.raises(WrongPayoutState, match="run 7"):
            after(7, state, step)


def test_the_second_release_is_by_somebody_else_and_none_by_a_program() -> None:
    check_release(1, (), "person/1")
    check_release(1, ("person/1",), "person/2")
    with pytest.raises(ReleasedBySamePerson):
        check_release(1, ("person/1",), "person/1")
    with pytest.raises(PersonNeeded):
        check_release(1, ("person/1",), "api_key/2")


def test_a_payment_comes_back_on_a_day_that_has_come_for_a_reason() -> None:
    today = date(2026, 11, 2)
    assert check_return(today, " AC04\n account closed ", today) == "AC04 account closed"
    for day, reason, field in (
        (today + timedelta(days=1), "AC04", "returned_on"),
        (today, " ", "reason"),
        (today, "x" * 141, "reason"),
    ):
        with pytest.raises(InvalidInput) as refused:
            check_return(day, reason, today)
        assert refused.value.field == field


@pytest.mark.parametrize("hindrance", Hindrance)
def test_every_refusal_says_what_is_to_be_done(hindrance: Hindrance) -> None:
    error = PayeeNotPayable(TOWN, hindrance)
    assert hindrance.value in str(error)
    assert REMEDIES[hindrance] in str(error)
    assert hindrance.value in str(NothingToPay({TOWN: hindrance}))
