"""The load says what real stations say: strictly valid, and as long as measured before."""

import pytest

from csms.ocpp import rpc
from csms.ocpp.codec import decode_request
from csms.reports import OcppVersion
from tests.bench.frames import CALLS, WORDS, Round, Words, frame

AT = b"2026-11-22T11:30:00Z"


def texts(words: Words) -> list[tuple[str, bytes]]:
    number = b"1000123" if words.version == OcppVersion.V16 else b"%036d" % 7
    round_ = Round(b"BENCH000123", number, 0, 1_000_000)
    return [
        (name, build(b"%036d" % place, round_, lambda _: AT))
        for place, (name, build) in enumerate(words.cycle)
    ]


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS.keys())
def test_every_call_of_the_load_keeps_to_its_schema(words: Words) -> None:
    calls = [text for _, text in texts(words)]
    assert len(calls) == CALLS
    for text in (*calls, words.boot % (b"%036d" % 1), words.status % (b"%036d" % 1, AT)):
        call = rpc.parse(text.decode())
        assert isinstance(call, rpc.Call)
        decode_request(OcppVersion(words.version), call.action, call.payload)


def test_meter_messages_have_the_measured_length() -> None:
    assert {len(text) for name, text in texts(WORDS["1.6"]) if name == "meter"} == {641}
    [length] = {len(text) for name, text in texts(WORDS["2.0.1"]) if name == "meter"}
    assert abs(length - 930) <= 5


@pytest.mark.parametrize("size", [0, 125, 126, 641, 65_535])
def test_a_frame_is_masked_with_zero_and_tells_its_length(size: int) -> None:
    made = frame(b"x" * size)
    assert made[0] == 0x81
    assert made[1] & 0x80
    assert made.endswith(b"\0\0\0\0" + b"x" * size)
    assert len(made) == size + (6 if size < 126 else 8)
