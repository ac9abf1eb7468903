"""Whom an assignment is for: reading conditions, and whether they hold."""

from typing import Any

import pytest

from billing.conditions import (
    ALWAYS,
    NOBODY,
    Conditions,
    OpeningState,
    Who,
    are_ambiguous,
    conditions_json,
    exclude_each_other,
    holds,
    nearness,
    parse_conditions,
)
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey

TOWN = OrganisationKey("town")
DEPOT = OrganisationKey("town-depot")
DRIVER = Who(customers=(DEPOT, TOWN), contact="7", token_group="FLEET")


@pytest.mark.parametrize(
    ("given", "who", "is_open", "expected"),
    [
        ({}, NOBODY, True, True),
        ({"customers": ["town"]}, DRIVER, True, True),
        ({"customers": ["hotel"]}, DRIVER, True, False),
        ({"customers": ["town"]}, NOBODY, True, False),
        ({"contacts": ["7"]}, DRIVER, True, True),
        ({"contacts": ["8"]}, DRIVER, True, False),
        ({"token_groups": ["FLEET", "VAN"]}, DRIVER, True, True),
        ({"token_groups": ["VAN"]}, DRIVER, True, False),
        ({"providers": ["DE*EMP"]}, Who(provider="DE*EMP"), True, True),
        ({"providers": ["DE*EMP"]}, DRIVER, True, False),
        ({"hours": "open"}, NOBODY, True, True),
        ({"hours": "open"}, NOBODY, False, False),
        ({"hours": "closed"}, NOBODY, False, True),
        ({"customers": ["town"], "token_groups": ["VAN"]}, DRIVER, True, False),
    ],
)
def test_all_conditions_that_are_named_must_hold(
    given: dict[str, Any],
    who: Who,
    is_open: bool,
    expected: bool,
) -> None:
    assert holds(parse_conditions(given), who, is_open=is_open) is expected


@pytest.mark.parametrize(
    ("one", "other", "exclusive"),
    [
        ({"hours": "open"}, {"hours": "closed"}, True),
        ({"token_groups": ["A"]}, {"token_groups": ["B"]}, True),
        ({"token_groups": ["A", "B"]}, {"token_groups": ["B"]}, False),
        ({"customers": ["town"]}, {"token_groups": ["B"]}, False),
        ({"customers": ["town"]}, {"providers": ["DE*EMP"]}, True),
        ({"providers": ["DE*EMP"]}, {"customers": ["town"]}, True),
    ],
)
def test_conditions_exclude_each_other_if_no_charge_can_fulfil_both(
    one: dict[str, Any],
    other: dict[str, Any],
    exclusive: bool,
) -> None:
    mine, others = parse_conditions(one), parse_conditions(other)
    assert exclude_each_other(mine, others) is exclusive
    assert are_ambiguous(mine, others) is not exclusive


def test_the_narrower_of_two_is_not_ambiguous() -> None:
    both = Conditions(customers=("town",), token_groups=("A",))
    assert not are_ambiguous(ALWAYS, both)
    assert not are_ambiguous(Conditions(customers=("town",)), both)


def test_the_nearer_customer_comes_first() -> None:
    depot, town = (Conditions(customers=(each,)) for each in ("town-depot", "town"))
    assert nearness(depot, DRIVER) > nearness(town, DRIVER)
    assert nearness(ALWAYS, DRIVER) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"customers": ["b", "a"], "hours": "open"},
        {"contacts": ["1"], "token_groups": ["G"]},
        {"providers": ["DE*EMP"]},
        {},
    ],
)
def test_conditions_are_read_as_they_are_written(given: dict[str, Any]) -> None:
    read = parse_conditions(given)
    again = parse_conditions(conditions_json(read))
    assert again == read
    assert again.key == read.key
    assert bool(read.key) == bool(given)


def test_the_order_of_values_says_nothing() -> None:
    one, other = (parse_conditions({"customers": each}) for each in (["a", "b"], ["b", "a", "a"]))
    assert one == other
    assert one.key == other.key
    assert parse_conditions(None) is parse_conditions({"customers": []}) is ALWAYS


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (["town"], "conditions"),
        ({"colour": ["red"]}, "conditions.colour"),
        ({"customers": "town"}, "conditions.customers"),
        ({"customers": [7]}, "conditions.customers"),
        ({"token_groups": [""]}, "conditions.token_groups"),
        ({"token_groups": ["x" * 101]}, "conditions.token_groups"),
        ({"providers": ["a\nb"]}, "conditions.providers"),
        ({"contacts": ["x"] * 501}, "conditions.contacts"),
        ({"hours": "sometimes"}, "conditions.hours"),
        ({"customers": ["town"], "providers": ["DE*EMP"]}, "conditions.providers"),
    ],
)
def test_what_is_no_condition_is_refused_at_its_place(given: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_conditions(given)
    assert refused.value.field == field


def test_a_state_is_one_of_two() -> None:
    assert parse_conditions({"hours": "closed"}).hours is OpeningState.CLOSED
