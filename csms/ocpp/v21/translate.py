"""OCPP 2.1 to reports and back: 2.0.1's translation with 2.1's structs and additional actions.

Source: OCPP 2.1 edition 1, part 2.
"""

from decimal import Decimal
from typing import Final

import msgspec

from csms.commands import Command
from csms.ocpp.actions import FROM_STATION, WITHOUT_ANSWER
from csms.ocpp.certificates import HANDLED_CERTIFICATES_21
from csms.ocpp.fields import Message, decode_number
from csms.ocpp.payments import HANDLED_PAYMENTS
from csms.ocpp.records import HANDLED_RECORDS_21
from csms.ocpp.translation import not_supported
from csms.ocpp.v21 import messages
from csms.ocpp.v201 import translate as v201
from csms.reports import (
    Answer,
    CertificateChainAnswer,
    DynamicScheduleAnswer,
    DynamicScheduleReport,
    OcppVersion,
    Origin,
    Report,
)

to_outcome = v201.to_outcome


def _schedule_asked_for(
    message: messages.PullDynamicScheduleUpdateRequest, origin: Origin
) -> Report:
    return DynamicScheduleReport(origin, message.charging_profile_id)


_DIALECT: Final = v201.Dialect(
    requests=messages.REQUESTS,
    responses=messages.RESPONSES,
    id_token=messages.IdTokenType,
    id_token_info=messages.IdTokenInfoType,
    evse=messages.EVSEType,
    message_content=messages.MessageContentType,
    status_info=messages.StatusInfoType,
    tells_remaining=True,
    token_types=None,
    longest_token=255,
    limit=messages.TransactionLimitType,
    tariff=messages.TariffType,
    address=messages.AddressType,
)
_READERS: Final = (
    v201.readers(FROM_STATION[OcppVersion.V21] - WITHOUT_ANSWER)
    | HANDLED_PAYMENTS
    | HANDLED_CERTIFICATES_21
    | HANDLED_RECORDS_21
    | {"PullDynamicScheduleUpdate": _schedule_asked_for}
)


def to_report(message: Message, origin: Origin) -> Report:
    """Return what a station's request says; like 2.0.1's.

    What has no answer in the standard is no request: it comes as a SEND, which is only kept.

    Raises:
        MessageError: NotSupported.
    """
    reader = _READERS.get(origin.action)
    if reader is None:
        raise not_supported(origin.action)
    return reader(message, origin)


def to_response(answer: Answer, request_action: str) -> Message:
    """Return the answer to a request as this version writes it; like 2.0.1's.

    NotifyPeriodicEventStream is never answered: asking for its answer is a mistake of ours.
    """
    if isinstance(answer, CertificateChainAnswer):
        return _chain_status(answer)
    if isinstance(answer, DynamicScheduleAnswer):
        return _holding(answer)
    return v201.response(answer, request_action, _DIALECT)


_read_update = msgspec.json.Decoder(
    messages.ChargingScheduleUpdateType, dec_hook=decode_number, float_hook=Decimal
).decode


def _holding(answer: DynamicScheduleAnswer) -> Message:
    if not answer.holds:
        reason = messages.StatusInfoType(reason_code="NotFound")
        return messages.PullDynamicScheduleUpdateResponse(status="Rejected", status_info=reason)
    told = _read_update(msgspec.json.encode(answer.holds))
    return messages.PullDynamicScheduleUpdateResponse(status="Accepted", schedule_update=told)


def _chain_status(answer: CertificateChainAnswer) -> Message:
    return messages.GetCertificateChainStatusResponse(
        certificate_status=tuple(
            messages.CertificateStatusType(
                certificate_hash_data=messages.CertificateHashDataType(
                    hash_algorithm=each.question.hash_algorithm,  # type: ignore[arg-type]
                    issuer_name_hash=each.question.issuer_name_hash,
                    issuer_key_hash=each.question.issuer_key_hash,
                    serial_number=each.question.serial_number,
                ),
                source=each.question.source,  # type: ignore[arg-type]
                status=each.status,  # type: ignore[arg-type]
                next_update=each.next_update,
            )
            for each in answer.statuses
        )
    )


def to_call(command: Command) -> tuple[str, Message]:
    """Return the action and payload that ask this of a station."""
    return v201.call(command, _DIALECT)
