"""Tests of the one rule of personal data: without the right it reads as ****."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.directory import Principal, Scope
from accounts.permissions import SHIPPED, Permission, Reach, Role
from foundation.identifiers import OrganisationKey, StationId
from foundation.sealing import Sealer
from portal import masking
from portal.guard import MASK, Caller
from portal.paging import WrongCursor

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
SEALER = Sealer(bytes(32))


def caller(role: Role) -> Caller:
    asker = Principal("api_key/1", "K", role, SHIPPED[role], Reach.OWN_AND_BELOW, NORTH, "en")
    return Caller(asker, Scope(frozenset({NORTH}), {StationId("S-1"): "read"}))


SEES, BLIND = caller(Role.OWNER), caller(Role.TECHNICIAN)


def test_a_value_is_seen_or_masked() -> None:
    assert SEES.personal("04A2") == "04A2"
    assert BLIND.personal("04A2") == MASK
    assert BLIND.personal(None) is None
    assert BLIND.personal("") == ""


def test_drivers_at_a_station_that_is_only_shared_are_never_seen() -> None:
    assert SEES.personal("04A2", NORTH) == "04A2"
    assert SEES.personal("04A2", SOUTH) == MASK


def test_json_is_masked_by_name_at_any_depth() -> None:
    told = {
        "station": "N-1",
        "id_token": "04A2",
        "inner": [{"idTag": "04A2", "email": "a@b.example", "energy_wh": 5}],
        "id_tokens": {"idToken": {"idToken": "04A2", "type": "ISO14443"}},
    }
    assert masking.masked(SEES, told) == told
    assert masking.masked(BLIND, told) == {
        "station": "N-1",
        "id_token": MASK,
        "inner": [{"idTag": MASK, "email": MASK, "energy_wh": 5}],
        "id_tokens": {"idToken": {"idToken": MASK, "type": MASK}},
    }
    assert told["id_token"] == "04A2", "the caller's own is not touched"


@pytest.mark.parametrize(
    "payload",
    [
        {"idTag": "04A2", "connectorId": 1},
        {"idTagInfo": {"parentIdTag": "04A2", "status": "Accepted"}},
        {"idToken": {"idToken": "04A2", "type": "ISO14443"}},
        {"groupIdToken": {"idToken": '04"A2\\', "type": "Central"}},
    ],
)
def test_frames_are_masked_as_text(payload: object) -> None:
    frame = json.dumps([2, "1", "Authorize", payload])
    told = masking.frame(BLIND, frame)

    assert "04" not in told
    assert MASK in told
    assert masking.frame(SEES, frame) == frame
    assert json.loads(told)[2] == "Authorize", "it stays what it was"


@given(st.text())
def test_any_text_can_be_a_frame(text: str) -> None:
    masking.frame_without_personal(text)


def test_searching_frames_tells_nothing_of_what_is_masked() -> None:
    frame = '[2,"1","Authorize",{"idTag":"04A2"}]'
    assert masking.frame_is_meant(SEES, frame, "04a")
    assert not masking.frame_is_meant(BLIND, frame, "04a")
    assert masking.frame_is_meant(BLIND, frame, "authorize")
    assert masking.frame_is_meant(BLIND, frame, None)


def test_a_cursor_does_not_tell_the_token_it_stands_behind() -> None:
    written = masking.cursor_of(BLIND, SEALER, "04A2")

    assert "04A2" not in written
    assert masking.key_in_cursor(BLIND, SEALER, written) == "04A2"
    assert masking.cursor_of(SEES, SEALER, "04A2") == "04A2"
    for wrong in ("04A2", "zz", written[:-2]):
        with pytest.raises(WrongCursor):
            masking.key_in_cursor(BLIND, SEALER, wrong)


def test_an_id_token_is_masked_in_the_subject_of_the_audit() -> None:
    assert masking.subject(BLIND, "id_token/04A2") == f"id_token/{MASK}"
    assert masking.subject(SEES, "id_token/04A2") == "id_token/04A2"
    assert masking.subject(BLIND, "station/04A2") == "station/04A2"


def test_whoever_owes_a_second_factor_sees_nothing_personal() -> None:
    owing = replace(SEES, principal=replace(SEES.principal, owes_second_factor=True))
    assert owing.personal("04A2") == MASK
    assert not owing.may(Permission.CRM_READ)
