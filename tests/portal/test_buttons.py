"""Every plain command is a valid message in every version, and is called by its name again."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from csms.ocpp import outgoing
from csms.ocpp.actions import FROM_CSMS
from csms.queue import NEVER_AFTER_AN_OUTAGE, needs_order
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from portal import buttons
from portal.buttons import BUTTONS, Wish, ask, button_of, evse_of, title_of

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
VERSIONS = dict(zip(("1.6", "2.0.1", "2.1"), OcppVersion, strict=True))
TO_STATIONS = sorted(set(BUTTONS) - {"stop_billing"})
WISH = Wish(
    now=NOON,
    new_id=77,
    evse_id=2,
    connector_id=1,
    id_token="04A1",
    transaction_id=12,
    ref="tx-12",
    component="OCPPCommCtrlr",
    variable="HeartbeatInterval",
    value="60",
    message="StatusNotification",
    until=NOON,
    reservation=5,
    upload_to="https://files.example/once/",
    fetch_from="https://files.example/new.bin",
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", TO_STATIONS)
def test_a_button_asks_for_a_valid_message_and_keeps_its_name(version: str, key: str) -> None:
    action, payload = ask(key, version, WISH)
    assert outgoing.encode(VERSIONS[version], action, payload, raw=False)
    assert button_of(action, payload) == key
    assert title_of(action, payload) == BUTTONS[key].title


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", TO_STATIONS)
def test_a_button_knows_whether_it_configures_and_may_wait(version: str, key: str) -> None:
    action, payload = ask(key, version, WISH)
    assert needs_order(action, payload, acts_for_own=False) is BUTTONS[key].configures
    assert (action in NEVER_AFTER_AN_OUTAGE) is not BUTTONS[key].waits_offline


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("key", "without", "field"),
    [
        ("start", {"id_token": " "}, "id_token"),
        ("reserve", {"id_token": ""}, "id_token"),
        ("change_configuration", {"variable": ""}, "variable"),
        ("update_firmware", {"fetch_from": ""}, "location"),
        ("trigger", {"message": "Gossip"}, "message"),
    ],
)
def test_what_a_button_needs_is_asked_for(
    version: str, key: str, without: dict[str, str], field: str
) -> None:
    facts = {name: getattr(WISH, name) for name in WISH.__slots__}
    with pytest.raises(InvalidInput) as refused:
        ask(key, version, Wish(**{**facts, **without}))
    assert refused.value.field == field


def test_a_long_token_fits_only_the_newer_versions() -> None:
    facts = {name: getattr(WISH, name) for name in WISH.__slots__} | {"id_token": "A" * 21}
    with pytest.raises(InvalidInput):
        ask("start", "1.6", Wish(**facts))
    assert ask("start", "2.0.1", Wish(**facts))[1]["idToken"]["idToken"] == "A" * 21


def test_only_2x_needs_the_component_of_a_setting() -> None:
    facts = {name: getattr(WISH, name) for name in WISH.__slots__} | {"component": ""}
    assert ask("change_configuration", "1.6", Wish(**facts))[0] == "ChangeConfiguration"
    with pytest.raises(InvalidInput):
        ask("change_configuration", "2.1", Wish(**facts))


def test_every_message_that_can_be_asked_for_is_valid() -> None:
    for version, kind in VERSIONS.items():
        for message in buttons.messages(version):
            facts = {name: getattr(WISH, name) for name in WISH.__slots__} | {"message": message}
            action, payload = ask("trigger", version, Wish(**facts))
            assert outgoing.encode(kind, action, payload, raw=False)


def test_every_action_of_every_version_has_a_plain_name() -> None:
    for kind in VERSIONS.values():
        for action in FROM_CSMS[kind]:
            assert action in buttons.ACTIONS or button_of(action, {}) is not None, action
    assert title_of("Teapot", {}) == "Teapot"


def test_the_evse_is_found_in_the_words_of_any_version() -> None:
    assert evse_of({"connectorId": 3}) == 3
    assert evse_of({"evseId": 2, "connectorId": 1}) == 2
    assert evse_of({"evse": {"id": 4, "connectorId": 1}}) == 4
    assert evse_of({"connectorId": 0}) is None
    assert evse_of({}) is None


def test_what_is_no_command_to_a_station_is_none() -> None:
    with pytest.raises(KeyError):
        ask("stop_billing", "1.6", WISH)


def test_a_reservation_may_be_for_a_group_and_for_any_charge_point() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    wish = Wish(now=at, until=at, id_token="04A2", new_id=5, group_id=" CREW ")
    _, payload = ask("reserve", "1.6", wish)
    assert (payload["connectorId"], payload["parentIdTag"]) == (0, "CREW")
    _, payload = ask("reserve", "2.0.1", wish)
    assert "evseId" not in payload
    assert payload["groupIdToken"] == {"idToken": "CREW", "type": "Central"}
    _, payload = ask("reserve", "2.0.1", replace(wish, group_id="", evse_id=2))
    assert (payload["evseId"], "groupIdToken" in payload) == (2, False)
    with pytest.raises(InvalidInput) as refused:
        ask("reserve", "1.6", replace(wish, group_id="G" * 21))
    assert refused.value.field == "group_id"
