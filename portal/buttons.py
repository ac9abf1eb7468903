"""The remote commands that people know by a plain name: what each asks a station for.

Pure: a button and what was filled in give an OCPP action and its payload in the words of the
station's version, and an action and a payload give back the plain name. Whether somebody may ask,
and what becomes of it, is decided elsewhere.

Sources: OCPP 1.6 edition 2, section 5; OCPP 2.0.1 edition 3, part 2, blocks B, C, E, F, G, L, N.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from foundation.errors import InvalidInput


def marked(text: str) -> str:
    """Mark a text for the catalogue where it cannot be translated yet."""
    return text


class Target(StrEnum):
    """What a command acts on, and so where its button stands."""

    STATION = "station"
    EVSE = "evse"
    CONNECTOR = "connector"
    TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True)
class Button:
    """A command by its plain name.

    `question` is asked before it is sent, of what is dangerous. `configures`: it needs the right
    to configure stations, and a written order where the station is somebody else's.
    """

    key: str
    title: str
    does: str
    target: Target = Target.STATION
    question: str = ""
    configures: bool = False
    fields: tuple[str, ...] = ()
    waits_offline: bool = True
    """Whether it may be kept until the station is back."""


BUTTONS: dict[str, Button] = {
    button.key: button
    for button in (
        Button(
            "start",
            marked("Start charging"),
            marked("The station starts as if the token had been held before it."),
            Target.EVSE,
            fields=("id_token", "token_type", "billing"),
            waits_offline=False,
        ),
        Button(
            "stop",
            marked("Stop charging"),
            marked("The running session ends, and the vehicle can be unplugged."),
            Target.TRANSACTION,
            question=marked("The session ends at once. Stop it?"),
            waits_offline=False,
        ),
        Button(
            "stop_billing",
            marked("Stop billing"),
            marked("Charging goes on, and what is used from now on costs nothing."),
            Target.TRANSACTION,
            question=marked("Nothing is charged from now on, and that is not taken back."),
        ),
        Button(
            "unlock",
            marked("Unlock the connector"),
            marked("Frees a cable that is stuck. Older stations end the session with it."),
            Target.CONNECTOR,
            question=marked("The driver should stand at the station. Unlock now?"),
        ),
        Button(
            "in_service",
            marked("Put into service"),
            marked("The connector can be used again."),
            Target.CONNECTOR,
        ),
        Button(
            "out_of_service",
            marked("Take out of service"),
            marked("Nobody can start here. A running session may end first."),
            Target.CONNECTOR,
            question=marked("Nobody can charge here until it is put back into service."),
            fields=("ends_in_h",),
        ),
        Button(
            "restart_soft",
            marked("Restart (soft)"),
            marked("The station ends or awaits what runs, tells it, and boots again."),
        ),
        Button(
            "restart_hard",
            marked("Restart (hard)"),
            marked("The station boots at once. Running sessions end."),
            question=marked("Running sessions are cut off. Restart now?"),
        ),
        Button(
            "station_in_service",
            marked("Put the station into service"),
            marked("All its connectors can be used again."),
        ),
        Button(
            "station_out_of_service",
            marked("Take the station out of service"),
            marked("Nobody can start at any of its connectors."),
            question=marked("Nobody can charge here until it is put back into service."),
            fields=("ends_in_h",),
        ),
        Button(
            "clear_cache",
            marked("Clear the token cache"),
            marked("The station forgets which tokens it let charge, and asks us again."),
        ),
        Button(
            "read_configuration",
            marked("Read the configuration"),
            marked("The station tells all its settings."),
        ),
        Button(
            "change_configuration",
            marked("Change a setting"),
            marked("One setting gets a new value, and is read back."),
            configures=True,
            fields=("component", "variable", "value"),
        ),
        Button(
            "update_firmware",
            marked("Update the firmware"),
            marked("The station fetches the file, installs it, and boots with it."),
            question=marked("The station is out of service while it installs. Update now?"),
            configures=True,
            fields=("firmware", "location"),
        ),
        Button(
            "fetch_diagnostics",
            marked("Fetch diagnostics"),
            marked("The station sends us its log file."),
        ),
        Button(
            "trigger",
            marked("Ask for a message again"),
            marked("The station sends the chosen message once more."),
            fields=("message",),
        ),
        Button(
            "reserve",
            marked("Reserve"),
            marked("The connector is kept for one token for a while."),
            Target.EVSE,
            fields=("id_token", "token_type", "group_id", "minutes"),
            waits_offline=False,
        ),
        Button(
            "cancel_reservation",
            marked("Cancel the reservation"),
            marked("The connector is free for everybody again."),
            fields=("reservation",),
        ),
    )
}

TOKEN_TYPES = ("ISO14443", "ISO15693", "Central", "KeyCode", "eMAID", "MacAddress", "Local")
"""Types of a token that a start by staff may name, as OCPP 2.0.1 spells them."""

MESSAGES_16: dict[str, str] = {
    "StatusNotification": marked("Status of the connectors"),
    "MeterValues": marked("Meter readings"),
    "Heartbeat": marked("Sign of life"),
    "BootNotification": marked("Boot message"),
    "DiagnosticsStatusNotification": marked("State of the log upload"),
    "FirmwareStatusNotification": marked("State of the firmware update"),
}
MESSAGES_2: dict[str, str] = {
    "StatusNotification": marked("Status of the connectors"),
    "TransactionEvent": marked("State of the running session"),
    "MeterValues": marked("Meter readings"),
    "Heartbeat": marked("Sign of life"),
    "BootNotification": marked("Boot message"),
    "LogStatusNotification": marked("State of the log upload"),
    "FirmwareStatusNotification": marked("State of the firmware update"),
}


def messages(version: str) -> Mapping[str, str]:
    """Return the messages that can be asked for again, with their plain names."""
    return MESSAGES_16 if version == "1.6" else MESSAGES_2


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a button is pressed for; fields that a button does not need are ignored.

    `new_id` is a fresh number for requests and reservations. `ref` is the station's own name of a
    transaction (2.x), `transaction_id` ours. `upload_to` is where a log is to be sent (empty: to a
    place that is made with the command), `fetch_from` where firmware is, or what names a file.
    """

    now: datetime
    new_id: int = 1
    evse_id: int = 0
    connector_id: int = 1
    id_token: str = ""
    token_type: str = "ISO14443"  # noqa: S105 - no secret
    group_id: str = ""
    transaction_id: int = 0
    ref: str = ""
    component: str = ""
    variable: str = ""
    value: str = ""
    message: str = ""
    until: datetime | None = None
    reservation: int = 0
    upload_to: str = ""
    fetch_from: str = ""


def ask(key: str, version: str, wish: Wish) -> tuple[str, dict[str, Any]]:
    """Return the action and the payload of a button in a station's version.

    Raises:
        InvalidInput: A field that it needs is empty; `field` is its name.
        KeyError: There is no such button, or it is no command to a station.
    """
    is_16 = version == "1.6"
    match key:
        case "start" | "reserve":
            return _for_token(key, wish, is_16=is_16)
        case "stop":
            if is_16:
                return "RemoteStopTransaction", {"transactionId": wish.transaction_id}
            return "RequestStopTransaction", {"transactionId": wish.ref}
        case "unlock" if is_16:
            return "UnlockConnector", {"connectorId": wish.evse_id}
        case "unlock":
            place = {"evseId": wish.evse_id, "connectorId": wish.connector_id}
            return "UnlockConnector", place
        case "in_service" | "out_of_service":
            return _availability(wish.evse_id, is_operative=key == "in_service", is_16=is_16)
        case "station_in_service" | "station_out_of_service":
            return _availability(0, is_operative=key == "station_in_service", is_16=is_16)
        case "restart_soft":
            return "Reset", {"type": "Soft" if is_16 else "OnIdle"}
        case "restart_hard":
            return "Reset", {"type": "Hard" if is_16 else "Immediate"}
        case "clear_cache":
            return "ClearCache", {}
        case "read_configuration" if is_16:
            return "GetConfiguration", {}
        case "read_configuration":
            report = {"requestId": wish.new_id, "reportBase": "FullInventory"}
            return "GetBaseReport", report
        case "change_configuration":
            return _setting(wish, is_16=is_16)
        case "update_firmware":
            return _firmware(wish, is_16=is_16)
        case "fetch_diagnostics":
            return _diagnostics(wish, is_16=is_16)
        case "trigger":
            if wish.message not in messages(version):
                raise InvalidInput(marked("Choose a message."), field="message")
            return "TriggerMessage", _trigger(wish, is_16=is_16)
        case "cancel_reservation":
            return "CancelReservation", {"reservationId": wish.reservation}
        case _:
            raise KeyError(key)


def _for_token(key: str, wish: Wish, *, is_16: bool) -> tuple[str, dict[str, Any]]:
    id_token = wish.id_token.strip()
    if not id_token:
        raise InvalidInput(marked("Name the token to charge with."), field="id_token")
    if is_16 and len(id_token) > 20:
        raise InvalidInput(
            marked("A station of OCPP 1.6 takes tokens of 20 characters at most."),
            field="id_token",
        )
    token = {"idToken": id_token, "type": wish.token_type}
    if key == "start":
        if is_16:
            return "RemoteStartTransaction", {"connectorId": wish.evse_id, "idTag": id_token}
        return "RequestStartTransaction", {
            "evseId": wish.evse_id,
            "remoteStartId": wish.new_id,
            "idToken": token,
        }
    return "ReserveNow", _reservation(wish, token, is_16=is_16)


def _reservation(wish: Wish, token: dict[str, str], *, is_16: bool) -> dict[str, Any]:
    """Whoever shows another token of the group may use it; EVSE 0 is any of them."""
    assert wish.until is not None
    until, group = _moment(wish.until), wish.group_id.strip()
    if is_16:
        if len(group) > 20:
            raise InvalidInput(
                marked("A station of OCPP 1.6 takes groups of 20 characters at most."),
                field="group_id",
            )
        payload: dict[str, Any] = {
            "connectorId": wish.evse_id,
            "expiryDate": until,
            "idTag": token["idToken"],
            "reservationId": wish.new_id,
        }
        return payload | ({"parentIdTag": group} if group else {})
    payload = {"id": wish.new_id, "expiryDateTime": until, "idToken": token}
    if wish.evse_id:
        payload["evseId"] = wish.evse_id
    return payload | ({"groupIdToken": {"idToken": group, "type": "Central"}} if group else {})


def _availability(evse_id: int, *, is_operative: bool, is_16: bool) -> tuple[str, dict[str, Any]]:
    word = "Operative" if is_operative else "Inoperative"
    if is_16:
        return "ChangeAvailability", {"connectorId": evse_id, "type": word}
    place: dict[str, Any] = {"evse": {"id": evse_id}} if evse_id else {}
    return "ChangeAvailability", {"operationalStatus": word, **place}


def _setting(wish: Wish, *, is_16: bool) -> tuple[str, dict[str, Any]]:
    variable = wish.variable.strip()
    if not variable:
        raise InvalidInput(marked("Name the setting."), field="variable")
    if is_16:
        return "ChangeConfiguration", {"key": variable, "value": wish.value}
    component = wish.component.strip()
    if not component:
        raise InvalidInput(
            marked("Name the component that the setting belongs to."), field="component"
        )
    return "SetVariables", {
        "setVariableData": [
            {
                "attributeValue": wish.value,
                "component": {"name": component},
                "variable": {"name": variable},
            }
        ]
    }


def _firmware(wish: Wish, *, is_16: bool) -> tuple[str, dict[str, Any]]:
    place = wish.fetch_from.strip()
    if not place:
        raise InvalidInput(
            marked("Choose a file, or say where the station can fetch it."), field="location"
        )
    at = _moment(wish.now)
    if is_16:
        return "UpdateFirmware", {"location": place, "retrieveDate": at}
    return "UpdateFirmware", {
        "requestId": wish.new_id,
        "firmware": {"location": place, "retrieveDateTime": at},
    }


def _diagnostics(wish: Wish, *, is_16: bool) -> tuple[str, dict[str, Any]]:
    if is_16:
        return "GetDiagnostics", {"location": wish.upload_to}
    return "GetLog", {
        "logType": "DiagnosticsLog",
        "requestId": wish.new_id,
        "log": {"remoteLocation": wish.upload_to},
    }


def _trigger(wish: Wish, *, is_16: bool) -> dict[str, Any]:
    payload: dict[str, Any] = {"requestedMessage": wish.message}
    if wish.evse_id and wish.message in ("StatusNotification", "MeterValues", "TransactionEvent"):
        if is_16:
            payload["connectorId"] = wish.evse_id
        else:
            place = {"id": wish.evse_id}
            if wish.message == "StatusNotification":
                place["connectorId"] = wish.connector_id
            payload["evse"] = place
    return payload


def _moment(at: datetime) -> str:
    """Return a moment without fractions, which some stations refuse."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


# ---------------------------------------------------------------------------------- names

_NAMES: dict[str, str] = {
    "CancelReservation": "cancel_reservation",
    "ChangeConfiguration": "change_configuration",
    "ClearCache": "clear_cache",
    "GetBaseReport": "read_configuration",
    "GetConfiguration": "read_configuration",
    "GetDiagnostics": "fetch_diagnostics",
    "GetLog": "fetch_diagnostics",
    "RemoteStartTransaction": "start",
    "RemoteStopTransaction": "stop",
    "RequestStartTransaction": "start",
    "RequestStopTransaction": "stop",
    "ReserveNow": "reserve",
    "SetVariables": "change_configuration",
    "SignedUpdateFirmware": "update_firmware",
    "TriggerMessage": "trigger",
    "UnlockConnector": "unlock",
    "UpdateFirmware": "update_firmware",
}

ACTIONS: dict[str, str] = {
    "AFRRSignal": marked("Send a frequency reserve signal"),
    "AdjustPeriodicEventStream": marked("Adjust a stream of events"),
    "CertificateSigned": marked("Send a signed certificate"),
    "ChangeAvailability": marked("Change availability"),
    "ChangeTransactionTariff": marked("Change the tariff of the running session"),
    "ClearChargingProfile": marked("Remove charging profiles"),
    "ClearDERControl": marked("Remove a grid control"),
    "ClearDisplayMessage": marked("Remove a message from the display"),
    "ClearTariffs": marked("Remove tariffs from the station"),
    "ClearVariableMonitoring": marked("Remove monitors of variables"),
    "CostUpdated": marked("Tell the cost so far"),
    "CustomerInformation": marked("Ask for or clear a customer's data"),
    "DataTransfer": marked("Send the vendor's own message"),
    "DeleteCertificate": marked("Delete a certificate"),
    "ExtendedTriggerMessage": marked("Ask for a message again (extended)"),
    "GetChargingProfiles": marked("Read charging profiles"),
    "GetCompositeSchedule": marked("Read the resulting charging schedule"),
    "GetDERControl": marked("Read grid controls"),
    "GetDisplayMessages": marked("Read messages of the display"),
    "GetInstalledCertificateIds": marked("List certificates"),
    "GetLocalListVersion": marked("Read the version of the local token list"),
    "GetMonitoringReport": marked("Read monitors of variables"),
    "GetPeriodicEventStream": marked("Read streams of events"),
    "GetReport": marked("Read some variables as a report"),
    "GetTariffs": marked("Read the station's tariffs"),
    "GetTransactionStatus": marked("Ask whether a session still runs"),
    "GetVariables": marked("Read variables"),
    "InstallCertificate": marked("Install a certificate"),
    "NotifyAllowedEnergyTransfer": marked("Tell the allowed ways of charging"),
    "NotifyWebPaymentStarted": marked("Tell that a payment began"),
    "PublishFirmware": marked("Publish firmware in the local network"),
    "RequestBatterySwap": marked("Begin a battery swap"),
    "Reset": marked("Restart"),
    "SendLocalList": marked("Send the local token list"),
    "SetChargingProfile": marked("Set a charging profile"),
    "SetDERControl": marked("Set a grid control"),
    "SetDefaultTariff": marked("Set the default tariff"),
    "SetDisplayMessage": marked("Show a message on the display"),
    "SetMonitoringBase": marked("Choose a set of monitors"),
    "SetMonitoringLevel": marked("Choose the severity that is reported"),
    "SetNetworkProfile": marked("Set a network profile"),
    "SetVariableMonitoring": marked("Monitor variables"),
    "UnpublishFirmware": marked("End the publication of firmware"),
    "UpdateDynamicSchedule": marked("Update a dynamic schedule"),
    "UsePriorityCharging": marked("Charge with priority"),
}
"""Plain names of the actions that have no button."""


def button_of(action: str, payload: Mapping[str, Any]) -> str | None:
    """Return the button that asks for this, None if there is none."""
    match action:
        case "Reset":
            gentle = payload.get("type") in ("Soft", "OnIdle")
            return "restart_soft" if gentle else "restart_hard"
        case "ChangeAvailability":
            word = payload.get("type", payload.get("operationalStatus"))
            key = "in_service" if word == "Operative" else "out_of_service"
            return key if evse_of(payload) else f"station_{key}"
        case _:
            return _NAMES.get(action)


def title_of(action: str, payload: Mapping[str, Any]) -> str:
    """Return the plain name of a command in English; the action itself where it has none."""
    key = button_of(action, payload)
    if key is not None:
        return BUTTONS[key].title
    return ACTIONS.get(action, action)


def action_title(action: str) -> str:
    """Return the plain name of an action whatever its payload, in English."""
    return ACTIONS.get(action) or title_of(action, {})


def evse_of(payload: Mapping[str, Any]) -> int | None:
    """Return the EVSE that a payload names, whatever its version; None: the station."""
    place = payload.get("evse")
    found = payload.get("connectorId", payload.get("evseId"))
    if "evseId" in payload:
        found = payload["evseId"]
    if isinstance(place, Mapping):
        found = place.get("id")
    return found if isinstance(found, int) and found > 0 else None
