"""The lenient way in: what the strict decoder refuses is read by named rules, if it has a meaning.

Real stations send numbers as text, leave fields out, invent words and exceed lengths; refusing
them loses real charging. So a payload that its schema forbids is walked along the type that it
should have, and every value that does not fit goes through the rules of `csms.ocpp.rules`. The
result is the same struct that strict decoding gives, except that texts may be longer than the
schema says, words that only name things may be unknown, and fields that `rules.missing_value`
calls ABSENT are UNSET. Each rule used is named, so that the report is flagged.

Work is bounded by the payload's size: every value is looked at once.
"""

import re
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, inspect

from csms.ocpp import codec, rules
from csms.ocpp.errors import ErrorCode, MessageError
from csms.ocpp.fields import Message, Moment, decode_number
from csms.ocpp.readings import is_sensible
from csms.ocpp.rules import ABSENT, NO, RULES, WITHOUT_FIT, Place, plain
from csms.reports import OcppVersion

_plain_json = msgspec.json.Decoder(float_hook=Decimal).decode
_FAILURES = (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError)
_LOST: Any = object()

SKIPPED_IN_LISTS: frozenset[str] = frozenset(
    {
        "EventDataType",
        "MeterValue",
        "MeterValueType",
        "ReportDataType",
        "SampledValue",
        "SampledValueType",
        "TransactionData",
        "TransactionSampledValue",
    }
)
"""Parts that stand for themselves: one that has no meaning leaves its neighbours theirs."""


def decode(
    version: OcppVersion, action: str, raw: codec.Payload, *, site_zone: tzinfo = UTC
) -> tuple[Message, tuple[str, ...]]:
    """Return a station's request, and the names of the rules that were needed to read it.

    Args:
        version: The connection's version.
        action: The action as the station wrote it.
        raw: The payload's JSON.
        site_zone: The zone of date-times that name none.

    Raises:
        MessageError: The action is not one that we take from a station, or the payload's meaning
            is lost; the code and place are those of the first thing that no rule could mend.
    """
    try:
        return codec.decode_request(version, action, raw), ()
    except MessageError as refusal:
        if refusal.error_code in (ErrorCode.NOT_IMPLEMENTED, ErrorCode.NOT_SUPPORTED):
            raise
        return _repaired(codec.messages(version).REQUESTS[action], raw, site_zone, refusal)


def decode_answer(
    version: OcppVersion, action: str, raw: codec.Payload, *, site_zone: tzinfo = UTC
) -> tuple[Message, tuple[str, ...]]:
    """Return a station's answer to our call, like `decode`.

    Raises:
        MessageError: The answer's meaning is lost.
        KeyError: The version has no such action.
    """
    try:
        return codec.decode_response(version, action, raw), ()
    except MessageError as refusal:
        return _repaired(codec.messages(version).RESPONSES[action], raw, site_zone, refusal)


# ---------------------------------------------------------------------------- broken JSON

_TOKENS = re.compile(
    r"""(?P<text>"(?:[^"\\]++|\\.)*+(?:"|\Z))
      | (?P<no_value>:\s*+(?=[,}\]]))
      | (?P<comma_too_many>,\s*+(?=[}\]]))
      | (?P<no_number>-?\b(?:NaN|nan|Infinity|inf)\b)""",
    re.VERBOSE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f]")


def mend_text(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a frame's or payload's text with known breaks of JSON mended, and the rules used.

    For texts that are no JSON: a name without its value (P9, `"transactionId":,`), a comma before
    a closing bracket, NaN and infinity as numbers, raw control characters within a text, and
    zeros or a byte order mark around the whole. Any other text is returned as it is.
    """
    used: dict[str, None] = {}

    def mended(match: re.Match[str]) -> str:
        kind = match.lastgroup
        token = match.group()
        if kind == "text":
            if _CONTROL.search(token) is None:
                return token
            used["control_characters_in_text"] = None
            return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", token)
        if kind == "no_value":
            used["field_without_value"] = None
            return ":null"
        if kind == "comma_too_many":
            used["comma_too_many"] = None
            return ""
        used["number_that_is_none"] = None
        return "null"

    inner = text.strip("\0\ufeff")
    if len(inner) != len(text):
        used["padding_around_message"] = None
    return _TOKENS.sub(mended, inner), tuple(used)


# ------------------------------------------------------------------------------ the walk


def _repaired(
    kind: type[Message], raw: codec.Payload, zone: tzinfo, refusal: MessageError
) -> tuple[Message, tuple[str, ...]]:
    walk = _Walk(zone, is_16=".v16." in kind.__module__)
    try:
        payload = _plain_json(raw)
    except _FAILURES:
        text = raw if isinstance(raw, str) else bytes(raw).decode(errors="replace")
        text, used = mend_text(text)
        try:
            payload = _plain_json(text)
        except _FAILURES:
            raise refusal from None
        walk.used.update(dict.fromkeys(used))
    if payload is None or payload == [] or payload == "":
        walk.used["payload_left_out"] = None
        payload = {}
    message = walk.struct(payload, _shape(kind), "$")
    if message is _LOST:
        code, path, text = walk.lost[0]
        if path == refusal.path:
            raise refusal
        raise MessageError(code, path, text) from refusal
    return message, tuple(walk.used)


@cache
def _shape(kind: type[Message]) -> inspect.StructType:
    shape = inspect.type_info(kind)
    assert isinstance(shape, inspect.StructType)
    return shape


class _Walk:
    """One payload on its way to its type: the rules used, and what was lost."""

    def __init__(self, zone: tzinfo, *, is_16: bool) -> None:
        self.used: dict[str, None] = {}
        self.lost: list[tuple[ErrorCode, str, str]] = []
        self._zone = zone
        self._is_16 = is_16

    def struct(self, value: Any, shape: inspect.StructType, path: str) -> Any:
        """Return the struct that the value means; `_LOST` if a required part has no meaning."""
        owner = shape.cls.__name__
        if owner == "IdTokenType" and isinstance(value, str | int) and value is not True:
            self.used["id_token_as_text"] = None
            value = {"idToken": value}
        if not isinstance(value, dict):
            return self._lose(ErrorCode.TYPE_VIOLATION, path, "Expected `object`")
        given = self._by_known_names(value, shape)
        aside: dict[str, str] = {}
        fields: dict[str, Any] = {}
        for part in shape.fields:
            place = Place(owner, part.encode_name, self._zone, aside)
            found = self._field(given.get(part.encode_name, NO), part, place, path)
            if found is _LOST:
                return _LOST
            if found is not UNSET or part.required:
                fields[part.name] = found
        for part in shape.fields:
            if part.encode_name in aside and not fields.get(part.name):
                fields[part.name] = aside[part.encode_name]
        return shape.cls(**fields)

    def _by_known_names(self, value: dict[str, Any], shape: inspect.StructType) -> dict[str, Any]:
        """Return the fields under the schema's names; others are renamed or dropped (P13)."""
        names = {part.encode_name for part in shape.fields}
        given = {name: part for name, part in value.items() if name in names}
        if len(given) == len(value):
            return given
        spellings = {plain(name): name for name in names}
        for name, part in value.items():
            if name in names:
                continue
            wanted = plain(name)
            meant = (spellings.get(wanted, ""), *rules.FIELD_NAMES.get(wanted, ()))
            target = next((each for each in meant if each in names and each not in given), None)
            if target is not None:
                self.used["field_by_another_name"] = None
                given[target] = part
            elif shape.forbid_unknown_fields:
                self.used["unknown_field_dropped"] = None
        return given

    def _field(self, value: Any, part: inspect.Field, place: Place, path: str) -> Any:
        """Return one field's value; UNSET if it is not there and need not be."""
        path = f"{path}.{part.encode_name}"
        if value is not NO:
            value = self._without_nothing(value, part)
        mark = len(self.lost)
        if value is not NO:
            found = self._fit(value, part.type, place, path)
            if found is not _LOST:
                return found
            if not part.required:
                del self.lost[mark:]
                self.used["unreadable_option_left_out"] = None
                return UNSET
        elif not part.required:
            return UNSET
        default = rules.missing_value(place.key, is_16=self._is_16)
        if default is NO:
            if value is NO:
                text = f"Object missing required field `{part.encode_name}`"
                self._lose(ErrorCode.OCCURRENCE_VIOLATION, path, text)
            return _LOST
        del self.lost[mark:]
        kind = "missing" if value is NO else "unreadable"
        self.used[f"{kind}_{part.name}"] = None
        return UNSET if default is ABSENT else self._fit(default, part.type, place, path)

    def _without_nothing(self, value: Any, part: inspect.Field) -> Any:
        """Return NO for what only says that there is no value (P12, P17)."""
        if isinstance(part.type, inspect.AnyType):
            return value
        if value is None:
            self.used["null_left_out"] = None
            return NO
        if isinstance(value, str) and not isinstance(part.type, inspect.StrType):
            word = value.strip()
            if not word:
                self.used["empty_text_left_out"] = None
                return NO
            if word.lower() == "null":
                self.used["null_left_out"] = None
                return NO
        return value

    def _fit(self, value: Any, kind: inspect.Type, place: Place, path: str) -> Any:
        if isinstance(kind, inspect.StructType):
            return self.struct(value, kind, path)
        if isinstance(kind, inspect.VarTupleType):
            return self._items(value, kind, place, path)
        if isinstance(kind, inspect.AnyType):
            return value
        return self._leaf(value, kind, place, path)

    def _items(
        self, value: Any, kind: inspect.VarTupleType, place: Place, path: str
    ) -> tuple[Any, ...] | Any:
        """Return a list's items; lengths do not matter."""
        if not isinstance(value, list):
            if not isinstance(value, dict):
                return self._lose(ErrorCode.TYPE_VIOLATION, path, "Expected `array`")
            self.used["single_item_as_list"] = None
            value = [value]
        item = kind.item_type
        may_skip = isinstance(item, inspect.StructType) and item.cls.__name__ in SKIPPED_IN_LISTS
        found = []
        for index, each in enumerate(value):
            mark = len(self.lost)
            part = self._fit(each, item, place, f"{path}[{index}]")
            if part is not _LOST:
                found.append(part)
            elif may_skip:
                del self.lost[mark:]
                self.used["item_without_meaning_skipped"] = None
            else:
                return _LOST
        if not kind.min_length or len(found) >= kind.min_length:
            if kind.max_length is not None and len(found) > kind.max_length:
                self.used["too_many_items"] = None
        elif len(found) == len(value):
            self.used["empty_list"] = None
        return tuple(found)

    def _leaf(self, value: Any, kind: inspect.Type, place: Place, path: str) -> Any:
        found = _as_is(value, kind)
        if found is not NO:
            return found
        for rule in RULES[type(kind)]:
            made = rule(value, kind, place)
            if made is NO:
                continue
            self.used[rule.__name__] = None
            if rule in WITHOUT_FIT:
                return made
            value, found = made, _as_is(made, kind)
            if found is not NO:
                return found
        code = ErrorCode.TYPE_VIOLATION
        if isinstance(value, str) and isinstance(kind, inspect.StrType | inspect.LiteralType):
            code = ErrorCode.PROPERTY_VIOLATION
        if isinstance(value, int) and isinstance(kind, inspect.IntType):
            code = ErrorCode.PROPERTY_VIOLATION
        return self._lose(code, path, f"Expected {_EXPECTED[type(kind)]}")

    def _lose(self, code: ErrorCode, path: str, text: str) -> Any:
        self.lost.append((code, path, text))
        return _LOST


def _as_is(value: Any, kind: inspect.Type) -> Any:
    """Return what strict decoding makes of a value; `NO` if it refuses it."""
    if isinstance(kind, inspect.StrType):
        fits = isinstance(value, str) and (kind.max_length is None or len(value) <= kind.max_length)
    elif isinstance(kind, inspect.IntType):
        fits = (
            type(value) is int
            and (kind.ge is None or value >= kind.ge)
            and (kind.le is None or value <= kind.le)
        )
    elif isinstance(kind, inspect.BoolType):
        fits = isinstance(value, bool)
    elif isinstance(kind, inspect.LiteralType):
        fits = isinstance(value, str) and value in kind.values
    elif isinstance(kind, inspect.DateTimeType):
        return _moment(value)
    else:
        assert isinstance(kind, inspect.CustomType), f"a kind of field that is new: {kind}"
        return _number(value, kind.cls)
    return value if fits else NO


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    try:
        return msgspec.convert(value, Moment) if isinstance(value, str) else NO
    except msgspec.ValidationError:
        return NO


def _number(value: Any, kind: type) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return NO
    exact = Decimal(value)
    if not is_sensible(exact):
        return NO
    try:
        return decode_number(kind, exact)
    except ValueError:
        return NO


_EXPECTED: dict[type[inspect.Type], str] = {
    inspect.StrType: "`str`",
    inspect.IntType: "`int`",
    inspect.BoolType: "`bool`",
    inspect.LiteralType: "a word of its list",
    inspect.DateTimeType: "a date-time",
    inspect.CustomType: "`number`",
}
