"""Tariffs that OCPI allows are read and given back; all others are refused with every reason."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.tariff_json import InvalidTariff, parse_tariff, tariff_json
from billing.tariffs import DayOfWeek, Dimension, TariffType
from foundation.errors import InvalidInput

SPEC = Path(__file__).parents[1] / "spec" / "ocpi"
EVERYTHING: dict[str, Any] = {
    "country_code": "DE",
    "party_id": "ALL",
    "id": "1",
    "currency": "EUR",
    "type": "REGULAR",
    "tariff_alt_text": [{"language": "de", "text": "Nachts günstiger."}],
    "tariff_alt_url": "https://example.com/tariff",
    "min_price": {"excl_vat": 0.5, "incl_vat": 0.6},
    "max_price": {"excl_vat": 50},
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.4567, "vat": 19, "step_size": 1},
                {"type": "PARKING_TIME", "price": 3, "vat": 19, "step_size": 60},
            ],
            "restrictions": {
                "start_time": "06:00",
                "end_time": "22:00",
                "start_date": "2026-01-01",
                "end_date": "2027-01-01",
                "min_kwh": 1,
                "max_kwh": 80.5,
                "min_power": 0.5,
                "max_power": 22,
                "min_duration": 60,
                "max_duration": 86400,
                "day_of_week": ["MONDAY", "FRIDAY"],
            },
        },
        {
            "price_components": [{"type": "TIME", "price": 2, "step_size": 300}],
            "restrictions": {"reservation": "RESERVATION"},
        },
    ],
    "start_date_time": "2026-01-01T00:00:00Z",
    "end_date_time": "2027-01-01T00:00:00Z",
    "energy_mix": {"is_green_energy": True},
    "last_updated": "2026-01-01T00:00:00Z",
}


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the tariff with one place changed; `...` takes the place out."""
    data = json.loads(json.dumps(EVERYTHING))
    place: Any = data
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in way:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return data  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(EVERYTHING, id="every field"),
        *(
            pytest.param(json.loads(path.read_text())["tariff"], id=path.stem)
            for path in sorted(SPEC.glob("*.json"))
        ),
    ],
)
def test_a_tariff_comes_back_as_it_was(data: dict[str, Any]) -> None:
    tariff = parse_tariff(data)
    assert tariff_json(tariff) == data
    assert parse_tariff(tariff_json(tariff)) == tariff
    assert json.loads(json.dumps(tariff_json(tariff))) == data


def test_numbers_are_exact_whatever_read_them() -> None:
    as_floats = parse_tariff(EVERYTHING)
    as_decimals = parse_tariff(json.loads(json.dumps(EVERYTHING), parse_float=Decimal))
    assert as_floats == as_decimals
    element = as_floats.elements[0]
    assert element.price_components[0].price == Decimal("0.4567")
    assert element.price_components[0].type is Dimension.ENERGY
    assert element.restrictions is not None
    assert element.restrictions.day_of_week == (DayOfWeek.MONDAY, DayOfWeek.FRIDAY)
    assert as_floats.type is TariffType.REGULAR


def test_what_only_partners_need_may_be_left_out_and_null_means_left_out() -> None:
    small = {
        "id": "1",
        "currency": "CHF",
        "country_code": None,
        "min_price": None,
        "elements": [
            {
                "price_components": [{"type": "FLAT", "price": 0, "step_size": 0, "vat": None}],
                "restrictions": {},
            }
        ],
    }
    tariff = parse_tariff(small)
    assert tariff.country_code is None
    assert tariff.of_charging.is_plain
    assert tariff.elements[0].price_components[0].vat is None


@pytest.mark.parametrize(
    ("path", "value", "where", "why"),
    [
        ("id", ..., "id", "missing"),
        ("id", "x" * 37, "id", "1 to 36"),
        ("id", "", "id", "1 to 36"),
        ("id", "a\nb", "id", "printable"),
        ("currency", "XYZ", "currency", "ISO 4217"),
        ("currency", ..., "currency", "missing"),
        ("country_code", "DEU", "country_code", "exactly 2"),
        ("party_id", "AB", "party_id", "exactly 3"),
        ("type", "NIGHT", "type", "REGULAR"),
        ("colour", "red", "colour", "no field"),
        ("elements", [], "elements", "empty"),
        ("elements", {}, "elements", "list"),
        ("elements/0", 5, "elements[0]", "object"),
        ("elements/0/price_components", [], "elements[0].price_components", "empty"),
        ("elements/0/price_components/0", None, "elements[0].price_components[0]", "object"),
        (
            "elements/0/price_components/0/price",
            -0.1,
            "elements[0].price_components[0].price",
            "between 0",
        ),
        (
            "elements/0/price_components/0/price",
            0.12345,
            "elements[0].price_components[0].price",
            "4 decimals",
        ),
        (
            "elements/0/price_components/0/price",
            "0.30",
            "elements[0].price_components[0].price",
            "number",
        ),
        (
            "elements/0/price_components/0/price",
            True,
            "elements[0].price_components[0].price",
            "number",
        ),
        (
            "elements/0/price_components/0/price",
            float("nan"),
            "elements[0].price_components[0].price",
            "between",
        ),
        (
            "elements/0/price_components/0/price",
            ...,
            "elements[0].price_components[0].price",
            "missing",
        ),
        (
            "elements/0/price_components/0/vat",
            101,
            "elements[0].price_components[0].vat",
            "100",
        ),
        (
            "elements/0/price_components/0/step_size",
            1.5,
            "elements[0].price_components[0].step_size",
            "whole",
        ),
        (
            "elements/0/price_components/0/step_size",
            -1,
            "elements[0].price_components[0].step_size",
            "between 0",
        ),
        (
            "elements/0/price_components/0/step_size",
            ...,
            "elements[0].price_components[0].step_size",
            "missing",
        ),
        (
            "elements/0/price_components/0/type",
            "WATER",
            "elements[0].price_components[0].type",
            "ENERGY",
        ),
        (
            "elements/0/price_components/1/type",
            "ENERGY",
            "elements[0].price_components[1].type",
            "already",
        ),
        (
            "elements/1/price_components/0/type",
            "ENERGY",
            "elements[1].price_components[0].type",
            "reservation",
        ),
        ("elements/0/restrictions", [], "elements[0].restrictions", "object"),
        (
            "elements/0/restrictions/start_time",
            "24:00",
            "elements[0].restrictions.start_time",
            "13:30",
        ),
        (
            "elements/0/restrictions/end_date",
            "2026-02-30",
            "elements[0].restrictions.end_date",
            "date",
        ),
        (
            "elements/0/restrictions/end_date",
            "2026-01-01",
            "elements[0].restrictions.end_date",
            "greater than start_date",
        ),
        (
            "elements/0/restrictions/max_kwh",
            1,
            "elements[0].restrictions.max_kwh",
            "greater than min_kwh",
        ),
        (
            "elements/0/restrictions/min_current",
            32,
            "elements[0].restrictions.min_current",
            "power instead",
        ),
        (
            "elements/0/restrictions/day_of_week",
            ["FUNDAY"],
            "elements[0].restrictions.day_of_week[0]",
            "MONDAY",
        ),
        ("min_price/excl_vat", ..., "min_price.excl_vat", "missing"),
        ("min_price/incl_vat", 0.4, "min_price.incl_vat", "less than excl_vat"),
        ("max_price/excl_vat", 0.4, "max_price.excl_vat", "less than min_price"),
        ("max_price", {"excl_vat": 0.5, "incl_vat": 0.55}, "max_price.incl_vat", "min_price"),
        ("min_price", 5, "min_price", "object"),
        ("tariff_alt_text/0/language", "deu", "tariff_alt_text[0].language", "exactly 2"),
        ("tariff_alt_text/0", "x", "tariff_alt_text[0]", "object"),
        ("tariff_alt_url", "ftp://x", "tariff_alt_url", "web address"),
        ("end_date_time", "2025-01-01T00:00:00Z", "end_date_time", "greater"),
        ("start_date_time", "tomorrow, at noon", "start_date_time", "moment"),
        ("energy_mix", "green", "energy_mix", "object"),
    ],
)
def test_a_tariff_that_ocpi_would_not_allow_is_refused_at_its_place(
    path: str, value: object, where: str, why: str
) -> None:
    with pytest.raises(InvalidTariff) as refused:
        parse_tariff(changed(path, value))
    [problem] = refused.value.problems
    assert problem.path == where
    assert why in problem.text
    assert refused.value.field == where
    assert refused.value.code == "invalid_tariff"
    assert isinstance(refused.value, InvalidInput)


def test_all_problems_are_told_at_once() -> None:
    data = changed("currency", "XXX")
    data["elements"][0]["price_components"][0]["price"] = -1
    data["elements"][1]["price_components"][0]["step_size"] = None
    with pytest.raises(InvalidTariff) as refused:
        parse_tariff(data)
    assert [problem.path for problem in refused.value.problems] == [
        "currency",
        "elements[0].price_components[0].price",
        "elements[1].price_components[0].step_size",
    ]
    assert "step_size: is missing" in str(refused.value)


def test_restrictions_and_texts_may_be_half_given_and_moments_without_a_zone() -> None:
    data = changed("start_date_time", "2026-01-01T00:00:00")
    assert parse_tariff(data) == parse_tariff(EVERYTHING)
    whole_step = changed("elements/0/price_components/0/step_size", 1.0)
    assert parse_tariff(whole_step) == parse_tariff(EVERYTHING)
    with pytest.raises(InvalidTariff, match=r"text\[0\].text: is missing"):
        parse_tariff(changed("tariff_alt_text/0/text", ...))


@pytest.mark.parametrize("data", [None, [], "tariff", 5])
def test_what_is_no_object_is_no_tariff(data: object) -> None:
    with pytest.raises(InvalidTariff, match="must be an object"):
        parse_tariff(data)


OURS: dict[str, Any] = {
    "free_minutes": 2,
    "caps": [{"type": "TIME", "amount": 15}, {"type": "ENERGY", "amount": 60.5}],
    "blocking_fee": {
        "price": 6,
        "vat": 19,
        "step_size": 60,
        "grace_minutes": 30,
        "exempt_from": "22:00",
        "exempt_to": "07:00",
        "max_price": 12,
    },
    "session_limit_minutes": 240,
    "excess": "free",
}
PLAIN: dict[str, Any] = {
    "id": "T",
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.5, "step_size": 1}]}],
}


def test_what_is_ours_stands_beside_ocpis_fields_and_comes_back() -> None:
    given = PLAIN | {"leitstand": OURS}
    read = parse_tariff(given)
    assert tariff_json(read) == given
    assert parse_tariff(tariff_json(read)) == read
    assert tariff_json(parse_tariff(PLAIN)) == PLAIN
    assert parse_tariff(PLAIN | {"leitstand": {}}) == parse_tariff(PLAIN)


@pytest.mark.parametrize(
    ("ours", "where"),
    [
        ("free", "leitstand"),
        ({"colour": 1}, "leitstand.colour"),
        ({"free_minutes": 0}, "leitstand.free_minutes"),
        ({"free_minutes": 10_081}, "leitstand.free_minutes"),
        ({"caps": [{"type": "FLAT", "amount": 1}]}, "leitstand.caps[0].type"),
        ({"caps": ["TIME"]}, "leitstand.caps[0]"),
        ({"caps": [{"type": "TIME"}]}, "leitstand.caps[0].amount"),
        ({"caps": [OURS["caps"][0], OURS["caps"][0]]}, "leitstand.caps"),
        ({"blocking_fee": 6}, "leitstand.blocking_fee"),
        ({"blocking_fee": {"price": -1, "step_size": 1}}, "leitstand.blocking_fee.price"),
        (
            {"blocking_fee": {"price": 1, "step_size": 1, "exempt_from": "22:00"}},
            "leitstand.blocking_fee.exempt_to",
        ),
        (
            {"blocking_fee": OURS["blocking_fee"] | {"exempt_to": "22:00"}},
            "leitstand.blocking_fee.exempt_to",
        ),
        ({"free_minutes": 5, "session_limit_minutes": 5}, "leitstand.session_limit_minutes"),
        ({"excess": "double"}, "leitstand.excess"),
    ],
)
def test_what_is_ours_is_read_as_strictly(ours: object, where: str) -> None:
    with pytest.raises(InvalidTariff) as refused:
        parse_tariff(PLAIN | {"leitstand": ours})
    assert [each.path for each in refused.value.problems] == [where]


def test_a_blocking_fee_comes_not_on_top_of_a_price_for_parking() -> None:
    parking = {"price_components": [{"type": "PARKING_TIME", "price": 1, "step_size": 1}]}
    with pytest.raises(InvalidTariff) as refused:
        parse_tariff(PLAIN | {"elements": [parking], "leitstand": OURS})
    assert [each.path for each in refused.value.problems] == ["leitstand.blocking_fee"]
    with pytest.raises(InvalidTariff):
        parse_tariff(PLAIN | {"additions": OURS})
