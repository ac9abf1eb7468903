"""OCPP 1.6 to reports and back: 1.6 is brought up to 2.0.1's words at the door.

Connector n becomes EVSE n with connector 1, connector 0 the station itself (EVSE 0, connector 0).
An idTag becomes a token of type ISO14443, since 1.6 cannot say what it is.

Source: OCPP 1.6 edition 2, sections 4, 6 and 7; security whitepaper edition 3.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from csms.commands import (
    Command,
    MessageTrigger,
    Outcome,
    TriggerAnswer,
    TriggerMessage,
)
from csms.ocpp.actions import FROM_STATION
from csms.ocpp.certificates import HANDLED_CERTIFICATES_16, response_fields
from csms.ocpp.equipment import HANDLED_16
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message
from csms.ocpp.moments import whole_seconds
from csms.ocpp.readings import readings_of_text, reported_moment
from csms.ocpp.statuses import CONNECTOR_STATUSES
from csms.ocpp.translation import (
    evse_number,
    id_token,
    kept,
    not_supported,
    register_wh,
    reported_at,
    text,
    transaction_number,
)
from csms.ocpp.v16 import messages
from csms.reports import (
    Acknowledged,
    Answer,
    AuthorizationStatus,
    AuthorizeAnswer,
    AuthorizeReport,
    BootAnswer,
    BootReport,
    CertificateWishAnswer,
    DataTransferAnswer,
    DataTransferReport,
    HeartbeatAnswer,
    HeartbeatReport,
    IdTokenInfo,
    MeterReport,
    OcppVersion,
    Origin,
    Report,
    SecurityEventReport,
    StatusReport,
    TransactionEndAnswer,
    TransactionEndReport,
    TransactionStartAnswer,
    TransactionStartReport,
)
from foundation.identifiers import ConnectorId, EvseId

REASONS: Final[dict[str, str]] = {
    "DeAuthorized": "DeAuthorized",
    "EmergencyStop": "EmergencyStop",
    "EVDisconnected": "EVDisconnected",
    "HardReset": "ImmediateReset",
    "Local": "Local",
    "Other": "Other",
    "PowerLoss": "PowerLoss",
    "Reboot": "Reboot",
    "Remote": "Remote",
    # A soft reset ends transactions in 1.6; 2.0.1's gentle reset waits for them, so that the
    # only reset which ends one is the immediate one.
    "SoftReset": "ImmediateReset",
    # We asked for the unlock, so the end was asked for from afar.
    "UnlockCommand": "Remote",
}
"""Why a transaction ended, from 1.6's words to 2.0.1's; left out, it is Local in both."""

_LONGEST_PARENT = 20  # characters of parentIdTag

_NO_CONNECTOR = ConnectorId(0)
_ONE_CONNECTOR = ConnectorId(1)
_STATION = EvseId(0)

_TRIGGERS: Final[dict[MessageTrigger, str]] = {
    MessageTrigger.BOOT_NOTIFICATION: "BootNotification",
    MessageTrigger.FIRMWARE_STATUS: "FirmwareStatusNotification",
    MessageTrigger.HEARTBEAT: "Heartbeat",
    MessageTrigger.LOG_STATUS: "DiagnosticsStatusNotification",
    MessageTrigger.METER_VALUES: "MeterValues",
    MessageTrigger.STATUS_NOTIFICATION: "StatusNotification",
}


def to_report(message: Message, origin: Origin) -> Report:
    """Return what a station's request says; `origin.action` is its action.

    Raises:
        MessageError: The action's answer would be a decision (NOT_SUPPORTED), or the message
            names a connector that cannot be one and means nothing without it.
    """
    reader = _READERS.get(origin.action)
    if reader is None:
        raise not_supported(origin.action)
    return reader(message, origin)


def to_response(answer: Answer, request_action: str) -> Message:
    """Return the answer to a request as this version writes it.

    There is no word for "no credit" in 1.6, so such a token is Blocked; a total cost cannot be
    told. A start is always answered with an idTagInfo, a stop only if the report had a token.
    """
    match answer:
        case Acknowledged():
            return _EMPTY[request_action]
        case HeartbeatAnswer():
            return messages.HeartbeatResponse(current_time=whole_seconds(answer.current_time))
        case TransactionStartAnswer():
            return messages.StartTransactionResponse(
                transaction_id=answer.transaction_id,
                id_tag_info=_id_tag_info(answer.id_token_info or _WELCOME),
            )
        case TransactionEndAnswer():
            if answer.id_token_info is None:
                return _EMPTY["StopTransaction"]
            return messages.StopTransactionResponse(id_tag_info=_id_tag_info(answer.id_token_info))
        case AuthorizeAnswer():
            return messages.AuthorizeResponse(id_tag_info=_id_tag_info(answer.id_token_info))
        case BootAnswer():
            return messages.BootNotificationResponse(
                status=answer.status.value,
                current_time=whole_seconds(answer.current_time),
                interval=answer.interval_s,
            )
        case DataTransferAnswer():
            return _data_transfer_response(answer)
        case CertificateWishAnswer():
            fields = response_fields(answer, None, tells_remaining=False)
            return messages.SignCertificateResponse(**fields)
    raise AssertionError(f"1.6 has no message that is answered by {answer}")


def to_call(command: Command) -> tuple[str, Message] | None:
    """Return the action and payload that ask this of a station; None if 1.6 has no words for it."""
    if not isinstance(command, TriggerMessage) or command.requested not in _TRIGGERS:
        return None
    payload: dict[str, Any] = {"requested_message": _TRIGGERS[command.requested]}
    if command.evse_id:
        payload["connector_id"] = command.evse_id
    return "TriggerMessage", messages.TriggerMessageRequest(**payload)


def to_outcome(response: Message) -> Outcome:
    """Return what a station's answer to such a call means."""
    assert isinstance(response, messages.TriggerMessageResponse), f"nobody asked for {response}"
    return TriggerAnswer(response.status == "Accepted")


# ------------------------------------------------------------------------------- reports


def _boot(message: messages.BootNotificationRequest, origin: Origin) -> Report:
    serial_number = text(message.charge_point_serial_number)
    return BootReport(
        origin,
        vendor=text(message.charge_point_vendor) or "",
        model=text(message.charge_point_model) or "",
        serial_number=serial_number or text(message.charge_box_serial_number),
        firmware=text(message.firmware_version),
        iccid=text(message.iccid),
        imsi=text(message.imsi),
        reason=None,
    )


def _heartbeat(message: messages.HeartbeatRequest, origin: Origin) -> Report:
    return HeartbeatReport(origin)


def _status(message: messages.StatusNotificationRequest, origin: Origin) -> Report:
    evse_id = evse_number(message.connector_id)
    if evse_id is None:
        raise MessageError(ErrorCode.PROPERTY_VIOLATION, "$.connectorId", "no such connector")
    status, charging_state = CONNECTOR_STATUSES[message.status]
    return StatusReport(
        origin,
        evse_id=evse_id,
        connector_id=_ONE_CONNECTOR if evse_id else _NO_CONNECTOR,
        status=status,
        charging_state=charging_state,
        original_status=message.status,
        reported_at=reported_moment(message.timestamp),
        # S56: Faulted with NoError is common at start; it is a status and no fault.
        error_code=None if message.error_code == "NoError" else message.error_code,
        info=text(message.info),
        vendor_id=text(message.vendor_id),
        vendor_error_code=text(message.vendor_error_code),
    )


def _authorize(message: messages.AuthorizeRequest, origin: Origin) -> Report:
    return AuthorizeReport(origin, id_token(message.id_tag))


def _start(message: messages.StartTransactionRequest, origin: Origin) -> Report:
    return TransactionStartReport(
        origin,
        ref=None,
        number=None,
        # A transaction runs on a connector; one "on connector 0" names none (S59).
        evse_id=(evse_id := evse_number(message.connector_id) or None),
        connector_id=None if evse_id is None else _ONE_CONNECTOR,
        at=reported_at(message.timestamp, origin),
        seq_no=None,
        id_token=id_token(message.id_tag),
        readings=(),
        offline=False,
        trigger=None,
        charging_state=None,
        meter_start_wh=register_wh(message.meter_start),
        remote_start_id=None,
        reservation_id=transaction_number(message.reservation_id),
    )


def _meter_values(message: messages.MeterValuesRequest, origin: Origin) -> Report:
    return MeterReport(
        origin,
        evse_number(message.connector_id) or _STATION,
        transaction_number(message.transaction_id),
        readings_of_text(message.meter_value),
    )


def _stop(message: messages.StopTransactionRequest, origin: Origin) -> Report:
    return TransactionEndReport(
        origin,
        ref=None,
        number=transaction_number(message.transaction_id),
        evse_id=None,
        connector_id=None,
        at=reported_at(message.timestamp, origin),
        seq_no=None,
        id_token=id_token(message.id_tag),
        readings=readings_of_text(message.transaction_data or ()),
        offline=False,
        trigger=None,
        charging_state=None,
        meter_stop_wh=register_wh(message.meter_stop),
        reason=REASONS[message.reason or "Local"],
    )


def _data_transfer(message: messages.DataTransferRequest, origin: Origin) -> Report:
    return DataTransferReport(
        origin,
        vendor_id=message.vendor_id,
        message_id=message.message_id or None,
        data=message.data or None,
    )


def _security_event(message: messages.SecurityEventNotificationRequest, origin: Origin) -> Report:
    return SecurityEventReport(
        origin,
        type=text(message.type) or "",
        at=reported_at(message.timestamp, origin),
        tech_info=text(message.tech_info),
    )


_HANDLED: Final[dict[str, Callable[[Any, Origin], Report]]] = {
    **HANDLED_16,
    **HANDLED_CERTIFICATES_16,
    "Authorize": _authorize,
    "BootNotification": _boot,
    "DataTransfer": _data_transfer,
    "Heartbeat": _heartbeat,
    "MeterValues": _meter_values,
    "SecurityEventNotification": _security_event,
    "StartTransaction": _start,
    "StatusNotification": _status,
    "StopTransaction": _stop,
}
_READERS: Final[dict[str, Callable[[Any, Origin], Report]]] = {
    action: _HANDLED.get(action, kept) for action in FROM_STATION[OcppVersion.V16]
}

# ------------------------------------------------------------------------------- answers

_EMPTY: Final[dict[str, Message]] = {
    "DiagnosticsStatusNotification": messages.DiagnosticsStatusNotificationResponse(),
    "FirmwareStatusNotification": messages.FirmwareStatusNotificationResponse(),
    "LogStatusNotification": messages.LogStatusNotificationResponse(),
    "MeterValues": messages.MeterValuesResponse(),
    "SecurityEventNotification": messages.SecurityEventNotificationResponse(),
    "SignedFirmwareStatusNotification": messages.SignedFirmwareStatusNotificationResponse(),
    "StatusNotification": messages.StatusNotificationResponse(),
    "StopTransaction": messages.StopTransactionResponse(),
}

_WELCOME = IdTokenInfo(AuthorizationStatus.ACCEPTED)

_STATUSES: Final[dict[AuthorizationStatus, messages.AuthorizationStatus]] = {
    AuthorizationStatus.ACCEPTED: "Accepted",
    AuthorizationStatus.BLOCKED: "Blocked",
    AuthorizationStatus.CONCURRENT_TX: "ConcurrentTx",
    AuthorizationStatus.EXPIRED: "Expired",
    AuthorizationStatus.INVALID: "Invalid",
    AuthorizationStatus.NO_CREDIT: "Blocked",
}


def _id_tag_info(info: IdTokenInfo) -> messages.IdTagInfo:
    """Return an IdTagInfo with the standard's keys only, since strict stations refuse others.

    A group whose name is too long for 1.6 is left out: cut off, it would be another group.
    """
    more: dict[str, Any] = {}
    if info.valid_until is not None:
        more["expiry_date"] = whole_seconds(info.valid_until)
    if info.group is not None and len(info.group.value) <= _LONGEST_PARENT:
        more["parent_id_tag"] = info.group.value
    return messages.IdTagInfo(status=_STATUSES[info.status], **more)


def _data_transfer_response(answer: DataTransferAnswer) -> Message:
    """Return the answer to a DataTransfer; data that is no text becomes its JSON."""
    more: dict[str, Any] = {}
    if answer.data is not None:
        is_text = isinstance(answer.data, str)
        more["data"] = answer.data if is_text else msgspec.json.encode(answer.data).decode()
    return messages.DataTransferResponse(status=answer.status, **more)  # type: ignore[arg-type]
