"""The rules of the queue: which states follow which, what needs an order, what is asked again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ocpp.actions import FROM_CSMS
from csms.queue import (
    ANSWERED,
    FINAL,
    MASK,
    STARTS,
    STOPS,
    CommandState,
    answer_timeout_s,
    is_held,
    masked,
    may_be_asked_again,
    may_become,
    needs_order,
    set_back,
    wanted_availability,
)
from csms.reports import OcppVersion

ALL = sorted(set().union(*FROM_CSMS.values()))


def test_a_final_state_is_left_only_by_late_evidence() -> None:
    left = {
        (before, after) for before in FINAL for after in CommandState if may_become(before, after)
    }
    assert left == {(CommandState.FAILED, CommandState.EFFECTIVE)}
    assert FINAL < ANSWERED


def test_only_what_was_never_sent_expires_or_is_cancelled() -> None:
    for after in (CommandState.EXPIRED, CommandState.CANCELLED):
        before = [each for each in CommandState if may_become(each, after)]
        assert before == [CommandState.QUEUED]


# ------------------------------------------------------------------------------ written orders

FREE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Reset", {"type": "Hard"}),
    ("UnlockConnector", {"connectorId": 1}),
    ("RemoteStartTransaction", {"idTag": "A"}),
    ("RequestStartTransaction", {"idToken": {}}),
    ("RemoteStopTransaction", {"transactionId": 1}),
    ("RequestStopTransaction", {"transactionId": "a"}),
    ("ClearCache", {}),
    ("GetDiagnostics", {}),
    ("GetLog", {}),
    ("GetConfiguration", {}),
    ("GetVariables", {}),
    ("GetBaseReport", {}),
    ("TriggerMessage", {}),
    ("CancelReservation", {}),
    ("CustomerInformation", {"clear": False}),
    ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
)
ORDERED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ChangeConfiguration", {"key": "A", "value": "1"}),
    ("SetVariables", {}),
    ("SendLocalList", {}),
    ("UpdateFirmware", {}),
    ("SignedUpdateFirmware", {}),
    ("PublishFirmware", {}),
    ("SetChargingProfile", {}),
    ("ClearChargingProfile", {}),
    ("SetNetworkProfile", {}),
    ("InstallCertificate", {}),
    ("DeleteCertificate", {}),
    ("SetDefaultTariff", {}),
    ("DataTransfer", {"vendorId": "X"}),
    ("CustomerInformation", {"clear": True}),
    ("RemoteStartTransaction", {"idTag": "A", "chargingProfile": {}}),
    ("MakeCoffee", {}),
)


@pytest.mark.parametrize(("action", "payload"), FREE)
def test_what_changes_nothing_that_lasts_needs_no_order(
    action: str, payload: dict[str, Any]
) -> None:
    assert not needs_order(action, payload, acts_for_own=False)


@pytest.mark.parametrize(("action", "payload"), ORDERED)
def test_what_changes_the_station_needs_an_order_unless_its_owner_acts_himself(
    action: str, payload: dict[str, Any]
) -> None:
    assert needs_order(action, payload, acts_for_own=False)
    assert not needs_order(action, payload, acts_for_own=True)


def test_an_availability_change_needs_an_order_only_without_an_end() -> None:
    payload = {"connectorId": 1, "type": "Inoperative"}
    assert not needs_order("ChangeAvailability", payload, acts_for_own=False, has_end=True)
    assert needs_order("ChangeAvailability", payload, acts_for_own=False, has_end=False)
    assert not needs_order("ChangeAvailability", payload, acts_for_own=True, has_end=False)


@pytest.mark.parametrize("action", ALL)
def test_no_set_send_or_install_is_free(action: str) -> None:
    """An action that is added to the standard later needs an order until somebody decides."""
    if action.startswith(("Set", "Send", "Install", "Change", "Update", "Delete", "Clear")):
        is_free = not needs_order(action, {}, acts_for_own=False, has_end=False)
        assert is_free is (action == "ClearCache")


@pytest.mark.parametrize(
    ("payload", "back"),
    [
        ({"connectorId": 2, "type": "Inoperative"}, {"connectorId": 2, "type": "Operative"}),
        ({"connectorId": 2, "type": "Operative"}, {"connectorId": 2, "type": "Inoperative"}),
        (
            {"operationalStatus": "Inoperative", "evse": {"id": 1}},
            {"operationalStatus": "Operative", "evse": {"id": 1}},
        ),
    ],
)
def test_an_availability_change_is_set_back(payload: dict[str, Any], back: dict[str, Any]) -> None:
    assert set_back(payload) == back
    assert wanted_availability(back) != wanted_availability(payload)


# -------------------------------------------------------------------------------- asking again


@pytest.mark.parametrize(
    "action",
    [
        *sorted(STARTS | STOPS),
        "ReserveNow",
        "Reset",
        "UnlockConnector",
        "UpdateFirmware",
        "SignedUpdateFirmware",
        "DataTransfer",
        "RequestBatterySwap",
    ],
)
def test_what_happens_twice_when_asked_twice_is_never_replayed(action: str) -> None:
    assert not may_be_asked_again(action, {})


@pytest.mark.parametrize(
    "action", ["GetConfiguration", "ChangeConfiguration", "ClearCache", "TriggerMessage"]
)
def test_what_has_the_same_result_when_done_twice_may_be_asked_again(action: str) -> None:
    assert may_be_asked_again(action, {})


def test_a_whole_local_list_may_be_sent_again_and_a_part_of_one_may_not() -> None:
    assert may_be_asked_again("SendLocalList", {"updateType": "Full"})
    assert not may_be_asked_again("SendLocalList", {"updateType": "Differential"})


# ----------------------------------------------------------------------------------- the boot


@pytest.mark.parametrize(
    ("admission", "boot_policy", "has_booted", "sent"),
    [
        ("accepted", "accept", True, {"RemoteStartTransaction", "GetConfiguration"}),
        ("accepted", "accept", False, set()),
        ("waiting", "accept", True, {"GetConfiguration"}),
        ("accepted", "pending", True, {"GetConfiguration"}),
        ("accepted", "reject", True, set()),
        ("refused", "accept", True, set()),
    ],
)
def test_commands_wait_for_the_boot_as_the_standard_has_it(
    admission: str, boot_policy: str, has_booted: bool, sent: set[str]
) -> None:
    found = {
        action
        for action in ("RemoteStartTransaction", "GetConfiguration", "TriggerMessage")
        if not is_held(action, admission=admission, boot_policy=boot_policy, has_booted=has_booted)
    }
    assert found == sent | {"TriggerMessage"}


def test_what_takes_the_station_longer_may_take_longer() -> None:
    assert answer_timeout_s("Reset", 30) == 30
    assert answer_timeout_s("UnlockConnector", 30) == 60


# ------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("action", "payload", "shown"),
    [
        (
            "ChangeConfiguration",
            {"key": "AuthorizationKey", "value": "hunter2"},
            {"key": "AuthorizationKey", "value": MASK},
        ),
        (
            "SetVariables",
            {
                "setVariableData": [
                    {"variable": {"name": "BasicAuthPassword"}, "attributeValue": "hunter2"},
                    {"variable": {"name": "HeartbeatInterval"}, "attributeValue": "60"},
                ]
            },
            {
                "setVariableData": [
                    {"variable": {"name": "BasicAuthPassword"}, "attributeValue": MASK},
                    {"variable": {"name": "HeartbeatInterval"}, "attributeValue": "60"},
                ]
            },
        ),
        (
            "SetNetworkProfile",
            {"connectionData": {"vpn": {"password": "hunter2", "server": "x"}}},
            {"connectionData": {"vpn": {"password": MASK, "server": "x"}}},
        ),
    ],
)
def test_secrets_are_masked(action: str, payload: Any, shown: Any) -> None:
    assert masked(action, payload) == shown
    assert "hunter2" not in str(shown)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.sampled_from(ALL), st.dictionaries(st.sampled_from(["key", "type", "clear"]), _JSON))
def test_no_payload_makes_a_rule_fail(action: str, payload: dict[str, Any]) -> None:
    needs_order(action, payload, acts_for_own=False)
    may_be_asked_again(action, payload)
    wanted_availability(payload)
    if action not in ("ChangeConfiguration", "SetVariables", "SetNetworkProfile"):
        assert masked(action, payload) == payload


def test_every_version_has_actions_that_need_no_order() -> None:
    for version in OcppVersion:
        assert any(not needs_order(each, {}, acts_for_own=False) for each in FROM_CSMS[version])
