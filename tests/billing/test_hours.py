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
    check,
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


# -------------------------------------------------------------------------------- single days

MONDAYS: dict[str, Any] = {
    "twentyfourseven": False,
    "regular_hours": [
        {"weekday": day, "period_begin": "08:00", "period_end": "18:00"} for day in range(1, 8)
    ],
}


def period(begin: str, end: str) -> dict[str, str]:
    return {"period_begin": begin, "period_end": end}


def single(on: str, *periods: tuple[str, str]) -> dict[str, Any]:
    return {"date": on, "periods": [period(*each) for each in periods]}


def daily(*days: dict[str, Any], around_the_clock: bool = False) -> dict[str, Any]:
    week = {"twentyfourseven": True} if around_the_clock else MONDAYS
    return week | {"single_days": list(days)}


@pytest.mark.parametrize(
    ("moment", "minutes", "is_open", "until"),
    [
        ("2026-10-14T20:00", 0, False, "2026-10-16T08:00"),  # the fifteenth is a holiday
        ("2026-10-15T12:00", 0, False, "2026-10-16T08:00"),
        ("2026-10-14T18:15", 30, True, "2026-10-14T18:30"),
        ("2026-10-17T11:00", 0, True, "2026-10-17T12:00"),  # other hours on the seventeenth
        ("2026-10-17T13:00", 0, False, "2026-10-17T20:00"),
        ("2026-10-17T21:00", 0, True, "2026-10-18T00:00"),
    ],
)
def test_a_single_day_has_its_own_hours_instead_of_its_weekdays(
    moment: str, minutes: int, is_open: bool, until: str
) -> None:
    days = daily(single("2026-10-17", ("20:00", "00:00"), ("10:00", "12:00")), single("2026-10-15"))
    assert standing(held(days, minutes), at(moment), ZONE) == Standing(is_open, at(until))


def test_a_holiday_closes_what_is_open_around_the_clock_and_an_opening_opens_it_again() -> None:
    closed = daily(single("2026-10-15"), around_the_clock=True)
    assert standing(held(closed), at("2026-10-14T12:00"), ZONE).until == at("2026-10-15T00:00")
    found = standing(held(closed), at("2026-10-15T12:00"), ZONE)
    assert found == Standing(is_open=False, until=at("2026-10-16T00:00"))
    reopened = closed | {
        "exceptional_openings": [period("2026-10-15T08:00:00Z", "2026-10-15T10:00:00Z")]
    }
    found = standing(held(reopened), at("2026-10-15T10:30"), ZONE)
    assert found == Standing(is_open=True, until=at("2026-10-15T12:00"))


@pytest.mark.parametrize(
    ("on", "begins", "ends", "hours"),
    [
        ("2026-03-29", "2026-03-28T23:00", "2026-03-29T22:00", 23),  # 2:00 is 3:00
        ("2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00", 25),  # 3:00 is 2:00 again
    ],
)
def test_a_closed_day_is_as_long_as_its_clock_says(
    on: str, begins: str, ends: str, hours: int
) -> None:
    begin, end = (datetime.fromisoformat(f"{each}+00:00") for each in (begins, ends))
    assert end - begin == timedelta(hours=hours)
    closed = held(daily(single(on), around_the_clock=True), valid_from=at("2025-01-01T00:00"))
    assert standing(closed, begin - timedelta(minutes=1), ZONE) == Standing(True, begin)
    assert standing(closed, begin, ZONE) == Standing(False, end)
    assert standing(closed, end - timedelta(minutes=1), ZONE) == Standing(False, end)
    assert standing(closed, end, ZONE).is_open


@pytest.mark.parametrize(
    ("on", "given", "begins", "ends"),
    [
        ("2026-03-29", ("01:00", "04:00"), "2026-03-29T00:00", "2026-03-29T02:00"),
        ("2026-03-29", ("02:30", "06:00"), "2026-03-29T01:00", "2026-03-29T04:00"),
        ("2026-03-29", ("01:00", "02:30"), "2026-03-29T00:00", "2026-03-29T01:00"),
        ("2026-10-25", ("01:00", "04:00"), "2026-10-24T23:00", "2026-10-25T03:00"),
        ("2026-10-25", ("02:30", "06:00"), "2026-10-25T00:30", "2026-10-25T05:00"),
        ("2026-10-25", ("01:00", "02:30"), "2026-10-24T23:00", "2026-10-25T00:30"),
    ],
)
def test_a_skipped_time_is_the_change_and_of_two_the_first_counts(
    on: str, given: tuple[str, str], begins: str, ends: str
) -> None:
    begin, end = (datetime.fromisoformat(f"{each}+00:00") for each in (begins, ends))
    shop = held(daily(single(on, given)), valid_from=at("2025-01-01T00:00"))
    assert standing(shop, begin - timedelta(minutes=1), ZONE) == Standing(False, begin)
    assert standing(shop, begin, ZONE) == Standing(True, end)
    assert not standing(shop, end, ZONE).is_open


def test_a_period_that_the_clock_skips_is_none() -> None:
    shop = held(daily(single("2026-03-29", ("02:15", "02:45")), around_the_clock=True), minutes=30)
    closed = standing(shop, datetime(2026, 3, 29, 1, tzinfo=UTC), ZONE)
    assert closed == Standing(False, datetime(2026, 3, 29, 21, 30, tzinfo=UTC))


def test_single_days_are_written_and_read_the_same() -> None:
    days = daily(single("2026-12-24", ("08:00", "13:00")), single("2026-12-25"))
    read = parse_hours(days)
    assert parse_hours(hours_json(read)) == read
    assert hours_json(read)["single_days"] == days["single_days"]
    check(read, ZONE)


@pytest.mark.parametrize(
    "days",
    [
        [single("2026-13-24")],
        [{"date": "2026-12-24"}],
        [{"date": "2026-12-24", "periods": [period("08:00", "07:00")]}],
        [{"date": "2026-12-24", "periods": [period("8", "9")]}],
        [{"date": "2026-12-24", "periods": [], "closed": True}],
        [{"date": "0001-01-01", "periods": []}],
        ["2026-12-24"],
        [single("2026-12-24", *[("08:00", "09:00")] * 13)],
    ],
)
def test_what_is_no_single_day_is_refused(days: list[Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_hours(MONDAYS | {"single_days": days})
    assert refused.value.field == "hours.single_days"


CLOSED_NOON = [period("2026-12-24T10:00:00Z", "2026-12-24T11:00:00Z")]


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        (daily(single("2026-12-24"), single("2026-12-24", ("08:00", "09:00"))), "given twice"),
        (daily(single("2026-12-24", ("08:00", "10:00"), ("09:00", "11:00"))), "overlap"),
        (daily(single("2026-12-24", ("08:00", "00:00"), ("09:00", "11:00"))), "overlap"),
        (daily(single("2026-12-24")) | {"exceptional_openings": CLOSED_NOON}, "opening as well"),
        (daily(single("2026-12-24")) | {"exceptional_closings": CLOSED_NOON}, "closing as well"),
        (
            MONDAYS | {"exceptional_openings": CLOSED_NOON} | {"exceptional_closings": CLOSED_NOON},
            "opened and closed at once from 2026-12-24T10:00",
        ),
        (
            {
                "twentyfourseven": False,
                "regular_hours": [
                    {"weekday": 1, **period("08:00", "12:00")},
                    {"weekday": 1, **period("11:00", "18:00")},
                ],
            },
            "weekday 1 overlap",
        ),
    ],
)
def test_hours_that_contradict_themselves_are_refused_with_the_reason(
    hours: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidInput, match=why):
        check(parse_hours(hours), ZONE)


def test_what_only_touches_is_no_contradiction() -> None:
    check(parse_hours(SHOP), ZONE)
    touching = daily(
        single("2026-12-23"), single("2026-12-25", ("00:00", "10:00"), ("10:00", "00:00"))
    ) | {"exceptional_closings": [period("2026-12-23T23:00:00Z", "2026-12-24T23:00:00Z")]}
    check(parse_hours(touching), ZONE)
