"""A connector's status: the words of all versions, and what stations say instead.

Stations send 1.6's words on a 2.x connection and the other way round (field notes 3 and 14), so
both dialects share one table.

Source: OCPP 1.6 section 7.7 (ChargePointStatus), OCPP 2.0.1 part 2 (ConnectorStatusEnumType).
"""

from csms.reports import ChargingState, ConnectorStatus

CONNECTOR_STATUSES: dict[str, tuple[ConnectorStatus, ChargingState | None]] = {
    "Available": (ConnectorStatus.AVAILABLE, None),
    "Reserved": (ConnectorStatus.RESERVED, None),
    "Unavailable": (ConnectorStatus.UNAVAILABLE, None),
    "Faulted": (ConnectorStatus.FAULTED, None),
    "Occupied": (ConnectorStatus.OCCUPIED, None),  # 2.x, and 1.5 before it
    "Preparing": (ConnectorStatus.OCCUPIED, ChargingState.EV_CONNECTED),
    "Charging": (ConnectorStatus.OCCUPIED, ChargingState.CHARGING),
    "SuspendedEV": (ConnectorStatus.OCCUPIED, ChargingState.SUSPENDED_EV),
    "SuspendedEVSE": (ConnectorStatus.OCCUPIED, ChargingState.SUSPENDED_EVSE),
    "Finishing": (ConnectorStatus.OCCUPIED, ChargingState.EV_CONNECTED),
}
"""What a station's word means for us; only words in this table are understood."""
