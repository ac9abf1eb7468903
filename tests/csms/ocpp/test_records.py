"""What stations hold beside their sessions, as it is read."""

from typing import Any

import pytest

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
    assert set(HANDLED_RECORDS) == {"NotifyDisplayMessages", "NotifyMonitoringReport"}
    assert "BatterySwap" in HANDLED_RECORDS_21
    assert "NotifyPeriodicEventStream" not in HANDLED_RECORDS_21  # never a request
