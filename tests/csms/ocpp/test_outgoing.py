"""What we send to a station on somebody's behalf, with a JSON Schema validator as the judge."""

import json
from decimal import Decimal
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.ocpp import generate, outgoing
from csms.ocpp.actions import FROM_CSMS
from csms.ocpp.errors import MessageError
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from tests.csms.ocpp.judge import FORMATS, judge_of
from tests.csms.ocpp.schema_samples import Samples, payloads

FOLDERS = {OcppVersion.V16: "v16", OcppVersion.V201: "v201", OcppVersion.V21: "v21"}
SCHEMAS = {
    (version, action): schema
    for version in OcppVersion
    for action, is_response, schema in generate.schemas(FOLDERS[version])
    if not is_response and action in FROM_CSMS[version]
}
RESERVE = {
    "connectorId": 1,
    "expiryDate": "2026-10-15T12:00:00Z",
    "idTag": "04A2",
    "reservationId": 7,
}


def _passes(version: OcppVersion, action: str, payload: Any) -> bool:
    try:
        outgoing.encode(version, action, payload, raw=False)
    except InvalidInput as refusal:
        return not (refusal.field or "").startswith("$")
    return True


@pytest.mark.parametrize("version", OcppVersion)
def test_every_action_that_a_csms_may_send_can_be_sent(version: OcppVersion) -> None:
    assert outgoing.actions(version) == {action for each, action in SCHEMAS if each is version}
    for action in outgoing.actions(version):
        samples = Samples(SCHEMAS[version, action], set())
        for payload in (samples.smallest(), samples.largest()):
            text = outgoing.encode(version, action, payload, raw=False)
            assert json.loads(text) == payload


@pytest.mark.slow
@pytest.mark.parametrize("version", OcppVersion)
def test_the_judge_and_we_agree_on_every_action_and_every_change_of_it(
    version: OcppVersion,
) -> None:
    seen: set[str] = set()
    disagreements: list[tuple[str, Any]] = []
    for action in sorted(outgoing.actions(version)):
        schema = SCHEMAS[version, action]
        judge = judge_of(schema, FORMATS)
        disagreements += [
            (action, payload)
            for payload in Samples(schema, seen).variations()
            if _passes(version, action, payload) is not judge(json.dumps(payload))
        ]

    assert not disagreements


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_a_valid_payload_leaves_exactly_as_it_was_given(data: st.DataObject) -> None:
    version, action = data.draw(st.sampled_from(list(SCHEMAS)))
    payload = data.draw(payloads(SCHEMAS[version, action]))

    text = outgoing.encode(version, action, payload, raw=False)

    assert json.loads(text, parse_float=Decimal) == payload
    assert outgoing.encode(version, action, payload, raw=True) == text


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    payload=st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda part: st.lists(part) | st.dictionaries(st.text(), part),
        ),
    )
)
def test_no_payload_is_more_than_refused(payload: dict[str, Any]) -> None:
    for raw in (False, True):
        try:
            text = outgoing.encode(OcppVersion.V16, "ChangeConfiguration", payload, raw=raw)
        except InvalidInput:
            continue
        assert json.loads(text) == payload


@pytest.mark.parametrize(
    ("version", "action", "payload", "path"),
    [
        (OcppVersion.V16, "ReserveNow", RESERVE | {"connectorId": "1"}, "$.connectorId"),
        (OcppVersion.V16, "ReserveNow", RESERVE | {"idTag": "x" * 21}, "$.idTag"),
        (OcppVersion.V16, "ReserveNow", RESERVE | {"expiryDate": "tomorrow"}, "$.expiryDate"),
        (OcppVersion.V16, "ReserveNow", RESERVE | {"evseId": 1}, "$.evseId"),
        (OcppVersion.V16, "ReserveNow", {}, "$.connectorId"),
        (OcppVersion.V16, "Reset", {"type": "Gentle"}, "$.type"),
        (OcppVersion.V201, "GetVariables", {"getVariableData": []}, "$.getVariableData"),
        (
            OcppVersion.V16,
            "SendLocalList",
            {
                "listVersion": 1,
                "updateType": "Full",
                "localAuthorizationList": [{"idTag": "a"}, {"idTag": "b"}, {}],
            },
            "$.localAuthorizationList[2].idTag",
        ),
        (
            OcppVersion.V16,
            "SetChargingProfile",
            {
                "connectorId": 1,
                "csChargingProfiles": {
                    "chargingProfileId": 1,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "TxProfile",
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": {
                        "chargingRateUnit": "A",
                        "chargingSchedulePeriod": [
                            {"startPeriod": 0, "limit": 16.1},
                            {"startPeriod": 60, "limit": 16.15},
                        ],
                    },
                },
            },
            "$.csChargingProfiles.chargingSchedule.chargingSchedulePeriod[1].limit",
        ),
        (OcppVersion.V16, "ClearCache", {"a[...]": 1}, "$.a[...]"),
        (OcppVersion.V16, "ClearCache", {"a": [0, float("nan")]}, "$.a[1]"),
        (OcppVersion.V16, "ClearCache", {"a": object()}, "$.a"),
        (OcppVersion.V16, "ClearCache", {"a": 10**41}, "$.a"),
        (OcppVersion.V16, "Authorize", {"idTag": "04A2"}, "action"),
        (OcppVersion.V16, "GetVariables", {}, "action"),
        (OcppVersion.V201, "RemoteStartTransaction", {"idTag": "04A2"}, "action"),
    ],
)
def test_a_refusal_names_the_place(
    version: OcppVersion, action: str, payload: dict[str, Any], path: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        outgoing.encode(version, action, payload, raw=False)

    assert refused.value.field == path


def test_the_item_is_named_in_lists_within_lists() -> None:
    period = {"startPeriod": 0, "limit": 16}
    schedule = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
    broken = schedule | {"chargingSchedulePeriod": [period, period, {"startPeriod": 0}]}
    profile = {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [schedule, broken],
    }

    with pytest.raises(InvalidInput) as refused:
        outgoing.encode(
            OcppVersion.V201,
            "SetChargingProfile",
            {"evseId": 1, "chargingProfile": profile},
            raw=False,
        )

    assert refused.value.field == (
        "$.chargingProfile.chargingSchedule[1].chargingSchedulePeriod[2].limit"
    )


def test_raw_leaves_the_schema_out_and_nothing_else() -> None:
    wrong = RESERVE | {"connectorId": "1", "more": None}
    assert not _passes(OcppVersion.V16, "ReserveNow", wrong)
    text = outgoing.encode(OcppVersion.V16, "ReserveNow", wrong, raw=True)
    assert json.loads(text) == wrong

    deep: Any = "x"
    for _ in range(outgoing.DEEPEST_PAYLOAD):
        deep = [deep]
    refused: tuple[Any, ...] = (
        [],
        {"x": "y" * outgoing.LARGEST_PAYLOAD},
        {"x": deep},
        {"x": "\ud800"},
        {"x": float("inf")},
        {1: 2},
    )
    for payload in refused:
        with pytest.raises(InvalidInput):
            outgoing.encode(OcppVersion.V16, "ReserveNow", payload, raw=True)
    with pytest.raises(InvalidInput):
        outgoing.encode(OcppVersion.V16, "StartTransaction", {}, raw=True)


def test_numbers_keep_every_digit() -> None:
    profile = {"a": Decimal("16.10"), "b": 0.1, "c": 1, "d": Decimal("1E+3")}

    text = outgoing.encode(OcppVersion.V16, "SetChargingProfile", profile, raw=True)

    assert text == b'{"a":16.10,"b":0.1,"c":1,"d":1E+3}'


def test_what_is_custom_is_sent_although_no_schema_names_it() -> None:
    payload = {"customData": {"vendorId": "de.example", "depth": [1, {"x": 0.5}]}}

    assert (
        json.loads(outgoing.encode(OcppVersion.V201, "ClearCache", payload, raw=False)) == payload
    )


# ------------------------------------------------------------------------------------- answers


def test_an_answer_comes_back_in_the_stations_own_words() -> None:
    text = '{"status":"Accepted","customData":{"vendorId":"v","x":1.5}}'

    assert outgoing.decode_answer(OcppVersion.V201, "ClearCache", text) == {
        "status": "Accepted",
        "customData": {"vendorId": "v", "x": 1.5},
    }


def test_an_answer_is_read_as_tolerantly_as_all_that_stations_say() -> None:
    text = '{"status":"accepted","extra":1,"listVersion":"7"}'

    assert outgoing.decode_answer(OcppVersion.V16, "Reset", text) == {"status": "Accepted"}
    assert outgoing.decode_answer(OcppVersion.V16, "GetLocalListVersion", text) == {
        "listVersion": 7
    }


def test_an_answer_without_meaning_is_told_as_such() -> None:
    with pytest.raises(MessageError):
        outgoing.decode_answer(OcppVersion.V16, "Reset", '{"status":"Perhaps"}')
    with pytest.raises(MessageError):
        outgoing.decode_answer(OcppVersion.V16, "Reset", '["Accepted"]')


# --------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize("version", OcppVersion)
def test_every_form_accepts_what_may_be_sent_and_has_a_title_at_every_field(
    version: OcppVersion,
) -> None:
    for action in outgoing.actions(version):
        form = outgoing.schema(version, action)
        jsonschema.Draft202012Validator.check_schema(form)
        judge = jsonschema.Draft202012Validator(form)
        samples = Samples(SCHEMAS[version, action], set())
        assert judge.is_valid(samples.smallest()), action
        assert judge.is_valid(samples.largest()), action
        assert not judge.is_valid(samples.smallest() | {"unexpected": 1}), action
        for part in form["$defs"].values():
            assert all("title" in value for value in part.get("properties", {}).values())


def test_a_form_knows_what_its_fields_may_hold() -> None:
    form = outgoing.schema(OcppVersion.V16, "ReserveNow")["$defs"]["ReserveNowRequest"]
    assert form["required"] == ["connectorId", "expiryDate", "idTag", "reservationId"]
    assert form["properties"]["idTag"] == {"title": "Id tag", "type": "string", "maxLength": 20}
    reset = outgoing.schema(OcppVersion.V16, "Reset")["$defs"]["ResetRequest"]
    assert reset["properties"]["type"]["enum"] == ["Hard", "Soft"]
    with pytest.raises(InvalidInput):
        outgoing.schema(OcppVersion.V16, "BootNotification")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("idTagInfo", "Id tag info"),
        ("evseId", "EVSE id"),
        ("GetCompositeSchedule", "Get composite schedule"),
        ("setpoint_L2", "Setpoint L2"),
        ("V2XChargingParameters", "V2X charging parameters"),
        ("AFRRSignal", "AFRR signal"),
        ("iso15118CertificateHashData", "Iso15118 certificate hash data"),
    ],
)
def test_a_name_becomes_words(name: str, words: str) -> None:
    assert outgoing.in_words(name) == words
