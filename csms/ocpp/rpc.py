"""OCPP-J without I/O: texts to frames and back, and the two lanes of a connection.

`parse` reads any text and never raises. `RpcConnection` keeps what each side has asked: a
station's calls wait in order and are handled one at a time; we have one call outstanding. The two
lanes never wait for each other.

Payloads stay `msgspec.Raw` here, so that each is parsed once, straight into its own type.

Sources: OCPP-J 1.6, section 4; OCPP 2.0.1 and 2.1, part 4, sections 4 and 5.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct

from csms.ocpp.codec import encode as encode_payload
from csms.ocpp.errors import DESCRIPTION_LENGTH, ERROR_TEXTS, ErrorCode
from csms.ocpp.fields import Message
from csms.reports import OcppVersion

MAX_DEPTH = 64
"""The deepest nesting of a frame that is read; the standard's own messages need about ten."""

UNKNOWN_ID = "-1"
"""What 2.x writes into the CALLERROR for a frame whose id cannot be read."""

_EMPTY = Raw(b"{}")


class Call(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """A request; a payload that is left out counts as empty."""

    id: str
    action: str
    payload: Raw = _EMPTY


class CallResult(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """The answer to a call."""

    id: str
    payload: Raw = _EMPTY


class CallError(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """The refusal of a call; `code` is the sender's text, see `errors.error_code`."""

    id: str
    code: str
    description: str = ""
    details: Raw = _EMPTY


class CallResultError(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """The refusal of an answer (2.1)."""

    id: str
    code: str
    description: str = ""
    details: Raw = _EMPTY


class Send(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """A message that is never answered (2.1)."""

    id: str
    action: str
    payload: Raw = _EMPTY


class Unreadable(Struct, frozen=True, kw_only=True):
    """A text that is no frame, with what can still be read of it."""

    text: str
    error: ErrorCode
    description: str
    message_type: int | None = None
    id: str | None = None
    action: str | None = None


class Ignored(Struct, frozen=True):
    """A text with nothing in it; some stations send it as a sign of life."""


Frame: TypeAlias = Call | CallResult | CallError | CallResultError | Send

_decode_frame: Callable[[str | bytes], Frame] = msgspec.json.Decoder(Frame).decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode

_FAILURES = (msgspec.DecodeError, UnicodeError, RecursionError)


def parse(text: str | bytes) -> Frame | Unreadable | Ignored:
    """Read one text message of a websocket; never raises.

    A numeric id becomes its digits, and elements after the last known one are ignored.
    """
    if isinstance(text, bytes):
        octets = text
        try:
            text = octets.decode()
        except UnicodeDecodeError:
            return _unreadable(octets.decode(errors="replace"), "not valid Unicode")
    try:
        frame = _decode_frame(text)
    except msgspec.ValidationError as failure:
        return _parse_tolerantly(text, str(failure))
    except RecursionError:
        return _unreadable(text, "too deeply nested")
    except _FAILURES as failure:
        if not text.strip():
            return Ignored()
        return _unreadable(text, _reason(failure))
    if _is_too_deep(text):
        return _unreadable(text, "too deeply nested")
    return frame


def encode_frame(frame: Frame) -> str:
    """Return the frame as it is written."""
    return _encode(frame).decode()


def result_frame(message_id: str, payload: Message | str) -> str:
    """Return the CALLRESULT with this payload, which must keep to its schema, or is its JSON."""
    text = payload if isinstance(payload, str) else encode_payload(payload).decode()
    return f"[3,{_encode(message_id).decode()},{text}]"


def error_frame(
    version: OcppVersion,
    message_id: str,
    error: ErrorCode,
    description: str = "",
    details: Mapping[str, Any] | None = None,
) -> str:
    """Return the CALLERROR in the version's spelling; the description is cut to 255 characters."""
    return encode_frame(CallError(*_error(version, message_id, error, description, details)))


class OutgoingCall(Struct, frozen=True, kw_only=True):
    """A call of ours and its text."""

    id: str
    action: str
    text: str


class Answered(Struct, frozen=True):
    """The station answered the call that is outstanding; the lane is free again."""

    call: OutgoingCall
    answer: CallResult | CallError


class LateAnswer(Struct, frozen=True):
    """The station answered a call that we had given up."""

    call: OutgoingCall
    answer: CallResult | CallError


class UnaskedAnswer(Struct, frozen=True):
    """An answer to nothing that we remember asking."""

    answer: CallResult | CallError


class Overflow(Struct, frozen=True):
    """A call that came while too many wait already; it is not kept."""

    call: Call


Received: TypeAlias = (
    Call
    | Send
    | CallResultError
    | Answered
    | LateAnswer
    | UnaskedAnswer
    | Overflow
    | Unreadable
    | Ignored
)


def _random_id() -> str:
    return str(uuid4())


class RpcConnection:
    """What the two sides of one connection have asked and not yet answered.

    The station's lane: `receive` keeps each Call, `take_call` hands them out one at a time, and
    `encode_result` or `encode_error` ends the one in hand. Our lane: `call` asks, `receive`
    matches the answer, `give_up` stops waiting.
    """

    def __init__(
        self,
        version: OcppVersion,
        *,
        max_waiting: int = 100,
        new_id: Callable[[], str] = _random_id,
    ) -> None:
        """Args:
        version: The agreed version.
        max_waiting: How many calls of the station may wait; it should have one outstanding.
        new_id: Makes the ids of our calls: never the same twice, at most 36 characters.
        """
        self.version = version
        self.outstanding: OutgoingCall | None = None
        self.ignored = 0
        self._max_waiting = max_waiting
        self._crowd = max_waiting // 2
        self._new_id = new_id
        self.queued: deque[Call] = deque()
        """Calls of the station that wait for their turn."""
        self._in_hand: Call | None = None
        self._given_up: deque[OutgoingCall] = deque(maxlen=32)

    @property
    def waiting(self) -> int:
        """How many calls of the station wait, without the one in hand."""
        return len(self.queued)

    @property
    def is_crowded(self) -> bool:
        """Whether half of the calls that may wait do so."""
        return len(self.queued) >= self._crowd

    def receive(self, text: str | bytes) -> Received:
        """Take in one text of the station; never raises.

        A Call that is returned waits for `take_call`; whoever gets an Unreadable may answer it
        with `refusal`, or receive its repaired text.
        """
        frame = parse(text)
        if isinstance(frame, Call):
            if len(self.queued) >= self._max_waiting:
                return Overflow(frame)
            self.queued.append(frame)
            return frame
        if isinstance(frame, CallResult | CallError):
            return self._match(frame)
        if isinstance(frame, Send | CallResultError) and self.version is not OcppVersion.V21:
            kind = 6 if isinstance(frame, Send) else 5
            return Unreadable(
                text=text if isinstance(text, str) else str(text, "utf-8"),
                error=ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED,
                description=f"{self.version} has no message type {kind}",
                message_type=kind,
                id=frame.id,
            )
        if isinstance(frame, Ignored):
            self.ignored += 1
        return frame

    # ---------------------------------------------------------------- the station's lane

    def take_call(self) -> Call | None:
        """Return the next call to handle; None if there is none or one is still in hand."""
        if self._in_hand is not None or not self.queued:
            return None
        self._in_hand = self.queued.popleft()
        return self._in_hand

    def encode_result(self, message_id: str, payload: Message | str) -> str:
        """Return the answer to the call in hand, which is thereby done."""
        text = result_frame(message_id, payload)
        self._done(message_id)
        return text

    def encode_error(
        self,
        message_id: str,
        error: ErrorCode,
        description: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the refusal of the call in hand, which is thereby done."""
        text = error_frame(self.version, message_id, error, description, details)
        self._done(message_id)
        return text

    def refusal(self, unreadable: Unreadable) -> str | None:
        """Return the CALLERROR that an unreadable text deserves; None if it is to be ignored.

        An answer is never answered, and 1.6 ignores what it has no message type for; only 2.x can
        refuse a text whose id is unknown.
        """
        kind = unreadable.message_type
        is_16 = self.version is OcppVersion.V16
        if kind in (3, 4, 5, 6) or (is_16 and kind not in (2, None)):
            return None
        if unreadable.id is not None:
            return error_frame(
                self.version, unreadable.id, unreadable.error, unreadable.description
            )
        if is_16:
            return None
        error = ErrorCode.RPC_FRAMEWORK_ERROR
        return error_frame(self.version, UNKNOWN_ID, error, unreadable.description)

    def _done(self, message_id: str) -> None:
        assert self._in_hand is not None, "no call is in hand"
        assert self._in_hand.id == message_id, "another call is in hand"
        self._in_hand = None

    # ---------------------------------------------------------------- our lane

    def call(
        self, action: str, payload: Message | bytes, *, message_id: str | None = None
    ) -> OutgoingCall:
        """Return our next call; none may be outstanding. A payload in bytes is JSON already."""
        assert self.outstanding is None, f"{self.outstanding} is not answered yet"
        message_id = message_id or self._new_id()
        body = payload if isinstance(payload, bytes) else encode_payload(payload)
        text = encode_frame(Call(message_id, action, Raw(body)))
        self.outstanding = OutgoingCall(id=message_id, action=action, text=text)
        return self.outstanding

    def give_up(self) -> OutgoingCall | None:
        """Stop waiting for the outstanding call; its answer, if it comes, is a LateAnswer."""
        call, self.outstanding = self.outstanding, None
        if call is not None:
            self._given_up.append(call)
        return call

    def encode_result_error(
        self,
        message_id: str,
        error: ErrorCode,
        description: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the refusal of a station's answer, which only 2.1 knows."""
        assert self.version is OcppVersion.V21, f"{self.version} cannot refuse an answer"
        fields = _error(self.version, message_id, error, description, details)
        return encode_frame(CallResultError(*fields))

    def _match(self, answer: CallResult | CallError) -> Answered | LateAnswer | UnaskedAnswer:
        call = self.outstanding
        if call is not None and call.id == answer.id:
            self.outstanding = None
            return Answered(call, answer)
        for late in self._given_up:
            if late.id == answer.id:
                self._given_up.remove(late)
                return LateAnswer(late, answer)
        return UnaskedAnswer(answer)


# ------------------------------------------------------------------- what is not quite a frame

_ENVELOPE = re.compile(
    r"""\s*\[\s*(?P<type>\d{1,9})\s*
        (?:,\s*(?:"(?P<id>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<number>-?\d+))\s*
            (?:,\s*"(?P<action>[A-Za-z0-9]{1,50})")?)?""",
    re.VERBOSE | re.DOTALL,
)
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_INNERMOST = re.compile(rb"\[\]|\{\}")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_KNOWN_TYPES = (2, 3, 4, 5, 6)


def _reason(failure: Exception) -> str:
    return "not valid Unicode" if isinstance(failure, UnicodeError) else str(failure)


def _unreadable(text: str, description: str) -> Unreadable:
    """Return what can be read of a text's beginning."""
    found = _ENVELOPE.match(text)
    if found is None:
        return Unreadable(text=text, error=ErrorCode.RPC_FRAMEWORK_ERROR, description=description)
    message_id = found["number"]
    if found["id"] is not None:
        try:
            message_id = _decode_text(f'"{found["id"]}"')
        except _FAILURES:
            message_id = None
    kind = int(found["type"])
    error = ErrorCode.FORMAT_VIOLATION
    if kind not in _KNOWN_TYPES:
        error = ErrorCode.MESSAGE_TYPE_NOT_SUPPORTED
    elif message_id is None:
        error = ErrorCode.RPC_FRAMEWORK_ERROR
    return Unreadable(
        text=text,
        error=error,
        description=description,
        message_type=kind,
        id=message_id,
        action=found["action"],
    )


class _Parts(Struct, array_like=True):
    """The first five elements of any array."""

    type: Raw
    id: Raw
    third: Raw = Raw(b"")
    fourth: Raw = Raw(b"")
    fifth: Raw = Raw(b"")


_decode_parts = msgspec.json.Decoder(_Parts).decode


def _parse_tolerantly(text: str, description: str) -> Frame | Unreadable:
    """Read valid JSON that is no frame by the letter: a numeric id, an error without words."""
    try:
        found = _decode_parts(text)
    except _FAILURES:
        return _unreadable(text, description)
    if _is_too_deep(text):
        return _unreadable(text, "too deeply nested")
    parts = [bytes(part) for part in (found.type, found.id, found.third, found.fourth, found.fifth)]
    if re.fullmatch(rb"-?\d[\d.eE+-]*", parts[1]):
        parts[1] = b'"%s"' % parts[1]
    if parts[0] in (b"4", b"5"):
        parts[2] = _as_text(parts[2] or b'"GenericError"')
        parts[3] = _as_text(parts[3])
    try:
        return _decode_frame(b"[%s]" % b",".join(part for part in parts if part))
    except _FAILURES:
        return _unreadable(text, description)


def _as_text(part: bytes) -> bytes:
    if part.startswith(b'"'):
        return part
    return b'""' if part in (b"", b"null") else _encode(part.decode())


def _is_too_deep(text: str) -> bool:
    """Tell whether a valid JSON text nests deeper than `MAX_DEPTH`."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    brackets = _STRINGS.sub(b"", text.encode()).translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = _INNERMOST.sub(b"", brackets)
        if not brackets:
            return False
    return True


def _error(
    version: OcppVersion,
    message_id: str,
    error: ErrorCode,
    description: str,
    details: Mapping[str, Any] | None,
) -> tuple[str, str, str, Raw]:
    return (
        message_id,
        ERROR_TEXTS[version][error],
        description[:DESCRIPTION_LENGTH],
        Raw(_encode(details)) if details else _EMPTY,
    )
