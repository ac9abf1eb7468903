"""The audit: who did what to what, before and after, from where, by which order.

Append-only: the database refuses every change of an entry. Each organisation has a chain, and
what concerns none has one of its own; an entry's hash is SHA-256 over the hash before it, its
number and its content as canonical JSON, so that a changed, missing or inserted entry is found.
The database forges the link when the unit of work commits: nobody waits for a chain longer than a
commit takes.

Whoever can rewrite the whole chain can rewrite it whole; `head` gives what to keep elsewhere.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, Self

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.tables import AuditEntryRow, AuditHeadRow
from foundation.identifiers import OrganisationKey
from foundation.statements import Asked, write

Door = Literal["portal", "api", "mqtt", "cli", "system"]
"""Through what somebody came in."""

WHOLE_CHAIN = "*"
"""The chain of what concerns no single organisation; no key has this character."""

_MASK = "********"
_SECRET = re.compile(
    r"password|secret|api_?key|private_?key|authorization_?key|pin$", re.IGNORECASE
)
_LONGEST_TEXT = 4000
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something, and from where; `id` as in `person/7`, `api_key/3`, `cli/erika`."""

    id: str
    name: str
    door: Door
    address: str | None


SYSTEM = Actor("system", "Leitstand", "system", None)
"""The program by itself, under a setting that somebody switched on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done; `number` counts within the chain, from 1."""

    id: int
    chain: str
    number: int
    at: datetime
    actor: Actor
    deed: str
    subject: str
    order: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    hash: str

    @property
    def organisation(self) -> OrganisationKey | None:
        """Whose chain it stands in."""
        return None if self.chain == WHOLE_CHAIN else OrganisationKey(self.chain)

    @classmethod
    def of(cls, row: AuditEntryRow) -> Self:
        """Return what the row says."""
        content = json.loads(row.content)
        return cls(
            id=row.id,
            chain=row.chain,
            number=row.number or 0,
            at=row.at,
            actor=Actor(row.actor, row.actor_name, _door(row.door), row.address),
            deed=row.deed,
            subject=row.subject,
            order=row.change_order,
            before=content["before"],
            after=content["after"],
            hash="" if row.hash is None else row.hash.hex(),
        )


def _door(written: str) -> Door:
    for door in ("portal", "api", "mqtt", "cli"):
        if written == door:
            return door
    return "system"


async def record(
    db: AsyncSession,
    actor: Actor,
    deed: str,
    subject: str,
    *,
    organisation: OrganisationKey | None,
    before: object = None,
    after: object = None,
    order: str | None = None,
    now: datetime,
) -> None:
    """Write an entry in the caller's unit of work: it stays if, and only if, the deed does.

    Of `before` and `after` only what differs is kept (all of it where just one is given), with
    passwords, keys and secrets masked. Both may be mappings or dataclasses.

    Args:
        db: The unit of work of the deed.
        actor: Who did it.
        deed: What, as in `station.change`.
        subject: To what, as in `station/CS-1`.
        organisation: Whose chain it belongs to; None: it concerns the whole installation.
        before: What was.
        after: What is now.
        order: The change order it rests on.
        now: The moment of the deed.
    """
    was, is_now = differences(before, after)
    chain = WHOLE_CHAIN if organisation is None else str(organisation)
    row: dict[str, Any] = {
        "chain": chain,
        "at": now,
        "actor": actor.id,
        "actor_name": _storable(actor.name),
        "door": actor.door,
        "address": actor.address,
        "deed": deed,
        "subject": _storable(subject),
        "change_order": None if order is None else _storable(order),
    }
    content = _canonical({**row, "before": was, "after": is_now})
    await write(db, Asked(_RECORD, [*row.values(), content], len))


_RECORD = """
insert into audit_entries (chain, at, actor, actor_name, door, address, deed, subject,
    change_order, content)
values (%b::text, %b::timestamptz, %b::text, %b::text, %b::text, %b::text, %b::text, %b::text,
    %b::text, %b::text)
"""


def differences(before: object, after: object) -> tuple[Any, Any]:
    """Return what differs, as JSON with secrets masked; everything, if just one is given."""
    was, is_now = _plain(before), _plain(after)
    if not isinstance(was, dict) or not isinstance(is_now, dict):
        return masked(was), masked(is_now)
    missing = object()
    names = [
        name for name in {**was, **is_now} if was.get(name, missing) != is_now.get(name, missing)
    ]
    return (
        masked({name: was[name] for name in names if name in was}),
        masked({name: is_now[name] for name in names if name in is_now}),
    )


def masked(value: Any, name: str = "") -> Any:
    """Return JSON with the values of whatever is named like a secret replaced."""
    if value is not None and not isinstance(value, bool) and _SECRET.search(name):
        return _MASK
    if isinstance(value, dict):
        # OCPP names a setting beside its value: {"key": "AuthorizationKey", "value": "…"}.
        named = str(value.get("key", "")) if "value" in value else ""
        return {
            each: masked(inner, named if each == "value" and named else each)
            for each, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(each, name) for each in value]
    return value


def _plain(value: Any) -> Any:
    """Return a value as JSON: moments in UTC, exact numbers as texts, no NUL, nothing endless."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return _plain(value.value)
        case str():
            return _storable(value)
        case datetime():
            return _moment(value)
        case date():
            return value.isoformat()
        case Decimal() | float():
            return str(value)
        case bytes():
            return f"{len(value)} bytes"
        case Mapping():
            return {_storable(str(each)): _plain(inner) for each, inner in value.items()}
        case frozenset() | set():
            return sorted((_plain(each) for each in value), key=str)
        case Sequence():
            return [_plain(each) for each in value]
    return _storable(str(value))


def _storable(text: str) -> str:
    kept = text.replace("\x00", "").encode("utf-8", "replace").decode()
    return kept if len(kept) <= _LONGEST_TEXT else f"{kept[:_LONGEST_TEXT]}… ({len(kept)})"


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _canonical(content: Mapping[str, Any]) -> str:
    """Return canonical JSON: sorted names, no space, moments as texts.

    Source: after RFC 8785; its rules for numbers are not needed, since there are only integers.
    """
    plain = {
        name: _moment(value) if isinstance(value, datetime) else value
        for name, value in content.items()
    }
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# ---------------------------------------------------------------------------- checking


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry of a chain that is not as it was written; 0: the head itself."""

    chain: str
    number: int
    reason: str


async def chains(db: AsyncSession) -> list[str]:
    """Return the names of all chains."""
    found = await db.scalars(
        select(AuditHeadRow.chain).union(select(AuditEntryRow.chain)).order_by("chain")
    )
    return list(found)


async def verify(db: AsyncSession, organisation: OrganisationKey | None) -> Broken | None:
    """Walk a chain from its beginning; return the first entry that is not as it was written.

    Finds changed, removed, inserted and exchanged entries, and ones cut off at the end.
    """
    chain = WHOLE_CHAIN if organisation is None else str(organisation)
    return await verify_chain(db, chain)


async def verify_chain(db: AsyncSession, chain: str) -> Broken | None:
    """`verify`, by the chain's name."""
    # The head first: entries that are added meanwhile lie behind it and are left for next time.
    head = await db.get(AuditHeadRow, chain, populate_existing=True)
    last, previous = 0, b""
    async for row in _walk(db, chain):
        if head is not None and row.number is not None and row.number > head.number:
            break
        number = last + 1
        if row.number != number:
            return Broken(chain, number, f"Entry {number} is missing.")
        if row.previous != previous or row.hash != _forged(previous, number, row.content):
            return Broken(chain, number, f"Entry {number} was changed.")
        if _canonical_of(row) != row.content:
            return Broken(chain, number, f"Entry {number} was changed beside its content.")
        last, previous = number, row.hash
    unlinked = await db.scalar(
        select(AuditEntryRow.id)
        .where(AuditEntryRow.chain == chain, AuditEntryRow.number.is_(None))
        .limit(1)
    )
    if unlinked is not None:
        return Broken(chain, last + 1, "An entry was written past the chain.")
    if (last, previous) == (0, b"") and head is None:
        return None
    if head is None or (head.number, head.hash) != (last, previous):
        return Broken(chain, last + 1, f"The chain does not end with entry {last}.")
    return None


async def _walk(db: AsyncSession, chain: str) -> AsyncIterator[AuditEntryRow]:
    last = 0
    while True:
        rows = await db.scalars(
            select(AuditEntryRow)
            .where(AuditEntryRow.chain == chain, AuditEntryRow.number > last)
            .order_by(AuditEntryRow.number)
            .limit(_PAGE)
            .execution_options(populate_existing=True)
        )
        found = list(rows)
        for row in found:
            yield row
        if len(found) < _PAGE or found[-1].number is None:
            return
        last = found[-1].number
        for row in found:
            db.expunge(row)


def _forged(previous: bytes, number: int, content: str) -> bytes:
    return hashlib.sha256(previous + f"{number}\n{content}".encode()).digest()


def _canonical_of(row: AuditEntryRow) -> str | None:
    """Return what the content must be, by the columns that are searched."""
    try:
        said = json.loads(row.content)
        return _canonical(
            {
                "chain": row.chain,
                "at": row.at,
                "actor": row.actor,
                "actor_name": row.actor_name,
                "door": row.door,
                "address": row.address,
                "deed": row.deed,
                "subject": row.subject,
                "change_order": row.change_order,
                "before": said["before"],
                "after": said["after"],
            }
        )
    except (ValueError, KeyError, TypeError):
        return None


# ---------------------------------------------------------------------------- reading


async def entries(
    db: AsyncSession,
    organisations: frozenset[OrganisationKey] | None,
    *,
    who: str | None = None,
    by_name: bool = False,
    deed: str | None = None,
    subject: str | None = None,
    door: str | None = None,
    text: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Return entries, the newest first.

    Args:
        db: The unit of work.
        organisations: Whose; None: all, and what concerns no single one.
        who: The actor's id, or a part of his name.
        by_name: Whether `who` looks at names, which not everybody may learn.
        deed: The deed, or its beginning up to the dot, as in `station`.
        subject: The subject as written.
        door: Only those through this door.
        text: A part of the subject, the deed, or what was before and after.
        since: Only those at this moment or later.
        until: Only those before this.
        before: Only those with a smaller id: the next page.
        limit: How many at most.
    """
    query = select(AuditEntryRow).where(AuditEntryRow.number.is_not(None))
    if organisations is not None:
        query = query.where(AuditEntryRow.chain.in_([*map(str, organisations)]))
    if who:
        named = AuditEntryRow.actor_name.icontains(who, autoescape=True)
        query = query.where(or_(AuditEntryRow.actor == who, *([named] if by_name else ())))
    if deed:
        query = query.where(
            or_(
                AuditEntryRow.deed == deed,
                AuditEntryRow.deed.startswith(f"{deed}.", autoescape=True),
            )
        )
    if subject:
        query = query.where(AuditEntryRow.subject == subject)
    if door:
        query = query.where(AuditEntryRow.door == door)
    if text:
        query = query.where(AuditEntryRow.content.icontains(text, autoescape=True))
    if since is not None:
        query = query.where(AuditEntryRow.at >= since)
    if until is not None:
        query = query.where(AuditEntryRow.at < until)
    if before is not None:
        query = query.where(AuditEntryRow.id < before)
    rows = await db.scalars(query.order_by(AuditEntryRow.id.desc()).limit(limit))
    return [Entry.of(row) for row in rows]


async def head(db: AsyncSession, chain: str) -> tuple[int, str] | None:
    """Return the number and hash of a chain's last entry: worth keeping in another place."""
    row = await db.get(AuditHeadRow, chain, populate_existing=True)
    return None if row is None else (row.number, row.hash.hex())
