"""Who is connected to this process: the newest socket of a station wins.

Also everything that comes round for all of them: pings with a deadline for the pong, notes of who
was heard, this node's lease, and questions that a station owes an answer to.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from csms import clocks, store, transaction_store
from csms.clocks import SeenClock
from csms.commands import (
    GetTransactionStatus,
    MessageTrigger,
    TransactionStatus,
    TriggerMessage,
)
from csms.connection import (
    CLOSE_GOING_AWAY,
    CLOSE_POLICY,
    CLOSE_TRY_AGAIN,
    StationConnection,
)
from csms.handlers import finishing
from csms.handlers.context import HandlerContext
from csms.queue import CallRefused, NoAnswer, StationUnreachable
from foundation import metrics, outbox
from foundation.database import Database, DatabaseAway
from foundation.identifiers import StationId
from foundation.tasks import OnEnd, Tasks

log = structlog.get_logger(__name__)

LEASE_S = 15
"""How long a node's lease holds; it is renewed every third of it."""

_ASK_DATABASE_EVERY_S = 0.5
_BOOT_GRACE = timedelta(seconds=5)
_ASK_QUEUE_EVERY = timedelta(minutes=2)
_GIVE_UP_QUEUE_AFTER = timedelta(hours=1)
_CLOCK_CHANGED = timedelta(minutes=1)
_CLOCK_SHOWN_AFTER = timedelta(minutes=15)
"""Only when a connection stood for so long, nothing known of its clock means that it is right."""


class Connections:
    """The live connections of this process, by station."""

    def __init__(
        self,
        database: Database,
        context: HandlerContext,
        tasks: Tasks,
        *,
        infer_end_after: timedelta,
    ) -> None:
        self._database = database
        self._context = context
        self._tasks = tasks
        self._infer_end_after = infer_end_after
        self._by_station: dict[StationId, StationConnection] = {}
        self._noted: dict[StationId, datetime] = {}
        self._clocks: dict[StationId, timedelta] = {}
        self._empty = asyncio.Event()
        self._went_away = asyncio.Event()
        self._lease = asyncio.Lock()
        self._has_left = False
        self.on_added: Callable[[StationConnection], None] | None = None
        """Called with every connection that is taken in."""
        self.is_database_away = False
        """While it is, open sockets are closed and new ones refused: stations then keep their
        messages, instead of being told errors until they drop them."""

    def __len__(self) -> int:
        return len(self._by_station)

    def __iter__(self) -> Iterator[StationConnection]:
        return iter(list(self._by_station.values()))

    def get(self, station: StationId) -> StationConnection | None:
        """Return a station's connection here, if it has one."""
        return self._by_station.get(station)

    def add(self, connection: StationConnection) -> None:
        """Take a connection in; of two of one station the older one is closed."""
        metrics.connections.labels(connection.version).inc()
        before = self._by_station.get(connection.station)
        if before is not None and before.epoch > connection.epoch:
            connection.close(CLOSE_GOING_AWAY, "a newer connection took over")
            return
        self._by_station[connection.station] = connection
        if self.on_added is not None:
            self.on_added(connection)
        if before is not None:
            log.warning("connection.replaced", station_id=connection.station, epoch=before.epoch)
            before.close(CLOSE_GOING_AWAY, "a newer connection took over")

    def remove(self, connection: StationConnection) -> None:
        """Let a connection go; the late end of an old one does not touch the new one."""
        metrics.connections.labels(connection.version).dec()
        if self._by_station.get(connection.station) is connection:
            del self._by_station[connection.station]
            self._noted.pop(connection.station, None)
            self._clocks.pop(connection.station, None)
            if not self._by_station:
                self._empty.set()

    async def all_gone(self) -> None:
        """Wait until no connection is left."""
        if self._by_station:
            self._empty.clear()
            await self._empty.wait()

    def superseded(self, station: StationId, epoch: int) -> None:
        """Close a station's connection here: another node has a newer one."""
        connection = self._by_station.get(station)
        if connection is not None and connection.epoch < epoch:
            connection.close(CLOSE_GOING_AWAY, "a newer connection took over")

    def dismissed(self, station: StationId) -> None:
        """What a station showed counts no longer: it must knock again."""
        connection = self._by_station.get(station)
        if connection is not None:
            connection.close(CLOSE_POLICY, "the certificate was revoked")

    def close_all(self, code: int, reason: str) -> None:
        """Begin to close every socket."""
        for connection in self:
            connection.close(code, reason)

    def leave_all(self, code: int, reason: str) -> None:
        """Close every socket as soon as its call in hand is answered."""
        for connection in self:
            connection.leave(code, reason)

    # --------------------------------------------------------------------------- what comes round

    async def renew_lease(self) -> None:
        """Keep this node's lease, and notice when the database is away; runs for ever."""
        while True:
            try:
                async with asyncio.timeout(LEASE_S):
                    await self._renew()
                if self.is_database_away:
                    log.warning("database.back")
                self.is_database_away = False
            except (DatabaseAway, TimeoutError):
                self.database_went_away()
            if self.is_database_away:
                await asyncio.sleep(_ASK_DATABASE_EVERY_S)
                continue
            self._went_away.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LEASE_S / 3):
                    await self._went_away.wait()

    async def _renew(self) -> None:
        async with self._lease:
            if self._has_left:
                return
            async with self._database.unit_of_work() as db:
                now = self._context.clock.now()
                await store.renew_lease(db, self._context.node, now, LEASE_S)
                await store.close_abandoned(db, now)

    async def leave(self) -> None:
        """Give this node's lease back, for good: its connections are over at once for all others.

        A renewal that is on its way ends first, so that it does not bring the lease back.
        """
        async with self._lease:
            self._has_left = True
            async with self._database.unit_of_work() as db:
                await store.end_lease(db, self._context.node, self._context.clock.now())

    def database_went_away(self) -> None:
        """Close all sockets and refuse new ones until the database is back."""
        if not self.is_database_away:
            log.error("database.away", connections=len(self))
        self.is_database_away = True
        self._went_away.set()
        self.close_all(CLOSE_TRY_AGAIN, "the database is away, try again later")

    async def note_heard(self, every_s: float) -> None:
        """Write, in batches, when stations were last heard; runs for ever."""
        while True:
            await asyncio.sleep(every_s)
            metrics.tell_handled()
            heard = [
                (str(each.station), each.epoch, each.heard_at)
                for each in self
                if self._noted.get(each.station) != each.heard_at
            ]
            try:
                for start in range(0, len(heard), 1000):
                    async with self._database.unit_of_work() as db:
                        await store.note_heard(db, heard[start : start + 1000])
            except DatabaseAway:
                self.database_went_away()
                continue
            for station, _, at in heard:
                self._noted[StationId(station)] = at

    async def watch_clocks(self, every_s: float) -> None:
        """Write, in batches, whose clock is off; runs for ever."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.note_clocks()
            except DatabaseAway:
                self.database_went_away()

    async def note_clocks(self) -> None:
        """Write what changed of what is known of clocks."""
        now = self._context.clock.now()
        seen = [
            SeenClock(each.station, each.clock_skew, each.heard_at)
            for each in self
            if each.clock_skew or now - each.opened_at >= _CLOCK_SHOWN_AFTER
        ]
        changed = [
            each
            for each in seen
            if (known := self._clocks.get(each.station)) is None
            or bool(known) != bool(each.skew)
            or abs(known - each.skew) >= _CLOCK_CHANGED
        ]
        for start in range(0, len(changed), 1000):
            async with self._database.unit_of_work() as db:
                await clocks.note(db, changed[start : start + 1000])
        self._clocks |= {each.station: each.skew for each in changed}

    async def ask_for_boots(self) -> None:
        """Ask stations that said nothing of themselves for a boot message; runs for ever."""
        while True:
            await asyncio.sleep(1)
            self.trigger_boots()

    def trigger_boots(self) -> None:
        """Ask the stations that had time to boot and did not, each once."""
        latest = self._context.clock.now() - _BOOT_GRACE
        for connection in self:
            if connection.booted or connection.triggered or connection.opened_at > latest:
                continue
            connection.triggered = True
            self._ask_for_boot(connection)

    def _ask_for_boot(self, connection: StationConnection) -> None:
        async def ask() -> None:
            try:
                await connection.call(TriggerMessage(MessageTrigger.BOOT_NOTIFICATION))
            except (StationUnreachable, NoAnswer, CallRefused) as error:
                log.info("boot.not_triggered", station_id=connection.station, reason=str(error))

        self._tasks.start(f"trigger boot of {connection.station}", ask, on_end=OnEnd.FINISH)

    def admitted(self, station: StationId) -> None:
        """A station was accepted or refused: let it boot again and hear so."""
        connection = self._by_station.get(station)
        if connection is not None:
            connection.triggered = True
            self._ask_for_boot(connection)

    async def mend_transactions(self, every_s: float) -> None:
        """Infer ends that were lost, and ask for events that are missing; runs for ever."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.infer_lost_ends()
                await self.ask_for_queues()
            except DatabaseAway:
                self.database_went_away()

    async def infer_lost_ends(self) -> None:
        """End what has been over for long by all signs, although no end came."""
        async with self._database.unit_of_work() as db:
            events = await finishing.infer_lost_ends(db, self._context, self._infer_end_after)
            await outbox.append(db, events, recorded_at=self._context.clock.now())

    async def ask_for_queues(self) -> None:
        """Ask stations whether they still hold events of transactions that ended with gaps."""
        now = self._context.clock.now()
        async with self._database.unit_of_work() as db:
            waiting = await transaction_store.waiting_for_queue(
                db, self._context.node, now - _ASK_QUEUE_EVERY
            )
        for facts in waiting:
            connection = self._by_station.get(StationId(facts.station))
            if connection is None:
                continue
            done = (
                facts.end_received_at is not None
                and now - facts.end_received_at > _GIVE_UP_QUEUE_AFTER
            )
            if not done:
                try:
                    ref = facts.ref.partition("|")[2]
                    status = await connection.call(GetTransactionStatus(ref))
                except (StationUnreachable, NoAnswer, CallRefused) as error:
                    log.info("queue.not_told", station_id=facts.station, reason=str(error))
                    status = None
                done = isinstance(status, TransactionStatus) and not status.messages_wait
            async with self._database.unit_of_work() as db:
                await transaction_store.note_queue_asked(db, facts.id, now)
                if done:
                    events = await finishing.close_without_queue(db, [facts.id])
                    await outbox.append(db, events, recorded_at=now)


def station_notifications(connections: Connections, node: str) -> dict[str, Callable[[str], None]]:
    """Return what this process does on each channel of notifications."""

    def connected(payload: str) -> None:
        other, epoch, station = payload.split(" ", 2)
        if other != node:
            connections.superseded(StationId(station), int(epoch))

    def admitted(payload: str) -> None:
        connections.admitted(StationId(payload))

    def dismissed(payload: str) -> None:
        connections.dismissed(StationId(payload))

    return {"connections": connected, "admissions": admitted, "dismissals": dismissed}
