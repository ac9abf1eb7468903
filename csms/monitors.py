"""What a 2.x station's monitors notice, as faults and warnings in the words that 1.6 has for them.

A monitor tells of a component's variable: that it crossed a threshold (Alerting), or that it
changed. A lock that does not lock is the same fault in both versions, so it gets the same name;
what 1.6 has no word for keeps component and variable as its name. Two variables of a component
that say by true or false that something is wrong (Problem, Tripped) tell of one fault, under one
name; each is over by itself. What is only for a log (notices, readings) is no fault.

Source: OCPP 2.0.1 part 2, N07 and appendix 3 (components and variables); severities: N04 and
SetVariableMonitoring (0 danger … 3 critical, 4 error … 6 warning, 7 notice … 9 debug).
"""

from typing import Final

from csms.reports import MonitoredEvent
from foundation.events import FaultCleared, FaultReported
from foundation.identifiers import ConnectorId, EvseId, StationId

_ALERTING: Final = "alerting"
_STATES: Final = frozenset({"problem", "tripped"})
"""Variables that say by true or false whether something is wrong."""
_PROBLEM: Final = "Problem"
_STOPS_CHARGING: Final = 3
_ONLY_TOLD: Final = 7
"""From this severity on nothing is wrong."""

_NAMES: Final[dict[tuple[str, str], str]] = {
    ("connectorplugretentionlock", "problem"): "ConnectorLockFailure",
    ("evretentionlock", "problem"): "ConnectorLockFailure",
    ("groundisolationprotection", "problem"): "GroundFailure",
    ("groundisolationprotection", "tripped"): "GroundFailure",
    ("rcd", "tripped"): "GroundFailure",
    ("overcurrentprotection", "tripped"): "OverCurrentFailure",
    ("powercontactor", "problem"): "PowerSwitchFailure",
    ("powercontactor", "tripped"): "PowerSwitchFailure",
    ("fiscalmetering", "problem"): "PowerMeterFailure",
    ("tokenreader", "problem"): "ReaderFailure",
    ("cppwmcontroller", "problem"): "EVCommunicationError",
    ("temperaturesensor", "temperature"): "HighTemperature",
    ("datalink", "signalstrength"): "WeakSignal",
    ("controller", "problem"): "InternalError",
}


def fault_of(station: StationId, event: MonitoredEvent) -> FaultReported | FaultCleared | None:
    """Return what an element of a NotifyEvent means; None if nothing is wrong, or was."""
    variable = event.variable.casefold()
    is_state = variable in _STATES
    is_alert = event.trigger.casefold() == _ALERTING
    if not is_state and not is_alert:
        return None
    if event.severity is not None and event.severity >= _ONLY_TOLD:
        return None
    monitor = f"{event.component}.{event.variable}"
    unknown = f"{event.component}.{_PROBLEM}" if is_state else monitor
    name = _NAMES.get((event.component.casefold(), variable), unknown)
    evse_id = EvseId(0) if event.evse_id is None else event.evse_id
    connector_id = ConnectorId(0) if event.connector_id is None else event.connector_id
    is_over = event.cleared or (is_state and event.actual_value.strip().casefold() == "false")
    if is_over:
        return FaultCleared(
            happened_at=event.at,
            station=station,
            evse_id=evse_id,
            connector_id=connector_id,
            error_code=name,
            monitor=monitor,
        )
    has_no_value = is_state or not event.actual_value  # a variable may be write-only
    return FaultReported(
        happened_at=event.at,
        station=station,
        evse_id=evse_id,
        connector_id=connector_id,
        error_code=name,
        info=event.tech_info
        or (None if has_no_value else f"{event.variable} = {event.actual_value}"),
        vendor_error_code=event.tech_code,
        faulted=is_state if event.severity is None else event.severity <= _STOPS_CHARGING,
        monitor=monitor,
        event_id=event.event_id,
        caused_by=event.cause,
    )
