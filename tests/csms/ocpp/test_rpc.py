"""Frames: read tolerantly, written strictly; and the two lanes of a connection."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from csms.ocpp import rpc
from csms.ocpp.errors import ERROR_TEXTS, ErrorCode
from csms.ocpp.v16 import messages as v16
from csms.reports import OcppVersion

FRAMES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "spec/ocpp/frames.json").read_text(encoding="utf-8")
)
V16, V201, V21 = OcppVersion
ACCEPTED = v16.TriggerMessageResponse(status="Accepted")
TRIGGER = v16.TriggerMessageRequest(requested_message="Heartbeat")


def _connection(version: OcppVersion = V16, max_waiting: int = 3) -> rpc.RpcConnection:
    numbers = count(1)
    return rpc.RpcConnection(
        version, max_waiting=max_waiting, new_id=lambda: f"ours-{next(numbers)}"
    )


def _call(message_id: str) -> str:
    return f'[2,"{message_id}","Heartbeat",{{}}]'


# ------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: str(frame["what"]))
def test_a_text_is_read_for_what_it_is(frame: dict[str, Any]) -> None:
    found = rpc.parse(frame["text"])

    assert type(found).__name__ == frame["gives"]
    if isinstance(found, rpc.Unreadable):
        assert found.error.value == frame["error"]
        assert found.message_type == frame.get("type")
        assert found.text == frame["text"]
    for name in ("id", "action", "code", "description"):
        if name in frame or (isinstance(found, rpc.Unreadable) and name in ("id", "action")):
            assert getattr(found, name) == frame.get(name)
    assert type(rpc.parse(frame["text"].encode())) is type(found)


def test_a_payload_is_kept_as_it_was_written() -> None:
    frame = rpc.parse('[2,"1","Heartbeat", {"a" : 1.50} ]')

    assert isinstance(frame, rpc.Call)
    assert bytes(frame.payload) == b'{"a" : 1.50}'


@pytest.mark.parametrize(
    "text",
    [
        b'[2,"7","Authorize",{"idTag":"\xff"}]',
        b'[2,"7","Authorize",{"idTag":"\xed\xa0\x80"}]',
        '[2,"7","Authorize",{"idTag":"\ud800"}]',
    ],
)
def test_what_is_not_unicode_is_unreadable_but_its_id_is_known(text: str | bytes) -> None:
    found = rpc.parse(text)

    assert isinstance(found, rpc.Unreadable)
    assert (found.id, found.action) == ("7", "Authorize")
    assert found.description == "not valid Unicode"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_is_read_up_to_a_depth_and_refused_beyond(opening: str, closing: str) -> None:
    def frame(depth: int) -> str:
        inner = depth - 1  # the frame itself is the outermost array
        return f'[2,"7","DataTransfer",{opening * inner}1{closing * inner}]'

    assert isinstance(rpc.parse(frame(rpc.MAX_DEPTH)), rpc.Call)
    for depth in (rpc.MAX_DEPTH + 1, 900, 100_000):
        found = rpc.parse(frame(depth))
        assert isinstance(found, rpc.Unreadable)
        assert (found.id, found.description) == ("7", "too deeply nested")
    assert isinstance(rpc.parse(f'[2,"7","DataTransfer",{opening * 100_000}'), rpc.Unreadable)


def test_many_brackets_side_by_side_or_in_texts_are_not_deep() -> None:
    wide = ",".join(["[{}]"] * 200)
    assert isinstance(rpc.parse(f'[2,"7","DataTransfer",[{wide}]]'), rpc.Call)
    quoted = json.dumps("[" * 200 + '"' + "{" * 200 + "\\")
    assert isinstance(rpc.parse(f'[2,"7","DataTransfer",{quoted}]'), rpc.Call)


def test_a_deep_numeric_frame_is_refused_as_well() -> None:
    assert isinstance(rpc.parse(f'[2,7,"X",{"[" * 80}{"]" * 80}]'), rpc.Unreadable)


def test_a_megabyte_that_is_no_frame_is_refused() -> None:
    assert isinstance(rpc.parse("[" + "1," * 500_000 + "1]"), rpc.Unreadable)
    assert isinstance(rpc.parse('[2,"' + "x" * 1_000_000), rpc.Unreadable)


def _json_with(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    finite = st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(
        st.none() | st.booleans() | st.integers() | finite | texts,
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
        max_leaves=15,
    )


_json = _json_with(st.text(st.characters()))  # with lone surrogates
_nearly = st.lists(st.integers(0, 8) | _json, max_size=6).map(json.dumps)


@given(text=st.text(st.characters()) | st.binary() | _json.map(json.dumps) | _nearly)
@example(text='[2,"\\')
@example(text='[2,"1","A",1e99999999999999999999]')
@example(text="[2," + "9" * 10_000 + "]")
@example(text="[" + "9" * 10_000 + "]")
@example(text="\ufeff[]")
def test_any_text_is_read_without_an_error(text: str | bytes) -> None:
    for version in OcppVersion:
        connection = _connection(version)
        found = connection.receive(text)
        if isinstance(found, rpc.Unreadable):
            refusal = connection.refusal(found)
            assert refusal is None or isinstance(rpc.parse(refusal), rpc.CallError)


_words = st.text(max_size=40)
_payload = _json_with(st.text()).map(lambda value: Raw(json.dumps(value).encode()))
_frames = st.one_of(
    st.builds(rpc.Call, _words, _words, _payload),
    st.builds(rpc.CallResult, _words, _payload),
    st.builds(rpc.CallError, _words, _words, _words, _payload),
    st.builds(rpc.CallResultError, _words, _words, _words, _payload),
    st.builds(rpc.Send, _words, _words, _payload),
)


@given(frame=_frames)
def test_a_frame_that_was_written_reads_the_same(frame: rpc.Frame) -> None:
    assert rpc.parse(rpc.encode_frame(frame)) == frame


# ---------------------------------------------------------------------------- error frames


@pytest.mark.parametrize("version", OcppVersion)
@pytest.mark.parametrize("error", ErrorCode)
def test_an_error_is_spelled_as_its_version_does(version: OcppVersion, error: ErrorCode) -> None:
    text = rpc.error_frame(version, "7", error, "because", {"a": 1})

    assert json.loads(text) == [4, "7", ERROR_TEXTS[version][error], "because", {"a": 1}]


def test_a_description_is_cut_and_missing_details_are_an_empty_object() -> None:
    text = rpc.error_frame(V16, "7", ErrorCode.GENERIC_ERROR, "x" * 300)

    assert json.loads(text) == [4, "7", "GenericError", "x" * 255, {}]


@pytest.mark.parametrize(
    ("version", "text", "answer"),
    [
        (V16, '[2,"7","Authorize",{', [4, "7", "FormationViolation"]),
        (V201, '[2,"7","Authorize",{', [4, "7", "FormatViolation"]),
        (V16, "[2,", None),
        (V201, "[2,", [4, "-1", "RpcFrameworkError"]),
        (V16, "hello", None),
        (V21, "hello", [4, "-1", "RpcFrameworkError"]),
        (V16, '[3,"7",{', None),
        (V201, '[3,"7",{', None),
        (V201, '[4,"7",{', None),
        (V16, '[7,"7",{}]', None),
        (V201, '[7,"7",{}]', [4, "7", "MessageTypeNotSupported"]),
        (V201, '[5,"7","GenericError","",{}]', None),
        (V16, '[6,"7","NotifyPeriodicEventStream",{}]', None),
    ],
)
def test_an_unreadable_text_is_refused_as_its_version_says(
    version: OcppVersion, text: str, answer: list[Any] | None
) -> None:
    connection = _connection(version)
    found = connection.receive(text)

    assert isinstance(found, rpc.Unreadable)
    refusal = connection.refusal(found)
    assert (None if refusal is None else json.loads(refusal)[:3]) == answer


# ------------------------------------------------------------------------ the station's lane


def test_calls_are_handed_out_one_at_a_time_in_their_order() -> None:
    connection = _connection()
    for message_id in ("a", "b", "c"):
        assert isinstance(connection.receive(_call(message_id)), rpc.Call)
    assert connection.waiting == 3

    first = connection.take_call()
    assert first is not None
    assert first.id == "a"
    assert connection.take_call() is None

    assert json.loads(connection.encode_result("a", ACCEPTED)) == [3, "a", {"status": "Accepted"}]
    second = connection.take_call()
    assert second is not None
    assert second.id == "b"
    text = connection.encode_error("b", ErrorCode.INTERNAL_ERROR)
    assert json.loads(text) == [4, "b", "InternalError", "", {}]
    assert connection.waiting == 1


def test_a_call_too_many_is_not_kept_and_the_last_that_fits_is() -> None:
    connection = _connection(max_waiting=2)
    received = [connection.receive(_call(message_id)) for message_id in ("a", "b", "c")]

    assert [type(found) for found in received] == [rpc.Call, rpc.Call, rpc.Overflow]
    assert connection.waiting == 2


def test_an_id_that_is_used_again_is_another_call() -> None:
    connection = _connection()
    for _ in range(3):
        connection.receive(_call("same"))
        assert connection.take_call() is not None
        connection.encode_result("same", v16.MeterValuesResponse())
    assert connection.take_call() is None


def test_answering_a_call_that_is_not_in_hand_is_our_mistake() -> None:
    connection = _connection()
    connection.receive(_call("a"))
    with pytest.raises(AssertionError, match="no call"):
        connection.encode_result("a", ACCEPTED)
    connection.take_call()
    with pytest.raises(AssertionError, match="another call"):
        connection.encode_error("b", ErrorCode.GENERIC_ERROR)


def test_an_answer_of_ours_that_is_invalid_leaves_the_call_in_hand() -> None:
    connection = _connection()
    connection.receive(_call("a"))
    connection.take_call()
    with pytest.raises(AssertionError, match="invalid"):
        connection.encode_result("a", v16.AuthorizeRequest(id_tag="x" * 21))

    assert json.loads(connection.encode_error("a", ErrorCode.INTERNAL_ERROR))[:2] == [4, "a"]


def test_empty_texts_are_counted() -> None:
    connection = _connection()
    for text in ("", "  ", b""):
        assert connection.receive(text) == rpc.Ignored()
    assert connection.ignored == 3


# ---------------------------------------------------------------------------------- our lane


def test_our_call_is_matched_with_its_answer_while_a_stations_call_is_in_hand() -> None:
    connection = _connection()
    connection.receive(_call("a"))
    connection.take_call()

    call = connection.call("TriggerMessage", TRIGGER)
    assert json.loads(call.text) == [
        2,
        "ours-1",
        "TriggerMessage",
        {"requestedMessage": "Heartbeat"},
    ]
    assert connection.outstanding == call

    received = connection.receive('[3,"ours-1",{"status":"Accepted"}]')
    assert isinstance(received, rpc.Answered)
    assert received.call == call
    assert isinstance(received.answer, rpc.CallResult)
    assert connection.outstanding is None


def test_our_call_may_be_refused() -> None:
    connection = _connection()
    call = connection.call("TriggerMessage", TRIGGER)

    received = connection.receive('[4,"ours-1","NotSupported","",{}]')
    assert isinstance(received, rpc.Answered)
    assert (received.call, received.answer.id) == (call, "ours-1")


def test_we_ask_one_thing_at_a_time() -> None:
    connection = _connection()
    connection.call("TriggerMessage", TRIGGER)
    with pytest.raises(AssertionError, match="not answered"):
        connection.call("TriggerMessage", TRIGGER)


def test_an_answer_after_we_gave_up_is_late_and_a_second_one_was_never_asked() -> None:
    connection = _connection()
    first = connection.call("TriggerMessage", TRIGGER)
    assert connection.give_up() == first
    assert connection.give_up() is None
    second = connection.call("TriggerMessage", TRIGGER)

    late = connection.receive('[3,"ours-1",{"status":"Accepted"}]')
    assert isinstance(late, rpc.LateAnswer)
    assert late.call == first
    assert connection.outstanding == second
    again = connection.receive('[3,"ours-1",{"status":"Accepted"}]')
    assert isinstance(again, rpc.UnaskedAnswer)


@pytest.mark.parametrize("text", ['[3,"x",{}]', '[4,"x","GenericError","",{}]', "[3,5,{}]"])
def test_an_answer_to_nothing_changes_nothing(text: str) -> None:
    connection = _connection()
    call = connection.call("TriggerMessage", TRIGGER)

    assert isinstance(connection.receive(text), rpc.UnaskedAnswer)
    assert connection.outstanding == call


def test_only_a_bounded_number_of_given_up_calls_is_remembered() -> None:
    connection = _connection()
    for _ in range(40):
        connection.call("TriggerMessage", TRIGGER)
        connection.give_up()

    assert isinstance(connection.receive('[3,"ours-1",{}]'), rpc.UnaskedAnswer)
    assert isinstance(connection.receive('[3,"ours-40",{}]'), rpc.LateAnswer)


def test_our_ids_are_different_and_short_enough() -> None:
    connection = rpc.RpcConnection(V16)
    ids = set()
    for _ in range(50):
        ids.add(connection.call("TriggerMessage", TRIGGER).id)
        connection.give_up()

    assert len(ids) == 50
    assert max(map(len, ids)) <= 36


# ------------------------------------------------------------------------------ 2.1 and others


def test_a_send_is_known_to_the_newest_version_only() -> None:
    text = '[6,"7","NotifyPeriodicEventStream",{}]'

    assert isinstance(_connection(V21).receive(text), rpc.Send)
    for version in (V16, V201):
        found = _connection(version).receive(text.encode())
        assert isinstance(found, rpc.Unreadable)
        assert found.error is ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED
        assert found.text == text


def test_a_refused_answer_is_known_to_the_newest_version_only() -> None:
    connection = _connection(V21)
    text = connection.encode_result_error("7", ErrorCode.FORMAT_VIOLATION, "why")

    assert json.loads(text) == [5, "7", "FormatViolation", "why", {}]
    assert isinstance(connection.receive(text), rpc.CallResultError)
    with pytest.raises(AssertionError, match="cannot refuse"):
        _connection(V201).encode_result_error("7", ErrorCode.FORMAT_VIOLATION)
