"""What stations hold beside their sessions, as it is read."""

import json
from typing import Any

import pytest

from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.records import HANDLED_RECORDS, HANDLED_RECORDS_21
from csms.reports import RecordReport
from tests.csms.ocpp.said import V21, V201, said

MESSAGE: dict[str, Any] = {
    "id": 3,
    "priority": "AlwaysFront",
    "message": {"format": "UTF8", "content": "Welcome"},
}


@pytest.mark.parametrize("version", [V201, V21])
def test_display_messages_are_read_in_their_own_words_in_both_versions(version: Any) -> None:
    payload = {"requestId": 15, "messageInfo": [MESSAGE]}
    report = said(version, "NotifyDisplayMessages", payload, RecordReport)
    assert report.payload["messageInfo"][0]["priority"] == "AlwaysFront"


def test_what_2_1_adds_2_0_1_does_not_have() -> None:
    assert "BatterySwap" not in HANDLED_RECORDS
    assert set(HANDLED_RECORDS) < set(HANDLED_RECORDS_21)
    assert "BatterySwap" in HANDLED_RECORDS_21
    assert "NotifyPeriodicEventStream" not in HANDLED_RECORDS_21  # never a request


def test_no_text_that_is_kept_has_what_no_text_can_hold() -> None:
    payload = {
        "batteryData": [
            {
                "evseId": 1,
                "serialNumber": "SN\0-1",
                "soC": 50,
                "soH": 90,
                "vendorInfo": "\0",
            }
        ],
        "eventType": "BatteryIn",
        "idToken": {"idToken": "T\0", "type": "ISO14443"},
        "requestId": 1,
    }
    report = said(V21, "BatterySwap", payload, RecordReport)
    assert "\\u0000" not in json.dumps(report.payload)
    assert report.payload["batteryData"][0]["serialNumber"] == "SN-1"


@pytest.mark.parametrize("field", ["requestId", "seqNo"])
def test_numbers_of_a_customer_s_report_that_nobody_asked_under_are_refused(field: str) -> None:
    payload: dict[str, Any] = {"requestId": 1, "seqNo": 0, "data": "x"}
    payload |= {"generatedAt": "2026-10-15T12:00:00Z", "tbc": False}
    assert said(V21, "NotifyCustomerInformation", payload, RecordReport).payload["data"] == "x"
    for version in (V201, V21):
        with pytest.raises(MessageError) as refused:
            said(version, "NotifyCustomerInformation", payload | {field: 2**63}, RecordReport)
        assert refused.value.error_code is ErrorCode.PROPERTY_VIOLATION
        assert f"$.{field}" in str(refused.value)
