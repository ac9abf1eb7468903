"""Charts of alerts: every figure is drawn, said and in the table."""

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.alert_charts import Lane, Stretch, by_day, lanes, stacked
from portal.charts import Chart, ChartWords
from portal.formats import LOCALES

WORDS = ChartWords("A <title>", "What it shows", "From", "Until", "Day")
AT = datetime(2026, 10, 24, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


def parsed(chart: Chart) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(each) for each in (chart.wide, chart.narrow)]


def labels(drawing: ElementTree.Element) -> list[str]:
    return [each.attrib["aria-label"] for each in drawing.iter("g") if each.get("class") == "pick"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_day_says_how_many_of_each_kind_also_one_without_any(language: str) -> None:
    days = [date(2026, 10, 1) + timedelta(days=number) for number in range(30)]
    counts = {days[0]: (2, 1, 0), days[29]: (0, 0, 5)}
    chart = by_day("d", days, counts, ("Silent", "Faults", "Else"), WORDS, LOCALES[language])
    for drawing in parsed(chart):
        said = labels(drawing)
        assert len(said) == 30
        assert said[0].endswith("Silent: 2, Faults: 1, Else: 0")
        assert said[1].endswith("Silent: 0, Faults: 0, Else: 0")
        assert {"columns-of", "column-today", "rest"} <= {
            each.get("class") for each in drawing.iter("path")
        }
        tabbed = [each for each in drawing.iter("g") if each.get("tabindex") == "0"]
        assert len(tabbed) == 1
    assert [row[-1] for row in chart.rows] == ["3", *["0"] * 28, "5"]
    assert all(len(row) == len(chart.head) for row in chart.rows)
    assert [each.name for each in chart.legend] == ["Silent", "Faults", "Else"]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=8))
def test_no_column_stands_above_its_axis(counts: list[tuple[int, int]]) -> None:
    chart = stacked(
        "s",
        [(str(n), str(n), each) for n, each in enumerate(counts)],
        ("a", "b"),
        WORDS,
        LOCALES["en"],
    )
    for drawing in parsed(chart):
        height = float(drawing.attrib["viewBox"].split()[3])
        tops = [
            float(part.split("h")[0].split(" ")[1])
            for path in drawing.iter("path")
            if path.get("class") in ("columns-of", "column-today")
            for part in path.attrib["d"].split("M")[1:]
        ]
        assert all(14 <= top <= height for top in tops)


def test_stretches_are_cut_to_what_is_shown_and_told_in_the_readers_zone() -> None:
    lane = Lane(
        "CS-1",
        [
            Stretch(AT - 9 * HOUR, AT + HOUR, "off", "Offline"),
            Stretch(AT + HOUR, AT + 2 * HOUR, "ok", "heard"),
            Stretch(AT + 9 * HOUR, AT + 10 * HOUR, "off", "later"),
        ],
    )
    chart = lanes("l", [lane], (AT, AT + 4 * HOUR), BERLIN, WORDS, LOCALES["en"])
    assert [row[0] for row in chart.rows] == ["CS-1: Offline", "CS-1: heard"]
    assert "00:00:00" in chart.rows[0][1], "22:00 UTC is midnight in summer"
    assert "01:00:00" in chart.rows[1][1]
    for drawing in parsed(chart):
        assert len(labels(drawing)) == 2
        width = float(drawing.attrib["viewBox"].split()[2])
        for rect in drawing.iter("rect"):
            assert float(rect.attrib["x"]) + float(rect.attrib["width"]) <= width + 0.2


def test_nothing_at_all_is_still_a_drawing() -> None:
    for chart in (
        by_day("d", [], {}, ("a",), WORDS, LOCALES["de"]),
        lanes("l", [], (AT, AT), BERLIN, WORDS, LOCALES["de"]),
    ):
        assert chart.rows == ()
        assert len(parsed(chart)) == 2
