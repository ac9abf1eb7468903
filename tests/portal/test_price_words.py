"""Prices as sentences."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from billing.goodwill import rating_of
from billing.rating import rate
from billing.tariff_json import parse_tariff
from billing.tariffs import DayOfWeek, Restrictions
from billing.usage import Usage
from foundation.events import UsagePoint
from portal.price_words import price_line, restrictions_in_words
from portal.words import words
from tests.billing.story import ended

BEGIN = datetime(2026, 10, 15, 10, tzinfo=UTC)


def lines(language: str, *components: dict[str, object], **more: object) -> list[tuple[str, str]]:
    """The priced lines of 12.345 kWh in 90 minutes, the last 30 of them without charging."""
    tariff = parse_tariff(
        {"id": "T", "currency": "EUR", "elements": [{"price_components": list(components)}], **more}
    )
    usage = Usage(
        (
            UsagePoint(BEGIN, Decimal(0), charging=True),
            UsagePoint(BEGIN + timedelta(minutes=60), Decimal(12345), charging=False),
            UsagePoint(BEGIN + timedelta(minutes=90), Decimal(12345), charging=False),
        )
    )
    said = words(language)
    told = [price_line(each, said) for each in rate(usage, tariff, "Europe/Berlin").lines]
    return [
        (each.sentence.replace("\u00a0", " "), each.why.replace("\u00a0", " ")) for each in told
    ]


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def component(type_: str, price: float, step_size: int = 1) -> dict[str, object]:
    return {"type": type_, "price": price, "vat": 19, "step_size": step_size}


def test_energy_reads_like_a_sum() -> None:
    assert lines("en", component("ENERGY", 0.49)) == [("12.345 kWh × €0.49/kWh", "")]
    assert lines("de", component("ENERGY", 0.49)) == [("12,345 kWh × 0,49 €/kWh", "")]


def test_a_step_that_rounds_up_is_explained() -> None:
    assert lines("en", component("ENERGY", 0.49, 1000)) == [
        ("13.0 kWh × €0.49/kWh", "12.345 kWh, billed in steps of 1,000 Wh")
    ]


def test_times_and_fees_have_their_names() -> None:
    assert lines("en", component("TIME", 2.4), component("FLAT", 0.5)) == [
        ("Start fee: €0.50", ""),
        ("Charging time: 1 h 00 min × €2.40/h", ""),
    ]
    [parking] = lines("de", component("PARKING_TIME", 6, 1800))
    assert parking == ("Parken ohne Laden: 30 min × 6,00 €/h", "")


def test_a_cap_says_to_what_it_brings_the_sum() -> None:
    told = lines("en", component("ENERGY", 0.49), max_price={"excl_vat": 5})
    assert told[-1][0] == "Down to the maximum price (€5.00)"


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Started by staff, free of charge"),
        ("de", "Vom Personal gestartet, kostenlos"),
    ],
)
def test_what_staff_gave_away_says_so_without_a_price(language: str, sentence: str) -> None:
    [line] = rating_of(ended(1, billing_decision="free"), "EUR").lines
    told = price_line(line, words(language))
    assert (told.sentence, told.why) == (sentence, "")


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"start_time": time(6), "end_time": time(22)}, ["06:00 to 22:00"]),
        ({"start_time": time(6)}, ["from 06:00"]),
        ({"end_time": time(22)}, ["until 22:00"]),
        ({"day_of_week": (DayOfWeek.SATURDAY, DayOfWeek.SUNDAY)}, ["Sat, Sun"]),
        ({"start_date": date(2026, 1, 1)}, ["from 1 Jan 2026"]),
        ({"end_date": date(2026, 1, 1)}, ["until before 1 Jan 2026"]),
        ({"min_kwh": Decimal(20)}, ["above 20 kWh"]),
        ({"min_power": Decimal("3.7"), "max_power": Decimal(11)}, ["between 3.7 kW and 11 kW"]),
        ({"min_duration": 3600}, ["after 1 h 00 min"]),
        ({"max_duration": 1800}, ["in the first 30 min"]),
        ({}, []),
    ],
)
def test_conditions_are_told_in_words(held: dict[str, object], told: list[str]) -> None:
    restrictions = replace(Restrictions(), **held)  # type: ignore[arg-type]
    found = restrictions_in_words(restrictions, words("en"))
    assert [plain(each) for each in found] == told
