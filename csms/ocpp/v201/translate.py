"""OCPP 2.0.1 to reports and back; 2.1 is the same but for its own messages (`v21.translate`).

Source: OCPP 2.0.1 edition 3, part 2.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UnsetType

from csms.commands import (
    Command,
    GetTransactionStatus,
    Outcome,
    TransactionStatus,
    TriggerAnswer,
    TriggerMessage,
)
from csms.ocpp.actions import FROM_STATION
from csms.ocpp.certificates import HANDLED_CERTIFICATES, response_fields
from csms.ocpp.equipment import HANDLED_2
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message
from csms.ocpp.moments import whole_seconds
from csms.ocpp.payments import (
    limit_fields,
    payment_words,
    settlement_fields,
    tariff_of,
    vat_fields,
)
from csms.ocpp.readings import BEGIN, END, readings_of_numbers, register_in, reported_moment
from csms.ocpp.records import HANDLED_RECORDS
from csms.ocpp.statuses import CONNECTOR_STATUSES
from csms.ocpp.translation import (
    evse_number,
    id_token,
    integer,
    kept,
    not_supported,
    reported_at,
    text,
)
from csms.ocpp.v201 import messages
from csms.reports import (
    Acknowledged,
    Answer,
    AuthorizeAnswer,
    BootAnswer,
    BootReport,
    CertificateStatusAnswer,
    CertificateWishAnswer,
    ChargingState,
    ConnectorStatus,
    ContractCertificateAnswer,
    DataTransferAnswer,
    DataTransferReport,
    HeartbeatAnswer,
    HeartbeatReport,
    IdTokenInfo,
    MeterReport,
    MonitoredEvent,
    NeedsAnswer,
    NotificationReport,
    OcppVersion,
    Origin,
    Report,
    ScheduleAnswer,
    SecurityEventReport,
    SettlementAnswer,
    StatusReport,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionStartAnswer,
    TransactionStartReport,
    TransactionUpdateAnswer,
    TransactionUpdateReport,
    VatNumberAnswer,
)
from foundation.identifiers import ConnectorId, EvseId, IdToken

UNNAMED_FAULT: Final = "OtherError"
"""The error of a connector that is Faulted: 2.x tells the reason apart, if at all (1.6's word)."""

Reader = Callable[[Any, Origin], Report]

_STATES: Final[dict[str, ChargingState]] = {state.value: state for state in ChargingState}


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where 2.0.1 and 2.1 differ in what we write.

    `token_types` are the types that a group's token may have (None: any text); `longest_token`
    is the number of characters of its value. Only 2.1 has limits, tariffs and addresses.
    """

    requests: Mapping[str, Callable[..., Message]]
    responses: Mapping[str, Callable[..., Message]]
    id_token: Callable[..., Message]
    id_token_info: Callable[..., Message]
    evse: Callable[..., Message]
    message_content: Callable[..., Message]
    status_info: Callable[..., Message]
    tells_remaining: bool
    token_types: frozenset[str] | None
    longest_token: int
    limit: Callable[..., Message] | None = None
    tariff: type[Message] | None = None
    address: Callable[..., Message] | None = None


_DIALECT: Final = Dialect(
    requests=messages.REQUESTS,
    responses=messages.RESPONSES,
    id_token=messages.IdTokenType,
    id_token_info=messages.IdTokenInfoType,
    evse=messages.EVSEType,
    message_content=messages.MessageContentType,
    status_info=messages.StatusInfoType,
    tells_remaining=False,
    token_types=frozenset(
        {
            "Central",
            "ISO14443",
            "ISO15693",
            "KeyCode",
            "Local",
            "MacAddress",
            "NoAuthorization",
            "eMAID",
        }
    ),
    longest_token=36,
)


def to_report(message: Message, origin: Origin) -> Report:
    """Return what a station's request says; `origin.action` is its action.

    Raises:
        MessageError: The action's answer would be a decision (NOT_SUPPORTED), or the message
            names an EVSE that cannot be one and means nothing without it.
    """
    reader = _READERS.get(origin.action)
    if reader is None:
        raise not_supported(origin.action)
    return reader(message, origin)


def to_response(answer: Answer, request_action: str) -> Message:
    """Return the answer to a request as this version writes it.

    Only what the handler gave is written: a total cost only where it is known, an idTokenInfo
    only for a token.
    """
    return response(answer, request_action, _DIALECT)


def to_call(command: Command) -> tuple[str, Message]:
    """Return the action and payload that ask this of a station."""
    return call(command, _DIALECT)


def to_outcome(answer: Any) -> Outcome:
    """Return what a station's answer to such a call means; `answer` is the response's struct."""
    if hasattr(answer, "messages_in_queue"):
        ongoing = answer.ongoing_indicator
        is_ongoing = None if isinstance(ongoing, UnsetType) else bool(ongoing)
        return TransactionStatus(is_ongoing, answer.messages_in_queue)
    return TriggerAnswer(answer.status == "Accepted")


# ------------------------------------------------------------------------------- reports
# The types of 2.0.1 stand for 2.1's here: 2.1 adds fields and changes none that we read.


def _boot(message: messages.BootNotificationRequest, origin: Origin) -> Report:
    station = message.charging_station
    modem = station.modem
    return BootReport(
        origin,
        vendor=text(station.vendor_name) or "",
        model=text(station.model) or "",
        serial_number=text(station.serial_number),
        firmware=text(station.firmware_version),
        iccid=text(modem.iccid) if modem else None,
        imsi=text(modem.imsi) if modem else None,
        reason=message.reason,
    )


def _heartbeat(message: messages.HeartbeatRequest, origin: Origin) -> Report:
    return HeartbeatReport(origin)


def _status(message: messages.StatusNotificationRequest, origin: Origin) -> Report:
    evse_id = evse_number(message.evse_id)
    connector_id = evse_number(message.connector_id)
    if evse_id is None or connector_id is None:
        place = "$.evseId" if evse_id is None else "$.connectorId"
        raise MessageError(ErrorCode.PROPERTY_VIOLATION, place, "no such connector")
    status, charging_state = CONNECTOR_STATUSES[message.connector_status]
    return StatusReport(
        origin,
        evse_id=evse_id,
        connector_id=ConnectorId(connector_id),
        status=status,
        charging_state=charging_state,
        original_status=message.connector_status,
        reported_at=reported_moment(message.timestamp),
        error_code=UNNAMED_FAULT if status is ConnectorStatus.FAULTED else None,
    )


def _transaction_event(message: messages.TransactionEventRequest, origin: Origin) -> Report:
    info = message.transaction_info
    evse = message.evse
    readings = readings_of_numbers(message.meter_value or ())
    connector_id = evse_number(evse.connector_id) if evse else None
    common = (  # as `TransactionReport` has them
        origin,
        info.transaction_id.replace("\0", ""),
        None,
        (evse_number(evse.id) or None) if evse else None,  # 0 is no EVSE
        None if connector_id is None else ConnectorId(connector_id),
        reported_at(message.timestamp, origin),
        integer(message.seq_no),
        _id_token(message.id_token),
        readings,
        message.offline is True,
        text(message.trigger_reason),
        _STATES[info.charging_state] if info.charging_state else None,
    )
    payment = payment_words(message)
    if message.event_type == "Updated":
        return TransactionUpdateReport(*common, integer(info.remote_start_id), payment)
    if message.event_type == "Started":
        return TransactionStartReport(
            *common,
            meter_start_wh=register_in(readings, BEGIN),
            remote_start_id=integer(info.remote_start_id),
            reservation_id=integer(message.reservation_id),
            payment=payment,
        )
    return TransactionEndReport(
        *common,
        meter_stop_wh=register_in(readings, END),
        reason=info.stopped_reason or "Local",
        payment=payment,
    )


def _meter_values(message: messages.MeterValuesRequest, origin: Origin) -> Report:
    return MeterReport(
        origin,
        evse_number(message.evse_id) or EvseId(0),
        None,
        readings_of_numbers(message.meter_value),
    )


def _data_transfer(message: messages.DataTransferRequest, origin: Origin) -> Report:
    return DataTransferReport(
        origin,
        vendor_id=message.vendor_id,
        message_id=message.message_id or None,
        data=None if isinstance(message.data, UnsetType) else message.data,
    )


def _security_event(message: messages.SecurityEventNotificationRequest, origin: Origin) -> Report:
    return SecurityEventReport(
        origin,
        type=text(message.type) or "",
        at=reported_at(message.timestamp, origin),
        tech_info=text(message.tech_info),
    )


def _notify_event(message: messages.NotifyEventRequest, origin: Origin) -> Report:
    return NotificationReport(
        origin, tuple(_monitored_event(event, origin) for event in message.event_data)
    )


def _monitored_event(event: Any, origin: Origin) -> MonitoredEvent:
    """Return one event; `event` is a struct of either version, and 2.1's may have a severity."""
    evse = event.component.evse
    connector_id = evse_number(evse.connector_id) if evse else None
    return MonitoredEvent(
        event_id=event.event_id,
        at=reported_at(event.timestamp, origin),
        trigger=event.trigger,
        component=event.component.name.replace("\0", ""),
        variable=event.variable.name.replace("\0", ""),
        actual_value=event.actual_value.replace("\0", ""),
        cleared=event.cleared is True,
        evse_id=evse_number(evse.id) if evse else None,
        connector_id=None if connector_id is None else ConnectorId(connector_id),
        tech_code=text(event.tech_code),
        tech_info=text(event.tech_info),
        severity=integer(getattr(event, "severity", None)),  # type: ignore[arg-type]  # None: 2.0.1
        cause=integer(event.cause),
    )


def _id_token(token: messages.IdTokenType | UnsetType) -> IdToken | None:
    return id_token(token.id_token, token.type) if token else None


HANDLED: Final[dict[str, Reader]] = {
    **HANDLED_2,
    **HANDLED_CERTIFICATES,
    "BootNotification": _boot,
    "DataTransfer": _data_transfer,
    "Heartbeat": _heartbeat,
    "MeterValues": _meter_values,
    "NotifyEvent": _notify_event,
    "SecurityEventNotification": _security_event,
    "StatusNotification": _status,
    "TransactionEvent": _transaction_event,
}
"""What has a report of its own, in 2.0.1 and in 2.1."""


def readers(actions: Iterable[str]) -> dict[str, Reader]:
    """Return the reader of each action: its own, or the one that keeps the message as it is."""
    return {action: HANDLED.get(action, kept) for action in actions}


_READERS: Final = readers(FROM_STATION[OcppVersion.V201]) | HANDLED_RECORDS

# ------------------------------------------------------------------------------- answers


def response(answer: Answer, request_action: str, dialect: Dialect) -> Message:
    """Return the answer to a request in a dialect; see `to_response`."""
    make = dialect.responses[request_action]
    match answer:
        case Acknowledged():
            # "Accepted" says no more than that the schedule arrived (K17).
            return make(**_ACCEPTED) if request_action in _WITH_STATUS else make()
        case HeartbeatAnswer():
            return make(current_time=whole_seconds(answer.current_time))
        case TransactionStartAnswer() | TransactionUpdateAnswer() | TransactionEndAnswer():
            more: dict[str, Any] = {}
            if answer.id_token_info is not None:
                more["id_token_info"] = _id_token_info(answer.id_token_info, dialect)
            if answer.total_cost is not None:
                more["total_cost"] = answer.total_cost
            if (
                not isinstance(answer, TransactionEndAnswer)
                and answer.limits
                and dialect.limit is not None
            ):
                more["transaction_limit"] = dialect.limit(**limit_fields(answer.limits))
            if isinstance(answer, TransactionEndAnswer) and answer.message is not None:
                more["updated_personal_message"] = dialect.message_content(
                    format="UTF8",
                    language=answer.message.language,
                    content=answer.message.content,
                )
            return make(**more)
        case AuthorizeAnswer():
            status = answer.certificate_status
            found: dict[str, Any] = {} if status is None else {"certificate_status": status}
            if answer.tariff is not None and dialect.tariff is not None:
                found["tariff"] = tariff_of(answer.tariff, dialect.tariff)
            return make(id_token_info=_id_token_info(answer.id_token_info, dialect), **found)
        case BootAnswer():
            return make(
                status=answer.status.value,
                current_time=whole_seconds(answer.current_time),
                interval=answer.interval_s,
            )
        case DataTransferAnswer():
            data = {} if answer.data is None else {"data": answer.data}
            return make(status=answer.status, **data)
        case CertificateWishAnswer() | ContractCertificateAnswer() | CertificateStatusAnswer():
            is_21 = dialect.tells_remaining
            return make(**response_fields(answer, dialect.status_info, tells_remaining=is_21))
        case NeedsAnswer():
            return make(status=answer.status)
        case ScheduleAnswer():
            return make(status="Accepted" if answer.is_within else "Rejected")
        case SettlementAnswer():
            return make(**settlement_fields(answer))
        case VatNumberAnswer():
            assert dialect.address is not None, "only 2.1 asks"
            return make(**vat_fields(answer, dialect.status_info, dialect.address))
    raise AssertionError(f"an answer that is new: {answer}")


_WITH_STATUS = frozenset({"OpenPeriodicEventStream"})
_ACCEPTED = {"status": "Accepted"}


def _id_token_info(info: IdTokenInfo, dialect: Dialect) -> Message:
    """Return an idTokenInfo; a group whose name is too long for the version is left out."""
    more: dict[str, Any] = {}
    if info.valid_until is not None:
        more["cache_expiry_date_time"] = whole_seconds(info.valid_until)
    more |= zip(("language1", "language2"), info.languages, strict=False)
    group = info.group
    if group is not None and len(group.value) <= dialect.longest_token:
        is_known = dialect.token_types is None or group.type in dialect.token_types
        kind = group.type if is_known else "Central"
        more["group_id_token"] = dialect.id_token(id_token=group.value, type=kind)
    return dialect.id_token_info(status=info.status.value, **more)


# ------------------------------------------------------------------------------- our calls


def call(command: Command, dialect: Dialect) -> tuple[str, Message]:
    """Return the action and payload of a command in a dialect."""
    if isinstance(command, GetTransactionStatus):
        asked = (
            {} if command.transaction_ref is None else {"transaction_id": command.transaction_ref}
        )
        return "GetTransactionStatus", dialect.requests["GetTransactionStatus"](**asked)
    assert isinstance(command, TriggerMessage), f"a command that is new: {command}"
    payload: dict[str, Any] = {"requested_message": command.requested.value}
    if command.evse_id:
        place: dict[str, Any] = {"id": command.evse_id}
        if command.connector_id:
            place["connector_id"] = command.connector_id
        payload["evse"] = dialect.evse(**place)
    return "TriggerMessage", dialect.requests["TriggerMessage"](**payload)
