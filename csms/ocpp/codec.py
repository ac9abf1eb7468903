"""Payloads to messages and back, strictly by the schemas of the station's version.

What `decode_request` refuses may still be understood by the repair rules; what `encode` refuses
is a mistake of ours. The verdict is that of a JSON Schema validator, but for four things:
date-times are checked (a validator takes any text), integers must be written as such (drafts
since 6 take 1.0), numbers beyond 10^±40 are refused, and what is unknown inside `customData` is
dropped.
"""

import importlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, TypeAlias, get_args, get_type_hints

import msgspec
from msgspec import Raw

from csms.ocpp.actions import FROM_STATION
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message, decode_number
from csms.reports import OcppVersion

Payload: TypeAlias = Raw | bytes | str
_Decode: TypeAlias = Callable[[Payload], Message]

_MODULES = {OcppVersion.V16: "v16", OcppVersion.V201: "v201", OcppVersion.V21: "v21"}

# Filled as actions occur: a decoder costs more to build than to use a thousand times.
_requests: dict[OcppVersion, dict[str, _Decode]] = {version: {} for version in OcppVersion}
_responses: dict[OcppVersion, dict[str, _Decode]] = {version: {} for version in OcppVersion}
_decoders: dict[type[Message], _Decode] = {}
_with_moments: dict[type[Message], tuple[str, ...]] = {}
_encode = msgspec.json.Encoder(decimal_format="number").encode

# What a decoder raises for anything but a valid payload: broken JSON or a wrong value; invalid
# UTF-8 or a lone surrogate; a number beyond what Decimal can hold; nesting without end.
_FAILURES = (msgspec.DecodeError, UnicodeError, ArithmeticError, RecursionError)


def messages(version: OcppVersion) -> ModuleType:
    """Return the version's `messages` module: REQUESTS, RESPONSES and the types."""
    return importlib.import_module(f"csms.ocpp.{_MODULES[version]}.messages")


def decode_request(version: OcppVersion, action: str, raw: Payload) -> Message:
    """Return the request (or 2.1's SEND) of a station, if it keeps to its schema.

    Raises:
        MessageError: The action is unknown (NOT_IMPLEMENTED) or not a station's to send
            (NOT_SUPPORTED), or the payload violates the schema.
    """
    decode = _requests[version].get(action) or _request_decoder(version, action)
    try:
        return decode(raw)
    except _FAILURES as failure:
        raise message_error(failure) from None


def decode_response(version: OcppVersion, action: str, raw: Payload) -> Message:
    """Return the answer to a call, if it keeps to its schema.

    Raises:
        MessageError: The payload violates the schema.
        KeyError: The version has no such action: our mistake, since we asked.
    """
    decode = _responses[version].get(action)
    if decode is None:
        decode = _responses[version][action] = _decoder(messages(version).RESPONSES[action])
    try:
        return decode(raw)
    except _FAILURES as failure:
        raise message_error(failure) from None


def encode(message: Message) -> bytes:
    """Return a payload of ours as JSON that keeps to its schema.

    Moments are written in UTC and in whole seconds, the fraction cut off: some stations refuse a
    fraction.

    Raises:
        AssertionError: The message violates its own schema.
    """
    kind = type(message)
    payload = _encode(_in_whole_seconds(message))
    try:
        _decoder(kind)(payload)
    except _FAILURES as failure:
        raise AssertionError(f"we made an invalid {kind.__name__}: {failure}") from failure
    return payload


def prepare(version: OcppVersion) -> None:
    """Build all decoders of a version, so that no station's first message waits for its own."""
    for action in FROM_STATION[version]:
        _request_decoder(version, action)
    for kind in (*messages(version).REQUESTS.values(), *messages(version).RESPONSES.values()):
        _decoder(kind)
        _moment_fields(kind)


def _request_decoder(version: OcppVersion, action: str) -> _Decode:
    if action not in FROM_STATION[version]:
        if action in messages(version).REQUESTS:
            text = f"{action} is not for a station to send"
            raise MessageError(ErrorCode.NOT_SUPPORTED, "$", text)
        raise MessageError(ErrorCode.NOT_IMPLEMENTED, "$", f"There is no action {action[:50]!r}")
    decode = _requests[version][action] = _decoder(messages(version).REQUESTS[action])
    return decode


def _decoder(kind: type[Message]) -> _Decode:
    decode = _decoders.get(kind)
    if decode is None:
        decoder = msgspec.json.Decoder(kind, dec_hook=decode_number, float_hook=Decimal)
        decode = _decoders[kind] = decoder.decode
    return decode


# ------------------------------------------------------------------------------------- failures

# The sentences of msgspec, by their beginnings; the first that fits decides. A test makes each.
_SENTENCES: tuple[tuple[re.Pattern[str], ErrorCode], ...] = tuple(
    (re.compile(pattern), code)
    for pattern, code in (
        (r"Object missing required field", ErrorCode.OCCURRENCE_VIOLATION),
        (r"Expected `array` of length", ErrorCode.OCCURRENCE_VIOLATION),
        (r"Object contains unknown field", ErrorCode.FORMAT_VIOLATION),
        (r"Invalid enum value", ErrorCode.PROPERTY_VIOLATION),
        (r"Expected `str` of length", ErrorCode.PROPERTY_VIOLATION),
        (r"Expected `(int|number)` ([<>]=|that's|between)", ErrorCode.PROPERTY_VIOLATION),
        (r"Integer value out of range", ErrorCode.PROPERTY_VIOLATION),
        (r"Expected|Invalid", ErrorCode.TYPE_VIOLATION),
    )
)
_PLACE = re.compile(r"(?P<text>.*?) - at `(?P<path>\$[^`]*)`", re.DOTALL)
_LONGEST = 200
_FIELD = re.compile(r"field `(?P<name>[^`]*)`")


def message_error(failure: Exception) -> MessageError:
    """Return what a decoder's failure means to the sender."""
    if not isinstance(failure, msgspec.ValidationError):
        text = "too deeply nested" if isinstance(failure, RecursionError) else str(failure)
        if isinstance(failure, UnicodeError):
            text = "not valid Unicode"
        return MessageError(ErrorCode.FORMAT_VIOLATION, "$", text)
    place = _PLACE.fullmatch(str(failure))
    text, path = place.group("text", "path") if place else (str(failure), "$")
    code = next((code for pattern, code in _SENTENCES if pattern.match(text)), None)
    field = _FIELD.search(text) if text.startswith("Object") else None
    if field is not None:
        path = f"{path}.{field['name']}"
    # Both may quote the sender's own words, of any length.
    return MessageError(code or ErrorCode.FORMAT_VIOLATION, path[:_LONGEST], text[:_LONGEST])


# -------------------------------------------------------------------------------------- moments


def _moment_fields(kind: type[Message]) -> tuple[str, ...]:
    """Return the fields of a type that are moments or have one inside."""
    known = _with_moments.get(kind)
    if known is None:
        hints = get_type_hints(kind).items()
        known = _with_moments[kind] = tuple(name for name, hint in hints if _names_moment(hint))
    return known


def _names_moment(hint: Any) -> bool:
    if hint is datetime:
        return True
    if isinstance(hint, type) and issubclass(hint, Message):
        return bool(_moment_fields(hint))
    return any(_names_moment(part) for part in get_args(hint))


def _in_whole_seconds(value: Any) -> Any:
    """Return the value with its moments in UTC and whole seconds; itself if they are already."""
    if isinstance(value, datetime):
        assert value.tzinfo is not None, f"a moment of ours has no zone: {value}"
        if value.tzinfo is UTC and value.microsecond == 0:
            return value
        return value.astimezone(UTC).replace(microsecond=0)
    if isinstance(value, Message):
        changes = {}
        for name in _moment_fields(type(value)):
            before = getattr(value, name)
            after = _in_whole_seconds(before)
            if after is not before:
                changes[name] = after
        return msgspec.structs.replace(value, **changes) if changes else value
    if isinstance(value, tuple):
        return tuple(_in_whole_seconds(part) for part in value)
    return value
