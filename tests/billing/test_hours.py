"""When a place is open, over nights, holidays and the change of the clocks."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from billing.assignments import Place, TariffScope
from billing.hours import (
    ALWAYS_OPEN,
    Hours,
    HoursKind,
    PlaceHours,
    Standing,
    hours_at,
    hours_json,
    merged,
    parse_hours,
    standing,
    stop_at,
)
from foundation.errors import InvalidInput

ZONE = "Europe/Berlin"
S1 = Place(TariffScope.STATION, "S1")
LOC = Place(TariffScope.LOCATION, "loc")
SHOP: dict[str, Any] = {
    "twentyfourseven": False,
    "regular_hours": [
        {"weekday": day, "period_begin": "08:00", "period_end": "18:00"} for day in range(1, 6)
    ],
    "exceptional_openings": [
        {"period_begin": "2026-10-17T08:00:00Z", "period_end": "2026-10-17T10:00:00Z"}
    ],
    "exceptional_closings": [
        {"period_begin": "2026-10-14T10:00:00Z", "period_end": "2026-10-14T11:00:00Z"}
    ],
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+02:00").astimezone(UTC)


def held(hours: dict[str, Any] | None, minutes: int = 0, **more: Any) -> PlaceHours:
    values: dict[str, Any] = {
        "place": S1,
        "kind": HoursKind.OPENING,
        "hours": None if hours is None else parse_hours(hours),
        "transition": timedelta(minutes=minutes),
        "stops": False,
        "valid_from": at("2026-01-01T00:00"),
    }
    return PlaceHours(**(values | more))


@pytest.mark.parametrize(
    ("moment", "minutes", "is_open", "until"),
    [
        ("2026-10-15T12:00", 0, True, "2026-10-15T18:00"),
        ("2026-10-15T18:00", 0, False, "2026-10-16T08:00"),
        ("2026-10-15T17:45", 30, True, "2026-10-15T18:30"),
        ("2026-10-15T07:00", 30, False, "2026-10-15T07:30"),
        ("2026-10-16T20:00", 0, False, "2026-10-17T10:00"),  # opened once on a Saturday
        ("2026-10-17T11:00", 0, True, "2026-10-17T12:00"),
        ("2026-10-17T12:00", 0, False, "2026-10-19T08:00"),
        ("2026-10-14T11:00", 0, True, "2026-10-14T12:00"),  # closed once at noon
        ("2026-10-14T12:30", 0, False, "2026-10-14T13:00"),
    ],
)
def test_a_place_is_open_by_its_regular_and_exceptional_hours(
    moment: str,
    minutes: int,
    is_open: bool,
    until: str,
) -> None:
    assert standing(held(SHOP, minutes), at(moment), ZONE) == Standing(is_open, at(until))


def test_hours_are_those_of_the_clock_when_it_is_put_back() -> None:
    """On 25 October 2026 at 3:00 it is 2:00 again: the shop opens at 8:00 of the new time."""
    sundays = {
        "twentyfourseven": False,
        "regular_hours": [{"weekday": 7, "period_begin": "00:00", "period_end": "08:00"}],
    }
    night = standing(held(sundays), datetime(2026, 10, 25, 0, tzinfo=UTC), ZONE)
    assert night == Standing(is_open=True, until=datetime(2026, 10, 25, 7, tzinfo=UTC))


def test_a_night_is_two_periods_that_touch_at_midnight() -> None:
    bar = {
        "twentyfourseven": False,
        "regular_hours": [
            {"weekday": 5, "period_begin": "20:00", "period_end": "00:00"},
            {"weekday": 6, "period_begin": "00:00", "period_end": "04:00"},
        ],
    }
    found = standing(held(bar), at("2026-10-16T23:00"), ZONE)
    assert found == Standing(is_open=True, until=at("2026-10-17T04:00"))


def test_around_the_clock_has_no_end_in_sight_but_for_closings() -> None:
    assert standing(held({"twentyfourseven": True}), at("2026-10-15T12:00"), ZONE) == ALWAYS_OPEN
    assert standing(None, at("2026-10-15T12:00"), ZONE) == ALWAYS_OPEN
    assert standing(held(None), at("2026-10-15T12:00"), ZONE) == ALWAYS_OPEN
    but = {"twentyfourseven": True, "exceptional_closings": SHOP["exceptional_closings"]}
    before = standing(held(but), at("2026-10-14T11:00"), ZONE)
    assert before == Standing(is_open=True, until=at("2026-10-14T12:00"))
    never = standing(held({"twentyfourseven": False}), at("2026-10-15T12:00"), ZONE)
    assert never == Standing(is_open=False, until=None)


def test_the_most_specific_place_that_has_hours_counts() -> None:
    day = at("2026-10-15T12:00")
    of_location = held(SHOP, place=LOC)
    own = held({"twentyfourseven": True})
    gone = held(None, valid_from=day)
    found = {LOC: [of_location], S1: [own, gone]}
    kind = HoursKind.OPENING
    assert hours_at([S1, LOC], found, kind, day - timedelta(1)) == own
    assert hours_at([S1, LOC], found, kind, day) == of_location
    assert hours_at([S1, LOC], found, HoursKind.OPERATING, day) is None
    assert hours_at([S1, LOC], found, kind, at("2025-12-31T00:00")) is None


@pytest.mark.parametrize(
    ("limit", "opening", "operating", "stop"),
    [
        (None, None, ALWAYS_OPEN, None),
        (60, None, ALWAYS_OPEN, "13:00"),
        (60, Standing(is_open=True, until=at("2026-10-15T12:30")), ALWAYS_OPEN, "12:30"),
        (None, Standing(is_open=True, until=None), ALWAYS_OPEN, None),
        (None, None, Standing(is_open=True, until=at("2026-10-15T20:00")), "20:00"),
        (60, None, Standing(is_open=False, until=at("2026-10-15T20:00")), "12:00"),
    ],
)
def test_a_session_stops_at_the_first_of_its_ends(
    limit: int | None, opening: Standing | None, operating: Standing, stop: str | None
) -> None:
    found = stop_at(
        at("2026-10-15T12:00"),
        limit=None if limit is None else timedelta(minutes=limit),
        opening=opening,
        operating=operating,
    )
    assert found == (None if stop is None else at(f"2026-10-15T{stop}"))


def test_spans_that_touch_are_one() -> None:
    one, two, three, four = (at(f"2026-10-15T0{hour}:00") for hour in range(1, 5))
    assert merged([(two, three), (one, two)]) == [(one, three)]
    assert merged([(one, two), (three, four)]) == [(one, two), (three, four)]


def test_hours_are_read_as_they_are_written() -> None:
    read = parse_hours(SHOP)
    assert parse_hours(hours_json(read)) == read
    assert hours_json(read) == SHOP
    assert read.regular[0].begin == time(8)
    assert hours_json(Hours(twentyfourseven=True)) == {"twentyfourseven": True}
    naive = [{"period_begin": "2026-10-17T08:00:00", "period_end": "2026-10-17T10:00:00"}]
    assert parse_hours(SHOP | {"exceptional_openings": naive}) == read


def changed(name: str, **values: Any) -> dict[str, Any]:
    return SHOP | {name: [SHOP[name][0] | values]}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ("always", "hours"),
        ({}, "hours.twentyfourseven"),
        ({"twentyfourseven": True, "colour": 1}, "hours"),
        (SHOP | {"twentyfourseven": True}, "hours.regular_hours"),
        (SHOP | {"regular_hours": "daily"}, "hours.regular_hours"),
        (changed("regular_hours", weekday=8), "hours.regular_hours"),
        (changed("regular_hours", weekday=True), "hours.regular_hours"),
        (changed("regular_hours", period_begin="8:00"), "hours.regular_hours"),
        (changed("regular_hours", period_end="07:00"), "hours.regular_hours"),
        (changed("exceptional_closings", period_end="soon"), "hours.exceptional_closings"),
        (
            changed("exceptional_openings", period_end="2026-10-17T08:00:00Z"),
            "hours.exceptional_openings",
        ),
    ],
)
def test_what_are_no_hours_is_refused_at_its_place(given: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_hours(given)
    assert refused.value.field == field
