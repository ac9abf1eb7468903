"""What stations of all versions say of firmware, logs, reservations and variables, to reports.

1.6's few own words become 2.0.1's. The types of 2.0.1 stand for 2.1's here: 2.1 adds a reason to
statuses and changes nothing else that is read.

Sources: OCPP 1.6 edition 2, sections 4.4, 4.5 and 5.8; security whitepaper edition 3, sections
4.5 and 5; OCPP 2.0.1 edition 3, part 2, B07, B08, H01 to H04, L01 to L03 and N01.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec import UnsetType

from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.translation import evse_number, integer, text
from csms.reports import (
    FirmwareStatusReport,
    LogStatusReport,
    Origin,
    PublicationStatusReport,
    Report,
    ReportedVariable,
    ReservationReport,
    VariablesReport,
)
from csms.secrecy import MASK as MASK
from csms.secrecy import shown as shown

_DIAGNOSTICS = {"UploadFailed": "UploadFailure"}
"""1.6's words that 2.0.1 has otherwise."""


def firmware_status(message: Any, origin: Origin) -> Report:
    """Read FirmwareStatusNotification of any version, and SignedFirmwareStatusNotification."""
    return FirmwareStatusReport(origin, _request_id(message), _word(message.status), _note(message))


def log_status(message: Any, origin: Origin) -> Report:
    """Read LogStatusNotification of any version."""
    return LogStatusReport(origin, _request_id(message), _word(message.status), _note(message))


def diagnostics_status(message: Any, origin: Origin) -> Report:
    """Read 1.6's DiagnosticsStatusNotification."""
    status = _word(message.status)
    return LogStatusReport(origin, None, _DIAGNOSTICS.get(status, status), None)


def publication_status(message: Any, origin: Origin) -> Report:
    """Read PublishFirmwareStatusNotification of 2.x."""
    places = ", ".join(part for each in message.location or () if (part := text(each)))
    return PublicationStatusReport(
        origin, _request_id(message), _word(message.status), places or _note(message)
    )


def reservation_status(message: Any, origin: Origin) -> Report:
    """Read ReservationStatusUpdate of 2.x.

    Raises:
        MessageError: The number is larger than any that we give.
    """
    return ReservationReport(
        origin,
        _number(message.reservation_id, "$.reservationId"),
        _word(message.reservation_update_status),
    )


def variables(message: Any, origin: Origin) -> Report:
    """Read NotifyReport of 2.x: one part of a report.

    Raises:
        MessageError: A number is larger than any that we give.
    """
    data = message.report_data or ()
    return VariablesReport(
        origin,
        request_id=_number(message.request_id, "$.requestId"),
        seq_no=_number(message.seq_no, "$.seqNo"),
        is_last=message.tbc is not True,
        variables=tuple(each for part in data for each in _attributes(part)),
    )


FIRMWARE_AND_LOGS: Final[Mapping[str, Callable[[Any, Origin], Report]]] = {
    "FirmwareStatusNotification": firmware_status,
    "LogStatusNotification": log_status,
}
"""The readers that all versions share."""

HANDLED_16: Final[Mapping[str, Callable[[Any, Origin], Report]]] = {
    **FIRMWARE_AND_LOGS,
    "DiagnosticsStatusNotification": diagnostics_status,
    "SignedFirmwareStatusNotification": firmware_status,
}
"""The readers of 1.6's actions."""

HANDLED_2: Final[Mapping[str, Callable[[Any, Origin], Report]]] = {
    **FIRMWARE_AND_LOGS,
    "NotifyReport": variables,
    "PublishFirmwareStatusNotification": publication_status,
    "ReservationStatusUpdate": reservation_status,
}
"""The readers of 2.0.1's and 2.1's actions."""


# ------------------------------------------------------------------------------------ parts


def _request_id(message: Any) -> int | None:
    return integer(getattr(message, "request_id", None))  # type: ignore[arg-type]  # None: plain 1.6


def _word(status: str) -> str:
    """Return the status; a word of the station's own is kept as it wrote it."""
    return text(status) or "Unknown"


def _note(message: Any) -> str | None:
    info = getattr(message, "status_info", None)
    if not info:
        return None
    parts = [text(info.reason_code), text(info.additional_info)]
    return ": ".join(part for part in parts if part) or None


def _number(value: int, path: str) -> int:
    number = integer(value)
    if number is None:
        raise MessageError(ErrorCode.PROPERTY_VIOLATION, path, "no such number")
    return number


def _attributes(data: Any) -> Iterator[ReportedVariable]:
    component, variable, limits = data.component, data.variable, data.variable_characteristics
    name = text(variable.name) or ""
    for each in data.variable_attribute:
        value = None if not isinstance(each.value, str) else each.value.replace("\0", "")
        yield ReportedVariable(
            **place(component, variable),
            value=shown(name, value),
            attribute=each.type or "Actual",
            mutability=each.mutability or None,
            data_type=limits.data_type if limits else None,
            unit=text(limits.unit) if limits else None,
            min_limit=_limit(limits.min_limit) if limits else None,
            max_limit=_limit(limits.max_limit) if limits else None,
            values_list=text(limits.values_list) if limits else None,
        )


def _limit(value: Decimal | UnsetType) -> Decimal | None:
    return None if isinstance(value, UnsetType) else value


def place(component: Any, variable: Any) -> dict[str, Any]:
    """Return where in the device model a variable stands; numbers that cannot be are left out."""
    evse = component.evse
    return {
        "component": text(component.name) or "",
        "component_instance": text(component.instance),
        "evse_id": evse_number(evse.id) if evse else None,
        "connector_id": evse_number(evse.connector_id) if evse else None,
        "variable": text(variable.name) or "",
        "variable_instance": text(variable.instance),
    }
