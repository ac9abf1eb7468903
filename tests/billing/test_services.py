"""Laws of what services cost."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from billing.months import Month
from billing.services import (
    Bounds,
    Policy,
    PriceBook,
    Rule,
    Service,
    Span,
    Subscription,
    Switch,
    known_before,
    month_of,
    running,
    spans,
    totals_by_day,
)
from foundation.identifiers import OrganisationKey, StationId
from tests.billing.test_rules_of_services import (
    EURO_9_90,
    LONG_AGO,
    NORTH,
    SOUTH,
    STATION,
    book,
    clicks,
    local,
    price,
)

BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MONTHS = [Month(2026, number) for number in range(1, 13)]


@st.composite
def switches(draw: st.DrawFn) -> list[Switch]:
    """Any clicks of two organisations at two stations within 2026, also senseless ones."""
    made = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["CS-1", "CS-2"]),
                st.sampled_from([NORTH, SOUTH]),
                st.integers(0, 365 * 24 * 60 - 1),
                st.booleans(),
            ),
            max_size=12,
        )
    )
    return [
        Switch(StationId(station), owner, BEGIN + timedelta(minutes=minute), is_on, number)
        for number, (station, owner, minute, is_on) in enumerate(made)
    ]


policies = st.sampled_from(Policy)


@given(switches(), st.randoms(use_true_random=False))
def test_the_order_in_which_events_arrive_does_not_matter(
    made: list[Switch], order: object
) -> None:
    shuffled = list(made)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert spans(shuffled) == spans(made)
    assert spans([*made, *made]) == spans(made)


@given(switches(), policies)
def test_a_station_has_at_most_one_line_a_month(made: list[Switch], policy: Policy) -> None:
    prices = book(price(policy=policy))
    for known in spans(made).values():
        for month in MONTHS:
            bounds = Bounds.of(month, BERLIN)
            lines = [month_of(each, known, bounds, prices) for each in (NORTH, SOUTH)]
            assert sum(each is not None and each.charged is not None for each in lines) <= 1


@given(switches())
def test_a_month_is_charged_if_and_only_if_active_at_its_last_instant(made: list[Switch]) -> None:
    for known in spans(made).values():
        for month in MONTHS:
            bounds = Bounds.of(month, BERLIN)
            instant = bounds.end - timedelta(microseconds=1)
            active = [
                each.organisation
                for each in known
                if each.start <= instant and (each.end is None or each.end > instant)
            ]
            for owner in (NORTH, SOUTH):
                line = month_of(owner, known, bounds, book())
                assert (line is not None and line.is_charged) == (owner in active)


@given(switches(), policies)
def test_the_months_add_up_to_the_year(made: list[Switch], policy: Policy) -> None:
    """Whole months, each at the full price: never more than twelve, and never a part of one."""
    prices = book(price(policy=policy))
    for known in spans(made).values():
        lines = [month_of(NORTH, known, Bounds.of(each, BERLIN), prices) for each in MONTHS]
        sums = sum((each.charged.amount for each in lines if each and each.charged), Decimal(0))
        count = sum(each is not None and each.is_charged for each in lines)
        assert sums == count * EURO_9_90.amount
        assert count <= 12


@given(switches())
def test_spans_of_a_station_never_overlap(made: list[Switch]) -> None:
    for known in spans(made).values():
        for earlier, later in pairwise(known):
            assert earlier.end is not None
            assert earlier.start <= earlier.end <= later.start


@given(switches(), policies, st.integers(1, 12))
def test_the_last_day_shows_what_the_month_is_charged(
    made: list[Switch], policy: Policy, number: int
) -> None:
    prices = book(price(policy=policy))
    bounds = Bounds.of(Month(2026, number), BERLIN)
    ends = bounds.day_ends()
    known = list(spans(made).values())
    steps = [running(NORTH, each, bounds, prices, day_ends=ends, currency="EUR") for each in known]
    lines = [month_of(NORTH, each, bounds, prices) for each in known]
    whole = sum((each.charged.amount for each in lines if each and each.charged), Decimal(0))
    days = totals_by_day(steps, len(ends))
    assert days[-1] == whole
    for index, end in enumerate(ends):
        then = [month_of(NORTH, known_before(each, end), bounds, prices) for each in known]
        amounts = (each.charged.amount for each in then if each and each.charged)
        assert days[index] == sum(amounts, Decimal(0))


def test_the_days_of_a_month_end_at_local_midnight() -> None:
    bounds = Bounds.of(Month(2026, 3), BERLIN)
    ends = bounds.day_ends()
    assert len(ends) == 31
    assert ends[0] == datetime(2026, 3, 1, 23, tzinfo=UTC)
    assert ends[28] == datetime(2026, 3, 29, 22, tzinfo=UTC)  # the clocks went on that night
    assert ends[-1] == bounds.end


def test_a_debtor_pays_by_his_own_list_else_by_the_nearest_above() -> None:
    cheap, dear = price("1.00"), price("2.00")
    prices = {("own", "monitoring"): [cheap], ("above", "monitoring"): [dear]}
    held = PriceBook([[(local(10), "own")], [(LONG_AGO, "above")]], prices)
    assert held.price(Service.MONITORING, local(9)) == dear
    assert held.price(Service.MONITORING, local(10)) == cheap
    assert held.price(Service.ROAMING_BASE, local(10)) is None
    assert PriceBook().price(Service.MONITORING, local(9)) is None


def test_without_an_agreed_price_nothing_is_charged() -> None:
    known: Sequence[Span] = spans(clicks(local(3)))[STATION]
    line = month_of(NORTH, known, Bounds.of(Month(2026, 3), BERLIN), PriceBook())
    assert line is not None
    assert (line.rule, line.net, line.charged) == (Rule.ACTIVE_AT_END, None, None)
    free = month_of(NORTH, known, Bounds.of(Month(2026, 3), BERLIN), book(price("0")))
    assert free is not None
    assert free.charged is None


def test_a_subscription_knows_its_monthly_price() -> None:
    assert Subscription.ROAMING.monthly is Service.ROAMING_BASE
    assert Subscription.CREDIT_NOTES.monthly is Service.CREDIT_NOTES


def test_what_is_not_the_organisations_is_no_line_of_it() -> None:
    known = spans(clicks(local(3), owner=OrganisationKey("somebody")))[STATION]
    assert month_of(NORTH, known, Bounds.of(Month(2026, 3), BERLIN), book()) is None
