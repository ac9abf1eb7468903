"""A station says no in the words that each answer has."""

from simulators.refusals import cannot, rejection


def test_some_answers_have_no_word_for_no() -> None:
    assert rejection("UpdateFirmware", "1.6", {}) is None
    assert rejection("UpdateFirmware", "2.0.1", {}) == {"status": "Rejected"}
    assert rejection("GetConfiguration", "1.6", {}) is None
    assert rejection("UnlockConnector", "1.6", {}) == {"status": "UnlockFailed"}


def test_a_list_of_variables_is_rejected_one_by_one() -> None:
    wanted = {"component": {"name": "A"}, "variable": {"name": "B"}}
    answer = rejection("SetVariables", "2.1", {"set_variable_data": [wanted, wanted]})
    assert answer is not None
    assert [each["attribute_status"] for each in answer["set_variable_result"]] == ["Rejected"] * 2


def test_what_is_unknown_here_is_said_in_the_words_of_the_action() -> None:
    assert cannot("DataTransfer", {}) == {"status": "UnknownVendorId"}
    assert cannot("InstallCertificate", {}) == {"status": "Rejected"}
    [result] = cannot("ClearVariableMonitoring", {"id": [4]})["clear_monitoring_result"]
    assert result == {"id": 4, "status": "NotFound"}
    assert cannot("ClearTariffs", {})["clear_tariffs_result"] == [{"status": "NoTariff"}]
