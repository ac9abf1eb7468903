"""A form for any JSON Schema that OCPP's messages have, and the payload that a filled form means.

Pure. A form is kept as a flat mapping of the fields it was sent with: `f.PATH` is a value,
`has.PATH` an optional part that was added, `n.PATH` how many items a list has. So it comes back
filled after every mistake, and adding to a list needs no script. A path is property names and list
places with dots between them: `setVariableData.0.component.name`; the root is empty.

Source: JSON Schema draft 2020-12, as far as `csms.remote.schema` uses it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

Schema = Mapping[str, Any]

MOST_ITEMS = 50
"""How many items of a list a form shows; longer ones are written as JSON."""

_LEFT_OUT = "customData"
"""Vendors' own additions: only as JSON."""


def marked(text: str) -> str:
    """Mark a text for the catalogue where it cannot be translated yet."""
    return text


MISSING = marked("This is needed.")
NOT_WHOLE = marked("A whole number is needed.")
NOT_A_NUMBER = marked("A number is needed.")
NOT_A_MOMENT = marked("A moment with its zone is needed, as 2026-01-31T14:00:00Z.")
NOT_A_CHOICE = marked("Choose one of the list.")
TOO_LONG = marked("The text is too long.")
TOO_SMALL = marked("The number is too small.")
TOO_LARGE = marked("The number is too large.")
NO_JSON = marked("This is no JSON object.")


class Kind(StrEnum):
    """How a part of a form is shown."""

    OBJECT = "object"
    LIST = "list"
    CHOICE = "choice"
    FLAG = "flag"
    WHOLE = "whole"
    NUMBER = "number"
    MOMENT = "moment"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form; `is_there` is false for an optional object that nobody added yet."""

    path: str
    name: str
    title: str
    kind: Kind
    is_required: bool
    is_there: bool = True
    value: str = ""
    parts: tuple["Part", ...] = ()
    options: tuple[str, ...] = ()
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    may_grow: bool = False
    may_shrink: bool = False
    wrong: str = ""

    @property
    def id(self) -> str:
        """An id for the page."""
        return "f-" + re.sub(r"[^A-Za-z0-9]", "-", self.path)


@dataclass(frozen=True, slots=True)
class Read:
    """What a filled form means; `errors` are texts by path, in the order of the form."""

    payload: dict[str, Any]
    errors: dict[str, str] = field(default_factory=dict)


def form(schema: Schema, sent: Mapping[str, str], errors: Mapping[str, str] | None = None) -> Part:
    """Return the parts to show for what was sent so far."""
    return _part(schema, schema, "", "", sent, errors or {}, is_required=True)


def read(schema: Schema, sent: Mapping[str, str]) -> Read:
    """Return the payload that a form means; empty optional fields are left out of it."""
    errors: dict[str, str] = {}
    payload = _value(form(schema, sent), errors)
    assert isinstance(payload, dict)
    return Read(payload, errors)


def read_json(text: str) -> Read:
    """Return the payload that a text is; its error is under the path `json`."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        return Read({}, {"json": NO_JSON})
    return Read(payload)


def filled(schema: Schema, payload: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of a form that means this payload, as far as a form can."""
    sent: dict[str, str] = {}
    _fill(schema, schema, "", payload, sent)
    return sent


def changed(sent: Mapping[str, str], step: str) -> dict[str, str]:
    """Return the fields after a step: `add:PATH` or `remove:PATH`; others change nothing.

    Adding means one more item of a list, or an optional object; removing takes an item out, and
    the later ones move up, or an object with all that is in it.
    """
    deed, _, path = step.partition(":")
    if deed == "add":
        count = sent.get(f"n.{path}")
        if count is None:
            return {**sent, f"has.{path}": "1"}
        return {**sent, f"n.{path}": str(min(MOST_ITEMS, _count(count, 0) + 1))}
    if deed == "remove":
        holder, _, place = path.rpartition(".")
        if place.isdecimal():
            return _without_item(sent, holder, int(place))
        return {
            name: value
            for name, value in sent.items()
            if name != f"has.{path}" and not _is_within(name, path)
        }
    return dict(sent)


def path_of(pointer: str) -> str:
    """Return the path for a JSON path such as `$.localList[3].idTag`."""
    return re.sub(r"\[(\d+)\]", r".\1", pointer).removeprefix("$").removeprefix(".")


# ------------------------------------------------------------------------------------ parts


def _resolved(root: Schema, schema: Schema) -> Schema:
    while "$ref" in schema:
        named = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
        title = {"title": schema["title"]} if "title" in schema else {}
        schema = {**named, **title}
    return schema


def _part(
    root: Schema,
    schema: Schema,
    path: str,
    name: str,
    sent: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    is_required: bool,
) -> Part:
    schema = _resolved(root, schema)
    title = str(schema.get("title", name))
    wrong = errors.get(path, "")
    match _kind(schema):
        case Kind.OBJECT:
            is_there = is_required or f"has.{path}" in sent
            needed = schema.get("required", ())
            parts = tuple(
                _part(
                    root,
                    inner,
                    f"{path}.{key}" if path else key,
                    key,
                    sent,
                    errors,
                    is_required=key in needed,
                )
                for key, inner in sorted(
                    schema.get("properties", {}).items(), key=lambda each: each[0] not in needed
                )
                if key != _LEFT_OUT
            )
            return Part(
                path,
                name,
                title,
                Kind.OBJECT,
                is_required,
                is_there,
                parts=parts if is_there else (),
                wrong=wrong,
            )
        case Kind.LIST:
            least = max(int(schema.get("minItems", 0)), 1) if is_required else 0
            most = min(int(schema.get("maxItems", MOST_ITEMS)), MOST_ITEMS)
            count = min(_count(sent.get(f"n.{path}"), least), most)
            items = tuple(
                _part(
                    root,
                    schema["items"],
                    f"{path}.{place}",
                    str(place),
                    sent,
                    errors,
                    is_required=True,
                )
                for place in range(count)
            )
            return Part(
                path,
                name,
                title,
                Kind.LIST,
                is_required,
                parts=items,
                may_grow=count < most,
                may_shrink=count > least,
                wrong=wrong,
            )
        case kind:
            return Part(
                path,
                name,
                title,
                kind,
                is_required,
                value=sent.get(f"f.{path}", ""),
                options=tuple(map(str, schema.get("enum", ()))),
                max_length=schema.get("maxLength"),
                minimum=schema.get("minimum"),
                maximum=schema.get("maximum"),
                wrong=wrong,
            )


def _kind(schema: Schema) -> Kind:
    if "enum" in schema:
        return Kind.CHOICE
    match schema.get("type"):
        case "object":
            return Kind.OBJECT
        case "array":
            return Kind.LIST
        case "boolean":
            return Kind.FLAG
        case "integer":
            return Kind.WHOLE
        case "number":
            return Kind.NUMBER
        case _:
            return Kind.MOMENT if schema.get("format") == "date-time" else Kind.TEXT


def _count(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() else otherwise


# ------------------------------------------------------------------------------------ values

_NOTHING = object()


def _value(part: Part, errors: dict[str, str]) -> Any:
    match part.kind:
        case Kind.OBJECT:
            if not part.is_there:
                return _NOTHING
            found = {each.name: _value(each, errors) for each in part.parts}
            return {name: value for name, value in found.items() if value is not _NOTHING}
        case Kind.LIST:
            if not part.parts and not part.is_required:
                return _NOTHING
            items = [_value(each, errors) for each in part.parts]
            return [value for value in items if value is not _NOTHING]
        case _:
            text = part.value if part.kind is Kind.TEXT else part.value.strip()
            if not text:
                if part.is_required:
                    errors[part.path] = MISSING
                return _NOTHING
            wrong, value = _leaf(part, text)
            if wrong:
                errors[part.path] = wrong
            return value


def _leaf(part: Part, text: str) -> tuple[str, Any]:
    match part.kind:
        case Kind.CHOICE:
            return ("" if text in part.options else NOT_A_CHOICE), text
        case Kind.FLAG:
            return ("" if text in ("true", "false") else NOT_A_CHOICE), text == "true"
        case Kind.WHOLE | Kind.NUMBER:
            return _number(part, text)
        case Kind.MOMENT:
            try:
                is_exact = datetime.fromisoformat(text).tzinfo is not None
            except ValueError:
                is_exact = False
            return ("" if is_exact else NOT_A_MOMENT), text
        case _:
            too_long = part.max_length is not None and len(text) > part.max_length
            return (TOO_LONG if too_long else ""), text


def _number(part: Part, text: str) -> tuple[str, int | float]:
    is_whole = re.fullmatch(r"[+-]?\d{1,30}", text, re.ASCII) is not None
    if part.kind is Kind.WHOLE and not is_whole:
        return NOT_WHOLE, 0
    try:
        value = int(text) if is_whole else float(Decimal(text))
    except (InvalidOperation, OverflowError, ValueError):
        return NOT_A_NUMBER, 0
    if value != value or value in (float("inf"), float("-inf")):
        return NOT_A_NUMBER, 0
    if part.minimum is not None and value < part.minimum:
        return TOO_SMALL, value
    if part.maximum is not None and value > part.maximum:
        return TOO_LARGE, value
    return "", value


def _fill(root: Schema, schema: Schema, path: str, value: Any, sent: dict[str, str]) -> None:
    schema = _resolved(root, schema)
    if isinstance(value, Mapping):
        if path:
            sent[f"has.{path}"] = "1"
        for key, inner in schema.get("properties", {}).items():
            if key in value and key != _LEFT_OUT:
                _fill(root, inner, f"{path}.{key}" if path else key, value[key], sent)
    elif isinstance(value, list) and "items" in schema:
        sent[f"n.{path}"] = str(len(value))
        for place, item in enumerate(value):
            _fill(root, schema["items"], f"{path}.{place}", item, sent)
    elif isinstance(value, bool):
        sent[f"f.{path}"] = "true" if value else "false"
    elif value is not None:
        sent[f"f.{path}"] = str(value)


# ------------------------------------------------------------------------------------ steps


def _is_within(name: str, path: str) -> bool:
    return name.partition(".")[2].startswith(f"{path}.") or name == f"n.{path}"


def _without_item(sent: Mapping[str, str], holder: str, place: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in sent.items():
        kind, _, path = name.partition(".")
        if not path.startswith(f"{holder}."):
            found[name] = value
            continue
        at, dot, rest = path.removeprefix(f"{holder}.").partition(".")
        number = _count(at, -1)
        if number == place:
            continue
        if number > place:
            at = str(number - 1)
        found[f"{kind}.{holder}.{at}{dot}{rest}"] = value
    count = _count(sent.get(f"n.{holder}"), 1)
    return {**found, f"n.{holder}": str(max(0, count - 1))}
