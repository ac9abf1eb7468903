"""The CALLERROR codes, with the spellings of every version, and the errors that carry one.

Sources: OCPP-J 1.6, section 4.2.3 (it spells "Occurence" and "Formation"); OCPP 2.0.1 and 2.1,
part 4, section 4.3 "RPC framework error codes".
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, ClassVar

from csms.reports import OcppVersion
from foundation.errors import ExpectedError

DESCRIPTION_LENGTH = 255
"""The most characters that an errorDescription may have."""


class ErrorCode(Enum):
    """Why a call cannot be answered with a result; the values are our own words."""

    FORMAT_VIOLATION = "format_violation"
    """The payload does not have the action's form: broken JSON, an unknown field."""
    GENERIC_ERROR = "generic_error"
    INTERNAL_ERROR = "internal_error"
    """We failed, not the sender."""
    MESSAGE_TYPE_NOT_SUPPORTED = "message_type_not_supported"
    """The frame's first number is none that the version knows."""
    NOT_IMPLEMENTED = "not_implemented"
    """The action is unknown."""
    NOT_SUPPORTED = "not_supported"
    """The action is known but not served here."""
    OCCURRENCE_VIOLATION = "occurrence_violation"
    """A field is missing, or there are too few or too many of it."""
    PROPERTY_VIOLATION = "property_violation"
    """A field has the right type but a value that is not allowed."""
    PROTOCOL_ERROR = "protocol_error"
    RPC_FRAMEWORK_ERROR = "rpc_framework_error"
    """The frame itself is no call: not even its id could be trusted."""
    SECURITY_ERROR = "security_error"
    TYPE_VIOLATION = "type_violation"
    """A field has the wrong type, such as a number where a text is due."""


_TEXTS_2: dict[ErrorCode, str] = {
    ErrorCode.FORMAT_VIOLATION: "FormatViolation",
    ErrorCode.GENERIC_ERROR: "GenericError",
    ErrorCode.INTERNAL_ERROR: "InternalError",
    ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED: "MessageTypeNotSupported",
    ErrorCode.NOT_IMPLEMENTED: "NotImplemented",
    ErrorCode.NOT_SUPPORTED: "NotSupported",
    ErrorCode.OCCURRENCE_VIOLATION: "OccurrenceConstraintViolation",
    ErrorCode.PROPERTY_VIOLATION: "PropertyConstraintViolation",
    ErrorCode.PROTOCOL_ERROR: "ProtocolError",
    ErrorCode.RPC_FRAMEWORK_ERROR: "RpcFrameworkError",
    ErrorCode.SECURITY_ERROR: "SecurityError",
    ErrorCode.TYPE_VIOLATION: "TypeConstraintViolation",
}
_TEXTS_16: dict[ErrorCode, str] = _TEXTS_2 | {
    ErrorCode.FORMAT_VIOLATION: "FormationViolation",
    ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED: "GenericError",  # 1.6 has no word for it
    ErrorCode.OCCURRENCE_VIOLATION: "OccurenceConstraintViolation",
    ErrorCode.RPC_FRAMEWORK_ERROR: "FormationViolation",
}

ERROR_TEXTS: Mapping[OcppVersion, Mapping[ErrorCode, str]] = MappingProxyType(
    {OcppVersion.V16: _TEXTS_16, OcppVersion.V201: _TEXTS_2, OcppVersion.V21: _TEXTS_2}
)
"""How each version spells each code."""

_CODES: dict[str, ErrorCode] = {
    "FormationViolation": ErrorCode.FORMAT_VIOLATION,
    "OccurenceConstraintViolation": ErrorCode.OCCURRENCE_VIOLATION,
} | {text: code for code, text in _TEXTS_2.items()}


def error_code(text: str) -> ErrorCode | None:
    """Return the code that a station wrote, in the spelling of any version; None if unknown."""
    return _CODES.get(text)


class OcppError(ExpectedError):
    """A call that is answered with a CALLERROR.

    `description` is what the station is told; `details` goes into the CALLERROR as it is.
    """

    code: ClassVar[str] = "ocpp_error"

    def __init__(
        self,
        error_code: ErrorCode,
        description: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.error_code = error_code
        self.description = description
        self.details = dict(details or {})
        super().__init__(f"{error_code.value}: {description}")


class MessageError(OcppError):
    """A payload that its version's schema does not allow.

    `path` says where, as in `$.meterValue[0].timestamp`; `$` is the payload itself.
    """

    code: ClassVar[str] = "ocpp_message_error"

    def __init__(self, error_code: ErrorCode, path: str, text: str) -> None:
        self.path = path
        self.text = text
        super().__init__(error_code, text if path == "$" else f"{path}: {text}")
