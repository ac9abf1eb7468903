"""Any message's form gives back the payload it was filled with, and says where it is wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ocpp import outgoing
from csms.ocpp.actions import FROM_CSMS
from csms.reports import OcppVersion
from portal import schema_forms
from portal.schema_forms import Kind, Part, changed, filled, form, path_of, read, read_json

SET_VARIABLES = outgoing.schema(OcppVersion.V201, "SetVariables")
EVERYTHING = [(version, action) for version in FROM_CSMS for action in sorted(FROM_CSMS[version])]


def payload(count: int = 1) -> dict[str, Any]:
    return {
        "setVariableData": [
            {
                "attributeValue": f"v{number}",
                "component": {"name": "OCPPCommCtrlr", "evse": {"id": number}},
                "variable": {"name": "HeartbeatInterval"},
            }
            for number in range(count)
        ]
    }


def parts(part: Part) -> dict[str, Part]:
    found = {part.path: part}
    for each in part.parts:
        found |= parts(each)
    return found


@pytest.mark.parametrize(("version", "action"), EVERYTHING)
def test_every_action_has_a_form_that_names_what_is_missing(
    version: OcppVersion, action: str
) -> None:
    schema = outgoing.schema(version, action)
    found = read(schema, {})
    shown = parts(form(schema, {}, found.errors))
    assert set(found.errors) <= set(shown)
    assert all(shown[path].wrong == schema_forms.MISSING for path in found.errors)
    # What is optional is folded away, so that no form is endless.
    assert len(shown) < 80


@given(count=st.integers(1, 5))
def test_a_form_gives_back_what_it_was_filled_with(count: int) -> None:
    found = read(SET_VARIABLES, filled(SET_VARIABLES, payload(count)))
    assert found.errors == {}
    assert found.payload == payload(count)


def test_required_parts_are_there_and_optional_ones_can_be_added_and_removed() -> None:
    shown = parts(form(SET_VARIABLES, {}))
    assert shown["setVariableData"].kind is Kind.LIST
    assert shown["setVariableData.0.component.name"].is_required
    assert not shown["setVariableData.0.component.evse"].is_there

    sent = changed({}, "add:setVariableData.0.component.evse")
    assert "setVariableData.0.component.evse.id" in parts(form(SET_VARIABLES, sent))
    sent["f.setVariableData.0.component.evse.id"] = "1"
    assert changed(sent, "remove:setVariableData.0.component.evse") == {}


def test_a_list_grows_and_shrinks_and_later_items_move_up() -> None:
    sent = filled(SET_VARIABLES, payload(3))
    less = changed(sent, "remove:setVariableData.1")
    values = [
        each["attributeValue"] for each in read(SET_VARIABLES, less).payload["setVariableData"]
    ]
    assert values == ["v0", "v2"]
    more = changed(less, "add:setVariableData")
    assert more["n.setVariableData"] == "3"
    assert "setVariableData.2.attributeValue" in read(SET_VARIABLES, more).errors
    assert changed(sent, "dance:setVariableData") == sent


def test_a_list_neither_outgrows_nor_falls_below_its_bounds() -> None:
    listed = parts(form(SET_VARIABLES, {"n.setVariableData": "1"}))["setVariableData"]
    assert (listed.may_grow, listed.may_shrink) == (True, False)
    schema = outgoing.schema(OcppVersion.V201, "SetChargingProfile")
    path = "chargingProfile.chargingSchedule"
    listed = parts(form(schema, {f"n.{path}": "9"}))[path]
    assert len(listed.parts) == 3
    assert (listed.may_grow, listed.may_shrink) == (False, True)


@pytest.mark.parametrize(
    ("version", "action", "path", "wrong", "right"),
    [
        (OcppVersion.V16, "Reset", "type", "Warm", "Soft"),
        (OcppVersion.V16, "UnlockConnector", "connectorId", "one", "1"),
        (OcppVersion.V16, "RemoteStartTransaction", "idTag", "x" * 21, "x" * 20),
        (OcppVersion.V16, "UpdateFirmware", "retrieveDate", "2026-01-31", "2026-01-31T14:00:00Z"),
        (OcppVersion.V201, "CustomerInformation", "report", "maybe", "true"),
        (OcppVersion.V201, "CostUpdated", "totalCost", "much", "1.5"),
        (OcppVersion.V201, "CostUpdated", "totalCost", "NaN", "7"),
        (OcppVersion.V21, "GetLog", "retries", "-1", "0"),
    ],
)
def test_a_value_that_cannot_be_is_named_where_it_stands(
    version: OcppVersion, action: str, path: str, wrong: str, right: str
) -> None:
    schema = outgoing.schema(version, action)
    for value, is_wrong in ((wrong, True), (right, False)):
        found = read(schema, {f"f.{path}": value})
        says = found.errors.get(path)
        assert (says is not None and says != schema_forms.MISSING) is is_wrong, value
        assert form(schema, {f"f.{path}": value}, found.errors) is not None


def test_optional_fields_that_are_empty_are_left_out() -> None:
    schema = outgoing.schema(OcppVersion.V16, "RemoteStartTransaction")
    found = read(schema, {"f.idTag": "04A1", "f.connectorId": " "})
    assert found.payload == {"idTag": "04A1"}
    assert found.errors == {}


def test_a_payload_may_be_written_as_json() -> None:
    assert read_json('{"type": "Soft"}').payload == {"type": "Soft"}
    for text in ("", "[]", "{", "7", "[" * 100_000):
        assert read_json(text).errors == {"json": schema_forms.NO_JSON}


def test_the_place_of_a_mistake_is_found_again_in_the_form() -> None:
    assert path_of("$.localAuthorizationList[3].idTag") == "localAuthorizationList.3.idTag"
    assert path_of("$") == ""


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=10), max_size=6),
    st.text(max_size=20),
)
def test_no_sent_fields_make_a_form_fail(sent: dict[str, str], step: str) -> None:
    again = changed({**sent, "n.setVariableData": "2"}, step)
    read(SET_VARIABLES, again)
    form(SET_VARIABLES, again)
