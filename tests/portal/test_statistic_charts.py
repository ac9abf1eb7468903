"""The heat map of the week, and figures beside those of a group."""

from xml.etree import ElementTree

import pytest

from portal.charts import Chart, ChartWords
from portal.formats import LOCALES
from portal.statistic_charts import LEVELS, Pair, WeekWords, compared, heat_map, level

WORDS = ChartWords("A <title>", "What it shows", "This", "All", "Figure")
WEEK = WeekWords(WORDS, "Hour", "%(day)s: %(hour)s, %(part)s", "%(day)s: idle")


def parsed(chart: Chart) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(each) for each in (chart.wide, chart.narrow)]


def labels(drawing: ElementTree.Element) -> list[str]:
    return [each.attrib["aria-label"] for each in drawing.iter("g") if each.get("class") == "pick"]


def a_week() -> list[int | None]:
    busy: list[int | None] = [0] * 168
    busy[8] = 1000
    busy[24 + 17] = 2500
    busy[167] = None
    return busy


def test_a_field_is_as_dark_as_it_was_busy() -> None:
    assert [level(each) for each in (0, 1, 99, 100, 749, 750, 1000)] == [0, 1, 1, 2, 4, 5, 5]
    assert list(LEVELS) == sorted(LEVELS)


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_week_says_when_each_day_is_busiest_and_all_of_it_as_a_table(language: str) -> None:
    chart = heat_map("w", a_week(), 2, WEEK, LOCALES[language])
    for drawing in parsed(chart):
        said = labels(drawing)
        assert len(said) == 7
        assert "08:00" in said[0]
        assert "50" in said[0], "one session where two can be is half"
        assert "100" in said[1], "more than there are places for is no more than all"
        assert said[2].endswith("idle")
    assert len(chart.rows) == 24
    assert all(len(row) == len(chart.head) == 8 for row in chart.rows)
    assert chart.rows[23][7] == "–"


def test_a_station_without_any_session_has_a_week_too() -> None:
    chart = heat_map("w", [None] * 168, 0, WEEK, LOCALES["en"])
    assert all(each.endswith("idle") for each in labels(parsed(chart)[0]))


def test_figures_beside_those_of_a_group_say_both() -> None:
    chart = compared("c", [Pair("Up<time", "99 %", "98 %", 0.99, 0.98)], WORDS)
    for drawing in parsed(chart):
        assert labels(drawing) == ["Up<time: 99 % (This), 98 % (All)"]
    assert chart.rows == (("Up<time", "99 %", "98 %"),)
    assert parsed(compared("c", [], WORDS))


def test_a_week_is_small() -> None:
    chart = heat_map("w", [each % 1000 for each in range(168)], 1, WEEK, LOCALES["en"])
    assert len(chart.wide) + len(chart.narrow) < 14_000
