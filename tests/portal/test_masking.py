"""Tests of the one rule of personal data: without the right it reads as ****."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.audit import Actor, Entry
from accounts.directory import Principal, Scope
from accounts.permissions import SHIPPED, Permission, Reach, Role
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from foundation.sealing import Sealer
from portal import masking
from portal.guard import MASK, Caller
from portal.paging import WrongCursor

NORTH, SOUTH = OrganisationKey("north"), OrganisationKey("south")
SEALER = Sealer(bytes(32))
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


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


def entry_of(deed: str, before: dict[str, Any] | None, after: dict[str, Any]) -> Entry:
    actor = Actor("person/7", "Erika", "portal", None)
    return Entry(1, "north", 1, NOON, actor, deed, "contact/1", None, before, after, "00")


def test_the_audit_keeps_what_it_masks() -> None:
    after = {
        "station": "N-1",
        "id_token": "04A2",
        "inner": [{"idTag": "04A2", "email": "a@b.example", "energy_wh": 5}],
        "id_tokens": {"idToken": {"idToken": "04A2", "type": "ISO14443"}},
    }
    made = entry_of("station.change", None, after)
    assert masking.changes(SEES, made) == (None, after)
    assert masking.changes(BLIND, made) == (
        None,
        {
            "station": "N-1",
            "id_token": MASK,
            "inner": [{"idTag": MASK, "email": MASK, "energy_wh": 5}],
            "id_tokens": {"idToken": {"idToken": MASK, "type": MASK}},
        },
    )
    assert after["id_token"] == "04A2", "the entry's own is not touched"


def test_the_audit_masks_the_name_and_address_of_a_contact() -> None:
    before = {"name": "Ada Frey", "street": "Ring 5", "tax_number": "27/123", "city": "Berlin"}
    made = entry_of("contact.change", before, before | {"name": "Ada Lang"})
    hidden = {"name": MASK, "street": MASK, "tax_number": MASK, "city": "Berlin"}

    assert masking.changes(SEES, made)[0] == before
    assert masking.changes(BLIND, made) == (hidden, hidden)
    shown = masking.entry(BLIND, made)
    assert (shown["actor_name"], shown["before"]) == (MASK, hidden)


def test_a_masked_value_is_not_sent_back() -> None:
    masking.refuse_masked({"name": "Ada", "email": None, "is_active": True})
    with pytest.raises(InvalidInput) as refused:
        masking.refuse_masked({"name": "Ada", "street": f" {MASK}"})
    assert refused.value.field == "street"


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


def test_what_a_station_tells_of_a_customer_is_masked_in_its_frame_and_no_other_s() -> None:
    frame = '[2,"1","NotifyCustomerInformation",{"data":"name=\\"Ada\\"","requestId":1}]'
    told = masking.frame(BLIND, frame)
    assert "Ada" not in told
    assert json.loads(told)[3] == {"data": MASK, "requestId": 1}
    assert masking.frame(SEES, frame) == frame
    other = '[2,"1","DataTransfer",{"data":"Ada"}]'
    assert masking.frame(BLIND, other) == other


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
