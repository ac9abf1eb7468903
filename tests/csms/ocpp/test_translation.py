"""What the translations share: values made safe to keep."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET

from csms.ocpp import translation
from csms.ocpp.errors import ErrorCode
from csms.ocpp.v16 import messages
from foundation.identifiers import IdToken
from tests.csms.ocpp.said import HEARD, NOON, V16, origin


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (UNSET, None),
        ("", None),
        ("  ", None),
        ("null", None),
        ("\0\0", None),
        (" a\0b ", "ab"),
        ("nullify", "nullify"),
    ],
)
def test_a_text_has_something_to_say_or_is_none(value: Any, text: str | None) -> None:
    assert translation.text(value) == text


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (UNSET, None),
        ("", None),
        (" :-", None),
        ("\0", None),
        ("04\0A2", IdToken("04A2")),
        (" 04 ", IdToken(" 04 ")),
    ],
)
def test_a_token_is_kept_as_written_but_for_what_cannot_be_stored(
    value: Any, token: IdToken | None
) -> None:
    assert translation.id_token(value) == token


def test_a_moment_is_the_stations_or_that_of_receipt() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=2)))
    asked = origin(V16, "StopTransaction")
    assert translation.reported_at(local, asked) == NOON
    assert translation.reported_at(local, asked).tzinfo is UTC
    assert translation.reported_at(UNSET, asked) == HEARD
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert translation.reported_at(first, asked) == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "integer", "number", "evse"),
    [
        (UNSET, None, None, None),
        (0, 0, 0, 0),
        (-1, -1, -1, None),
        (2**31 - 1, 2**31 - 1, 2**31 - 1, 2**31 - 1),
        (2**31, 2**31, 2**31, None),
        (2**63 - 1, 2**63 - 1, 2**63 - 1, None),
        (2**63, None, -1, None),
        (-(2**64), None, -1, None),
    ],
)
def test_an_integer_fits_the_database_or_is_none(
    value: Any, integer: int | None, number: int | None, evse: int | None
) -> None:
    assert translation.integer(value) == integer
    assert translation.transaction_number(value) == number
    assert translation.evse_number(value) == evse


def test_a_register_is_exact_or_none() -> None:
    assert translation.register_wh(-5) == Decimal(-5)
    assert translation.register_wh(UNSET) is None


def test_a_kept_message_has_its_payload_with_the_schemas_names() -> None:
    message = messages.SecurityEventNotificationRequest(type="x", timestamp=NOON)
    assert translation.kept(message, origin(V16, "x")).payload == {
        "type": "x",
        "timestamp": "2026-10-15T12:00:00Z",
    }


def test_what_is_not_served_is_named() -> None:
    refusal = translation.not_supported("SignCertificate")
    assert refusal.error_code is ErrorCode.NOT_SUPPORTED
    assert "SignCertificate" in str(refusal)
