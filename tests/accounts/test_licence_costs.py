"""The calculator and the simulator: more never costs less, and the cheapest mix comes first."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.licence_costs import (
    MOST_PLANNED,
    SHIPPED_PRICES,
    LineItem,
    NoLicencePrice,
    PlannedPoints,
    PriceList,
    calculate,
    check_item,
    licence_line,
    planned,
    simulate,
)
from accounts.tiers import Energy, LicenceModel, Licences, MeteringPoint, PointKind, Tier
from foundation.errors import InvalidInput
from foundation.money import Money

PRICES = PriceList("EUR", SHIPPED_PRICES)
some = st.lists(
    st.builds(
        PlannedPoints,
        st.sampled_from(PointKind),
        st.sampled_from(Energy),
        st.integers(0, 9),
    ),
    max_size=6,
)


@given(some, some, st.integers(1, 72), st.integers(0, 3))
def test_the_calculator_is_monotone(
    fewer: list[PlannedPoints], added: list[PlannedPoints], months: int, plants: int
) -> None:
    less = calculate(planned(fewer, solar_plants=plants), PRICES, months=months)
    more = calculate(planned([*fewer, *added], solar_plants=plants), PRICES, months=months)
    longer = calculate(planned(fewer, solar_plants=plants), PRICES, months=months + 1)

    assert less.needed.total <= more.needed.total
    assert less.cheapest.cost.amount <= more.cheapest.cost.amount
    assert less.cheapest.cost.amount <= longer.cheapest.cost.amount


@given(some, st.integers(1, 72))
def test_each_offer_covers_every_point_and_the_cheapest_comes_first(
    points: list[PlannedPoints], months: int
) -> None:
    found = calculate(planned(points), PRICES, months=months)

    assert {each.licences.total for each in found.offers} == {found.needed.total}
    amounts = [each.cost.amount for each in found.offers]
    assert amounts == sorted(amounts)


def test_for_a_year_the_subscription_is_cheaper_and_for_three_the_licences_of_a_term() -> None:
    meters = planned([PlannedPoints(PointKind.THREE_PHASE_METER, Energy.ELECTRICITY, 10)])
    year = calculate(meters, PRICES, months=12).cheapest
    three = calculate(meters, PRICES, months=36).cheapest

    assert (year.wide, year.cost) == (LicenceModel.MONTHLY, Money(Decimal(480), "EUR"))
    assert (three.wide, three.cost) == (LicenceModel.MULTI_YEAR, Money(Decimal(1080), "EUR"))


def test_a_mix_of_both_models_is_found_where_it_is_the_cheapest() -> None:
    """Narrow licences at a third pay off within a year; those for electricity do not."""
    prices = PriceList(
        "EUR", {**SHIPPED_PRICES, "point/heat_water_gas/multi_year": Decimal("1.00")}
    )
    both = planned(
        [
            PlannedPoints(PointKind.THREE_PHASE_METER, Energy.ELECTRICITY, 2),
            PlannedPoints(PointKind.MBUS_METER, Energy.HEAT, 2),
        ]
    )
    cheapest = calculate(both, prices, months=12).cheapest

    assert cheapest.is_mixed
    assert cheapest.licences == Licences(heat_water_gas=2, all=2)
    assert cheapest.cost == Money(Decimal(2 * 4 * 12 + 2 * 36), "EUR")


def test_the_simulator_tells_what_adding_meters_does() -> None:
    have = [MeteringPoint(f"CS-{number}/1/1", PointKind.OCPP_POINT) for number in range(3)]
    added = planned([PlannedPoints(PointKind.SINGLE_PHASE_METER, Energy.ELECTRICITY, 4)])
    found = simulate(have, Licences(all=3), added, PRICES)
    enough = simulate(have, Licences(all=7), added, PRICES)

    assert (found.before, found.after) == (Tier.PROFESSIONAL, Tier.LIMITED)
    assert found.missing == Licences(all=4)
    assert {each.key for each in found.stopping} == {
        "values_second",
        "commercial",
        "billing",
        "auto_export",
        "user_configuration",
    }
    assert found.calculation.cheapest.cost == Money(Decimal(4 * 4 * 12), "EUR")
    assert (enough.after, enough.missing, enough.stopping) == (
        Tier.PROFESSIONAL,
        Licences(),
        (),
    )


def test_a_line_is_rounded_once() -> None:
    line = licence_line(
        LineItem.DATAPOINTS,
        count=33,
        months=5,
        unit_price=Decimal("0.333"),
        currency="EUR",
        first_day=date(2026, 1, 1),
        last_day=date(2026, 5, 31),
        about="business",
    )

    assert line.net == Money(Decimal("54.95"), "EUR")  # 54.945


def test_what_has_no_price_is_refused() -> None:
    assert check_item("edition/business") == "edition/business"
    with pytest.raises(InvalidInput):
        check_item("edition/gold")
    with pytest.raises(NoLicencePrice):
        PriceList("CHF", {}).price("edition/business")


def test_more_metering_points_than_anybody_has_are_refused() -> None:
    assert len(planned([PlannedPoints(PointKind.API_METER, Energy.GAS, 1000)])) == 1000
    with pytest.raises(InvalidInput):
        planned([PlannedPoints(PointKind.API_METER, Energy.GAS, MOST_PLANNED + 1)])
