"""A tariff as drivers read it."""

from decimal import Decimal
from typing import Any

import pytest

from billing.tariff_json import parse_tariff
from portal.public_prices import gross, public_prices
from portal.words import words


def told(language: str = "en", **changes: Any) -> list[tuple[str, str, str]]:
    document = {
        "id": "T",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [
                    {"type": "FLAT", "price": 1, "vat": 19, "step_size": 1},
                    {"type": "ENERGY", "price": 0.49, "vat": 19, "step_size": 1},
                    {"type": "TIME", "price": 0, "vat": 19, "step_size": 60},
                ]
            }
        ],
    } | changes
    return [
        (each.name, each.price.replace("\xa0", " "), each.when)
        for each in public_prices(parse_tariff(document), words(language))
    ]


def test_prices_are_told_with_vat_and_what_costs_nothing_is_left_out() -> None:
    """0.49 × 1.19 = 0.5831."""
    assert told() == [("Start fee", "€1.19", ""), ("Energy", "€0.5831/kWh", "")]
    assert told("de") == [("Startgebühr", "1,19 €", ""), ("Energie", "0,5831 €/kWh", "")]


def test_time_is_told_by_the_minute_and_with_when_it_holds() -> None:
    """6 an hour, no VAT: 0.10 a minute."""
    [(name, price, when)] = told(
        elements=[
            {
                "price_components": [{"type": "PARKING_TIME", "price": 6, "step_size": 60}],
                "restrictions": {"start_time": "08:00", "end_time": "20:00"},
            }
        ]
    )
    assert (name, price) == ("Parking without charging", "€0.10/min")
    assert "08:00" in when
    assert "20:00" in when


def test_what_holds_otherwise_says_so_and_what_never_holds_is_left_out() -> None:
    def energy(price: float, **held: str) -> dict[str, Any]:
        component = {"type": "ENERGY", "price": price, "step_size": 1}
        return {"price_components": [component]} | ({"restrictions": held} if held else {})

    found = told(
        elements=[energy(0.6, start_time="06:00", end_time="22:00"), energy(0.4), energy(9)]
    )
    assert [(price, when) for _, price, when in found][1:] == [("€0.40/kWh", "otherwise")]
    assert len(found) == 2


def test_a_tariff_that_costs_nothing_says_so() -> None:
    [(_, price, _)] = told(
        elements=[{"price_components": [{"type": "ENERGY", "price": 0, "step_size": 1}]}]
    )
    assert price == "free of charge"


def test_limits_are_told() -> None:
    found = told(
        min_price={"excl_vat": 1, "incl_vat": 1.19},
        max_price={"excl_vat": 50},
    )
    assert found[2:] == [
        ("At least per session", "€1.19", ""),
        ("At most per session", "€50.00", "without VAT"),
    ]


@pytest.mark.parametrize(("vat", "price"), [(None, "2"), ("0", "2"), ("19", "2.38")])
def test_vat_is_added_where_it_applies(vat: str | None, price: str) -> None:
    assert gross(Decimal(2), None if vat is None else Decimal(vat)) == Decimal(price)
