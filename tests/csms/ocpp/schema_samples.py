"""Payloads made from a JSON schema: valid ones, and each with one thing changed."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Schema = dict[str, Any]
Wrap = Callable[[Any], Any]

MOMENT = "2026-10-15T12:00:00Z"
_NOTHING: tuple[Any, ...] = (None, {}, [], "", "x", 1, -1, 1.5, True)


class Samples:
    """The payloads of one schema. `seen` holds the definitions that were walked already."""

    def __init__(self, schema: Schema, seen: set[str]) -> None:
        self.schema = schema
        self._seen = seen

    def _resolved(self, node: Schema) -> Schema:
        if "$ref" in node:
            found: Schema = self.schema["definitions"][node["$ref"].rsplit("/", 1)[1]]
            return found
        return node

    def smallest(self, node: Schema | None = None) -> Any:
        """Return a valid value with nothing optional in it."""
        return self._valid(self.schema if node is None else node, with_all=False)

    def largest(self) -> Any:
        """Return a valid payload with every field, however deep."""
        return self._valid(self.schema, with_all=True)

    def _valid(self, node: Schema, with_all: bool) -> Any:
        node = self._resolved(node)
        kind = node.get("type")
        if kind == "object":
            required = node.get("required", [])
            return {
                name: self._valid(part, with_all)
                for name, part in node.get("properties", {}).items()
                if with_all or name in required
            }
        if kind == "array":
            return [self._valid(node["items"], with_all)] * max(1, node.get("minItems", 1))
        if "enum" in node:
            return node["enum"][0]
        if kind == "string":
            return MOMENT if node.get("format") == "date-time" else "x"
        if kind == "boolean":
            return True
        bounds = [node[word] for word in ("minimum", "maximum") if word in node]
        return int(bounds[0]) if bounds else 1

    def variations(self) -> Iterator[Any]:
        """Yield payloads with one value changed each, some of them valid."""
        yield from ([], "x", None, 1)
        yield from self._varied(self.schema, lambda value: value)

    def _varied(self, node: Schema, wrap: Wrap) -> Iterator[Any]:
        if "$ref" in node:
            if node["$ref"] in self._seen:
                return
            self._seen.add(node["$ref"])
            node = self._resolved(node)
        if node.get("type") == "array":
            yield from self._varied(node["items"], lambda value: wrap([value]))
        if node.get("type") != "object":
            return
        base = self.smallest(node)
        yield wrap(base)
        yield wrap(base | {"unexpected": 1})
        for name, part in node.get("properties", {}).items():
            yield wrap({key: value for key, value in base.items() if key != name})
            for value in self._values(self._resolved(part)):
                yield wrap(base | {name: value})
            yield from self._varied(part, _within(base, name, wrap))

    def _values(self, node: Schema) -> Iterator[Any]:
        kind = node.get("type")
        yield from _NOTHING
        if kind == "object":
            yield self.smallest(node)
        elif kind == "array":
            item = self.smallest(node["items"])
            for count in (1, node.get("minItems", 1) + 1, node.get("maxItems", 2)):
                yield [item] * count
            yield [item] * (node.get("maxItems", 3) + 1)
            yield [None]
        elif "enum" in node:
            yield from node["enum"]
            yield node["enum"][0].lower()
            yield node["enum"][0] + " "
        elif node.get("format") == "date-time":
            yield from MOMENTS
            yield from NOT_MOMENTS
        elif kind == "string":
            longest = node.get("maxLength", 8)
            for letter in ("x", "ä", "\N{GRINNING FACE}", '"'):
                yield letter * longest
                yield letter * (longest + 1)
        elif kind in ("integer", "number"):
            yield from (0, 2**31, 2**63 - 1, 2**63, -(2**63), 10**25, "1", "1.5", "NaN")
            yield from (0.1, 21.4, 0.05, -0.3, 1e-7, 99.999)
            for word in ("minimum", "maximum"):
                if word in node:
                    yield from (int(node[word]) + step for step in (-1, 0, 1))


def _within(base: dict[str, Any], name: str, wrap: Wrap) -> Wrap:
    return lambda value: wrap(base | {name: value})


MOMENTS = (
    "2026-10-15T12:00:00Z",
    "2024-02-29T23:59:59.999Z",
    "2026-10-15T12:00:00+02:00",
    "2026-10-15T12:00:00.123456-11:30",
    "2026-10-15t12:00:00z",
    "0001-01-01T00:00:00Z",
)
"""Date-times by RFC 3339."""

NOT_MOMENTS = (
    "2026-10-15T12:00:00",
    "2026-10-15",
    "2026-10-15T12:00Z",
    "2026-10-15T12:00:00+02",
    "2026-02-29T12:00:00Z",
    "2026-10-15T24:00:00Z",
    "2026-10-15T12:00:00,5Z",
    " 2026-10-15T12:00:00Z",
    "15.10.2026 12:00:00",
    "1760529600",
)
"""Texts that a schema validator lets pass where it does not check date-times."""


def payloads(schema: Schema) -> st.SearchStrategy[Any]:
    """Return a strategy of valid payloads, as `json.loads` would give them."""

    def of(node: Schema) -> st.SearchStrategy[Any]:
        if "$ref" in node:
            node = schema["definitions"][node["$ref"].rsplit("/", 1)[1]]
        kind = node.get("type")
        if kind == "object":
            parts = node.get("properties", {})
            required = node.get("required", [])
            return st.fixed_dictionaries(
                {name: of(part) for name, part in parts.items() if name in required},
                optional={name: of(part) for name, part in parts.items() if name not in required},
            )
        if kind == "array":
            return st.lists(of(node["items"]), min_size=1, max_size=min(2, node.get("maxItems", 2)))
        if "enum" in node:
            return st.sampled_from(node["enum"])
        if kind == "string":
            if node.get("format") == "date-time":
                return st.sampled_from(MOMENTS)
            return st.text(max_size=min(12, node.get("maxLength", 12)))
        if kind == "boolean":
            return st.booleans()
        low, high = (node.get(word) for word in ("minimum", "maximum"))
        if kind == "integer":
            return st.integers(
                -(2**63) if low is None else int(low), 2**63 - 1 if high is None else int(high)
            )
        if kind == "number":
            tenths = st.integers(
                -(10**9) if low is None else int(low * 10),
                10**9 if high is None else int(high * 10),
            )
            return tenths.map(lambda count: Decimal(count) / 10)
        return st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8)

    return of(schema)
