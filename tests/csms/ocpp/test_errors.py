"""Every version has its spelling of every code, and we read them all."""

import pytest

from csms.ocpp.errors import ERROR_TEXTS, ErrorCode, MessageError, OcppError, error_code
from csms.reports import OcppVersion
from foundation.errors import ExpectedError

CODES_16 = {
    "NotImplemented",
    "NotSupported",
    "InternalError",
    "ProtocolError",
    "SecurityError",
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "GenericError",
}
CODES_2 = {
    "FormatViolation",
    "GenericError",
    "InternalError",
    "MessageTypeNotSupported",
    "NotImplemented",
    "NotSupported",
    "OccurrenceConstraintViolation",
    "PropertyConstraintViolation",
    "ProtocolError",
    "RpcFrameworkError",
    "SecurityError",
    "TypeConstraintViolation",
}


@pytest.mark.parametrize(
    ("version", "codes"),
    [(OcppVersion.V16, CODES_16), (OcppVersion.V201, CODES_2), (OcppVersion.V21, CODES_2)],
)
def test_a_version_is_told_only_codes_that_it_knows(version: OcppVersion, codes: set[str]) -> None:
    assert set(ERROR_TEXTS[version].values()) == codes
    assert ERROR_TEXTS[version].keys() == set(ErrorCode)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("OccurenceConstraintViolation", ErrorCode.OCCURRENCE_VIOLATION),
        ("OccurrenceConstraintViolation", ErrorCode.OCCURRENCE_VIOLATION),
        ("FormationViolation", ErrorCode.FORMAT_VIOLATION),
        ("FormatViolation", ErrorCode.FORMAT_VIOLATION),
        ("GenericError", ErrorCode.GENERIC_ERROR),
        ("VendorError", None),
        ("", None),
    ],
)
def test_a_stations_code_is_read_in_any_spelling(text: str, code: ErrorCode | None) -> None:
    assert error_code(text) is code


def test_a_message_error_says_where() -> None:
    error = MessageError(ErrorCode.TYPE_VIOLATION, "$.idTag", "Expected `str`, got `int`")

    assert error.description == "$.idTag: Expected `str`, got `int`"
    assert error.path == "$.idTag"
    assert isinstance(error, ExpectedError)
    assert MessageError(ErrorCode.NOT_IMPLEMENTED, "$", "unknown").description == "unknown"


def test_an_error_without_words_has_empty_details() -> None:
    assert OcppError(ErrorCode.NOT_SUPPORTED).details == {}
    assert OcppError(ErrorCode.NOT_SUPPORTED, "", {"a": 1}).details == {"a": 1}
