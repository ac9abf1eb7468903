"""The answers of a station that will not, or cannot: in the words that each answer has for it.

Source: the response messages of OCPP 1.6 edition 2 with its security whitepaper, 2.0.1 and 2.1.
"""

from typing import Any

from simulators.deeds import Answer, Payload

_REJECTED: Answer = {"status": "Rejected"}

_CANNOT: dict[str, Answer] = {
    "ClearDERControl": {"status": "NotSupported"},
    "ClearDisplayMessage": {"status": "Unknown"},
    "CostUpdated": {},
    "DataTransfer": {"status": "UnknownVendorId"},
    "DeleteCertificate": {"status": "NotFound"},
    "GetDERControl": {"status": "NotSupported"},
    "GetDisplayMessages": {"status": "Unknown"},
    "GetInstalledCertificateIds": {"status": "NotFound"},
    "GetMonitoringReport": {"status": "EmptyResultSet"},
    "GetPeriodicEventStream": {},
    "GetTariffs": {"status": "NoTariff"},
    "NotifyWebPaymentStarted": {},
    "SetDERControl": {"status": "NotSupported"},
    "SetMonitoringBase": {"status": "NotSupported"},
    "UnpublishFirmware": {"status": "NoFirmware"},
    "UsePriorityCharging": {"status": "NoProfile"},
}

_REJECTIONS: dict[str, Answer] = {
    "ClearChargingProfile": {"status": "Unknown"},
    "GetChargingProfiles": {"status": "NoProfiles"},
    "SendLocalList": {"status": "Failed"},
    "UnlockConnector": {"status": "UnlockFailed"},
}

_WITHOUT_WORDS = {
    "GetConfiguration",
    "GetDiagnostics",
    "GetLocalListVersion",
    "GetTransactionStatus",
}
"""Answers that have no word for no: a CALLERROR says it."""


def cannot(action: str, payload: Payload) -> Answer:
    """Return the answer of a station that knows an action and has nothing to do about it."""
    match action:
        case "ClearVariableMonitoring":
            return {
                "clear_monitoring_result": [
                    {"id": each, "status": "NotFound"} for each in payload["id"]
                ]
            }
        case "SetVariableMonitoring":
            return {
                "set_monitoring_result": [
                    {
                        "status": "Rejected",
                        "type": each["type"],
                        "severity": each["severity"],
                        "component": each["component"],
                        "variable": each["variable"],
                    }
                    for each in payload["set_monitoring_data"]
                ]
            }
        case "ClearTariffs":
            wanted = payload.get("tariff_ids") or [None]
            return {
                "clear_tariffs_result": [
                    {"status": "NoTariff", **({} if each is None else {"tariff_id": each})}
                    for each in wanted
                ]
            }
        case _:
            return _CANNOT.get(action, _REJECTED)


def rejection(action: str, version: str, payload: Payload) -> Answer | None:
    """Return the answer of a station that will not; None where only a CALLERROR can say so."""
    if action in _WITHOUT_WORDS or (action == "UpdateFirmware" and version == "1.6"):
        return None
    if action in {"GetVariables", "SetVariables"}:
        which = "get" if action == "GetVariables" else "set"
        results: list[dict[str, Any]] = [
            {
                "attribute_status": "Rejected",
                "component": each["component"],
                "variable": each["variable"],
            }
            for each in payload[f"{which}_variable_data"]
        ]
        return {f"{which}_variable_result": results}
    if action in _REJECTIONS:
        return _REJECTIONS[action]
    return cannot(action, payload)
