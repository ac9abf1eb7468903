"""Frames as stations write them at their worst, without end: from the schemas, with a seed.

Each is wrong in one of the ways that frames are wrong: values of another kind, parts that are
missing, doubled or swapped, broken JSON, broken text, answers to nothing, the same id again.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from csms.ocpp import generate
from csms.ocpp.actions import FROM_STATION
from csms.reports import OcppVersion
from tests.csms.ocpp.schema_samples import Samples

FOLDERS: Final = {OcppVersion.V16: "v16", OcppVersion.V201: "v201", OcppVersion.V21: "v21"}
_ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    2**63,
    10**40,
    1e308,
    "",
    " ",
    "\0",
    "\ud800",
    "\N{GRINNING FACE}" * 300,
    "x" * 5000,
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z",
    [],
    {},
    [[[[]]]],
)


@dataclass(frozen=True, slots=True)
class Nonsense:
    """A frame; `id` is that of a call that must be answered exactly once, if it is one."""

    text: str
    id: str | None


def actions(version: OcppVersion) -> dict[str, Any]:
    """Return a whole payload of each action that a station sends."""
    return {
        action: Samples(schema, set()).largest()
        for action, is_response, schema in generate.schemas(FOLDERS[version])
        if not is_response and action in FROM_STATION[version]
    }


def changed(rng: random.Random, value: Any) -> Any:
    """Return a payload with one part of it changed, somewhere."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(list(value))
        match rng.randrange(6):
            case 0:
                return {key: each for key, each in value.items() if key != name}
            case 1:
                return value | {name.swapcase(): rng.choice(_ODD)}
            case _:
                return value | {name: changed(rng, value[name])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], changed(rng, value[place]), *value[place:]]
    return rng.choice(_ODD)


def frames(version: OcppVersion, seed: int) -> Iterator[Nonsense]:
    """Yield frames without end."""
    rng = random.Random(f"{version} {seed}")
    known = actions(version)
    names = sorted(known)
    number = 0
    while True:
        number += 1
        message_id = f"{seed}-{number:06}"  # no broken one reads like another
        action = rng.choice(names)
        payload = known[action]
        for _ in range(rng.randrange(4)):
            payload = changed(rng, payload)
        text = json.dumps([2, message_id, action, payload])
        match rng.randrange(10):
            case 0:
                yield Nonsense(_broken(rng, text), None)
            case 1:
                yield Nonsense(json.dumps(_misshapen(rng, message_id, action, payload)), None)
            case _:
                yield Nonsense(text, message_id)


def _broken(rng: random.Random, text: str) -> str:
    """Return a text with some letters lost, doubled or swapped; it may still be a frame."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text = (
            text[:at]
            + rng.choice(["", "}", "]", '"', "\\", ",", "[" * 200, text[:at]])
            + text[at + rng.randrange(3) :]
        )
    return text[:200_000]


def _misshapen(rng: random.Random, message_id: str, action: str, payload: Any) -> Any:
    return rng.choice(
        [
            [2, "broken", action],
            [2, message_id * 100, action, payload],
            [2, 17, action, payload],
            [2, "again", action, payload],
            [2, "unknown", "Make" + action, payload],
            [3, message_id, payload],
            [4, message_id, "GenericError", "", payload],
            [5, message_id, "GenericError", "", payload],
            [6, message_id, action, payload],
            [9, message_id],
            [],
            {},
            payload,
        ]
    )
