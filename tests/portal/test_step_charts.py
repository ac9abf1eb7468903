"""Charts of what holds until it changes."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from babel import Locale

from portal.charts import Chart
from portal.step_charts import Curve, StepWords, stepped

BEGIN = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
MOMENTS = [BEGIN, BEGIN + timedelta(minutes=30), BEGIN + timedelta(minutes=45)]
WORDS = StepWords("Load", "What is drawn.", "Moment", "A")
LIMIT = Curve("Allowed", [32, 16, 32])


def drawn(*curves: Curve) -> Chart:
    until = BEGIN + timedelta(hours=1)
    zone = ZoneInfo("Europe/Berlin")
    return stepped("load", MOMENTS, until, curves, zone, WORDS, Locale("en"))


def corners(chart: Chart, kind: str) -> list[list[tuple[float, float]]]:
    found = re.findall(rf'<polyline class="{kind}" points="([^"]*)"', chart.wide)
    return [
        [(float(x), float(y)) for x, y in (corner.split(",") for corner in each.split())]
        for each in found
    ]


def test_a_value_holds_until_the_next_one() -> None:
    [path] = corners(drawn(LIMIT), "edge-of")
    assert len(path) == 6
    for (_, before), (_, after) in (path[0:2], path[2:4], path[4:6]):
        assert before == after
    assert path[1][0] == path[2][0]
    first = path[1][0] - path[0][0]
    second = path[3][0] - path[2][0]
    assert abs(first - 2 * second) < 0.3  # half an hour is as long as two quarters of one


def test_what_is_not_known_is_a_gap_and_not_a_zero() -> None:
    chart = drawn(LIMIT, Curve("Taken", [8, None, 12]))
    assert len(corners(chart, "line-of dashes")) == 2
    assert chart.rows[1] == ("12:30:00", "16", "–")


def test_the_table_and_what_can_be_picked_say_the_same_in_the_places_zone() -> None:
    chart = drawn(LIMIT, Curve("Taken", [8, 7.5, 12]))
    assert chart.head == ("Moment", "Allowed (A)", "Taken (A)")
    assert chart.rows[1] == ("12:30:00", "16", "7.5")
    assert "12:30:00, Allowed: 16 A, Taken: 7.5 A" in chart.wide
    assert chart.wide.count('tabindex="0"') == 1
    assert "style=" not in chart.wide + chart.narrow


def test_no_two_curves_look_alike() -> None:
    chart = drawn(LIMIT, LIMIT, LIMIT)
    assert len({each.sign for each in chart.legend}) == 3
