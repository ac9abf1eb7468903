"""What stations say of themselves, as findings: silence, errors, security events.

An error that a station reports while its connector is Faulted is a fault; with any other status it
does not prevent charging and is an operating warning. Sources: OCPP 1.6 edition 2, 4.9 and 7.6
(ChargePointErrorCode); OCPP 2.0.1 part 2, appendix 1 (security events).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from alerts.detections import Detection, Finding, Severity
from alerts.same_cause import CAUSED_BY, EVENT
from foundation.events import (
    Event,
    FaultCleared,
    FaultReported,
    SecurityEventReported,
    StationCameBack,
    StationEvent,
    StationWentOffline,
)
from foundation.identifiers import OrganisationKey

KINDS: Final = (
    StationWentOffline.kind,
    StationCameBack.kind,
    FaultReported.kind,
    FaultCleared.kind,
    SecurityEventReported.kind,
)
"""Of the events that are findings."""

SILENCE: Final = "silence"
"""The cause of a station that is not heard."""

_FAULTS: Final[Mapping[str, Severity]] = {
    "GroundFailure": Severity.CRITICAL,
    "OverCurrentFailure": Severity.CRITICAL,
    "PowerSwitchFailure": Severity.CRITICAL,
    "EVCommunicationError": Severity.WARNING,
    "LocalListConflict": Severity.WARNING,
    "WeakSignal": Severity.WARNING,
}
"""How bad an error is that prevents charging; what is not named is a fault like others."""

_HARMLESS: Final = frozenset({"LocalListConflict", "EVCommunicationError"})
"""What a driver or the next synchronisation puts right: as a warning it is only an information."""

_ROUTINE: Final = frozenset(
    {"FirmwareUpdated", "SettingSystemTime", "StartupOfTheDevice", "ResetOrReboot"}
)
"""Security events of daily life: they stand in the log, and nobody is called for them."""

_SECURITY: Final[Mapping[str, Severity]] = {
    "AttemptedReplayAttacks": Severity.CRITICAL,
    "InvalidFirmwareSignature": Severity.CRITICAL,
    "InvalidFirmwareSigningCertificate": Severity.CRITICAL,
    "SecurityLogWasCleared": Severity.CRITICAL,
    "TamperDetectionActivated": Severity.CRITICAL,
    "MaintenanceLoginAccepted": Severity.INFO,
}
"""How bad a security event is; what is not named, vendors' own included, is a warning."""


def findings_of(event: Event, organisation: OrganisationKey) -> list[Finding]:
    """Return what an event shows.

    Args:
        event: One of `KINDS`.
        organisation: Whose the station is.
    """
    if isinstance(event, FaultReported):
        return _reported(event, organisation)
    if isinstance(event, FaultCleared):
        found = [
            _error(event, organisation, detection, Severity.FAULT, is_present=False)
            for detection in (Detection.FAULT, Detection.WARNING)
        ]
        # What was found before monitors were told apart is known without its witness.
        bare = [] if event.monitor is None else [replace(each, witness=None) for each in found]
        return [*found, *bare]
    assert isinstance(event, StationEvent)
    if isinstance(event, SecurityEventReported):
        if event.type in _ROUTINE:
            return []
        evidence = {} if event.tech_info is None else {"tech_info": event.tech_info}
        severity = _SECURITY.get(event.type, Severity.WARNING)
        return [
            _of_station(event, organisation, Detection.SECURITY, event.type, severity, evidence)
        ]
    if isinstance(event, StationWentOffline):
        evidence = {"last_heard_at": event.last_heard_at.isoformat()}
        return [
            _of_station(event, organisation, Detection.OFFLINE, SILENCE, Severity.FAULT, evidence)
        ]
    assert isinstance(event, StationCameBack)
    return [
        _of_station(
            event, organisation, Detection.OFFLINE, SILENCE, Severity.FAULT, {}, is_present=False
        )
    ]


def _reported(event: FaultReported, organisation: OrganisationKey) -> list[Finding]:
    """An error is a fault or a warning: what it was before is over."""
    severity = _FAULTS.get(event.error_code, Severity.FAULT)
    as_warning = Severity.INFO if event.error_code in _HARMLESS else Severity.WARNING
    evidence = {
        name: str(value)
        for name, value in (
            ("info", event.info),
            ("vendor_error_code", event.vendor_error_code),
            ("monitor", event.monitor),
            (EVENT, event.event_id),
            (CAUSED_BY, event.caused_by),
        )
        if value not in (None, "")
    }
    is_fault = event.faulted
    return [
        _error(
            event,
            organisation,
            Detection.FAULT,
            severity,
            is_present=is_fault,
            evidence=evidence if is_fault else {},
        ),
        _error(
            event,
            organisation,
            Detection.WARNING,
            as_warning,
            is_present=not is_fault,
            evidence={} if is_fault else evidence,
        ),
    ]


def _error(
    event: FaultReported | FaultCleared,
    organisation: OrganisationKey,
    detection: Detection,
    severity: Severity,
    *,
    is_present: bool,
    evidence: Mapping[str, str] | None = None,
) -> Finding:
    return Finding(
        detection=detection,
        cause=event.error_code,
        organisation=organisation,
        station=event.station,
        evse_id=event.evse_id,
        connector_id=event.connector_id,
        witness=event.monitor,
        severity=severity,
        seen_at=event.happened_at,
        is_present=is_present,
        evidence=evidence or {},
    )


def _of_station(
    event: StationEvent,
    organisation: OrganisationKey,
    detection: Detection,
    cause: str,
    severity: Severity,
    evidence: Mapping[str, str],
    *,
    is_present: bool = True,
) -> Finding:
    return Finding(
        detection=detection,
        cause=cause,
        organisation=organisation,
        station=event.station,
        severity=severity,
        seen_at=event.happened_at,
        is_present=is_present,
        evidence=evidence,
    )
