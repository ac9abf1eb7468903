"""One cause that is told by several names is one alert; two causes stay two."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import life, same_cause
from alerts.detections import Detection, Severity
from alerts.life import Alert, Change, Fault
from alerts.same_cause import UNNAMED
from tests.alerts.watch import HOUR, MINUTE, T0, finding


def seen(cause: str = UNNAMED, evse: int = 1, connector: int = 1, **other: Any) -> Fault:
    facts: dict[str, Any] = {"detection": Detection.FAULT, "evidence": {}} | other
    found = finding(cause=cause, evse_id=evse, connector_id=connector, **facts)
    return life.begun(found, location="yard", flaps=0)


LOCK = seen("ConnectorLockFailure", witness="ConnectorPlugRetentionLock.Problem")
GROUND = seen("GroundFailure", 1, 0, witness="RCD.Tripped", severity=Severity.CRITICAL)
OF_STATION = seen("Fan.Problem", 0, 0, witness="Fan.Problem")
BARE = seen()
ROOT = seen("Controller.Problem", 0, 0, witness="C.Problem", evidence={"event": "7"})
AFTER = seen("PowerSwitchFailure", witness="P.Tripped", evidence={"event": "8", "caused_by": "7"})
ALSO = seen("PowerMeterFailure", witness="M.Problem", evidence={"event": "9", "caused_by": "7"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (BARE, LOCK, True),
        (BARE, GROUND, True),  # of the whole EVSE
        (BARE, OF_STATION, True),
        (BARE, seen("ConnectorLockFailure", 1, 2), False),  # another connector
        (BARE, seen("GroundFailure", 2, 0), False),  # another EVSE
        (BARE, seen("ConnectorLockFailure", station="CS-2"), False),
        (BARE, seen("HighTemperature", detection=Detection.WARNING), False),
        (BARE, replace(LOCK, calm_since=T0), False),  # it was gone before
        (seen(evidence={"vendor_error_code": "E7"}), LOCK, False),  # a name of its own
        (LOCK, GROUND, False),
        (ROOT, AFTER, True),
        (AFTER, ALSO, True),  # of the same event, told or not
        (LOCK, AFTER, False),
    ],
)
def test_what_tells_of_one_cause(one: Fault, other: Fault, same: bool) -> None:
    assert same_cause.are_one(one, other) is same
    assert same_cause.are_one(other, one) is same


def arrive(batches: Sequence[Sequence[Fault]]) -> tuple[list[Alert], list[Fault], int]:
    """Let reports arrive; return the alerts, the faults in them, and how many were raised."""
    alerts: dict[int, Alert] = {}
    faults: list[Fault] = []
    raised = 0
    for minute, batch in enumerate(batches):
        placed, told = life.raise_alerts(
            batch,
            alerts.values(),
            beside={number: [f for f in faults if f.alert == number] for number in alerts},
            raised_lately={},
            now=T0 + minute * MINUTE,
        )
        numbers = {each.alert.id: each.alert.id for each in told}
        for each in told:
            if each.change is Change.RAISED:
                raised += 1
                numbers[each.alert.id] = raised
            number = numbers[each.alert.id]
            alerts[number] = replace(each.alert, id=number)
        faults += [replace(each, alert=numbers[each.alert or 0]) for each in placed]
    return list(alerts.values()), faults, raised


def in_any_order(reports: Sequence[Fault]) -> st.SearchStrategy[list[list[Fault]]]:
    """Some of the reports in any order, each alone or with others at once."""
    chosen = st.lists(st.sampled_from(reports), min_size=1, unique_by=lambda each: each.key)
    return st.tuples(chosen, st.integers(1, 3)).map(
        lambda drawn: [drawn[0][at : at + drawn[1]] for at in range(0, len(drawn[0]), drawn[1])]
    )


TRIPPED = seen("ConnectorLockFailure", witness="ConnectorPlugRetentionLock.Tripped")


@given(batches=in_any_order([BARE, LOCK, TRIPPED, GROUND, OF_STATION]))
def test_one_component_has_an_alert_for_each_cause_in_any_order(batches: list[list[Fault]]) -> None:
    alerts, faults, raised = arrive(batches)
    reports = [each for batch in batches for each in batch]
    causes = {each.cause for each in reports} - {UNNAMED} or {UNNAMED}
    assert sorted(each.cause for each in alerts) == sorted(causes)
    assert raised == len(alerts)
    assert sorted(each.key for each in faults) == sorted(each.key for each in reports)
    for alert in alerts:  # no report is evidence of another cause than its own
        inside = {each.cause for each in faults if each.alert == alert.id}
        assert inside <= {alert.cause, UNNAMED}
        assert alert.severity.rank >= max(f.severity.rank for f in faults if f.alert == alert.id)


@given(batches=in_any_order([ROOT, AFTER, ALSO, BARE]))
def test_what_a_station_says_was_caused_by_one_event_is_one_alert_in_any_order(
    batches: list[list[Fault]],
) -> None:
    [alert], faults, raised = arrive(batches)
    assert raised == 1
    if ROOT in [each for batch in batches for each in batch]:
        assert alert.cause == ROOT.cause
    assert {each.alert for each in faults} == {alert.id}


@given(
    batches=in_any_order(
        [
            each if other is None else replace(each, key=f"{each.key}/{other}", **place)
            for each in (BARE, LOCK, seen("PowerSwitchFailure"))
            for other, place in ((None, {}), (2, {"evse_id": 2}), (3, {"station": "CS-2"}))
        ]
    )
)
def test_no_alert_of_a_site_takes_up_two_causes_and_no_report_is_lost(
    batches: list[list[Fault]],
) -> None:
    alerts, faults, _ = arrive(batches)
    assert len(faults) == len({each.key for batch in batches for each in batch})
    for alert in alerts:
        inside = [each for each in faults if each.alert == alert.id]
        assert len(same_cause.causes_of(inside)) <= 1
        assert {each.detection for each in inside} == {Detection.FAULT}


def test_what_comes_an_hour_later_is_another_alert() -> None:
    alerts, _, _ = arrive([[BARE], *([] for _ in range(59)), [LOCK]])
    assert [each.cause for each in alerts] == [LOCK.cause]
    alerts, _, _ = arrive([[BARE], *([] for _ in range(60)), [LOCK]])
    assert [each.cause for each in alerts] == [UNNAMED, LOCK.cause]
    assert life.GROUPING == HOUR


def test_an_alert_has_its_name_once_nothing_in_it_is_unexplained() -> None:
    elsewhere = seen(station="CS-2")
    assert same_cause.name_of([BARE, elsewhere], UNNAMED) == UNNAMED
    assert same_cause.name_of([BARE, elsewhere, LOCK], UNNAMED) == UNNAMED
    assert same_cause.name_of([BARE, LOCK], UNNAMED) == LOCK.cause
    assert same_cause.name_of([AFTER, ALSO], "anything") == "PowerMeterFailure"


def test_a_station_that_goes_round_in_circles_is_one_cause() -> None:
    one = seen("A", evidence={"event": "1", "caused_by": "2"})
    other = seen("B", evidence={"event": "2", "caused_by": "1"})
    assert len(same_cause.causes_of([one, other])) == 1
