"""The calendar of a place: spans, gaps, and what never applies."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from billing.assignments import Assignment, Place, TariffScope
from billing.conditions import Conditions, OpeningState, Side, Who
from billing.hours import Hours, HoursKind, PlaceHours, RegularPeriod, SingleDay
from billing.tariff_calendar import Check, CheckKind, checks, single_days, spans, unreachable
from billing.tariff_json import parse_tariff
from billing.tariffs import Tariff
from tests.billing.story import tariff

START = datetime(2026, 10, 12, 22, tzinfo=UTC)  # midnight in Berlin
DAY = timedelta(days=1)
END = START + 3 * DAY
S1 = Place(TariffScope.STATION, "S1")
OWNER = Place(TariffScope.ORGANISATION, "owner")
SHOP = PlaceHours(
    place=S1,
    kind=HoursKind.OPENING,
    hours=Hours(
        twentyfourseven=False,
        regular=tuple(RegularPeriod(day, time(8), time(18)) for day in range(1, 8)),
    ),
    transition=timedelta(0),
    stops=False,
    valid_from=START - 100 * DAY,
)


def assigned(tariff_id: str, place: Place = S1, **more: Any) -> Assignment:
    values: dict[str, Any] = {"valid_from": START - 10 * DAY, "valid_to": None} | more
    return Assignment(1, place, tariff_id, **values)


def seen(*rows: Assignment, who: Who | None = None, **more: Any) -> list[tuple[str | None, int]]:
    """The tariff of each span, and how many hours it lasts."""
    found = spans(
        [S1, OWNER],
        by_place(*rows),
        more.pop("hours", {}),
        time_zone="Europe/Berlin",
        start=START,
        end=END,
        who=who or Who(),
        **more,
    )
    assert found[0].from_at == START
    assert found[-1].to_at == END
    return [
        (
            None if each.assignment is None else each.assignment.tariff_id,
            (each.to_at - each.from_at) // (DAY / 24),
        )
        for each in found
    ]


def by_place(*rows: Assignment) -> dict[Place, list[Assignment]]:
    found: dict[Place, list[Assignment]] = {}
    for each in rows:
        found.setdefault(each.place, []).append(each)
    return found


def test_spans_follow_what_is_assigned_without_a_gap_between_them() -> None:
    later = assigned("B", valid_from=START + DAY)
    assert seen() == [(None, 72)]
    assert seen(assigned("A"), later) == [("A", 24), ("B", 48)]
    ends = assigned("A", valid_to=START + DAY)
    assert seen(ends) == [("A", 24), (None, 48)]
    assert seen(ends, assigned("C", OWNER)) == [("A", 24), ("C", 48)]


def test_spans_change_where_the_place_opens_and_closes() -> None:
    opened = assigned("A", conditions=Conditions(hours=OpeningState.OPEN))
    found = seen(opened, assigned("B"), hours={S1: [SHOP]})
    assert found == [("B", 8), *[("A", 10), ("B", 14)] * 2, ("A", 10), ("B", 6)]


def far_ahead(*rows: Assignment, hours: PlaceHours, days: int) -> list[tuple[datetime, str]]:
    found = spans(
        [S1],
        by_place(*rows),
        {S1: [hours]},
        time_zone="Europe/Berlin",
        start=START,
        end=START + days * DAY,
    )
    return [(each.from_at, each.assignment.tariff_id if each.assignment else "") for each in found]


def test_a_single_day_shows_in_the_calendar_however_far_ahead() -> None:
    """From 12 October on: closed on Christmas Day, which is 73 days and a change of clocks away."""
    around = Hours(twentyfourseven=True, days=(SingleDay(date(2026, 12, 25), ()),))
    held = replace(SHOP, hours=around)
    opened = assigned("A", conditions=Conditions(hours=OpeningState.OPEN))
    christmas = datetime(2026, 12, 24, 23, tzinfo=UTC)
    assert far_ahead(opened, assigned("B"), hours=held, days=90) == [
        (START, "A"),
        (christmas, "B"),
        (christmas + DAY, "A"),
    ]


def test_single_days_are_told_of_both_kinds_by_the_hours_that_hold_on_them() -> None:
    def held(kind: HoursKind, on: date, **more: Any) -> PlaceHours:
        hours = Hours(twentyfourseven=True, days=(SingleDay(on, ()),))
        return replace(SHOP, kind=kind, hours=hours, **more)

    first, second, last = (date(2026, 10, day) for day in (13, 14, 15))
    hours = {
        S1: [
            held(HoursKind.OPENING, first),
            held(HoursKind.OPENING, second, valid_from=START + 2 * DAY),
        ],
        OWNER: [held(HoursKind.OPENING, last), held(HoursKind.OPERATING, last, place=OWNER)],
    }
    found = single_days([S1, OWNER], hours, time_zone="Europe/Berlin", start=START, end=END)
    assert [(each.kind, each.day.on) for each in found] == [
        (HoursKind.OPENING, first),
        (HoursKind.OPERATING, last),
    ]


def test_a_calendar_is_somebodys_and_of_one_side() -> None:
    fleet = assigned("F", conditions=Conditions(token_groups=("FLEET",)))
    bought = assigned("P", side=Side.PURCHASE)
    assert seen(fleet, bought) == [(None, 72)]
    assert seen(fleet, bought, who=Who(token_group="FLEET")) == [("F", 72)]
    assert seen(fleet, bought, side=Side.PURCHASE) == [("P", 72)]


def checked(*rows: Assignment, tariffs: dict[str, Tariff] | None = None) -> list[Check]:
    return checks(
        [S1, OWNER],
        by_place(*rows),
        {},
        tariffs or {},
        time_zone="Europe/Berlin",
        start=START,
        end=END,
    )


def test_a_gap_is_told_with_its_time() -> None:
    [gap] = checked(assigned("A", valid_to=START + DAY))
    assert (gap.kind, gap.from_at, gap.to_at) == (CheckKind.GAP, START + DAY, END)
    assert checked(assigned("A")) == []


def test_what_others_always_go_before_never_applies() -> None:
    hidden = assigned("C", OWNER)
    assert checked(assigned("A"), hidden) == [
        Check(kind=CheckKind.NEVER_APPLIES, assignment=hidden)
    ]
    assert checked(assigned("A", valid_to=START + DAY), hidden) == []
    fleet = assigned("F", OWNER, conditions=Conditions(token_groups=("FLEET",)))
    assert checked(assigned("A"), fleet)[0].assignment == fleet
    first = assigned("F", OWNER, conditions=Conditions(token_groups=("FLEET",)), priority=1)
    assert checked(assigned("A"), first) == []
    over = assigned("C", OWNER, valid_to=START)
    assert checked(assigned("A"), over) == [], "what is over needs no look"


def element(*dimensions: str, **restrictions: Any) -> dict[str, Any]:
    components = [{"type": each, "price": 1, "step_size": 1} for each in dimensions]
    return {"price_components": components, "restrictions": restrictions}


@pytest.mark.parametrize(
    ("elements", "never"),
    [
        ([element("ENERGY"), element("ENERGY", min_kwh=10)], [1]),
        ([element("ENERGY", min_kwh=10), element("ENERGY")], []),
        ([element("ENERGY"), element("ENERGY", "TIME")], []),
        ([element("ENERGY"), element("TIME"), element("ENERGY", "TIME")], [2]),
        ([element("ENERGY", max_kwh=20), element("ENERGY", max_kwh=10)], [1]),
        ([element("ENERGY", max_kwh=10), element("ENERGY", max_kwh=20)], []),
        ([element("ENERGY", max_kwh=10), element("ENERGY")], []),
        (
            [element("ENERGY", start_time="08:00"), element("ENERGY", start_time="08:00")],
            [1],
        ),
        ([element("ENERGY", start_time="08:00"), element("ENERGY", start_time="09:00")], []),
        (
            [element("ENERGY", day_of_week=["MONDAY"]), element("ENERGY", day_of_week=["MONDAY"])],
            [1],
        ),
        ([element("ENERGY", day_of_week=["MONDAY"]), element("ENERGY")], []),
        ([element("TIME"), element("TIME", reservation="RESERVATION")], []),
        ([element("TIME", min_duration=7200), element("TIME")], [0]),
        ([element("TIME", min_duration=3599), element("TIME")], []),
    ],
)
def test_an_element_that_an_earlier_one_covers_never_applies(
    elements: list[dict[str, Any]], never: list[int]
) -> None:
    limited = {"session_limit_minutes": 60}
    read = parse_tariff({"id": "T", "currency": "EUR", "elements": elements, "leitstand": limited})
    assert unreachable(read) == never


def test_elements_and_tariffs_that_are_over_are_told_once_each() -> None:
    twice = parse_tariff(
        {"id": "A", "currency": "EUR", "elements": [element("ENERGY"), element("ENERGY")]}
    )
    ended = parse_tariff(
        {"id": "B", "currency": "EUR", "elements": [element("ENERGY", end_date="2026-01-01")]}
    )
    fleet = Conditions(token_groups=("FLEET",))
    found = checked(
        assigned("A"), assigned("B", conditions=fleet), tariffs={"A": twice, "B": ended}
    )
    assert [(each.kind, each.tariff_id, each.element) for each in found] == [
        (CheckKind.ELEMENT_NEVER_APPLIES, "A", 1),
        (CheckKind.OVER, "B", None),
    ]
    assert checked(assigned("A"), tariffs={"A": parse_tariff(tariff("A"))}) == []
