"""Single days in the form of hours: filled, read, and refused beside the field that is wrong."""

from datetime import date, time
from typing import Any

import pytest

from billing.hours import Hours, parse_hours
from foundation.errors import InvalidInput
from portal.pages import single_days
from portal.words import words

CHRISTMAS = {
    "day-1": "2026-12-24",
    "how-1": "hours",
    "from-d1a": "08:00",
    "to-d1a": "13:00",
    "day-3": "2026-12-25",
    "how-3": "closed",
    "day-4": "2026-12-26",
    "how-4": "open",
    "how-5": "closed",
}


def hours_of(form: dict[str, str]) -> Hours:
    return parse_hours({"twentyfourseven": True, "single_days": single_days.given(form)})


def test_a_filled_form_is_read_and_comes_back() -> None:
    hours = hours_of(CHRISTMAS)
    assert [(each.on.day, each.periods) for each in hours.days] == [
        (24, ((time(8), time(13)),)),
        (25, ()),
        (26, ((time(0), time(0)),)),
    ]
    back = single_days.filled(hours, date(2026, 12, 1))
    assert hours_of(back) == hours
    assert single_days.filled(None, date(2026, 12, 1)) == {}


def test_days_that_are_long_over_leave_the_form() -> None:
    back = single_days.filled(hours_of(CHRISTMAS), date(2026, 12, 28))
    assert [back[name] for name in ("day-1", "day-2")] == ["2026-12-25", "2026-12-26"]


def test_there_are_always_empty_rows() -> None:
    assert single_days.rows_of({}) == [1, 2, 3]
    assert single_days.rows_of(CHRISTMAS) == list(range(1, 8))
    assert single_days.rows_of({"day-60": "x"})[-1] == single_days.MOST


@pytest.mark.parametrize(
    ("changed", "field", "why"),
    [
        ({"day-1": ""}, "day-1", "Which day is it?"),
        ({"day-1": "Christmas"}, "day-1", "no day"),
        ({"day-3": "2026-12-24"}, "day-3", "given twice"),
        ({"how-1": "closed"}, "from-d1a", "is closed, and it has times"),
        ({"how-1": "open"}, "from-d1a", "is open all day, and it has times"),
        ({"how-3": "hours"}, "from-d3a", "or choose that it is closed"),
        ({"to-d1a": ""}, "from-d1a", "both a beginning and an end"),
        ({"to-d1a": "07:00"}, "from-d1a", "later than the beginning"),
        ({"from-d1b": "12:00", "to-d1b": "15:00"}, "from-d1b", "overlap"),
        ({"to-d1a": "00:00", "from-d1b": "12:00", "to-d1b": "15:00"}, "from-d1b", "overlap"),
    ],
)
def test_what_contradicts_itself_is_refused_beside_its_field(
    changed: dict[str, str], field: str, why: str
) -> None:
    assert single_days.given(CHRISTMAS)
    with pytest.raises(InvalidInput, match=why) as refused:
        single_days.given(CHRISTMAS | changed)
    assert refused.value.field == field


def test_what_only_touches_is_taken() -> None:
    [day, *_] = single_days.given(CHRISTMAS | {"from-d1b": "13:00", "to-d1b": "00:00"})
    assert len(day["periods"]) == 2


def test_every_refusal_has_its_german_words() -> None:
    german = words("de")
    assert all(german.gettext(each) != each for each in single_days.SENTENCES)


def test_days_are_told_in_a_line_each_of_many_the_first() -> None:
    english = words("en")
    told = single_days.in_words(hours_of(CHRISTMAS).days, english)
    assert [each.rpartition(": ")[2] for each in told] == ["08:00–13:00", "Closed", "Open all day"]
    many: dict[str, Any] = {f"day-{row}": f"2026-12-{row:02}" for row in range(1, 15)}
    assert single_days.in_words(hours_of(many).days, english)[-1] == "and 2 more days"
