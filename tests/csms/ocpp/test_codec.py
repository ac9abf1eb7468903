"""Strict decoding and encoding of payloads, with samples of the three versions."""

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.ocpp import codec
from csms.ocpp.actions import FROM_STATION
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message
from csms.ocpp.v16 import messages as v16
from csms.ocpp.v21 import messages as v21
from csms.ocpp.v201 import messages as v201
from csms.reports import OcppVersion

SAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "spec/ocpp/messages.json").read_text(encoding="utf-8")
)
NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
V16, V201, V21 = OcppVersion


def _decode(version: OcppVersion, action: str, payload: str | bytes) -> MessageError:
    with pytest.raises(MessageError) as caught:
        codec.decode_request(version, action, payload)
    return caught.value


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample["valid"]])
def test_a_valid_sample_is_understood_and_written_back_as_it_was(sample: dict[str, Any]) -> None:
    version, action = OcppVersion(sample["version"]), sample["action"]
    request = codec.decode_request(version, action, json.dumps(sample["request"]))

    again = codec.decode_request(version, action, codec.encode(request))
    assert again == codec._in_whole_seconds(request)
    if "response" in sample:
        response = codec.decode_response(version, action, json.dumps(sample["response"]))
        assert json.loads(codec.encode(response)) == sample["response"]


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if not sample["valid"]])
def test_an_invalid_sample_is_refused_with_its_code_and_place(sample: dict[str, Any]) -> None:
    error = _decode(OcppVersion(sample["version"]), sample["action"], json.dumps(sample["request"]))

    assert (error.error_code.value, error.path) == (sample["error"], sample["path"])


def test_a_field_that_was_not_sent_is_unset_and_a_number_is_exact() -> None:
    text = (
        b'{"evseId":1,"meterValue":[{"timestamp":"2026-10-15T14:00:00+02:00",'
        b'"sampledValue":[{"value":1500.20}]}]}'
    )
    message = codec.decode_request(V201, "MeterValues", msgspec.Raw(text))

    assert isinstance(message, v201.MeterValuesRequest)
    [reading] = message.meter_value
    assert reading.timestamp == NOON
    assert str(reading.sampled_value[0].value) == "1500.20"
    assert reading.sampled_value[0].context is msgspec.UNSET


def test_unknown_fields_are_dropped_in_custom_data_and_refused_elsewhere() -> None:
    text = '{"customData":{"vendorId":"x","more":{"a":1}}}'
    message = codec.decode_request(V201, "Heartbeat", text)

    assert message == v201.HeartbeatRequest(custom_data=v201.CustomDataType(vendor_id="x"))
    error = _decode(V201, "Heartbeat", '{"more":1}')
    assert error.error_code is ErrorCode.FORMAT_VIOLATION


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ('{"idTag":', ErrorCode.FORMAT_VIOLATION),
        ('{"idTag":"\\ud800"}', ErrorCode.FORMAT_VIOLATION),
        ('{"idTag":"\ud800"}', ErrorCode.FORMAT_VIOLATION),
        (b'{"idTag":"\xff"}', ErrorCode.FORMAT_VIOLATION),
        ('{"idTag":NaN}', ErrorCode.FORMAT_VIOLATION),
        ("", ErrorCode.FORMAT_VIOLATION),
        ("null", ErrorCode.TYPE_VIOLATION),
        ("[]", ErrorCode.TYPE_VIOLATION),
        ('{"idTag":null}', ErrorCode.TYPE_VIOLATION),
        ('{"idTag":"123456789012345678901"}', ErrorCode.PROPERTY_VIOLATION),
        ("{}", ErrorCode.OCCURRENCE_VIOLATION),
    ],
)
def test_every_kind_of_violation_has_its_code(payload: str | bytes, code: ErrorCode) -> None:
    assert _decode(V16, "Authorize", payload).error_code is code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("[" * 100_000, ErrorCode.FORMAT_VIOLATION),
        ("1e99999999999999999999", ErrorCode.FORMAT_VIOLATION),
        ("1" * 5000, ErrorCode.PROPERTY_VIOLATION),
    ],
)
def test_data_without_a_type_cannot_break_us(data: str, code: ErrorCode) -> None:
    payload = f'{{"vendorId":"x","data":{data}}}'

    assert _decode(V201, "DataTransfer", payload).error_code is code


def test_a_bound_is_a_property_and_an_unknown_action_is_cut_short() -> None:
    payload = '{"id":-1,"pending":0,"basetime":"2026-10-15T12:00:00Z","data":[{"t":0,"v":""}]}'

    error = _decode(V21, "NotifyPeriodicEventStream", payload)
    assert (error.error_code, error.path) == (ErrorCode.PROPERTY_VIOLATION, "$.id")
    assert len(_decode(V16, "x" * 10_000, "{}").description) < 100


@pytest.mark.parametrize(
    "payload",
    [
        '{"%s":1}' % ("x" * 100_000),
        '{"%s":1}' % ("` - at `$" * 10_000),
        '{"requestedMessage":"%s"}' % ("x" * 100_000),
    ],
)
def test_what_a_station_wrote_is_not_repeated_to_it_at_length(payload: str) -> None:
    for action in ("Heartbeat", "FirmwareStatusNotification"):
        error = _decode(V16, action, payload)
        assert len(error.description) < 500
        assert error.path.startswith("$")


def test_a_message_for_the_other_side_is_not_supported_and_a_foreign_one_not_implemented() -> None:
    assert _decode(V16, "Reset", "{}").error_code is ErrorCode.NOT_SUPPORTED
    assert _decode(V16, "TransactionEvent", "{}").error_code is ErrorCode.NOT_IMPLEMENTED
    assert _decode(V201, "StopTransaction", "{}").error_code is ErrorCode.NOT_IMPLEMENTED


def test_an_answer_is_checked_like_a_request() -> None:
    with pytest.raises(MessageError) as caught:
        codec.decode_response(V16, "TriggerMessage", '{"status":"Perhaps"}')
    assert caught.value.path == "$.status"

    answer = codec.decode_response(V16, "TriggerMessage", '{"status":"Accepted"}')
    assert answer == v16.TriggerMessageResponse(status="Accepted")


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        NOON.replace(microsecond=999_999),
        datetime(2026, 10, 15, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_we_send_moments_in_utc_and_whole_seconds(moment: datetime) -> None:
    message = v16.HeartbeatResponse(current_time=moment)

    assert codec.encode(message) == b'{"currentTime":"2026-10-15T12:00:00Z"}'


def test_moments_deep_inside_are_sent_in_whole_seconds_too() -> None:
    reading = v201.MeterValueType(
        timestamp=NOON.replace(microsecond=1),
        sampled_value=(v201.SampledValueType(value=Decimal("1500.20")),),
    )
    message = v201.MeterValuesRequest(evse_id=1, meter_value=(reading,))

    assert codec.encode(message) == (
        b'{"evseId":1,"meterValue":[{"sampledValue":[{"value":1500.20}],'
        b'"timestamp":"2026-10-15T12:00:00Z"}]}'
    )


@pytest.mark.parametrize(
    "message",
    [
        v16.AuthorizeRequest(id_tag="x" * 21),
        v16.AuthorizeRequest(id_tag=None),  # type: ignore[arg-type]  # the mistake that is meant
        v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status="Fine")),  # type: ignore[arg-type]
        v16.HeartbeatResponse(current_time=NOON.replace(tzinfo=None)),
        v201.CostUpdatedRequest(total_cost=Decimal("NaN"), transaction_id="x"),
    ],
)
def test_a_message_of_ours_that_violates_its_schema_is_our_mistake(
    message: Message,
) -> None:
    with pytest.raises(AssertionError):
        codec.encode(message)


def test_the_longest_tag_of_ours_is_sent() -> None:
    assert codec.encode(v16.AuthorizeRequest(id_tag="x" * 20)) == b'{"idTag":"%s"}' % (b"x" * 20)


@pytest.mark.parametrize("version", OcppVersion)
def test_everything_can_be_prepared_before_the_first_station_comes(version: OcppVersion) -> None:
    codec.prepare(version)

    assert codec._requests[version].keys() >= FROM_STATION[version]


def test_settlement_is_a_type_of_the_newest_version_only() -> None:
    assert codec.messages(V21).REQUESTS["NotifySettlement"] is v21.NotifySettlementRequest
    assert "NotifySettlement" not in codec.messages(V201).REQUESTS


@given(
    version=st.sampled_from(list(OcppVersion)),
    action=st.sampled_from(["Authorize", "MeterValues", "DataTransfer", "BootNotification"]),
    payload=st.text() | st.binary(),
)
def test_any_payload_is_a_message_or_a_message_error(
    version: OcppVersion, action: str, payload: str | bytes
) -> None:
    with contextlib.suppress(MessageError):
        codec.decode_request(version, action, payload)
