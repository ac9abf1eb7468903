"""What we ask of a station ourselves, whatever its version, and what it answers.

Only questions that the central system needs for its own work are here: whether a transaction
still runs, and that a message be sent again. `csms.ocpp.v16.translate.to_call` and its
neighbours write them in a version's words.
"""

from dataclasses import dataclass
from enum import StrEnum

from foundation.identifiers import ConnectorId, EvseId


class MessageTrigger(StrEnum):
    """The messages that a station can be asked to send, in 2.x's words."""

    BOOT_NOTIFICATION = "BootNotification"
    FIRMWARE_STATUS = "FirmwareStatusNotification"
    HEARTBEAT = "Heartbeat"
    LOG_STATUS = "LogStatusNotification"
    METER_VALUES = "MeterValues"
    STATUS_NOTIFICATION = "StatusNotification"
    TRANSACTION_EVENT = "TransactionEvent"


@dataclass(frozen=True, slots=True)
class GetTransactionStatus:
    """Ask a 2.x station whether a transaction runs and whether messages about it wait.

    `transaction_ref` is the station's own id; None asks only whether any messages wait.
    """

    transaction_ref: str | None


@dataclass(frozen=True, slots=True)
class TriggerMessage:
    """Ask a station to send a message; about an EVSE, a connector, or the whole station (None)."""

    requested: MessageTrigger
    evse_id: EvseId | None = None
    connector_id: ConnectorId | None = None


Command = GetTransactionStatus | TriggerMessage


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """The answer to `GetTransactionStatus`; `is_ongoing` is None where none was asked about."""

    is_ongoing: bool | None
    messages_wait: bool


@dataclass(frozen=True, slots=True)
class TriggerAnswer:
    """The answer to `TriggerMessage`: a promise of the message, which comes by itself."""

    is_accepted: bool


Outcome = TransactionStatus | TriggerAnswer
