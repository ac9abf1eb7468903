"""What answers of stations say to a command."""

from typing import Any

import pytest

from csms.answers import is_same_value, meaning, values_2, values_16, variable_name


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


def test_what_was_read_is_found_by_its_name_in_any_spelling() -> None:
    entries = [{"key": "HeartbeatInterval", "readonly": False, "value": "60"}, "odd"]
    assert values_16({"configurationKey": entries}) == {"heartbeatinterval": "60"}
    assert values_16({}) == {}
    place = {
        "component": {"name": "EVSE", "evse": {"id": 1, "connectorId": 2}},
        "variable": {"name": "Power", "instance": "x"},
    }
    entry = {"attributeStatus": "Accepted", "attributeValue": "5", **place}
    assert values_2({"getVariableResult": [entry]}) == {"evse/1/2/power/x": "5"}
    assert values_2({"getVariableResult": [entry | {"attributeStatus": "Rejected"}]}) == {}
    assert variable_name(place | {"attributeType": "MaxSet"}) == "EVSE/1/2/Power/x/MaxSet"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("True", "true", True),
        ("60", "60.0", True),
        ("a, b", "a,b", True),
        ("60", "61", False),
        ("", "0", False),
    ],
)
def test_values_are_compared_by_what_they_mean(one: str, other: str, same: bool) -> None:
    assert is_same_value(one, other) is same
