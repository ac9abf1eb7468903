"""What credits cost and for how long they buy something: pure rules."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.credits import (
    LARGEST_ORDER,
    SHIPPED_TIERS,
    CreditService,
    NotEnoughCredits,
    Tier,
    balances,
    check_tiers,
    due_warning,
    euros,
    first_term,
    months_on,
    next_term,
    offer,
    remote_access,
    term_end,
    uncovered,
)
from foundation.errors import InvalidInput

BERLIN = ZoneInfo("Europe/Berlin")
QUANTITIES = st.integers(1, 5000)


@st.composite
def price_lists(draw: st.DrawFn) -> tuple[Tier, ...]:
    starts = sorted(draw(st.sets(st.integers(2, 4000), max_size=5)))
    prices = sorted(draw(st.sets(st.integers(1, 300_000), min_size=6, max_size=6)), reverse=True)
    return tuple(Tier(*each) for each in zip([1, *starts], prices, strict=False))


@given(st.integers(1, LARGEST_ORDER))
def test_an_order_is_rounded_once(quantity: int) -> None:
    made = offer(quantity, SHIPPED_TIERS)
    exact = euros(quantity * made.unit_price_micro)
    assert made.net == exact.rounded()
    assert abs(made.net.amount - exact.amount) <= Decimal("0.005")


@given(price_lists(), QUANTITIES, QUANTITIES)
def test_no_larger_order_is_cheaper_than_the_best_that_was_shown(
    tiers: tuple[Tier, ...], less: int, more: int
) -> None:
    less, more = sorted([less, more])
    assert check_tiers(tiers) == []

    def best(quantity: int) -> Decimal:
        found = offer(quantity, tiers)
        return (found.cheaper or found).net.amount

    assert best(less) <= best(more)
    assert best(less) <= offer(more, tiers).net.amount


@given(price_lists(), QUANTITIES)
def test_a_warning_names_a_larger_order_that_costs_less(
    tiers: tuple[Tier, ...], quantity: int
) -> None:
    found = offer(quantity, tiers)
    if found.cheaper is not None:
        assert found.cheaper.quantity > quantity
        assert found.cheaper.net < found.net
        assert found.cheaper == offer(found.cheaper.quantity, tiers)


@pytest.mark.parametrize("quantity", [0, -1, LARGEST_ORDER + 1])
def test_nobody_orders_none_or_too_many(quantity: int) -> None:
    with pytest.raises(InvalidInput):
        offer(quantity, SHIPPED_TIERS)
    assert offer(1, SHIPPED_TIERS).net.text == "0.12"


def test_a_price_list_tells_everything_that_is_wrong_with_it() -> None:
    assert check_tiers(SHIPPED_TIERS) == []
    assert len(check_tiers([])) == 1
    assert len(check_tiers([Tier(2, 100), Tier(2, 100), Tier(5, 0)])) == 4


def test_the_shipped_prices_are_known_services() -> None:
    assert remote_access(1) is CreditService.REMOTE_1
    assert remote_access(12) is CreditService.REMOTE_12
    with pytest.raises(InvalidInput):
        remote_access(6)
    short = NotEnoughCredits(needed=240, available=50)
    assert (short.needed, short.available) == (240, 50)


@given(st.lists(st.integers(1, 100)), st.integers(0, 100))
def test_balances_are_the_running_sum(came: list[int], before: int) -> None:
    assert balances(came, before=before) == [
        before + sum(came[: place + 1]) for place in range(len(came))
    ]


def test_a_balance_below_zero_is_our_own_mistake() -> None:
    assert balances([5, -5]) == [5, 0]
    with pytest.raises(AssertionError):
        balances([5, -6])


@pytest.mark.parametrize(
    ("day", "months", "on"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2026, 1, 31), 2, date(2026, 3, 31)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2026, 12, 5), 1, date(2027, 1, 5)),
    ],
)
def test_a_month_that_is_too_short_ends_the_count_at_its_last_day(
    day: date, months: int, on: date
) -> None:
    assert months_on(day, months) == on


def test_a_term_keeps_its_hour_over_a_change_of_the_clocks() -> None:
    winter = datetime(2026, 3, 10, 9, 30, tzinfo=BERLIN)
    assert term_end(winter, 1, BERLIN).astimezone(BERLIN).time().isoformat() == "09:30:00"
    # 29 March 2026, 02:30 does not exist in Berlin: the term ends when that would have been.
    missing = datetime(2026, 2, 28, 2, 30, tzinfo=BERLIN)
    assert term_end(missing, 1, BERLIN).astimezone(BERLIN).date() == date(2026, 3, 28)
    gap = datetime(2026, 1, 29, 2, 30, tzinfo=BERLIN)
    assert term_end(gap, 2, BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - the zone is added
    st.lists(st.sampled_from([1, 12]), min_size=1, max_size=8),
)
def test_terms_of_a_chain_meet_and_do_not_drift(begun: datetime, runtimes: list[int]) -> None:
    origin = begun.replace(tzinfo=BERLIN).astimezone(UTC)
    term = first_term(origin, runtimes[0], BERLIN)
    for months in runtimes[1:]:
        following = next_term(term, months, BERLIN, term.valid_to)
        assert following.valid_from == term.valid_to
        assert term.holds(term.valid_from)
        assert not term.holds(term.valid_to)
        term = following
    assert term.valid_to == term_end(origin, sum(runtimes), BERLIN)


def test_nobody_pays_for_a_term_that_is_over_before_it_is_booked() -> None:
    begun = datetime(2026, 1, 31, 12, tzinfo=UTC)
    first = first_term(begun, 1, BERLIN)
    late = datetime(2026, 3, 20, 12, tzinfo=UTC)
    assert next_term(first, 1, BERLIN, late).valid_from == first.valid_to
    too_late = datetime(2026, 4, 20, 12, tzinfo=UTC)
    assert next_term(first, 1, BERLIN, too_late).valid_from == too_late


def test_a_warning_is_due_once_and_a_missed_one_gives_way_to_the_next() -> None:
    until = datetime(2026, 11, 15, 12, tzinfo=UTC)

    def due(days: float, warned: int | None) -> int | None:
        return due_warning(until, until - timedelta(days=days), warned)

    assert [due(7.1, None), due(7, None), due(3, None), due(3, 7)] == [None, 7, 7, None]
    assert [due(1, 7), due(1, None), due(0.5, 1), due(0, None)] == [1, 1, None, None]


def test_renewals_share_the_balance_in_the_order_in_which_they_fall_due() -> None:
    assert uncovered([50, 240, 50], 100) == [False, True, False]
    assert uncovered([240], 240) == [False]
    assert uncovered([240], 239) == [True]
