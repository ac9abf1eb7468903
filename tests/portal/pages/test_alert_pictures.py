"""The charts on the pages of alerts."""

from datetime import UTC, datetime, timedelta

from alerts import life
from alerts.detections import Detection
from portal.pages.alert_pictures import _both, _spans, _steps
from portal.words import words
from tests.alerts.watch import finding

AT = datetime(2026, 10, 24, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_span_is_what_was_bad_and_what_lies_between() -> None:
    good, bad = ("ok", "g"), ("off", "b")
    span = (AT, AT + 10 * HOUR)
    found = _both([(AT - HOUR, AT + HOUR), (AT + 3 * HOUR, AT + 20 * HOUR)], span, bad, good)
    assert [(each.begin - AT, each.end - AT, each.said) for each in found] == [
        (0 * HOUR, HOUR, "b"),
        (HOUR, 3 * HOUR, "g"),
        (3 * HOUR, 10 * HOUR, "b"),
    ]
    [whole] = _both([], span, bad, good)
    assert (whole.begin, whole.end, whole.said) == (*span, "g")
    assert _both([], (AT, AT), bad, good) == []


def test_silences_that_touch_are_one_and_other_watches_are_none() -> None:
    faults = [
        life.begun(finding(at=AT + hours * HOUR, detection=detection), location=None, flaps=0)
        for hours, detection in (
            (2, Detection.OFFLINE),
            (0, Detection.OFFLINE),
            (1, Detection.FAULT),
        )
    ]
    assert _spans(faults, Detection.OFFLINE, AT + 5 * HOUR) == [(AT, AT + 5 * HOUR)]


def test_each_step_of_time_has_a_name() -> None:
    assert len(_steps(words("de"))) == 6
