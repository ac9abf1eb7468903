"""OCPP messages as sentences: the log of a station for people who do not read JSON.

Sentences name what happened and never who: id tokens are not in them. What has no sentence of its
own is named by its action.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from portal import vocabulary
from portal.words import Words, marked

_CALL, _ERROR = 2, 4

FROM_STATION: Final[Mapping[str, str]] = {
    "Authorize": marked("Somebody showed a token."),
    "BootNotification": marked("The station started: %(vendor)s %(model)s."),
    "DataTransfer": marked("The station sent data of its maker's own kind."),
    "DiagnosticsStatusNotification": marked("Diagnostics: %(status)s."),
    "FirmwareStatusNotification": marked("Firmware update: %(status)s."),
    "LogStatusNotification": marked("Log: %(status)s."),
    "MeterValues": marked("EVSE %(evse)s sent meter readings."),
    "NotifyEvent": marked("The station told of an event of one of its components."),
    "NotifyReport": marked("The station told a part of its settings."),
    "ReservationStatusUpdate": marked("A reservation has ended."),
    "SecurityEventNotification": marked("Security event: %(type)s."),
    "StartTransaction": marked("Charging began at EVSE %(evse)s."),
    "StopTransaction": marked("Charging ended."),
    "TransactionEvent.Started": marked("Charging began at EVSE %(evse)s."),
    "TransactionEvent.Updated": marked("Charging goes on."),
    "TransactionEvent.Ended": marked("Charging ended."),
}
"""By action; of TransactionEvent also by what kind of event it is."""

TO_STATION: Final[Mapping[str, str]] = {
    "CancelReservation": marked("We cancelled a reservation."),
    "ChangeAvailability": marked("We asked to change what is in service."),
    "ChangeConfiguration": marked("We asked to change the setting %(key)s."),
    "ClearCache": marked("We asked to forget cached tokens."),
    "GetConfiguration": marked("We asked for settings."),
    "GetDiagnostics": marked("We asked for diagnostics."),
    "GetLog": marked("We asked for a log."),
    "GetVariables": marked("We asked for settings."),
    "RemoteStartTransaction": marked("We asked to start charging."),
    "RemoteStopTransaction": marked("We asked to stop charging."),
    "RequestStartTransaction": marked("We asked to start charging."),
    "RequestStopTransaction": marked("We asked to stop charging."),
    "ReserveNow": marked("We asked for a reservation."),
    "Reset": marked("We asked for a restart (%(type)s)."),
    "SendLocalList": marked("We sent the list of tokens."),
    "SetChargingProfile": marked("We set a charging profile."),
    "SetVariables": marked("We asked to change settings."),
    "TriggerMessage": marked("We asked for a message: %(requested)s."),
    "UnlockConnector": marked("We asked to unlock a connector."),
    "UpdateFirmware": marked("We asked for a firmware update."),
}
"""By action of a call of ours."""

QUIET: Final = frozenset({"Heartbeat"})
"""What only says that the station is there."""


def sentence(raw: str, said: Words, *, sent: bool) -> str | None:
    """Return what a message means; None for what a reader need not see.

    Args:
        raw: The frame, as it was on the wire.
        said: The reader's language.
        sent: By us; else by the station.

    Source: OCPP-J 1.6, section 4.2; 2.0.1 part 4, section 4.2.
    """
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return said.gettext("A message that is no OCPP.")
    if not isinstance(message, list) or len(message) < 3:
        return said.gettext("A message that is no OCPP.")
    if message[0] == _ERROR:
        refused = (
            marked("We refused a message: %(code)s.")
            if sent
            else marked("The station refused a message: %(code)s.")
        )
        return said.gettext(refused) % {"code": _text(message[2])}
    if message[0] != _CALL or not isinstance(message[2], str) or message[2] in QUIET:
        return None
    payload = message[3] if len(message) > 3 and isinstance(message[3], dict) else {}
    return _call(message[2], payload, said, sent=sent)


def _call(action: str, payload: Mapping[str, Any], said: Words, *, sent: bool) -> str:
    if not sent and action == "StatusNotification":
        return _status(payload, said)
    known = TO_STATION if sent else FROM_STATION
    found = known.get(f"{action}.{payload.get('eventType')}") or known.get(action)
    if found is None:
        other = marked("We asked: %(action)s.") if sent else marked("The station sent %(action)s.")
        return said.gettext(other) % {"action": _text(action)}
    return said.gettext(found) % _values(payload)


def _values(payload: Mapping[str, Any]) -> dict[str, str]:
    """Return what sentences may name, whatever is there of it."""
    station = payload.get("chargingStation")
    about = station if isinstance(station, dict) else {}
    return {
        "vendor": _text(payload.get("chargePointVendor") or about.get("vendorName")),
        "model": _text(payload.get("chargePointModel") or about.get("model")),
        "status": _text(payload.get("status")),
        "type": _text(payload.get("type")),
        "key": _text(payload.get("key")),
        "requested": _text(payload.get("requestedMessage")),
        "evse": _evse(payload),
    }


def _evse(payload: Mapping[str, Any]) -> str:
    place = payload.get("evse")
    if isinstance(place, dict):
        return _text(place.get("id"))
    return _text(payload.get("evseId", payload.get("connectorId")))


_STATES: Final[Mapping[str, str]] = {
    "Available": "available",
    "Charging": "charging",
    "Faulted": "faulted",
    "Finishing": "idle",
    "Occupied": "occupied",
    "Preparing": "ev_connected",
    "Reserved": "reserved",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "Unavailable": "unavailable",
}
"""Our states by the words of both versions."""


def _status(payload: Mapping[str, Any], said: Words) -> str:
    status = _text(payload.get("connectorStatus", payload.get("status")))
    if status in _STATES:
        status = said.gettext(vocabulary.CONNECTOR_STATES[_STATES[status]].word)
    values = {"evse": _evse(payload), "status": status}
    code = payload.get("errorCode")
    if isinstance(code, str) and code != "NoError":
        reason = vocabulary.FAULTS.get(code)
        fault = said.gettext(reason.name) if reason else code[:60]
        told = said.gettext("EVSE %(evse)s: %(status)s, %(fault)s.")
        return told % {**values, "fault": fault}
    return said.gettext("EVSE %(evse)s: %(status)s.") % values


def _text(value: object) -> str:
    """Return a short text of what a station sent; what is no plain value is left out."""
    return str(value)[:60] if isinstance(value, str | int) else "?"
