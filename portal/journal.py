"""The journal as outsiders read it: the one place that says who sees which event.

The list of events, their stream, webhooks and the MQTT feed all read here. Every event is told
with the station and the organisation that it concerns: whoever does not see the organisation, or
lacks the permission for events of that kind, never hears of it.

An event of a transaction or command carries its owner; one of a station belongs to whoever owned
the station when it happened.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from accounts.permissions import Permission
from csms import watching
from foundation import events, outbox
from foundation.events import EVENTS, Event
from foundation.identifiers import OrganisationKey, StationId, TransactionId
from foundation.outbox import Cursor, JournalEntry
from portal.personal import without_personal

_FARTHEST_ID = 2**63 - 1
_CHUNK = 500

_NEEDED: tuple[tuple[type[Event], Permission], ...] = (
    (events.StationEvent, Permission.STATIONS_READ),
    (events.EvseEvent, Permission.STATIONS_READ),
    (events.TransactionEvent, Permission.TRANSACTIONS_READ),
    (events.CdrIssued, Permission.TRANSACTIONS_READ),
    (events.DriverConcerned, Permission.TRANSACTIONS_READ),
    (events.SettlementReported, Permission.TRANSACTIONS_READ),
    (events.CommandChanged, Permission.COMMANDS_READ),
    (events.StatementIssued, Permission.STATEMENTS_READ),
    (events.DocumentIssued, Permission.DOCUMENTS_READ),
    (events.AlertChanged, Permission.STATIONS_READ),
    (events.AccountApproved, Permission.ACCOUNTS_READ),
    (events.LicenceMonthBegan, Permission.ACCOUNTS_READ),
)
"""What else than to read events one must be permitted, by the kind of event."""

ABOUT_STATIONS = frozenset(
    kind
    for kind, event in EVENTS.items()
    if issubclass(event, (events.StationEvent, events.EvseEvent))
)
ABOUT_TRANSACTIONS = frozenset(
    kind
    for kind, event in EVENTS.items()
    if issubclass(event, (events.TransactionEvent, events.CdrIssued))
)


@dataclass(frozen=True, slots=True)
class Told:
    """An event with what it concerns; without an organisation it concerns the installation."""

    cursor: Cursor
    kind: str
    subject: str
    station: StationId | None
    organisation: OrganisationKey | None
    happened_at: datetime
    recorded_at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom events are told: what he sees of the installation, and of which kinds he may hear.

    Without `sees_personal` id tokens read as ****.
    """

    scope: Scope
    kinds: frozenset[str]
    sees_personal: bool = True

    def hears(self, told: Told) -> bool:
        """Tell whether the event is for him.

        Of a station that is shared with him he hears what happens to the station, and nothing of
        its sessions.
        """
        if told.kind not in self.kinds:
            return False
        if told.organisation is None:
            return self.scope.is_whole
        if told.station is not None and told.kind in ABOUT_STATIONS:
            if self.scope.covers(told.organisation):
                return True
            since = self.scope.shared_since.get(told.station)
            return since is not None and told.happened_at >= since
        return self.scope.covers(told.organisation)

    def shown(self, told: Told) -> Told:
        """Return the event as he may see it."""
        if self.sees_personal:
            return told
        return replace(told, payload=without_personal(told.payload))


def permitted_kinds(may: Callable[[Permission], bool]) -> frozenset[str]:
    """Return the kinds of events that somebody may hear of, who may do these things."""
    if not may(Permission.EVENTS_READ):
        return frozenset()
    return frozenset(
        kind
        for kind, event in EVENTS.items()
        if all(may(needed) for base, needed in _NEEDED if issubclass(event, base))
    )


async def read(
    db: AsyncSession, after: Cursor | None, *, kinds: Collection[str] = (), limit: int = 500
) -> list[Told]:
    """Return the events behind a place, whoever may see them: for those who then ask `hears`.

    Args:
        db: Shows no event that an older one may still appear before.
        after: The last event that was seen.
        kinds: Only these; none: all.
        limit: How many at most.
    """
    found = await outbox.journal_after(db, after, kinds=sorted(kinds), limit=limit)
    return await _told(db, found)


async def read_for(
    db: AsyncSession,
    audience: Audience,
    after: Cursor | None,
    *,
    kinds: Collection[str] = (),
    limit: int = 100,
    most: int = 5000,
) -> tuple[list[Told], Cursor | None]:
    """Return the events behind a place that somebody hears, and how far was looked.

    Args:
        db: As in `read`.
        audience: Who asks.
        after: The last event that was seen.
        kinds: Only these; none: all that he may hear of.
        limit: How many at most.
        most: After so many events of others the answer is given, be it empty.

    Returns:
        The events, and the place behind which to go on: that of the last event looked at.
    """
    wanted = audience.kinds & set(kinds) if kinds else audience.kinds
    found: list[Told] = []
    place, looked = after, 0
    while wanted and looked < most:
        size = min(_CHUNK, most - looked)
        chunk = await read(db, place, kinds=wanted, limit=size)
        for told in chunk:
            place = told.cursor
            looked += 1
            if audience.hears(told):
                found.append(audience.shown(told))
                if len(found) == limit:
                    return found, place
        if len(chunk) < size:
            break
    return found, place


async def one(db: AsyncSession, event_id: int) -> Told | None:
    """Return one event, whoever may see it; None if there is none, or none that is settled."""
    entry = await outbox.journal_entry(db, event_id)
    return None if entry is None else (await _told(db, [entry]))[0]


async def present(db: AsyncSession) -> Cursor:
    """The place in the journal behind which only what happens from now on is shown."""
    open_xid = await db.scalar(text("select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
    assert isinstance(open_xid, int)
    return Cursor(open_xid - 1, _FARTHEST_ID)


async def _told(db: AsyncSession, entries: Sequence[JournalEntry]) -> list[Told]:
    places = await watching.stations_of(
        db, {_transaction(each) for each in entries if each.kind == events.CdrIssued.kind}
    )
    stations = [_station(each, places) for each in entries]
    owners = await watching.owners_at(
        db,
        {
            (station, each.happened_at)
            for each, station in zip(entries, stations, strict=True)
            if station is not None and _owner(each) is None
        },
    )
    return [
        Told(
            each.cursor,
            each.kind,
            each.subject,
            station,
            _owner(each) or (None if station is None else owners.get((station, each.happened_at))),
            each.happened_at,
            each.recorded_at,
            each.payload,
        )
        for each, station in zip(entries, stations, strict=True)
    ]


def _station(entry: JournalEntry, places: Mapping[TransactionId, StationId]) -> StationId | None:
    named = entry.payload.get("station")
    if isinstance(named, str):
        return StationId(named)
    return places.get(_transaction(entry)) if entry.kind == events.CdrIssued.kind else None


def _transaction(entry: JournalEntry) -> TransactionId:
    return TransactionId(int(entry.payload["transaction_id"]))


def _owner(entry: JournalEntry) -> OrganisationKey | None:
    for name in ("owner", "payee", "organisation"):
        named = entry.payload.get(name)
        if isinstance(named, str):
            return OrganisationKey(named)
    return None
