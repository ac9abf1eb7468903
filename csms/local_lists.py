"""Local authorisation lists: what a station should hold, what it holds, and what to send next.

A station decides by its list while it cannot ask. What it should hold is derived from the tokens
each time; what it holds is known from what it accepted. The next message follows from both, so
that an update may be cut off anywhere and goes on from there. A message is full where nothing
certain is known, or where a differential would be longer; what does not fit into one message
follows in differentials, each with a version of its own, since a station refuses one that does not
rise.

Sources: OCPP 1.6 edition 2, sections 3.5.2, 5.10, 5.15 and 9.3; OCPP 2.0.1 part 2, D01 and D02,
LocalAuthListCtrlr.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from csms.reports import OcppVersion
from foundation.identifiers import normalised_token

UNSUPPORTED: Final = -1
"""The version that a 1.6 station names that has no local lists."""
_LONGEST: Final = {OcppVersion.V16: 20, OcppVersion.V201: 36, OcppVersion.V21: 255}
"""Characters of a token or a group."""
_TYPES_201: Final = frozenset(
    {"Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress"}
)
USUAL_ITEMS: Final = 50
"""How many entries are sent in one message where the station never said how many it takes."""
LARGEST_VERSION: Final = 2**31 - 1

_AROUND: Final = 200
"""Bytes that a frame has beside its entries."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list says of a token; `type` and `group_type` are None in 1.6, which has none."""

    id_token: str
    type: str | None
    status: str = "Accepted"
    group_id: str | None = None
    expires_at: datetime | None = None

    @property
    def key(self) -> str:
        """What tokens are compared by."""
        return normalised_token(self.id_token)


Entries = Mapping[str, Entry]
"""By the tokens' keys."""


@dataclass(frozen=True, slots=True)
class Known:
    """A token as it is known here; only those that are accepted and belong there are given."""

    id_token: str
    type: str
    group_id: str | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a station takes: entries in all, entries and bytes in a message; None: it never said."""

    entries: int | None = None
    items: int | None = None
    octets: int | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a station should hold, and the tokens that find no place on it."""

    entries: Entries
    unfit: int = 0
    """Those that cannot be written in the station's version."""
    too_many: int = 0
    """Those beyond the length of its list; the last in the order of their keys."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a station holds by our books.

    Attributes:
        version: Of its list; None: nobody knows. `UNSUPPORTED`: it has no lists.
        entries: What is on it, if `is_known`.
        is_known: Whether that is all that is on it.
        last_version: The highest that was ever sent or told: none is used again.
    """

    version: int | None = None
    entries: Entries = field(default_factory=dict)
    is_known: bool = False
    last_version: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What a station lacks, has otherwise, and has too much, each by the tokens' keys."""

    added: Sequence[str]
    changed: Sequence[str]
    removed: Sequence[str]

    def __len__(self) -> int:
        return len(self.added) + len(self.changed) + len(self.removed)


@dataclass(frozen=True, slots=True)
class Message:
    """A SendLocalList, whatever its version; removed tokens stand in `entries` with None."""

    version: int
    is_full: bool
    entries: Sequence[tuple[Entry, bool]]
    """With whether the token is to be on the list; False: it is to be removed."""


# --------------------------------------------------------------------------------- deriving


def wanted(
    tokens: Iterable[Known], limits: Limits, *, version: OcppVersion, now: datetime
) -> Wanted:
    """Return what a station should hold, in the order of the tokens' keys.

    A token that has expired is left out, as is one that cannot be written in the station's
    version. A group that cannot is left out of its entry.

    Args:
        tokens: Those that are accepted and belong on the station's list.
        limits: What the station takes.
        version: What it speaks.
        now: The moment.
    """
    entries: dict[str, Entry] = {}
    unfit, longest, is_16 = 0, _LONGEST[version], version is OcppVersion.V16
    for each in tokens:
        if each.valid_until is not None and each.valid_until <= now:
            continue
        is_unknown = version is OcppVersion.V201 and each.type not in _TYPES_201
        if len(each.id_token) > longest or is_unknown:
            unfit += 1
            continue
        group = each.group_id if each.group_id and len(each.group_id) <= longest else None
        until = None if each.valid_until is None else _whole_second(each.valid_until)
        entry = Entry(each.id_token, None if is_16 else each.type, "Accepted", group, until)
        entries[entry.key] = entry
    ordered = sorted(entries)
    kept = ordered if limits.entries is None else ordered[: limits.entries]
    return Wanted({key: entries[key] for key in kept}, unfit, len(ordered) - len(kept))


def difference(held: Entries, should: Entries) -> Difference:
    """Return what has to be told so that a station holds what it should."""
    return Difference(
        [key for key in sorted(should) if key not in held],
        [key for key in sorted(should) if key in held and held[key] != should[key]],
        [key for key in sorted(held) if key not in should],
    )


def next_message(held: Held, should: Entries, limits: Limits) -> Message | None:
    """Return what to send next; None where the station holds what it should.

    Tokens are removed before others are added, so that the list never grows beyond its length.
    """
    if held.is_known and held.version is not None:
        differs = difference(held.entries, should)
        if not len(differs):
            return None
        is_full = len(differs) >= len(should) or held.last_version >= LARGEST_VERSION
    else:
        differs, is_full = None, True
    version = held.last_version + 1 if held.last_version < LARGEST_VERSION else 1
    if is_full or differs is None:
        items = [(should[key], True) for key in sorted(should)]
    else:
        items = [(held.entries[key], False) for key in differs.removed]
        items += [(should[key], True) for key in (*differs.changed, *differs.added)]
    return Message(version, is_full, _first(items, limits))


def _first(items: Sequence[tuple[Entry, bool]], limits: Limits) -> Sequence[tuple[Entry, bool]]:
    """Return as many entries as one message takes; one where even that is too long."""
    most = max(1, USUAL_ITEMS if limits.items is None else limits.items)
    taken: list[tuple[Entry, bool]] = []
    size = _AROUND
    for entry, stays in items[:most]:
        size += len(msgspec.json.encode(_written(entry, stays=stays))) + 1
        if taken and limits.octets is not None and size > limits.octets:
            break
        taken.append((entry, stays))
    return taken


# ----------------------------------------------------------------------------------- writing


def payload_of(message: Message, *, is_16: bool) -> dict[str, Any]:
    """Return the payload of a SendLocalList in the station's version; an empty list is left out."""
    payload: dict[str, Any] = {
        "listVersion" if is_16 else "versionNumber": message.version,
        "updateType": "Full" if message.is_full else "Differential",
    }
    if message.entries:
        payload["localAuthorizationList"] = [
            _written(entry, stays=stays) for entry, stays in message.entries
        ]
    return payload


def _written(entry: Entry, *, stays: bool) -> dict[str, Any]:
    until = None if entry.expires_at is None else entry.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    info: dict[str, Any] = {"status": entry.status}
    if entry.type is None:
        written: dict[str, Any] = {"idTag": entry.id_token}
        info |= {"parentIdTag": entry.group_id, "expiryDate": until}
    else:
        written = {"idToken": {"idToken": entry.id_token, "type": entry.type}}
        group = None if entry.group_id is None else {"idToken": entry.group_id, "type": "Central"}
        info |= {"groupIdToken": group, "cacheExpiryDateTime": until}
    if stays:
        name = "idTagInfo" if entry.type is None else "idTokenInfo"
        written[name] = {each: value for each, value in info.items() if value is not None}
    return written


# ----------------------------------------------------------------------------------- keeping


def taken(held: Held, payload: Mapping[str, Any]) -> Held:
    """Return what a station holds after it accepted a SendLocalList, whoever sent it.

    A differential to a list that nobody knows leaves it unknown, and so does what was sent past
    the schema.
    """
    version = _integer(payload.get("listVersion", payload.get("versionNumber")))
    if version is None:
        return replace(held, version=None, is_known=False)
    last = max(held.last_version, version)
    listed = payload.get("localAuthorizationList") or []
    read = [_read(each) for each in listed] if isinstance(listed, list) else [None]
    is_full = payload.get("updateType") == "Full"
    if any(each is None for each in read) or not (is_full or held.is_known):
        return Held(version, {}, is_known=False, last_version=last)
    entries = {} if is_full else dict(held.entries)
    for each in read:
        assert each is not None
        entry, stays = each
        if stays:
            entries[entry.key] = entry
        else:
            entries.pop(entry.key, None)
    return Held(version, entries, is_known=True, last_version=last)


def told(held: Held, version: int) -> Held:
    """Return what a station holds when it says which version its list has.

    Another version than ours means that it lost the list, or had it from somebody else. 0 is an
    empty list, whatever was sent.
    """
    last = max(held.last_version, version)
    if version in (0, UNSUPPORTED):
        return Held(version, {}, is_known=True, last_version=last)
    if held.is_known and held.version == version:
        return replace(held, last_version=last)
    return Held(version, {}, is_known=False, last_version=last)


def doubted(held: Held) -> Held:
    """Return what a station holds after it refused an update: nobody knows."""
    return replace(held, entries={}, is_known=False)


def _read(entry: Any) -> tuple[Entry, bool] | None:
    """Return an entry as it was written, and whether it is on the list; None for no entry."""
    if not isinstance(entry, Mapping):
        return None
    token, info = entry.get("idTag", entry.get("idToken")), None
    type_ = None
    if isinstance(token, Mapping):
        type_, token = token.get("type"), token.get("idToken")
    if not isinstance(token, str) or not (type_ is None or isinstance(type_, str)):
        return None
    info = entry.get("idTagInfo", entry.get("idTokenInfo"))
    if info is None:
        return Entry(token, type_), False
    if not isinstance(info, Mapping):
        return None
    group = info.get("parentIdTag", info.get("groupIdToken"))
    if isinstance(group, Mapping):
        group = group.get("idToken")
    until = _moment(info.get("expiryDate", info.get("cacheExpiryDateTime")))
    status = str(info.get("status"))
    return Entry(token, type_, status, group if isinstance(group, str) else None, until), True


def _integer(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and abs(value) <= LARGEST_VERSION else None


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def _whole_second(at: datetime) -> datetime:
    """As it is written: some stations refuse fractions."""
    return at.astimezone(UTC).replace(microsecond=0)
