"""Charts drawn by the server."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.charts import (
    MAX_POINTS,
    NARROW,
    WIDE,
    Chart,
    ChartWords,
    CurvePoint,
    DayFigure,
    Part,
    columns_and_line,
    meter_curve,
    states_bar,
    steps,
)
from portal.formats import LOCALES

EN = LOCALES["en"]
WORDS = ChartWords("A <title>", "What it shows", "Energy", "Revenue", "Day")
BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 10, 15, 8, 4, 11, tzinfo=UTC)


def days(*energies_wh: int) -> list[DayFigure]:
    first = date(2026, 10, 1)
    return [
        DayFigure(first + timedelta(days=index), Decimal(wh), Decimal(wh) / 2000)
        for index, wh in enumerate(energies_wh)
    ]


def curve(count: int) -> list[CurvePoint]:
    return [
        CurvePoint(BEGIN + timedelta(minutes=index), Decimal(index * 100), Decimal(6000))
        for index in range(count)
    ]


def parsed(chart: Chart) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(each) for each in (chart.wide, chart.narrow)]


def picks(drawing: ElementTree.Element) -> list[ElementTree.Element]:
    return [each for each in drawing.iter("g") if each.get("class") == "pick"]


CHARTS = [
    columns_and_line("a", days(0, 1500, 82_000), "EUR", WORDS, EN, date(2026, 10, 3)),
    columns_and_line("b", [], "EUR", WORDS, EN),
    meter_curve("c", curve(90), BERLIN, WORDS, EN),
    meter_curve("d", [], BERLIN, WORDS, EN),
    meter_curve("e", curve(1), BERLIN, WORDS, EN),
    states_bar("f", [Part("Online", 412, "ok"), Part("Offline", 0, "off")], WORDS, EN),
    states_bar("g", [], WORDS, EN),
]


@pytest.mark.parametrize("chart", CHARTS)
def test_every_drawing_is_named_and_described_and_keeps_within_its_frame(chart: Chart) -> None:
    for drawing, width in zip(parsed(chart), (WIDE, NARROW), strict=True):
        title, description = drawing.find("title"), drawing.find("desc")
        assert title is not None
        assert description is not None
        assert title.text == "A <title>"
        assert drawing.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        for rect in drawing.iter("rect"):
            assert float(rect.get("x", "0")) >= 0
            right = float(rect.get("x", "0")) + float(rect.get("width", "0"))
            assert right <= width + 0.1


@pytest.mark.parametrize("chart", CHARTS)
def test_drawings_have_no_styles_of_their_own(chart: Chart) -> None:
    for drawing in parsed(chart):
        assert all(each.get("style") is None for each in drawing.iter())


def test_each_day_can_be_picked_and_says_its_values() -> None:
    chart = columns_and_line("a", days(0, 1500, 82_000), "EUR", WORDS, EN)
    for drawing in parsed(chart):
        assert [each.get("aria-label") for each in picks(drawing)] == [
            "1 Oct 2026, 0.0 kWh, €0.00",
            "2 Oct 2026, 1.5 kWh, €0.75",
            "3 Oct 2026, 82.0 kWh, €41.00",
        ]


def test_one_point_is_in_the_order_of_the_tab_key_and_arrows_reach_the_others() -> None:
    for drawing in parsed(meter_curve("c", curve(50), BERLIN, WORDS, EN)):
        assert [each.get("tabindex") for each in picks(drawing)].count("0") == 1


def test_the_table_has_the_same_figures() -> None:
    chart = columns_and_line("a", days(1500), "EUR", WORDS, EN)
    assert chart.head == ("Day", "Energy (kWh)", "Revenue")
    assert chart.rows == (("1 Oct 2026", "1.5", "€0.75"),)


def test_a_day_that_is_not_over_looks_different() -> None:
    wide, _ = parsed(columns_and_line("a", days(5, 6), "EUR", WORDS, EN, date(2026, 10, 2)))
    assert [each.get("class") for each in wide.findall("rect")] == ["columns-of", "column-today"]


def test_a_long_curve_keeps_its_shape_and_thins_only_what_can_be_picked() -> None:
    chart = meter_curve("c", curve(2000), BERLIN, WORDS, EN)
    wide, narrow = parsed(chart)
    assert len(picks(wide)) == MAX_POINTS
    assert len(picks(narrow)) == MAX_POINTS // 2
    lines = [each.get("points", "") for each in wide.iter("polyline")]
    assert len(lines[0].split()) == 2000
    assert len(chart.rows) == MAX_POINTS


def test_times_are_told_in_the_stations_zone() -> None:
    chart = meter_curve("c", curve(10), BERLIN, WORDS, EN)
    assert chart.rows[0][0] == "10:04:11"


def test_unknown_power_is_a_gap_and_not_a_zero() -> None:
    points = [CurvePoint(BEGIN, Decimal(0), None), CurvePoint(BEGIN, Decimal(10), None)]
    chart = meter_curve("c", points, BERLIN, WORDS, EN)
    assert chart.rows[0][1] == "–"
    assert not list(parsed(chart)[0].iter("polygon"))


def test_a_state_with_nothing_in_it_takes_no_room_but_stands_in_the_table() -> None:
    chart = states_bar("f", [Part("Online", 3, "ok"), Part("Offline", 0, "off")], WORDS, EN)
    assert [each.get("aria-label") for each in picks(parsed(chart)[0])] == ["Online: 3"]
    assert chart.rows == (("Online", "3", "100%"), ("Offline", "0", "0%"))


@given(st.floats(0.001, 1e9))
def test_marks_begin_at_zero_are_even_and_reach_the_highest_value(highest: float) -> None:
    marks = steps(highest)
    assert marks[0] == 0
    assert marks[-1] >= highest * 0.999999
    assert 2 <= len(marks) <= 6
    step = marks[1]
    assert all(abs(mark - index * step) < step / 1000 for index, mark in enumerate(marks))


def test_nothing_to_show_still_has_an_axis() -> None:
    assert steps(0) == [0.0, 1.0]
