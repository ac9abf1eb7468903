"""What a station wants to say, in the words of OCPP 1.6, 2.0.1 or 2.1.

Pure: facts in, action and payload (as on the wire) out, and back again for the few things that a
station reads from an answer. Words of 2.0.1 are used inside, and 1.6 is made from them.

Source: OCPP 1.6 edition 2; OCPP 2.0.1 edition 3 and 2.1, part 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from simulators.book import moment_text, number

Payload = dict[str, Any]


class Kind(StrEnum):
    """What a queued message tells."""

    START = "start"
    READING = "reading"
    STATE = "state"
    END = "end"
    STATUS = "status"
    FAULT = "fault"


class Status(StrEnum):
    """How a connector stands, in 1.6's words; they are the finer ones."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


@dataclass(frozen=True, slots=True)
class Sample:
    """What the meter shows at a moment; `register_wh` is the number that the message carries."""

    register_wh: Decimal
    power_w: float
    soc: float | None
    context: str


@dataclass(slots=True)
class Charging:
    """A transaction as its messages name it; `number` is known once a 1.6 start was answered."""

    key: str
    ref: str | None
    evse_id: int
    connector_id: int
    id_token: str
    id_token_type: str
    remote_start_id: int | None = None
    reservation_id: int | None = None
    number: int | None = None
    next_seq_no: int = 0
    readings: int = 0
    number_is_sent: bool = True


@dataclass(slots=True)
class Message:
    """Something a station has to tell; `said_at` is its own clock's moment."""

    kind: Kind
    said_at: datetime
    evse_id: int
    connector_id: int
    status: Status
    charging: Charging | None = None
    sample: Sample | None = None
    seq_no: int = 0
    offline: bool = False
    trigger: str = "MeterValuePeriodic"
    reason: str | None = None
    error_code: str | None = None
    unanswered: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What a station tells of itself."""

    vendor: str = "Leuchtkraft"
    model: str = "Saeule 2"
    serial_number: str = "SN-0001"
    firmware: str = "1.4.2"


@dataclass(frozen=True, slots=True)
class BootAnswer:
    status: str
    interval_s: int


class Dialect(Protocol):
    """One version's way of putting things. Every method returns an action and its payload."""

    subprotocol: str
    has_refs: bool

    def boot(self, nameplate: Nameplate, reason: str) -> tuple[str, Payload]: ...

    def authorize(self, id_token: str, id_token_type: str) -> tuple[str, Payload]: ...

    def say(self, message: Message) -> tuple[str, Payload]: ...

    def meter_values(self, evse_id: int, sample: Sample, said_at: datetime) -> tuple[str, Payload]:
        """Tell a reading that belongs to no transaction."""
        ...

    def token_status(self, answer: Mapping[str, Any]) -> str | None:
        """Return the status of the id token in an answer, if it tells any."""
        ...


def boot_answer(answer: Mapping[str, Any]) -> BootAnswer:
    """Read a BootNotification's answer; it is alike in all versions."""
    return BootAnswer(str(answer["status"]), int(answer["interval"]))


class Dialect16:
    """OCPP 1.6: connector n is EVSE n."""

    subprotocol = "ocpp1.6"
    has_refs = False

    def boot(self, nameplate: Nameplate, reason: str) -> tuple[str, Payload]:
        return "BootNotification", {
            "chargePointVendor": nameplate.vendor,
            "chargePointModel": nameplate.model,
            "chargePointSerialNumber": nameplate.serial_number,
            "firmwareVersion": nameplate.firmware,
        }

    def authorize(self, id_token: str, id_token_type: str) -> tuple[str, Payload]:
        return "Authorize", {"idTag": id_token}

    def say(self, message: Message) -> tuple[str, Payload]:
        match message.kind:
            case Kind.STATUS | Kind.FAULT | Kind.STATE:
                return "StatusNotification", {
                    "connectorId": message.evse_id,
                    "errorCode": message.error_code or "NoError",
                    "status": message.status.value,
                    "timestamp": moment_text(message.said_at),
                }
            case Kind.START:
                return self._start(message)
            case Kind.END:
                return self._stop(message)
            case Kind.READING:
                return self._meter_values(message)

    def meter_values(self, evse_id: int, sample: Sample, said_at: datetime) -> tuple[str, Payload]:
        return "MeterValues", {
            "connectorId": evse_id,
            "meterValue": [
                {"timestamp": moment_text(said_at), "sampledValue": _samples_16(sample)}
            ],
        }

    def token_status(self, answer: Mapping[str, Any]) -> str | None:
        about = answer.get("idTagInfo")
        return None if about is None else str(about["status"])

    @staticmethod
    def _start(message: Message) -> tuple[str, Payload]:
        assert message.charging is not None
        assert message.sample is not None
        payload: Payload = {
            "connectorId": message.evse_id,
            "idTag": message.charging.id_token,
            "meterStart": int(message.sample.register_wh),
            "timestamp": moment_text(message.said_at),
        }
        if message.charging.reservation_id is not None:
            payload["reservationId"] = message.charging.reservation_id
        return "StartTransaction", payload

    def _stop(self, message: Message) -> tuple[str, Payload]:
        charging, sample = message.charging, message.sample
        assert charging is not None
        assert sample is not None
        payload: Payload = {
            # A start that was given up has no number; -1 is what stations then send.
            "transactionId": -1 if charging.number is None else charging.number,
            "meterStop": int(sample.register_wh),
            "timestamp": moment_text(message.said_at),
            "reason": _REASON_16.get(message.reason or "Local", "Other"),
        }
        if message.reason in {"Local", "Remote"}:
            payload["idTag"] = charging.id_token
        return "StopTransaction", payload

    def _meter_values(self, message: Message) -> tuple[str, Payload]:
        sample = message.sample
        assert sample is not None
        payload: Payload = {
            "connectorId": message.evse_id,
            "meterValue": [
                {"timestamp": moment_text(message.said_at), "sampledValue": _samples_16(sample)}
            ],
        }
        charging = message.charging
        if charging is not None and charging.number is not None and charging.number_is_sent:
            payload["transactionId"] = charging.number
        return "MeterValues", payload


class Dialect2:
    """OCPP 2.0.1 and 2.1, as far as they are alike."""

    has_refs = True

    def __init__(self, subprotocol: str) -> None:
        assert subprotocol in {"ocpp2.0.1", "ocpp2.1"}
        self.subprotocol = subprotocol

    def boot(self, nameplate: Nameplate, reason: str) -> tuple[str, Payload]:
        return "BootNotification", {
            "reason": reason,
            "chargingStation": {
                "vendorName": nameplate.vendor,
                "model": nameplate.model,
                "serialNumber": nameplate.serial_number,
                "firmwareVersion": nameplate.firmware,
            },
        }

    def authorize(self, id_token: str, id_token_type: str) -> tuple[str, Payload]:
        return "Authorize", {"idToken": {"idToken": id_token, "type": id_token_type}}

    def say(self, message: Message) -> tuple[str, Payload]:
        match message.kind:
            case Kind.STATUS:
                return "StatusNotification", {
                    "timestamp": moment_text(message.said_at),
                    "connectorStatus": _STATUS_2.get(message.status, "Occupied"),
                    "evseId": message.evse_id,
                    "connectorId": message.connector_id,
                }
            case Kind.FAULT:
                return "NotifyEvent", _fault_2(message)
            case _:
                return "TransactionEvent", self._transaction_event(message)

    def meter_values(self, evse_id: int, sample: Sample, said_at: datetime) -> tuple[str, Payload]:
        return "MeterValues", {
            "evseId": evse_id,
            "meterValue": [{"timestamp": moment_text(said_at), "sampledValue": _samples_2(sample)}],
        }

    def token_status(self, answer: Mapping[str, Any]) -> str | None:
        about = answer.get("idTokenInfo")
        return None if about is None else str(about["status"])

    def _transaction_event(self, message: Message) -> Payload:
        charging = message.charging
        assert charging is not None
        about: Payload = {"transactionId": charging.ref}
        state = _STATE_2.get(message.status)
        if state is not None:
            about["chargingState"] = state
        payload: Payload = {
            "eventType": _EVENT_2[message.kind],
            "timestamp": moment_text(message.said_at),
            "triggerReason": message.trigger,
            "seqNo": message.seq_no,
            "transactionInfo": about,
        }
        if message.offline:
            payload["offline"] = True
        if message.kind is Kind.START:
            payload["evse"] = {"id": charging.evse_id, "connectorId": charging.connector_id}
            payload["idToken"] = {"idToken": charging.id_token, "type": charging.id_token_type}
            if charging.remote_start_id is not None:
                about["remoteStartId"] = charging.remote_start_id
            if charging.reservation_id is not None:
                payload["reservationId"] = charging.reservation_id
        elif message.kind is Kind.END:
            about["stoppedReason"] = message.reason or "Local"
        if message.sample is not None:
            payload["meterValue"] = [
                {
                    "timestamp": moment_text(message.said_at),
                    "sampledValue": _samples_2(message.sample),
                }
            ]
        return payload


def dialect_of(version: str) -> Dialect:
    """Return the dialect of a version ("1.6", "2.0.1" or "2.1").

    Raises:
        ValueError: If there is no such version.
    """
    match version:
        case "1.6":
            return Dialect16()
        case "2.0.1" | "2.1":
            return Dialect2(f"ocpp{version}")
        case _:
            raise ValueError(f"version {version!r} is none of 1.6, 2.0.1, 2.1")


_REASON_16 = {
    "DeAuthorized": "DeAuthorized",
    "EmergencyStop": "EmergencyStop",
    "EVDisconnected": "EVDisconnected",
    "ImmediateReset": "HardReset",
    "Local": "Local",
    "PowerLoss": "PowerLoss",
    "Reboot": "Reboot",
    "Remote": "Remote",
    "SoftReset": "SoftReset",
    "UnlockCommand": "UnlockCommand",
}

_STATUS_2 = {
    Status.AVAILABLE: "Available",
    Status.RESERVED: "Reserved",
    Status.UNAVAILABLE: "Unavailable",
    Status.FAULTED: "Faulted",
}

_STATE_2 = {
    Status.PREPARING: "EVConnected",
    Status.FINISHING: "EVConnected",
    Status.CHARGING: "Charging",
    Status.SUSPENDED_EV: "SuspendedEV",
    Status.SUSPENDED_EVSE: "SuspendedEVSE",
}

_EVENT_2 = {
    Kind.START: "Started",
    Kind.READING: "Updated",
    Kind.STATE: "Updated",
    Kind.END: "Ended",
}


def _samples_16(sample: Sample) -> list[Payload]:
    samples: list[Payload] = [
        {
            "value": str(sample.register_wh),
            "context": sample.context,
            "measurand": "Energy.Active.Import.Register",
            "unit": "Wh",
        },
        {
            "value": f"{sample.power_w:.0f}",
            "context": sample.context,
            "measurand": "Power.Active.Import",
            "unit": "W",
        },
    ]
    if sample.soc is not None:
        samples.append(
            {
                "value": f"{sample.soc * 100:.0f}",
                "context": sample.context,
                "measurand": "SoC",
                "unit": "Percent",
                "location": "EV",
            }
        )
    return samples


def _samples_2(sample: Sample) -> list[Payload]:
    samples: list[Payload] = [
        {
            "value": number(sample.register_wh),
            "context": sample.context,
            "measurand": "Energy.Active.Import.Register",
            "location": "Outlet",
            "unitOfMeasure": {"unit": "Wh"},
        },
        {
            "value": round(sample.power_w, 1),
            "context": sample.context,
            "measurand": "Power.Active.Import",
            "unitOfMeasure": {"unit": "W"},
        },
    ]
    if sample.soc is not None:
        samples.append(
            {
                "value": round(sample.soc * 100, 1),
                "context": sample.context,
                "measurand": "SoC",
                "location": "EV",
                "unitOfMeasure": {"unit": "Percent"},
            }
        )
    return samples


def _fault_2(message: Message) -> Payload:
    return {
        "generatedAt": moment_text(message.said_at),
        "seqNo": 0,
        "tbc": False,
        "eventData": [
            {
                "eventId": message.seq_no,
                "timestamp": moment_text(message.said_at),
                "trigger": "Alerting",
                "actualValue": "false" if message.error_code is None else "true",
                "techCode": message.error_code or "NoError",
                "cleared": message.error_code is None,
                "eventNotificationType": "HardWiredNotification",
                "component": {
                    "name": "Connector",
                    "evse": {"id": message.evse_id, "connectorId": message.connector_id},
                },
                "variable": {"name": "Problem"},
            }
        ],
    }
