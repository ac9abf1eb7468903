"""A call that a station cannot take whole, in pieces; and the answers to these as one.

A station says how many items and how many bytes it takes in one message. What is longer is asked
in several calls, one after the other: whoever asked sees one command with one answer.

Source: OCPP 2.0.1 part 2, DeviceDataCtrlr and MonitoringCtrlr (ItemsPerMessage, BytesPerMessage);
OCPP 1.6 section 9.1.7 (GetConfigurationMaxKeys).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Raw

_AROUND: Final = 100
"""Bytes that a frame has beside its list: type, id, action, brackets."""

_LISTS: Final = {
    "GetVariables": ("getVariableData", ("getVariableResult",)),
    "SetVariables": ("setVariableData", ("setVariableResult",)),
    "SetVariableMonitoring": ("setMonitoringData", ("setMonitoringResult",)),
    "ClearVariableMonitoring": ("id", ("clearMonitoringResult",)),
    "GetConfiguration": ("key", ("configurationKey", "unknownKey")),
}
"""By action the list that can be taken apart, and those of its answers."""

DIVISIBLE: Final = frozenset(_LISTS)
"""Actions that mean the same in several calls."""


@dataclass(frozen=True, slots=True)
class Most:
    """What a station takes in one message; None: it never said."""

    items: int | None = None
    octets: int | None = None


def pieces(action: str, payload: bytes, most: Most) -> list[bytes]:
    """Return the payloads to send, one after the other; the payload itself where it fits.

    An item that is too long alone is sent alone: the station says what it thinks of it.

    Args:
        action: By its OCPP name.
        payload: Its JSON.
        most: What the station takes.
    """
    if action not in _LISTS or (most.items is None and most.octets is None):
        return [payload]
    name, _ = _LISTS[action]
    try:
        said = msgspec.json.decode(payload, type=dict[str, Raw])
        items = msgspec.json.decode(said[name], type=list[Raw]) if name in said else []
    except msgspec.DecodeError:
        return [payload]  # written by hand, past the schema
    groups: list[list[Raw]] = []
    size = 0
    for item in items:
        length = len(bytes(item)) + 1
        is_full = not groups or (most.items is not None and len(groups[-1]) >= max(1, most.items))
        is_long = most.octets is not None and size + length > most.octets - _AROUND
        if is_full or is_long:
            groups.append([])
            size = 0
        groups[-1].append(item)
        size += length
    if len(groups) <= 1:
        return [payload]
    return [msgspec.json.encode(said | {name: Raw(msgspec.json.encode(group))}) for group in groups]


def joined(action: str, answers: Sequence[bytes]) -> bytes:
    """Return the answers to the pieces of a call as the one answer to the whole.

    One that is no object is returned alone: it says nothing that could be put beside others.
    """
    whole: dict[str, Raw] = {}
    lists: dict[str, list[Raw]] = {}
    for answer in answers:
        try:
            said = msgspec.json.decode(answer, type=dict[str, Raw])
            for name in _LISTS[action][1]:
                if name in said:
                    items = msgspec.json.decode(said.pop(name), type=list[Raw])
                    lists.setdefault(name, []).extend(items)
        except msgspec.ValidationError:
            return answer
        whole |= said
    return msgspec.json.encode(
        whole | {name: Raw(msgspec.json.encode(items)) for name, items in lists.items()}
    )
