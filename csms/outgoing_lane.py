"""Our lane to one station: one call of ours outstanding at a time, the urgent before the others.

It never waits for the station's own lane and never holds it up: an answer is matched as it comes,
whatever the station asks meanwhile. Every call has a limit of its own; an answer that comes after
it goes to `on_late`, so that it is not lost for the history of what was asked.

Source: OCPP-J 1.6, section 4.1.1; OCPP 2.0.1, part 4, section 4.1.1.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from csms.ocpp import rpc
from csms.ocpp.codec import encode
from csms.ocpp.fields import Message
from csms.queue import TRIGGERS, CallRefused, NoAnswer, StationUnreachable
from foundation.identifiers import StationId


class Silence(Enum):
    """Why there is no answer."""

    TIMED_OUT = auto()
    """It may still come."""
    LOST = auto()
    """The connection ended after the call was written: whether it arrived, nobody knows."""
    NOT_SENT = auto()
    """The connection ended before the call was written."""


Answer = rpc.CallResult | rpc.CallError
Done = Callable[[Answer | Silence], None]


@dataclass(frozen=True, slots=True)
class Question:
    """A call of ours that is to be made.

    `payload` is JSON; `shown` is what the OCPP log gets instead where it holds a secret. `done`
    is called once: with the answer, or with why there is none.
    """

    action: str
    payload: bytes
    done: Done
    timeout_s: float
    message_id: str | None = None
    shown: bytes | None = None


class OutgoingLane:
    """What we ask one station over one connection.

    Args:
        station: Named in errors.
        connection: Makes and matches the frames.
        send: Writes a frame; its second argument is what the log gets instead, if anything.
        timeout_s: How long the station may take to answer where a call does not say.
    """

    __slots__ = (
        "_connection",
        "_current",
        "_is_closed",
        "_is_reserved",
        "_numbers",
        "_send",
        "_station",
        "_timeout_s",
        "_timer",
        "_waiting",
        "asked_for",
        "asked_for_boot",
        "on_free",
        "on_late",
    )

    def __init__(
        self,
        station: StationId,
        connection: rpc.RpcConnection,
        send: Callable[[str, str | None], None],
        *,
        timeout_s: float,
    ) -> None:
        self._station = station
        self._connection = connection
        self._send = send
        self._timeout_s = timeout_s
        self._waiting: list[tuple[int, int, Question]] = []
        self._numbers = itertools.count()
        self._current: Question | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_reserved = False
        self._is_closed = False
        self.asked_for: set[str] = set()
        """The messages that we asked for over this connection."""
        self.asked_for_boot = False
        """Whether we asked for a boot message and were not refused: the next one is ours then.
        Whoever takes that in sets it back."""
        self.on_free: Callable[[], None] | None = None
        """Called when nothing is outstanding and nothing waits."""
        self.on_late: Callable[[str, Answer], None] | None = None
        """Called with the message's id for an answer that nobody waits for any more."""

    # ---------------------------------------------------------------------------- asking

    def ask(self, question: Question, *, priority: int = 0) -> None:
        """Ask as soon as the lane is free; of those that wait, the highest priority comes first."""
        if self._is_closed:
            question.done(Silence.NOT_SENT)
            return
        heapq.heappush(self._waiting, (-priority, next(self._numbers), question))
        self._go_on()

    def reserve(self) -> bool:
        """Keep the lane for a call that is being made durable first; False if it is not free."""
        if self._is_closed or self._is_reserved or self._current is not None or self._waiting:
            return False
        self._is_reserved = True
        return True

    def release(self) -> None:
        """Give a reserved lane back without a call."""
        self._is_reserved = False
        if self._waiting:
            self._go_on()

    def ask_reserved(self, question: Question) -> None:
        """Make the call that the lane was reserved for."""
        self._is_reserved = False
        if self._is_closed:
            question.done(Silence.NOT_SENT)
            return
        self._begin(question)

    async def call(
        self,
        action: str,
        payload: Message | bytes,
        *,
        timeout_s: float | None = None,
        priority: int = 0,
    ) -> rpc.CallResult:
        """Ask and wait for the answer.

        Raises:
            StationUnreachable: The connection ended before the answer.
            NoAnswer: No answer came in time.
            CallRefused: The station answered with a CALLERROR.
        """
        answered: asyncio.Future[Answer | Silence] = asyncio.get_running_loop().create_future()

        def done(answer: Answer | Silence) -> None:
            if not answered.done():
                answered.set_result(answer)

        text = payload if isinstance(payload, bytes) else encode(payload)
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        self.ask(Question(action, text, done, limit_s), priority=priority)
        answer = await answered
        if answer is Silence.TIMED_OUT:
            raise NoAnswer(self._station, action)
        if isinstance(answer, Silence):
            raise StationUnreachable(self._station)
        if isinstance(answer, rpc.CallError):
            error = f"{answer.code} {answer.description}".strip()
            raise CallRefused(self._station, action, error)
        return answer

    def _go_on(self) -> None:
        if self._is_reserved or self._current is not None or self._is_closed:
            return
        if self._waiting:
            self._begin(heapq.heappop(self._waiting)[2])
        elif self.on_free is not None:
            self.on_free()

    def _begin(self, question: Question) -> None:
        call = self._connection.call(
            question.action, question.payload, message_id=question.message_id
        )
        self._current = question
        if question.action in TRIGGERS:
            self.asked_for.add(_wanted(question))
        if _asks_for_boot(question):
            self.asked_for_boot = True
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(question.timeout_s, self._timed_out)
        shown = None
        if question.shown is not None:
            frame = rpc.Call(call.id, call.action, msgspec.Raw(question.shown))
            shown = rpc.encode_frame(frame)
        self._send(call.text, shown)

    # ------------------------------------------------------------------------- being answered

    def answered(self, answer: Answer) -> None:
        """Take in the answer to the outstanding call."""
        self._end(answer)

    def answered_late(self, message_id: str, answer: Answer) -> None:
        """Take in an answer that nobody waits for."""
        if self.on_late is not None:
            self.on_late(message_id, answer)

    def ended(self) -> None:
        """The connection is gone: whoever waits is told."""
        self._is_closed = True
        self._is_reserved = False
        waiting, self._waiting = self._waiting, []
        self._end(Silence.LOST)
        for _, _, question in waiting:
            question.done(Silence.NOT_SENT)

    def _timed_out(self) -> None:
        self._connection.give_up()
        self._end(Silence.TIMED_OUT)

    def _end(self, answer: Answer | Silence) -> None:
        question, self._current = self._current, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if question is not None:
            if _asks_for_boot(question) and _is_refusal(answer):
                self.asked_for_boot = False
            question.done(answer)
        self._go_on()


def _wanted(question: Question) -> str:
    """Return the message that a trigger asks for."""
    payload = msgspec.json.decode(question.payload)
    return str(payload.get("requestedMessage")) if isinstance(payload, dict) else ""


def _asks_for_boot(question: Question) -> bool:
    return question.action in TRIGGERS and b'"BootNotification"' in question.payload


def _is_refusal(answer: Answer | Silence) -> bool:
    if isinstance(answer, rpc.CallResult):
        return b'"Accepted"' not in bytes(answer.payload)
    return isinstance(answer, rpc.CallError)
