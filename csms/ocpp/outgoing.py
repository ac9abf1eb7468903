"""Any action that we may send to a station, checked by the schema of its version before it leaves.

What people and programs ask for comes as a JSON object in OCPP's own words. It goes out as it was
given, number by number; only what no schema allows is refused, with the place of the first thing
that is wrong. Whether the station can do it is the station's to say.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from csms.ocpp import codec, repair
from csms.ocpp.actions import FROM_CSMS
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message, NumberFrom0To100, NumberTo0, Tenths, decode_number
from csms.reports import OcppVersion
from foundation.errors import InvalidInput

LARGEST_PAYLOAD: Final = 1_048_576
"""Bytes that a payload of ours may have, checked or not."""

DEEPEST_PAYLOAD: Final = 32
"""Objects and lists within each other that a payload may have; the schemas' deepest has 9."""

_LARGEST_NUMBER = 10**40
_FAILURES = (msgspec.DecodeError, UnicodeError, ArithmeticError, RecursionError)

_write = msgspec.json.Encoder(decimal_format="number").encode
_read = msgspec.json.Decoder().decode


def actions(version: OcppVersion) -> frozenset[str]:
    """Return the actions that we may send to a station of this version."""
    return FROM_CSMS[version]


def encode(version: OcppVersion, action: str, payload: Mapping[str, Any], *, raw: bool) -> bytes:
    """Return the payload of a call to a station as JSON, exactly as it was given.

    Args:
        version: The station's version.
        action: The action as this version spells it.
        payload: The payload as JSON gives it: dicts, lists, texts, truth values, None, and
            numbers as int, float or Decimal, each written digit by digit.
        raw: Leave the schema out: only the size, the depth and the numbers are checked.

    Raises:
        InvalidInput: The action is not ours to send in this version (field "action"), or the
            payload is no valid message; `field` is the JSON path of what is wrong, as in
            `$.connectorId` or `$.localAuthorizationList[3].idTag`.
    """
    kind = _request(version, action)
    text = _as_json(payload)
    if not raw:
        try:
            _decoder(kind).decode(text)
        except _FAILURES as failure:
            raise _refused(kind, text, codec.message_error(failure)) from None
    return text


def decode_answer(version: OcppVersion, action: str, payload: codec.Payload) -> dict[str, Any]:
    """Return a station's answer to an action, in its own words.

    An answer that keeps to the schema comes back whole, what is unknown in `customData` included.
    One that does not is read by the repair rules, as all that stations say. Numbers with a point
    are floats here, since the answer is kept as JSON.

    Raises:
        MessageError: The answer is no object, or its meaning is lost.
        InvalidInput: The action is not ours to send in this version.
    """
    _request(version, action)
    message, repairs = repair.decode_answer(version, action, payload)
    found = _read(_write(message) if repairs else payload)
    if not isinstance(found, dict):
        raise MessageError(ErrorCode.TYPE_VIOLATION, "$", "Expected `object`")
    return found


# -------------------------------------------------------------------------------------- forms


@cache
def schema(version: OcppVersion, action: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an action's payload, for forms; not to be changed.

    Every property has a title, its name in words. Moments are texts of format `date-time`.

    Raises:
        InvalidInput: The action is not ours to send in this version.
    """
    made = msgspec.json.schema(_request(version, action), schema_hook=_number_schema)
    for part in made["$defs"].values():
        part["title"] = in_words(part["title"])
        for name, value in part.get("properties", {}).items():
            part["properties"][name] = _titled(name, value)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": in_words(action),
        **made,
    }


def _titled(name: str, value: dict[str, Any]) -> dict[str, Any]:
    kind = {"type": "string"} if "enum" in value else {}
    return {"title": in_words(name), **kind, **value}


def in_words(name: str) -> str:
    """Return a name of OCPP's as words: `idTagInfo` is "Id tag info", `evseId` "EVSE id"."""
    parts = re.findall(r"[A-Z]+(?:\d+[A-Z]*)?(?![a-z])|[A-Z]?[a-z]+\d*|[A-Z\d]", name)
    words = [part if len(part) > 1 and part.isupper() else part.lower() for part in parts]
    words = ["EVSE" if word == "evse" else word for word in words]
    sentence = " ".join(words) or name
    return sentence[0].upper() + sentence[1:]


def _number_schema(kind: type) -> dict[str, Any]:
    bounds: dict[str, Any] = {"type": "number"}
    if kind is Tenths:
        bounds["multipleOf"] = 0.1
    elif kind is NumberTo0:
        bounds["maximum"] = 0
    elif kind is NumberFrom0To100:
        bounds |= {"minimum": 0, "maximum": 100}
    return bounds


# ------------------------------------------------------------------------------------ refusals


def _request(version: OcppVersion, action: str) -> type[Message]:
    if action not in FROM_CSMS[version]:
        shown = action[:50]
        raise InvalidInput(
            f"{shown!r} is no action that a station with {version.value} may be sent.",
            field="action",
        )
    kind: type[Message] = codec.messages(version).REQUESTS[action]
    return kind


@cache
def _decoder(kind: type[Message]) -> msgspec.json.Decoder[Message]:
    return msgspec.json.Decoder(kind, dec_hook=decode_number, float_hook=Decimal)


def _as_json(payload: object) -> bytes:
    if not isinstance(payload, Mapping):
        raise InvalidInput("A payload is a JSON object.", field="$")
    _check_values(payload, "$", 1)
    try:
        text = _write(payload)
    except UnicodeError:
        raise InvalidInput("The payload holds a text that is no Unicode.", field="$") from None
    if len(text) > LARGEST_PAYLOAD:
        words = f"The payload has {len(text)} bytes; at most {LARGEST_PAYLOAD} are sent."
        raise InvalidInput(words, field="$")
    return text


def _check_values(value: object, path: str, depth: int) -> None:
    """Refuse what JSON cannot say, and what a reader could choke on."""
    if depth > DEEPEST_PAYLOAD:
        raise InvalidInput(f"More than {DEEPEST_PAYLOAD} levels at {path[:200]}.", field="$")
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str):
                raise InvalidInput(f"A name at {path} is no text.", field=path)
            _check_values(part, f"{path}.{name[:100]}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            _check_values(part, f"{path}[{index}]", depth + 1)
    elif isinstance(value, float | Decimal):
        if not math.isfinite(value):
            raise InvalidInput(f"{path}: JSON has no such number.", field=path)
    elif isinstance(value, int):
        if abs(value) > _LARGEST_NUMBER:
            raise InvalidInput(f"{path}: the number has more than 40 digits.", field=path)
    elif value is not None and not isinstance(value, str):
        raise InvalidInput(f"{path}: {type(value).__name__} is no JSON value.", field=path)


def _refused(kind: type[Message], text: bytes, failure: MessageError) -> InvalidInput:
    path = _with_indices(kind, text, failure)
    return InvalidInput(f"{path}: {failure.text}", field=path)


def _with_indices(kind: type[Message], text: bytes, failure: MessageError) -> str:
    """Return the failure's path with the place in each list, which the decoder leaves open.

    Each list on the way is cut down to one of its items until the same failure comes back.
    """
    path = failure.path
    whole = _read(text)
    while "[...]" in path:
        before, after = path.split("[...]", 1)
        holder, name = _holder(whole, before)
        for index, item in enumerate(holder.get(name, ())):
            holder[name] = [item]
            if _fails_alike(kind, whole, failure):
                path = f"{before}[{index}]{after}"
                break
        else:
            return failure.path  # the fault is not one item's: the list as a whole
    return path


def _holder(whole: Any, path: str) -> tuple[dict[str, Any], str]:
    """Return the object that has the list at the path, and the list's name there.

    Indices on the way name items that are the only ones of their lists by now.
    """
    *steps, name = path.removeprefix("$.").split(".")
    for step in steps:
        found = whole[step.split("[", 1)[0]]
        whole = found[0] if "[" in step else found
    return whole, name


def _fails_alike(kind: type[Message], payload: Any, failure: MessageError) -> bool:
    try:
        _decoder(kind).decode(_write(payload))
    except _FAILURES as other:
        again = codec.message_error(other)
        return again.path == failure.path and again.text == failure.text
    return False
