"""The lenient way in: what is mended, what is refused, and that the good is left alone."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET, inspect

from csms.ocpp import codec, repair, rules
from csms.ocpp.actions import FROM_STATION
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import NumberFrom0To100, NumberTo0, Tenths
from csms.ocpp.v16 import messages as v16
from csms.ocpp.v201 import messages as v201
from csms.reports import OcppVersion

V16, V201, V21 = OcppVersion.V16, OcppVersion.V201, OcppVersion.V21
ACTIONS = [(version, action) for version in OcppVersion for action in sorted(FROM_STATION[version])]

STOP = {"transactionId": 7, "meterStop": 900, "timestamp": "2026-10-15T12:00:00Z"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
EVENT = {
    "eventType": "Started",
    "timestamp": "2026-10-15T12:00:00Z",
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "t-1"},
}


def changed(payload: dict[str, Any], **changes: Any) -> dict[str, Any]:
    merged = payload | changes
    return {name: value for name, value in merged.items() if value is not UNSET}


def decode(version: OcppVersion, action: str, payload: Any) -> tuple[Any, tuple[str, ...]]:
    return repair.decode(version, action, json.dumps(payload))


def refusal(version: OcppVersion, action: str, payload: Any) -> MessageError:
    with pytest.raises(MessageError) as refused:
        decode(version, action, payload)
    return refused.value


# -------------------------------------------------------------------- the good is left alone


def payloads(kind: inspect.Type) -> st.SearchStrategy[Any]:
    """Payloads that a schema allows."""
    if isinstance(kind, inspect.StructType):
        required = {p.encode_name: payloads(p.type) for p in kind.fields if p.required}
        optional = {p.encode_name: payloads(p.type) for p in kind.fields if not p.required}
        return st.fixed_dictionaries(required, optional=optional)
    if isinstance(kind, inspect.VarTupleType):
        least = kind.min_length or 0
        return st.lists(payloads(kind.item_type), min_size=least, max_size=least + 1)
    if isinstance(kind, inspect.StrType):
        return st.text(st.characters(codec="utf-8"), max_size=min(kind.max_length or 9, 9))
    if isinstance(kind, inspect.IntType):
        return st.integers(-9 if kind.ge is None else kind.ge, 9 if kind.le is None else kind.le)
    if isinstance(kind, inspect.LiteralType):
        return st.sampled_from(kind.values)
    if isinstance(kind, inspect.BoolType):
        return st.booleans()
    if isinstance(kind, inspect.DateTimeType):
        return st.sampled_from(["2026-10-15T12:00:00Z", "2026-10-15T14:00:00.1239999+02:00"])
    if isinstance(kind, inspect.CustomType):
        bounds: dict[type, tuple[int, int]] = {
            Tenths: (0, 9),
            NumberTo0: (-9, 0),
            NumberFrom0To100: (0, 100),
        }
        return st.integers(*bounds.get(kind.cls, (-9, 9)))
    assert isinstance(kind, inspect.AnyType)
    return st.just({"any": [1, None, "thing"]})


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_what_the_schema_allows_is_walked_to_the_very_same_message(
    version: OcppVersion, action: str
) -> None:
    kind = codec.messages(version).REQUESTS[action]

    @settings(max_examples=4, suppress_health_check=list(HealthCheck), deadline=None)
    @given(payloads(inspect.type_info(kind)))
    def check(payload: Any) -> None:
        raw = json.dumps(payload)
        strict = codec.decode_request(version, action, raw)
        assert repair.decode(version, action, raw) == (strict, ())
        unused = MessageError(ErrorCode.INTERNAL_ERROR, "$", "not raised")
        assert repair._repaired(kind, raw, UTC, unused) == (strict, ())

    check()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=9,
)


@settings(max_examples=5, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_any_field_may_hold_anything_and_nothing_breaks(
    version: OcppVersion, action: str, data: st.DataObject
) -> None:
    kind = codec.messages(version).REQUESTS[action]
    names = [part.encode_name for part in msgspec.structs.fields(kind)] or ["x"]
    payload = data.draw(st.dictionaries(st.sampled_from(names), ANYTHING) | ANYTHING)
    try:
        message, _ = repair.decode(version, action, json.dumps(payload))
    except MessageError:
        return
    assert isinstance(message, kind)


@given(st.text(max_size=200))
def test_no_text_is_too_broken_to_be_looked_at(text: str) -> None:
    mended, used = repair.mend_text(text)
    assert used or mended == text
    try:
        message, _ = repair.decode(V16, "Heartbeat", text)
    except (MessageError, UnicodeEncodeError):
        return
    assert isinstance(message, v16.HeartbeatRequest)


def test_a_strict_message_needs_no_rule() -> None:
    message, used = decode(V16, "StopTransaction", STOP)
    assert used == ()
    assert message == codec.decode_request(V16, "StopTransaction", json.dumps(STOP))


# -------------------------------------------------------------------- the good beside the bad


@pytest.mark.parametrize(
    ("version", "action", "good", "bad", "error", "path"),
    [
        (
            V16,
            "DiagnosticsStatusNotification",
            {"status": "uploading"},
            {"status": []},
            ErrorCode.TYPE_VIOLATION,
            "$.status",
        ),
        (
            V201,
            "TransactionEvent",
            changed(EVENT, eventType="start"),
            changed(EVENT, eventType="Paused"),
            ErrorCode.PROPERTY_VIOLATION,
            "$.eventType",
        ),
        (
            V201,
            "TransactionEvent",
            changed(EVENT, transactionInfo={"transactionId": 5}),
            changed(EVENT, transactionInfo={}),
            ErrorCode.OCCURRENCE_VIOLATION,
            "$.transactionInfo.transactionId",
        ),
        (
            V201,
            "TransactionEvent",
            changed(EVENT, seqNo="1"),
            changed(EVENT, seqNo="1", transactionInfo="t-1"),
            ErrorCode.TYPE_VIOLATION,
            "$.transactionInfo",
        ),
        (
            V16,
            "StatusNotification",
            changed(STATUS, status="Occupied"),
            changed(STATUS, status="Dancing"),
            ErrorCode.PROPERTY_VIOLATION,
            "$.status",
        ),
        (
            V16,
            "StatusNotification",
            changed(STATUS, connectorId="1"),
            changed(STATUS, connectorId="1", status=UNSET),
            ErrorCode.OCCURRENCE_VIOLATION,
            "$.status",
        ),
        (
            V16,
            "DataTransfer",
            {"vendorId": "v" * 65_536},
            {"vendorId": "v" * 65_537},
            ErrorCode.PROPERTY_VIOLATION,
            "$.vendorId",
        ),
        (
            V201,
            "StatusNotification",
            {
                "timestamp": "2026-10-15T12:00:00Z",
                "connectorStatus": "Available",
                "evseId": "1",
                "connectorId": 1,
            },
            {
                "timestamp": "2026-10-15T12:00:00Z",
                "connectorStatus": "Available",
                "evseId": "one",
                "connectorId": 1,
            },
            ErrorCode.TYPE_VIOLATION,
            "$.evseId",
        ),
        (
            V21,
            "StatusNotification",
            {
                "timestamp": "2026-10-15T12:00:00Z",
                "connectorStatus": "Available",
                "evseId": "1",
                "connectorId": 1,
            },
            {
                "timestamp": "2026-10-15T12:00:00Z",
                "connectorStatus": "Available",
                "evseId": -1,
                "connectorId": 1,
            },
            ErrorCode.PROPERTY_VIOLATION,
            "$.evseId",
        ),
        (V16, "Heartbeat", [], [1], ErrorCode.TYPE_VIOLATION, "$"),
        (V16, "Heartbeat", None, 5, ErrorCode.TYPE_VIOLATION, "$"),
    ],
)
def test_what_has_a_meaning_is_read_and_what_has_lost_it_is_refused(
    version: OcppVersion, action: str, good: Any, bad: Any, error: ErrorCode, path: str
) -> None:
    _, used = decode(version, action, good)
    assert used
    refused = refusal(version, action, bad)
    assert (refused.error_code, refused.path) == (error, path)


def test_the_first_thing_that_is_lost_is_named_not_the_first_that_was_odd() -> None:
    payload = {"connectorId": "1", "errorCode": "NoError", "status": {"is": "Available"}}
    assert refusal(V16, "StatusNotification", payload).path == "$.status"


def test_actions_that_a_station_may_not_send_are_not_repaired() -> None:
    assert refusal(V16, "Dance", {}).error_code is ErrorCode.NOT_IMPLEMENTED
    assert refusal(V16, "Reset", {"type": "Hard"}).error_code is ErrorCode.NOT_SUPPORTED


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a"}', '"\\ud800"', '{"vendorId":"\\ud800"}', "{'vendorId': 'x'}"],
)
def test_what_is_no_json_even_when_mended_is_a_format_violation(text: str) -> None:
    with pytest.raises(MessageError) as refused:
        repair.decode(V16, "DataTransfer", text)
    assert refused.value.error_code is ErrorCode.FORMAT_VIOLATION


def test_nesting_without_end_is_refused_and_nothing_else() -> None:
    for text in ("[" * 100_000, '{"data":' * 100_000):
        with pytest.raises(MessageError):
            repair.decode(V16, "DataTransfer", text)


def test_octets_and_raw_payloads_are_taken_too() -> None:
    broken = b'{"vendorId":"x","data":,}'
    wanted = v16.DataTransferRequest(vendor_id="x")
    for raw in (broken, broken.decode()):
        message, used = repair.decode(V16, "DataTransfer", raw)
        assert message == wanted
        assert used == ("field_without_value", "comma_too_many", "null_left_out")
    message, used = repair.decode(V16, "DataTransfer", msgspec.Raw(b'{"vendorId":5}'))
    assert (message.vendor_id, used) == ("5", ("text_of_number",))  # type: ignore[attr-defined]


# --------------------------------------------------------------------------- broken JSON


@pytest.mark.parametrize(
    ("text", "mended", "rule"),
    [
        ('{"a":,"b":1}', '{"a":null,"b":1}', "field_without_value"),
        ('{"a": }', '{"a":null}', "field_without_value"),
        ('{"a":1,}', '{"a":1}', "comma_too_many"),
        ("[1, ]", "[1]", "comma_too_many"),
        ('{"a":NaN}', '{"a":null}', "number_that_is_none"),
        ('{"a":-Infinity}', '{"a":null}', "number_that_is_none"),
        ('{"a":"x\ny"}', '{"a":"x\\u000ay"}', "control_characters_in_text"),
        ("[1]\0\0", "[1]", "padding_around_message"),
        ("\ufeff[1]", "[1]", "padding_around_message"),
    ],
)
def test_known_breaks_of_json_are_mended(text: str, mended: str, rule: str) -> None:
    assert repair.mend_text(text) == (mended, (rule,))


@pytest.mark.parametrize(
    "text", ['{"a":":,","b":"NaN,}","c":"\\":,"}', '{"NaN":1}', '[2,"id","Heartbeat",{}]', '"\\']
)
def test_what_only_looks_broken_inside_a_text_is_left_alone(text: str) -> None:
    assert repair.mend_text(text) == (text, ())


def test_mending_takes_time_in_proportion_to_the_text() -> None:
    """An unfinished text full of escaped quotes is the classic trap for a pattern."""
    hostile = '"' + '\\"' * 200_000
    assert repair.mend_text(hostile) == (hostile, ())


# ------------------------------------------------------------------------- single behaviours


def test_a_whole_frame_can_be_mended_before_it_is_parsed() -> None:
    frame = '[2,"1","StopTransaction",{"transactionId":,"meterStop":1}]'
    mended, used = repair.mend_text(frame)
    assert json.loads(mended)[3] == {"transactionId": None, "meterStop": 1}
    assert used == ("field_without_value",)


def test_the_site_zone_is_used_for_moments_without_one() -> None:
    payload = json.dumps(changed(STOP, timestamp="2026-10-15T14:00:00"))
    berlin = ZoneInfo("Europe/Berlin")
    message, used = repair.decode(V16, "StopTransaction", payload, site_zone=berlin)
    assert isinstance(message, v16.StopTransactionRequest)
    assert message.timestamp == datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
    assert used == ("date_time_without_zone",)


def test_an_optional_field_without_meaning_does_not_cost_the_message() -> None:
    message, used = decode(V16, "StopTransaction", changed(STOP, transactionData=5))
    assert message.transaction_data is UNSET
    assert used == ("unreadable_option_left_out",)


def test_a_required_part_without_meaning_costs_only_the_optional_part_around_it() -> None:
    message, used = decode(V201, "TransactionEvent", changed(EVENT, evse={"connectorId": 1}))
    assert message.evse is UNSET
    assert used == ("unreadable_option_left_out",)


def test_custom_data_may_hold_anything_but_needs_its_vendor() -> None:
    fine, used = decode(
        V201,
        "TransactionEvent",
        changed(EVENT, seqNo="0", customData={"vendorId": "x", "more": {"of": "it"}}),
    )
    assert fine.custom_data == v201.CustomDataType(vendor_id="x")
    assert used == ("number_in_text",)
    odd, used = decode(V201, "TransactionEvent", changed(EVENT, customData={"more": 1}))
    assert odd.custom_data is UNSET
    assert used == ("unreadable_option_left_out",)


def test_a_field_is_not_renamed_over_one_that_is_there() -> None:
    payload = changed(STOP, reason="Local", disconnectReason="Remote")
    message, used = decode(V16, "StopTransaction", payload)
    assert message.reason == "Local"
    assert used == ("unknown_field_dropped",)


def test_lists_may_be_longer_or_shorter_than_the_schema_says() -> None:
    message, used = decode(V201, "TransactionEvent", changed(EVENT, meterValue=[]))
    assert message.meter_value == ()
    assert used == ("empty_list",)
    certificate = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "a",
        "issuerKeyHash": "b",
        "serialNumber": "c",
        "responderURL": "d",
    }
    payload = {
        "idToken": {"idToken": "A", "type": "eMAID"},
        "iso15118CertificateHashData": [certificate] * 5,
    }
    message, used = decode(V201, "Authorize", payload)
    assert len(message.iso15118_certificate_hash_data) == 5
    assert used == ("too_many_items",)


def test_one_bad_item_of_a_list_that_belongs_together_spoils_the_list() -> None:
    token = {"idToken": "A", "type": "eMAID", "additionalInfo": [{"additionalIdToken": "x"}]}
    message, used = decode(V201, "Authorize", {"idToken": token})
    assert message.id_token.additional_info is UNSET
    assert used == ("unreadable_option_left_out",)


def test_bounds_of_numbers_hold() -> None:
    """A percentage above 100 means nothing; a neighbour within its bounds stays."""
    schedule = {
        "timeBase": "2026-10-15T12:00:00Z",
        "evseId": 1,
        "chargingSchedule": {
            "id": 1,
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": "6,5"}],
        },
    }
    message, used = decode(V201, "NotifyEVChargingSchedule", schedule)
    [period] = message.charging_schedule.charging_schedule_period
    assert period.limit == Decimal("6.5")
    assert used == ("number_in_text",)
    schedule["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] = "1e99"  # type: ignore[index]
    assert refusal(V201, "NotifyEVChargingSchedule", schedule).path.endswith("[0].limit")


# -------------------------------------------------------------------------- answers to us


def test_an_answer_to_us_may_exceed_lengths_too() -> None:
    """P15: a configuration value of 551 characters where 500 are allowed."""
    key = {"key": "SupportedFeatureProfiles", "readonly": "true", "value": "x" * 551}
    raw = json.dumps({"configurationKey": [key]})
    message, used = repair.decode_answer(V16, "GetConfiguration", raw)
    assert isinstance(message, v16.GetConfigurationResponse)
    assert message.configuration_key == (
        v16.KeyValue(key="SupportedFeatureProfiles", readonly=True, value="x" * 551),
    )
    assert used == ("truth_in_other_form", "over_long_text")
    fine = '{"messagesInQueue":false}'
    assert repair.decode_answer(V201, "GetTransactionStatus", fine)[1] == ()
    with pytest.raises(MessageError):
        repair.decode_answer(V201, "GetTransactionStatus", "{}")


@pytest.mark.parametrize(
    ("value", "kind", "fits"),
    [
        (5, NumberFrom0To100, True),
        (Decimal("100.5"), NumberFrom0To100, False),
        (Decimal("0.1"), Tenths, True),
        (Decimal("0.01"), Tenths, False),
        (True, NumberTo0, False),
        ("-5", NumberTo0, False),
        (Decimal("1E+99"), NumberTo0, False),
    ],
)
def test_a_number_fits_as_strictly_as_the_decoder_says(value: Any, kind: type, fits: bool) -> None:
    assert (repair._number(value, kind) is not rules.NO) == fits
