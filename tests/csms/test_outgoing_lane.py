"""Our lane to a station: one call at a time, the urgent first, late answers are not lost."""

import asyncio
import itertools
import json
from typing import Any

import pytest

from csms.ocpp import rpc
from csms.outgoing_lane import Answer, OutgoingLane, Question, Silence
from csms.queue import CallRefused, NoAnswer, StationUnreachable
from csms.reports import OcppVersion
from foundation.identifiers import StationId


class Wire:
    """A lane with the frames that it wrote, and a station that answers on demand."""

    def __init__(self, timeout_s: float = 60.0) -> None:
        numbers = itertools.count(1)
        self.rpc = rpc.RpcConnection(OcppVersion.V16, new_id=lambda: f"m{next(numbers)}")
        self.sent: list[list[Any]] = []
        self.logged: list[str] = []
        self.late: list[tuple[str, Answer]] = []
        self.lane = OutgoingLane(StationId("CS-1"), self.rpc, self._write, timeout_s=timeout_s)
        self.lane.on_late = lambda message_id, answer: self.late.append((message_id, answer))

    def _write(self, text: str, shown: str | None) -> None:
        self.sent.append(json.loads(text))
        self.logged.append(shown or text)

    @property
    def actions(self) -> list[str]:
        return [frame[2] for frame in self.sent]

    def answer(self, message_id: str, text: str = '{"status":"Accepted"}') -> None:
        self._take(f'[3,"{message_id}",{text}]')

    def refuse(self, message_id: str) -> None:
        self._take(f'[4,"{message_id}","NotSupported","no",{{}}]')

    def _take(self, text: str) -> None:
        received = self.rpc.receive(text)
        if isinstance(received, rpc.Answered):
            self.lane.answered(received.answer)
        elif isinstance(received, rpc.LateAnswer | rpc.UnaskedAnswer):
            self.lane.answered_late(received.answer.id, received.answer)


def question(action: str, outcomes: list[Any], **more: Any) -> Question:
    return Question(action, b"{}", outcomes.append, **{"timeout_s": 60.0, **more})


async def test_only_one_call_is_outstanding_and_the_urgent_goes_first() -> None:
    wire, outcomes = Wire(), list[Any]()
    for action, priority in (("First", 0), ("Usual", 0), ("Urgent", 9), ("Later", 0)):
        wire.lane.ask(question(action, outcomes), priority=priority)
    assert wire.actions == ["First"]
    for message_id in ("m1", "m2", "m3", "m4"):
        wire.answer(message_id)
    assert wire.actions == ["First", "Urgent", "Usual", "Later"]
    assert len(outcomes) == 4


async def test_a_call_waits_for_its_own_answer() -> None:
    wire = Wire()
    asked = asyncio.ensure_future(wire.lane.call("Reset", b'{"type":"Soft"}'))  # noqa: TID251
    await asyncio.sleep(0)
    assert wire.sent == [[2, "m1", "Reset", {"type": "Soft"}]]
    wire.answer("m1")
    assert bytes((await asked).payload) == b'{"status":"Accepted"}'


async def test_a_callerror_is_a_refusal() -> None:
    wire = Wire()
    asked = asyncio.ensure_future(wire.lane.call("Reset", b"{}"))  # noqa: TID251
    await asyncio.sleep(0)
    wire.refuse("m1")
    with pytest.raises(CallRefused, match="NotSupported no"):
        await asked


async def test_after_the_time_out_the_lane_is_free_and_the_late_answer_is_told() -> None:
    wire, outcomes = Wire(), list[Any]()
    with pytest.raises(NoAnswer):
        await wire.lane.call("Reset", b"{}", timeout_s=0.001)
    wire.lane.ask(question("ClearCache", outcomes))
    assert wire.actions == ["Reset", "ClearCache"]
    wire.answer("m1", '{"status":"Rejected"}')
    assert [message_id for message_id, _ in wire.late] == ["m1"]
    assert outcomes == []
    wire.answer("m2")
    assert len(outcomes) == 1


async def test_an_answer_to_a_call_of_another_connection_is_told_by_its_id() -> None:
    wire = Wire()
    wire.answer("from-before")
    assert [message_id for message_id, _ in wire.late] == ["from-before"]


async def test_the_end_of_the_connection_tells_what_was_sent_from_what_was_not() -> None:
    wire, sent, waiting = Wire(), list[Any](), list[Any]()
    wire.lane.ask(question("Reset", sent))
    wire.lane.ask(question("ClearCache", waiting))
    wire.lane.ended()
    assert (sent, waiting) == ([Silence.LOST], [Silence.NOT_SENT])
    with pytest.raises(StationUnreachable):
        await wire.lane.call("Reset", b"{}")


async def test_a_reserved_lane_is_kept_for_the_call_it_was_reserved_for() -> None:
    wire, outcomes = Wire(), list[Any]()
    assert wire.lane.reserve()
    assert not wire.lane.reserve()
    wire.lane.ask(question("TriggerMessage", outcomes), priority=9)
    assert wire.actions == []
    wire.lane.ask_reserved(question("Reset", outcomes, message_id="known-before"))
    assert wire.sent[0][:3] == [2, "known-before", "Reset"]
    wire.answer("known-before")
    assert wire.actions == ["Reset", "TriggerMessage"]
    assert not wire.lane.reserve()


async def test_a_reservation_that_was_not_needed_lets_the_others_go() -> None:
    wire, outcomes = Wire(), list[Any]()
    assert wire.lane.reserve()
    wire.lane.ask(question("TriggerMessage", outcomes))
    wire.lane.release()
    assert wire.actions == ["TriggerMessage"]


async def test_a_reservation_of_a_connection_that_ended_is_not_sent() -> None:
    wire, outcomes = Wire(), list[Any]()
    assert wire.lane.reserve()
    wire.lane.ended()
    wire.lane.ask_reserved(question("Reset", outcomes))
    assert outcomes == [Silence.NOT_SENT]
    assert wire.sent == []


async def test_whoever_wants_the_lane_is_told_when_it_is_free() -> None:
    wire, free, outcomes = Wire(), list[int](), list[Any]()
    wire.lane.on_free = lambda: free.append(1)
    wire.lane.ask(question("Reset", outcomes))
    wire.lane.ask(question("ClearCache", outcomes))
    wire.answer("m1")
    assert free == []
    wire.answer("m2")
    assert free == [1]


async def test_a_secret_is_written_but_not_logged() -> None:
    wire, outcomes = Wire(), list[Any]()
    wire.lane.ask(Question("Set", b'{"value":"hunter2"}', outcomes.append, 60.0, shown=b"{}"))
    assert wire.sent[0][3] == {"value": "hunter2"}
    assert "hunter2" not in wire.logged[0]


@pytest.mark.parametrize("action", ["TriggerMessage", "ExtendedTriggerMessage"])
async def test_it_is_known_whether_we_asked_for_a_boot_message(action: str) -> None:
    wire, outcomes = Wire(), list[Any]()

    def knows() -> bool:
        return wire.lane.asked_for_boot

    def trigger(message: str) -> None:
        wire.lane.ask(
            Question(action, json.dumps({"requestedMessage": message}).encode(), outcomes.append, 9)
        )

    trigger("Heartbeat")
    wire.answer("m1")
    assert not knows()
    trigger("BootNotification")
    assert knows()
    wire.answer("m2", '{"status":"NotImplemented"}')
    assert not knows()
    trigger("BootNotification")
    wire.refuse("m3")
    assert not knows()
    trigger("BootNotification")
    wire.answer("m4")
    assert knows()
