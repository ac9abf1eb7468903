"""What is filled in becomes a message that the station's version has."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from csms.ocpp import outgoing
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from portal.display_doors import ANSWERS, message_of

BERLIN = ZoneInfo("Europe/Berlin")
SENT = {
    "text1": "Welcome",
    "language1": "EN",
    "priority": "InFront",
    "state": "Idle",
    "starts_at": "2026-07-01T08:00",
    "ends_at": "2026-12-01T08:00",
}
BOTH = {"text2": "Willkommen", "language2": "de"}


def made(sent: dict[str, str], **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {"new_id": 77, "version": "2.1", "zone": BERLIN}
    return message_of(sent, **(usual | more))


def test_local_time_has_its_own_offset_in_summer_and_in_winter() -> None:
    payload = made(SENT, version="2.0.1")
    outgoing.encode(OcppVersion.V201, "SetDisplayMessage", payload, raw=False)
    assert payload["message"] == {
        "id": 77,
        "priority": "InFront",
        "state": "Idle",
        "startDateTime": "2026-07-01T08:00:00+02:00",
        "endDateTime": "2026-12-01T08:00:00+01:00",
        "message": {"format": "UTF8", "language": "en", "content": "Welcome"},
    }


def test_the_language_of_the_driver_comes_first() -> None:
    payload = made(SENT | BOTH, session="tx-1", preferred=("fr", "de-CH"))
    outgoing.encode(OcppVersion.V21, "SetDisplayMessage", payload, raw=False)
    message = payload["message"]
    assert message["transactionId"] == "tx-1"
    assert message["message"]["content"] == "Willkommen"
    assert [each["content"] for each in message["messageExtra"]] == ["Welcome"]
    assert made(SENT | BOTH)["message"]["message"]["content"] == "Welcome"


def test_the_number_of_another_replaces_it() -> None:
    assert made(SENT | {"number": " 3 "})["message"]["id"] == 3


@pytest.mark.parametrize(
    ("change", "version", "field"),
    [
        ({"text1": "  "}, "2.1", "text1"),
        ({"text1": "x" * 513}, "2.1", "text1"),
        ({}, "1.6", "text1"),
        ({"language1": "xx"}, "2.1", "language1"),
        (BOTH, "2.0.1", "text2"),
        (BOTH | {"language2": "en"}, "2.1", "language2"),
        ({"priority": "First"}, "2.1", "priority"),
        ({"state": "Sleeping"}, "2.1", "state"),
        ({"starts_at": "soon"}, "2.1", "starts_at"),
        ({"ends_at": "2026-07-01T08:00"}, "2.1", "ends_at"),
        ({"number": "-1"}, "2.1", "number"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, str], version: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(SENT | change, version=version)
    assert refused.value.field == field


def test_every_no_of_the_standard_has_its_words() -> None:
    words = {
        "NotSupportedMessageFormat",
        "Rejected",
        "NotSupportedPriority",
        "NotSupportedState",
        "UnknownTransaction",
        "LanguageNotSupported",
        "Unknown",
    }
    assert words == set(ANSWERS)
