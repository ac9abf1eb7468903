"""What answers of stations say to a command."""

from typing import Any

import pytest

from csms.answers import meaning


@pytest.mark.parametrize(
    ("action", "answer", "is_yes"),
    [
        ("Reset", {"status": "Accepted"}, True),
        ("Reset", {"status": "Rejected"}, False),
        ("Reset", {"status": "Scheduled"}, True),
        ("UnlockConnector", {"status": "Unlocked"}, True),
        ("UnlockConnector", {"status": "UnlockFailed"}, False),
        ("UnlockConnector", {"status": "NotSupported"}, False),
        ("UnlockConnector", {"status": "OngoingAuthorizedTransaction"}, False),
        ("ChangeConfiguration", {"status": "RebootRequired"}, True),
        ("ChangeConfiguration", {"status": "NotSupported"}, False),
        ("ReserveNow", {"status": "Occupied"}, False),
        ("SendLocalList", {"status": "VersionMismatch"}, False),
        ("GetConfiguration", {"unknownKey": ["A"]}, True),
        ("GetLocalListVersion", {"listVersion": -1}, True),
        ("UpdateFirmware", {}, True),
        ("GetInstalledCertificateIds", {"status": "NotFound"}, True),
        ("SetVariables", {"setVariableResult": [{"attributeStatus": "Accepted"}]}, True),
        ("SetVariables", {"setVariableResult": [{"attributeStatus": "UnknownVariable"}]}, False),
        ("SetVariables", {"setVariableResult": []}, True),
        ("SetVariableMonitoring", {"setMonitoringResult": [{"status": "Rejected"}]}, False),
    ],
)
def test_an_answer_says_yes_or_no(action: str, answer: dict[str, Any], is_yes: bool) -> None:
    assert meaning(action, answer).is_yes is is_yes


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("ChangeAvailability", {"status": "Scheduled"}),
        ("ChangeConfiguration", {"status": "RebootRequired"}),
        ("SetVariables", {"setVariableResult": [{"attributeStatus": "RebootRequired"}]}),
    ],
)
def test_an_answer_can_promise_it_for_later(action: str, answer: dict[str, Any]) -> None:
    assert meaning(action, answer).is_later


def test_the_station_s_own_words_are_kept_where_yes_or_no_is_not_all() -> None:
    assert meaning("Reset", {"status": "Accepted"}).note is None
    assert meaning("ReserveNow", {"status": "Faulted"}).note == "Faulted"
    why = {"reasonCode": "NoPower", "additionalInfo": "phase 2"}
    assert meaning("Reset", {"status": "Rejected", "statusInfo": why}).note == "NoPower phase 2"
    said = [{"attributeStatus": "Accepted"}, {"attributeStatus": "Rejected"}]
    assert meaning("SetVariables", {"setVariableResult": said}).note == "in part Rejected"
