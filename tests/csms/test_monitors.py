"""What monitors notice, in the words of 1.6's errors."""

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.monitors import fault_of
from csms.reports import MonitoredEvent
from foundation.events import FaultCleared, FaultReported
from foundation.identifiers import ConnectorId, EvseId, StationId

CS_1 = StationId("CS-1")
AT = datetime(2026, 10, 15, 12, tzinfo=UTC)


def noticed(component: str, variable: str, value: str, **other: Any) -> MonitoredEvent:
    usual: dict[str, Any] = {
        "event_id": 1,
        "at": AT,
        "trigger": "Delta",
        "component": component,
        "variable": variable,
        "actual_value": value,
        "cleared": False,
        "evse_id": EvseId(1),
        "connector_id": ConnectorId(2),
        "tech_code": None,
        "tech_info": None,
        "severity": None,
    }
    return MonitoredEvent(**(usual | other))


def test_a_problem_is_a_fault_under_the_name_that_it_has_in_1_6() -> None:
    found = fault_of(CS_1, noticed("ConnectorPlugRetentionLock", "Problem", "true", tech_code="E7"))
    assert isinstance(found, FaultReported)
    assert (found.error_code, found.vendor_error_code) == ("ConnectorLockFailure", "E7")
    assert (found.evse_id, found.connector_id, found.faulted) == (1, 2, True)
    over = fault_of(CS_1, noticed("connectorPlugRetentionLock", "problem", "False"))
    assert isinstance(over, FaultCleared)
    assert (over.error_code, over.evse_id, over.connector_id) == ("ConnectorLockFailure", 1, 2)


@pytest.mark.parametrize(
    ("component", "variable", "name"),
    [
        ("RCD", "Tripped", "GroundFailure"),
        ("Fan", "Problem", "Fan.Problem"),
        ("TemperatureSensor", "Problem", "TemperatureSensor.Problem"),
    ],
)
def test_what_1_6_has_no_word_for_keeps_its_own_name(
    component: str, variable: str, name: str
) -> None:
    found = fault_of(CS_1, noticed(component, variable, "true", evse_id=None, connector_id=None))
    assert isinstance(found, FaultReported)
    assert (found.error_code, found.evse_id, found.connector_id) == (name, 0, 0)


def test_a_threshold_is_a_warning_that_tells_the_value_until_it_is_cleared() -> None:
    hot = fault_of(CS_1, noticed("TemperatureSensor", "Temperature", "88", trigger="Alerting"))
    assert isinstance(hot, FaultReported)
    assert (hot.error_code, hot.faulted, hot.info) == (
        "HighTemperature",
        False,
        "Temperature = 88",
    )
    told = noticed(
        "TemperatureSensor", "Temperature", "60", trigger="Alerting", cleared=True, tech_info="ok"
    )
    assert isinstance(fault_of(CS_1, told), FaultCleared)


@pytest.mark.parametrize(
    ("severity", "faulted"), [(0, True), (3, True), (4, False), (6, False), (7, None), (9, None)]
)
def test_a_stations_own_severity_decides(severity: int, faulted: bool | None) -> None:
    found = fault_of(CS_1, noticed("Fan", "Problem", "true", severity=severity))
    if faulted is None:
        assert found is None
    else:
        assert isinstance(found, FaultReported)
        assert found.faulted is faulted


def test_a_value_that_changed_is_no_fault() -> None:
    assert fault_of(CS_1, noticed("TemperatureSensor", "Temperature", "40")) is None
    assert fault_of(CS_1, noticed("Fan", "FanSpeed", "1200", trigger="Periodic")) is None


def test_two_variables_of_one_component_tell_of_one_fault_and_each_says_who_it_is() -> None:
    found = [
        fault_of(CS_1, noticed("Fan", variable, value, event_id=8, cause=7))
        for variable, value in (("Problem", "true"), ("Tripped", "true"), ("Tripped", "false"))
    ]
    assert {each.error_code for each in found if each is not None} == {"Fan.Problem"}
    assert [each.monitor for each in found if each is not None] == [
        "Fan.Problem",
        "Fan.Tripped",
        "Fan.Tripped",
    ]
    assert isinstance(found[0], FaultReported)
    assert (found[0].event_id, found[0].caused_by) == (8, 7)
