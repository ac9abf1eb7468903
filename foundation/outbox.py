"""Events committed with the facts they tell of, and readers served in order.

`append` writes, in the caller's unit of work, the events to the journal and one delivery per
interested reader. `deliver` hands a reader its oldest waiting events and removes the deliveries in
the very unit of work in which the reader does its own writing: the effects happen exactly once, in
order per subject. A lane (hash of the subject) is guarded by an advisory lock, which ends with its
connection: a killed worker holds nothing.

An event that fails is tried again with growing pauses, then parked; it holds back the later ones
of its subject until a person runs or skips it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

import msgspec
import psycopg
import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from foundation import trips
from foundation.clock import Clock
from foundation.database import Database, DatabaseAway
from foundation.errors import Conflict, ExpectedError, Unavailable
from foundation.events import EVENTS, Event
from foundation.statements import Asked, ask, ask_last, together, write
from foundation.tables import DeliveryRow, JournalRow

log = structlog.get_logger(__name__)

LANES = 8
BATCH = 500
CHANNEL = "outbox"
_GATHER_S = 0.2
"""How long after a round the next one begins at the earliest."""
_PAUSES_S = (1, 5, 30, 120, 600)
"""How long to wait after each failed try; after the last the event is parked."""


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """An event on its way to one reader."""

    event_id: int
    event: Event
    recorded_at: datetime


Reader = Callable[[AsyncSession, Sequence[Delivery]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which kinds of events a reader wants, and what it does with them."""

    reader: str
    kinds: tuple[str, ...]
    handle: Reader


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the journal, in an order that never shows a gap that fills later."""

    xid: int
    event_id: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One event as outsiders read it."""

    cursor: Cursor
    kind: str
    subject: str
    happened_at: datetime
    recorded_at: datetime
    payload: dict[str, Any]


def routes(subscriptions: Sequence[Subscription]) -> Mapping[str, tuple[str, ...]]:
    """Return, for each kind of event, who reads it: what `Database` addresses events by."""
    kinds = {kind for subscription in subscriptions for kind in subscription.kinds}
    unknown = kinds - EVENTS.keys()
    assert not unknown, f"unknown kinds of events: {unknown}"
    return {
        kind: tuple(each.reader for each in subscriptions if kind in each.kinds) for kind in kinds
    }


_APPEND = """
with event as (
    insert into journal (xid, kind, subject, happened_at, recorded_at, payload)
    select pg_current_xact_id(), e.kind, e.subject, e.happened_at, %b::timestamptz,
        e.payload
    from unnest(%b::text[], %b::text[], %b::timestamptz[], %b::jsonb[])
        with ordinality as e (kind, subject, happened_at, payload, place)
    order by e.place
    returning id, kind, subject
), delivery as (
    insert into deliveries (reader, event_id, lane, subject, state, attempts, due_at)
    select r.reader, event.id, hashtext(event.subject) & %b::int, event.subject, 'waiting', 0,
        %b::timestamptz
    from event join unnest(%b::text[], %b::text[]) as r (kind, reader) using (kind)
    returning 1
)
select pg_notify('outbox', '') where exists (select 1 from delivery)
"""


_encode = msgspec.json.Encoder().encode


def appending(
    db: AsyncSession, events: Sequence[Event], *, recorded_at: datetime, is_delivered: bool = True
) -> Asked[Any]:
    """Ask that the events be written to the journal and addressed to their readers.

    Args:
        db: The unit of work that also writes the facts the events tell of.
        events: In the order in which their readers shall see them.
        recorded_at: Now, by the caller's clock.
        is_delivered: False for events that the writer knows to concern no reader of the house:
            they are only written to the journal, which outsiders read.
    """
    addressed = [
        (kind, reader)
        for kind in {event.kind for event in events if is_delivered}
        for reader in db.info.get("routes", {}).get(kind, ())
    ]
    return Asked(
        _APPEND,
        [
            recorded_at,
            [event.kind for event in events],
            [event.subject for event in events],
            [event.happened_at for event in events],
            [_encode(event) for event in events],
            LANES - 1,
            recorded_at,
            [kind for kind, _ in addressed],
            [reader for _, reader in addressed],
        ],
        len,
    )


async def append(db: AsyncSession, events: Sequence[Event], *, recorded_at: datetime) -> None:
    """Write the events to the journal and address them to their readers, as `appending`."""
    if events:
        await write(db, appending(db, events, recorded_at=recorded_at))


def event_from(kind: str, payload: Any) -> Event:
    """Return the event that was stored as JSON."""
    return msgspec.convert(payload, EVENTS[kind], strict=False)


_LOCK = """
with waiting as materialized (
  select distinct lane from deliveries
  where reader = %b::text and state = 'waiting' and due_at <= %b::timestamptz
    and (%b::int is null or lane = %b::int)
)
select set_config('leitstand.lanes', coalesce(array_agg(lane), '{}')::text, true)
from waiting where pg_try_advisory_xact_lock(hashtext(%b::text), lane)
"""
"""Locks lanes and tells them to the next statement; one that did both would see what was before."""

_WAITING = """
with my as not materialized (
  select %b::text as reader, %b::timestamptz as now,
    current_setting('leitstand.lanes')::int[] as lanes
), blocked as materialized (
  select d.lane, d.subject, min(d.event_id) as event_id
  from my join deliveries d on d.reader = my.reader
  where d.state = 'parked' or d.due_at > my.now
  group by d.lane, d.subject
)
select d.event_id, j.kind, j.payload::text, j.recorded_at, d.attempts, d.lane
from my join deliveries d on d.reader = my.reader and d.lane = any(my.lanes)
join journal j on j.id = d.event_id
where d.state = 'waiting' and d.due_at <= my.now
  and not exists (
    select 1 from blocked b
    where b.lane = d.lane and b.subject = d.subject and b.event_id < d.event_id
  )
order by d.event_id limit %b::int
"""
"""What waits behind nothing. What it may wait behind is gathered first, since the table is known as
empty more often than not: looked for by the row, it would be read whole for each.
"""


class _Waiting(msgspec.Struct, frozen=True):
    """A delivery with its failed tries and its lane."""

    delivery: Delivery
    attempts: int
    lane: int


async def _take(
    db: AsyncSession, reader: str, lane: int | None, now: datetime, limit: int
) -> list[_Waiting]:
    """Lock the lanes in which something waits, or one, and return their oldest waiting events.

    Lanes that another worker holds are left to it; the locks last as long as the unit of work.
    """
    _, found = await together(
        db,
        Asked(_LOCK, [reader, now, lane, lane, f"outbox {reader}"], len),
        Asked(_WAITING, [reader, now, limit], list),
    )
    return [
        _Waiting(Delivery(event_id, _decoder(kind)(payload), recorded_at), attempts, its)
        for event_id, kind, payload, recorded_at, attempts, its in found
    ]


@cache
def _decoder(kind: str) -> Callable[[str], Event]:
    decoder = msgspec.json.Decoder(EVENTS[kind], strict=False)
    return cast("Callable[[str], Event]", decoder.decode)


async def _serve(db: AsyncSession, subscription: Subscription, waiting: Sequence[_Waiting]) -> None:
    """Let a reader do its work, and take what it read off its list; its last writes go along."""

    async def serve() -> None:
        await subscription.handle(db, [each.delivery for each in waiting])
        await write(db, _removing(subscription.reader, waiting))

    await trips.shared(db, [serve()])


def _removing(reader: str, waiting: Sequence[_Waiting]) -> Asked[Any]:
    return Asked(
        "delete from deliveries where reader = %b::text and event_id = any(%b::bigint[])",
        [reader, [each.delivery.event_id for each in waiting]],
        len,
    )


async def waited_for(database: Database, now: datetime) -> set[str]:
    """Return the readers for whom something waits: a look for all of them costs one trip."""
    async with database.unit_of_work() as db:
        asked = Asked(_WAITED_FOR, [now], lambda found: {reader for (reader,) in found})
        return await ask_last(db, asked)


_WAITED_FOR = """
select distinct reader from deliveries where state = 'waiting' and due_at <= %b::timestamptz
"""


async def deliver(database: Database, subscription: Subscription, clock: Clock) -> int:
    """Serve one reader all that waits for it now; return how many events it took.

    Raises:
        DatabaseAway: If the database goes away; whatever was not committed comes again.
    """
    taken = 0
    while True:
        count = await _deliver_lanes(database, subscription, None, clock)
        taken += count
        if count < BATCH:  # whatever came since wakes the loop again
            return taken


async def _deliver_lanes(
    database: Database, subscription: Subscription, lane: int | None, clock: Clock
) -> int:
    """Deliver one batch of all lanes or one; what fails is done again by lane, then singly."""
    waiting: list[_Waiting] = []
    try:
        async with database.unit_of_work() as db:
            waiting = await _take(db, subscription.reader, lane, clock.now(), BATCH)
            if waiting:
                await _serve(db, subscription, waiting)
        return len(waiting)
    except DatabaseAway:
        raise
    # A boundary (house rules, errors): one bad event must not hold back the rest of its batch.
    except Exception as error:
        if not waiting:
            raise
        if len(waiting) == 1:
            await _set_back(database, subscription.reader, waiting[0], error, clock)
            return 1
        lanes = sorted({each.lane for each in waiting})
        log.warning(
            "outbox.batch_failed", reader=subscription.reader, lanes=lanes, error=repr(error)
        )
    if len(lanes) > 1:
        return sum([await _deliver_lanes(database, subscription, each, clock) for each in lanes])
    for _ in range(len(waiting)):
        if not await _deliver_one(database, subscription, lanes[0], clock):
            break
    return len(waiting)


async def _deliver_one(
    database: Database, subscription: Subscription, lane: int, clock: Clock
) -> bool:
    """Deliver the lane's oldest waiting event alone; tell whether there was one."""
    waiting: list[_Waiting] = []
    try:
        async with database.unit_of_work() as db:
            waiting = await _take(db, subscription.reader, lane, clock.now(), 1)
            if not waiting:
                return False
            await _serve(db, subscription, waiting)
    except DatabaseAway:
        raise
    except Exception as error:
        if not waiting:
            raise
        await _set_back(database, subscription.reader, waiting[0], error, clock)
    return True


async def _set_back(
    database: Database,
    reader: str,
    failed: _Waiting,
    error: Exception,
    clock: Clock,
) -> None:
    """Note a failed try: later again, or parked."""
    delivery, attempts = failed.delivery, failed.attempts
    retryable = isinstance(error, Unavailable | Conflict) or not isinstance(error, ExpectedError)
    if isinstance(error, DBAPIError | psycopg.Error):
        retryable = True
    parked = not retryable or attempts >= len(_PAUSES_S)
    pause = timedelta(seconds=_PAUSES_S[min(attempts, len(_PAUSES_S) - 1)])
    log.error(
        "outbox.event_parked" if parked else "outbox.event_failed",
        reader=reader,
        event_id=delivery.event_id,
        kind=delivery.event.kind,
        subject=delivery.event.subject,
        attempts=attempts + 1,
        exc_info=error,
    )
    async with database.unit_of_work() as db:
        await db.execute(
            update(DeliveryRow)
            .where(DeliveryRow.reader == reader, DeliveryRow.event_id == delivery.event_id)
            .values(
                attempts=attempts + 1,
                due_at=clock.now() + pause,
                state="parked" if parked else "waiting",
                last_error=repr(error)[:2000],
            )
        )


async def pending(db: AsyncSession, reader: str, before: datetime) -> int:
    """Return how many events that happened before a moment a reader has not taken yet."""
    found = await db.execute(
        select(func.count())
        .select_from(DeliveryRow)
        .join(JournalRow, JournalRow.id == DeliveryRow.event_id)
        .where(DeliveryRow.reader == reader, JournalRow.happened_at < before)
    )
    return found.scalar_one()


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for one reader: since when its oldest event was recorded, and what is parked."""

    reader: str
    oldest_at: datetime | None
    parked: int


async def backlogs(db: AsyncSession) -> list[Backlog]:
    """Return what waits, for each reader for whom anything does."""
    parked_ = DeliveryRow.state == "parked"
    found = await db.execute(
        select(
            DeliveryRow.reader,
            func.min(JournalRow.recorded_at).filter(~parked_),
            func.count().filter(parked_),
        )
        .join(JournalRow, JournalRow.id == DeliveryRow.event_id)
        .group_by(DeliveryRow.reader)
        .order_by(DeliveryRow.reader)
    )
    return [Backlog(*row) for row in found]


async def parked(db: AsyncSession) -> list[DeliveryRow]:
    """Return the deliveries that wait for a person, oldest first."""
    found = await db.execute(
        select(DeliveryRow).where(DeliveryRow.state == "parked").order_by(DeliveryRow.event_id)
    )
    return list(found.scalars())


async def journal_after(
    db: AsyncSession, after: Cursor | None, *, kinds: Sequence[str] = (), limit: int = 100
) -> list[JournalEntry]:
    """Return the events behind a cursor, oldest first.

    Events of database transactions that are still open, or younger than one that is, are not
    shown yet: so no event can appear behind a cursor that was already given out.
    """
    place = after or Cursor(0, 0)
    query = text(
        "select xid::text::bigint, id, kind, subject, happened_at, recorded_at, payload"
        " from journal where xid < pg_snapshot_xmin(pg_current_snapshot())"
        " and (xid, id) > (cast(cast(:xid as text) as xid8), :id)"
        " and (:every or kind = any(:kinds)) order by xid, id limit :limit"
    )
    rows = await db.execute(
        query,
        {
            "xid": str(place.xid),
            "id": place.event_id,
            "every": not kinds,
            "kinds": list(kinds),
            "limit": limit,
        },
    )
    return [JournalEntry(Cursor(xid, id_), *rest) for xid, id_, *rest in rows]


async def told_of(
    db: AsyncSession, subjects: Sequence[str], *, kinds: Sequence[str], since: datetime
) -> list[JournalEntry]:
    """Return what was told of these subjects since a moment, as this unit of work sees it."""
    asking = Asked(
        "select xid::text::bigint, id, kind, subject, happened_at, recorded_at, payload"
        " from journal where subject = any (%b::text[]) and kind = any (%b::text[])"
        " and recorded_at >= %b::timestamptz order by id",
        [list(subjects), list(kinds), since],
        lambda found: [JournalEntry(Cursor(xid, id_), *rest) for xid, id_, *rest in found],
    )
    return await ask(db, asking)


async def journal_entry(db: AsyncSession, event_id: int) -> JournalEntry | None:
    """Return one event by its id; None if there is none, or `journal_after` would not show it."""
    found = await db.execute(
        text(
            "select xid::text::bigint, id, kind, subject, happened_at, recorded_at, payload"
            " from journal where id = :id and xid < pg_snapshot_xmin(pg_current_snapshot())"
        ),
        {"id": event_id},
    )
    row = found.one_or_none()
    return None if row is None else JournalEntry(Cursor(row[0], row[1]), *row[2:])


class DeliveryLoop:
    """Serves all readers of this process, woken by notifications and once a second."""

    def __init__(
        self, database: Database, subscriptions: Sequence[Subscription], clock: Clock
    ) -> None:
        self._database = database
        self._subscriptions = subscriptions
        self._clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look for events soon (called for each notification on `CHANNEL`)."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver for ever; survives the database being away, and being cancelled."""
        while True:
            self._wake.clear()
            try:
                waiting = await waited_for(self._database, self._clock.now())
                for subscription in self._subscriptions:
                    if subscription.reader in waiting:
                        await deliver(self._database, subscription, self._clock)
            except DatabaseAway:
                log.warning("outbox.database_away")
            # Under load events gather, since ten cost a reader hardly more than one.
            await asyncio.sleep(_GATHER_S)
            try:
                async with asyncio.timeout(1):
                    await self._wake.wait()
            except TimeoutError:
                continue
