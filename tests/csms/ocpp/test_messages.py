"""The generated messages against the schemas, with a JSON Schema validator as the judge."""

import json
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.ocpp import codec, generate
from csms.ocpp.errors import MessageError
from csms.ocpp.fields import Message
from csms.reports import OcppVersion
from tests.csms.ocpp.judge import FORMATS, judge_of
from tests.csms.ocpp.schema_samples import MOMENTS, NOT_MOMENTS, Samples, payloads

FOLDERS = {OcppVersion.V16: "v16", OcppVersion.V201: "v201", OcppVersion.V21: "v21"}


def _decodes(decode: Callable[[str], Message], text: str) -> bool:
    try:
        decode(text)
    except MessageError:
        return False
    return True


def _type_of(version: OcppVersion, action: str, is_response: bool) -> type[Message]:
    module = codec.messages(version)
    kind: type[Message] = (module.RESPONSES if is_response else module.REQUESTS)[action]
    return kind


def _decode(kind: type[Message]) -> Callable[[str], Message]:
    """Decode as `codec` does, whatever the direction of the message."""

    def decode(text: str) -> Message:
        try:
            return codec._decoder(kind)(text)
        except codec._FAILURES as failure:
            raise codec.message_error(failure) from None

    return decode


@pytest.mark.slow
@pytest.mark.parametrize("version", OcppVersion)
def test_the_judge_and_we_agree_on_every_message_and_every_change_of_it(
    version: OcppVersion,
) -> None:
    seen: set[str] = set()
    accepted = refused = 0
    disagreements = []
    for action, is_response, schema in generate.schemas(FOLDERS[version]):
        judge = judge_of(schema, FORMATS)
        decode = _decode(_type_of(version, action, is_response))
        samples = Samples(schema, seen)
        for payload in (samples.smallest(), samples.largest()):
            assert judge(json.dumps(payload)), action
            assert _decodes(decode, json.dumps(payload)), action
        for payload in samples.variations():
            text = json.dumps(payload)
            verdict = _decodes(decode, text)
            accepted += verdict
            refused += not verdict
            if judge(text) is not verdict:
                disagreements.append((action, is_response, verdict, text))

    assert not disagreements
    assert accepted > 300
    assert refused > 3000


@pytest.mark.parametrize("version", OcppVersion)
def test_every_field_and_every_action_of_the_schemas_is_there(version: OcppVersion) -> None:
    requests: set[str] = set()
    responses: set[str] = set()
    for action, is_response, schema in generate.schemas(FOLDERS[version]):
        (responses if is_response else requests).add(action)
        kind = _type_of(version, action, is_response)
        fields = {field.encode_name: field.required for field in msgspec.structs.fields(kind)}
        required = schema.get("required", [])
        assert fields == {name: name in required for name in schema.get("properties", {})}

    assert codec.messages(version).REQUESTS.keys() == requests
    assert codec.messages(version).RESPONSES.keys() == responses


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_date_time_with_a_zone_is_accepted(moment: str) -> None:
    text = json.dumps({"currentTime": moment})

    assert _decodes(_decode(_type_of(OcppVersion.V16, "Heartbeat", True)), text)


@pytest.mark.parametrize("text", NOT_MOMENTS)
def test_a_broken_date_time_is_refused_although_the_bare_judge_accepts_it(text: str) -> None:
    for action, is_response, schema in generate.schemas("v16"):
        if (action, is_response) == ("Heartbeat", True):
            payload = json.dumps({"currentTime": text})
            assert judge_of(schema, None)(payload)
            assert not _decodes(_decode(_type_of(OcppVersion.V16, action, True)), payload)


def test_an_integer_with_a_point_is_refused_although_later_drafts_accept_it() -> None:
    payload = '{"interval": 300.0, "status": "Accepted", "currentTime": "2026-10-15T12:00:00Z"}'
    for version, judged in ((OcppVersion.V16, False), (OcppVersion.V201, True)):
        for action, is_response, schema in generate.schemas(FOLDERS[version]):
            if (action, is_response) == ("BootNotification", True):
                assert judge_of(schema, FORMATS)(payload) is judged
        assert not _decodes(_decode(_type_of(version, "BootNotification", True)), payload)


_SCHEMAS = {
    (version, action, is_response): schema
    for version in OcppVersion
    for action, is_response, schema in generate.schemas(FOLDERS[version])
}
_write = msgspec.json.Encoder(decimal_format="number").encode


@pytest.mark.slow
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_what_was_decoded_and_encoded_decodes_to_the_same(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(_SCHEMAS)))
    payload = data.draw(payloads(_SCHEMAS[name]))
    message = codec._decoder(_type_of(*name))(_write(payload))

    sent = codec.encode(message)
    received = codec._decoder(type(message))(sent)

    assert received == codec._in_whole_seconds(message)
    assert codec.encode(received) == sent
