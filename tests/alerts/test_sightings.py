"""What stations say of themselves, as findings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alerts.detections import Detection, Severity
from alerts.sightings import KINDS, findings_of
from foundation.events import (
    EVENTS,
    FaultCleared,
    FaultReported,
    SecurityEventReported,
    StationCameBack,
    StationWentOffline,
)
from foundation.identifiers import ConnectorId, EvseId, OrganisationKey, StationId

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
NORTH = OrganisationKey("north")
PLACE: dict[str, Any] = {
    "station": StationId("CS-1"),
    "evse_id": EvseId(2),
    "connector_id": ConnectorId(1),
    "happened_at": AT,
}


def reported(code: str, *, faulted: bool = True, info: str | None = None) -> FaultReported:
    return FaultReported(
        **PLACE, error_code=code, info=info, vendor_error_code="E7", faulted=faulted
    )


def security(kind: str, tech_info: str | None = None) -> SecurityEventReported:
    return SecurityEventReported(
        station=StationId("CS-1"), happened_at=AT, type=kind, tech_info=tech_info
    )


def test_every_kind_that_is_read_exists() -> None:
    assert set(KINDS) <= EVENTS.keys()


def test_silence_is_found_with_when_the_station_was_heard_last_and_its_return_ends_it() -> None:
    heard = AT - timedelta(hours=1)
    [silent] = findings_of(
        StationWentOffline(station=StationId("CS-1"), happened_at=AT, last_heard_at=heard), NORTH
    )
    assert silent.key == "offline/silence/CS-1/-/-"
    assert silent.evidence == {"last_heard_at": "2026-11-02T07:00:00+00:00"}
    [back] = findings_of(StationCameBack(station=StationId("CS-1"), happened_at=AT), NORTH)
    assert (back.key, back.is_present) == (silent.key, False)


def test_an_error_is_a_fault_where_it_prevents_charging_and_else_a_warning() -> None:
    fault, no_warning = findings_of(reported("GroundFailure", info="left socket"), NORTH)
    assert fault.key == "fault/GroundFailure/CS-1/2/1"
    assert (fault.is_present, fault.severity) == (True, Severity.CRITICAL)
    assert fault.evidence == {"info": "left socket", "vendor_error_code": "E7"}
    assert (no_warning.detection, no_warning.is_present) == (Detection.WARNING, False)
    no_fault, warning = findings_of(reported("GroundFailure", faulted=False), NORTH)
    assert (no_fault.detection, no_fault.is_present) == (Detection.FAULT, False)
    assert (warning.is_present, warning.severity) == (True, Severity.WARNING)


@pytest.mark.parametrize(
    ("code", "as_fault", "as_warning"),
    [
        ("InternalError", Severity.FAULT, Severity.WARNING),
        ("WeakSignal", Severity.WARNING, Severity.WARNING),
        ("EVCommunicationError", Severity.WARNING, Severity.INFO),
        ("HighTemperature", Severity.FAULT, Severity.WARNING),
    ],
)
def test_how_bad_an_error_is(code: str, as_fault: Severity, as_warning: Severity) -> None:
    assert findings_of(reported(code), NORTH)[0].severity is as_fault
    assert findings_of(reported(code, faulted=False), NORTH)[1].severity is as_warning


def test_a_cleared_error_is_neither_a_fault_nor_a_warning_any_more() -> None:
    cleared = findings_of(FaultCleared(**PLACE, error_code="GroundFailure"), NORTH)
    assert {each.key for each in cleared} == {
        each.key for each in findings_of(reported("GroundFailure"), NORTH)
    }
    assert not any(each.is_present for each in cleared)


def test_a_monitor_that_is_calm_clears_what_it_told_alone_and_what_was_known_before() -> None:
    told: dict[str, Any] = {"monitor": "RCD.Tripped"}
    [fault, _] = findings_of(
        FaultReported(
            **PLACE,
            error_code="GroundFailure",
            info=None,
            vendor_error_code=None,
            event_id=8,
            caused_by=0,
            **told,
        ),
        NORTH,
    )
    assert fault.key.endswith("#RCD.Tripped")
    assert fault.evidence == {"monitor": "RCD.Tripped", "event": "8", "caused_by": "0"}
    cleared = findings_of(FaultCleared(**PLACE, error_code="GroundFailure", **told), NORTH)
    bare = findings_of(FaultCleared(**PLACE, error_code="GroundFailure"), NORTH)
    keys = {each.key for each in cleared}
    assert fault.key in keys
    assert {each.key for each in bare} < keys, "of before monitors were told apart"


def test_security_events_are_found_but_for_those_of_daily_life() -> None:
    assert findings_of(security("StartupOfTheDevice"), NORTH) == []
    assert findings_of(security("SettingSystemTime"), NORTH) == []
    [tampered] = findings_of(security("TamperDetectionActivated", "lid"), NORTH)
    assert (tampered.severity, tampered.evidence) == (Severity.CRITICAL, {"tech_info": "lid"})
    [unknown] = findings_of(security("VendorsOwn"), NORTH)
    assert (unknown.severity, unknown.evidence) == (Severity.WARNING, {})
