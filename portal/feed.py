"""The MQTT door: tells everything that happens, and answers requests for commands.

One process of all publishes. It reads the journal by a cursor that moves only when the broker has
acknowledged: nothing is lost, and what is told twice carries the same event's id. Beside the
events it keeps a retained picture of stations, EVSEs and running transactions, which is always
made from the database, never from events: after every connect in full, then whatever events touch,
and from time to time whatever else differs.

Who may read which topics the broker decides, by the organisation's level; who may ask for
commands `portal.feed_commands` does.
"""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from accounts.directory import WHOLE
from csms import outcomes, watching
from csms.connectivity import SilenceLimits
from foundation import events, metrics
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Conflict, Unavailable
from foundation.identifiers import StationId, TransactionId
from foundation.leases import alone
from foundation.mqtt import Broker, Link, Message
from foundation.outbox import Cursor
from foundation.settings import Settings
from portal import feed_picture, journal, store, topics
from portal.api.events import written_event
from portal.feed_commands import Requests
from portal.feed_picture import Picture
from portal.journal import Told
from portal.limits import Limits

log = structlog.get_logger(__name__)

NAME = "feed"
"""The cursor's name, and the lock's."""

_BATCH = 500
_POLL_S = 1.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 30.0


class Feed:
    """Publishes as long as the program runs.

    Args:
        database: Whose journal is told.
        clock: What silence is counted back from.
        settings: The broker and how often to look.
        limits: How much API keys may ask; shared with the other doors of this process.
        poll_s: How long an event may wait until it is told.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        *,
        limits: Limits | None = None,
        poll_s: float = _POLL_S,
        longest_pause_s: float = _LONGEST_PAUSE_S,
    ) -> None:
        assert settings.mqtt_url is not None
        self._database = database
        self._clock = clock
        self._limits = SilenceLimits(
            timedelta(seconds=settings.pending_after_s),
            timedelta(seconds=settings.offline_after_s),
        )
        self._refresh_every_s = settings.mqtt_refresh_s
        self._readings_every_s = settings.mqtt_readings_every_s
        self._poll_s = poll_s
        self._longest_pause_s = longest_pause_s
        self._broker = Broker(
            settings.mqtt_url.get_secret_value(),
            client_id=f"leitstand-{settings.organisation}",
            timeout_s=settings.mqtt_timeout_s,
        )
        self._requests = Requests(database, clock, self._limits, limits or Limits())
        self._leaving = asyncio.Event()
        self._told: dict[str, int] = {}
        """Retained topic → hash of what was told last on this connection."""
        self._known: set[str] = set()
        """Topics for which the broker may hold something."""
        self._measured_at = datetime.min.replace(tzinfo=UTC)

    async def run(self) -> None:
        """Publish until asked to leave, if no other process does.

        Survives the broker and the database being away.
        """
        pause_s = _FIRST_PAUSE_S
        loop = asyncio.get_running_loop()
        while not self._leaving.is_set():
            began = loop.time()
            # In a task of its own: one that is cancelled while it waits for the database may tell
            # of that as the database being away, and must not live on.
            async with asyncio.TaskGroup() as group:
                group.create_task(self._until_interrupted(), name="feed")
            if loop.time() - began > self._longest_pause_s:
                pause_s = _FIRST_PAUSE_S
            await self._pause(pause_s)
            pause_s = min(2 * pause_s, self._longest_pause_s)

    def leave(self) -> None:
        """Finish what is in hand and let another process publish: `run` returns soon."""
        self._leaving.set()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._leaving.wait()

    async def _until_interrupted(self) -> None:
        try:
            await alone(self._database, NAME, self._connected)
        except (Unavailable, Conflict) as error:
            log.warning("feed.interrupted", code=error.code, reason=str(error))
        finally:
            metrics.feed_connected.set(0)

    async def _connected(self) -> None:
        """Publish on one connection after the other, as long as we hold the lock."""
        await self._broker.hold(
            self._serve, filters=[topics.REQUESTS], received=self._requests.take
        )

    async def _serve(self, link: Link) -> None:
        """Publish, and answer requests, until the connection is lost."""
        async with asyncio.TaskGroup() as group:
            answering = group.create_task(self._requests.answer(link), name="feed's requests")
            await self._publish(link)
            answering.cancel()

    async def _publish(self, link: Link) -> None:
        """Publish on this connection until it is lost."""
        async with self._database.unit_of_work() as db:
            self._known = await store.feed_topics(db)
            await store.begin_reading(db, NAME, await journal.present(db), self._clock.now())
        async with self._database.unit_of_work() as db:
            place = await store.cursor(db, NAME)
        assert place is not None
        self._told.clear()
        metrics.feed_connected.set(1)
        log.info("feed.connected")
        loop = asyncio.get_running_loop()
        refresh_at = readings_at = loop.time()
        self._measured_at = self._clock.now()
        while not self._leaving.is_set():
            link.must_be_up()
            if loop.time() >= refresh_at:
                await self._refresh(link)
                refresh_at = loop.time() + self._refresh_every_s
            if loop.time() >= readings_at:
                await self._tell_readings(link)
                readings_at = loop.time() + self._readings_every_s
            after = await self._tell_events(link, place)
            if after == place:
                await self._pause(self._poll_s)
            place = after

    # ------------------------------------------------------------------------------ events

    async def _tell_events(self, link: Link, place: Cursor) -> Cursor:
        """Tell the next events and what they changed; return how far that is."""
        async with self._database.unit_of_work() as db:
            told = await journal.read(db, place, limit=_BATCH)
        if not told:
            return place
        await link.publish([_event(each) for each in told if each.organisation is not None])
        await self._tell_commands(link, told)
        await self._tell_what_changed(link, told)
        async with self._database.unit_of_work() as db:
            await store.move_cursor(db, NAME, place, told[-1].cursor, self._clock.now())
        metrics.feed_lag_seconds.set(
            max(0.0, (self._clock.now() - told[-1].recorded_at).total_seconds())
        )
        return told[-1].cursor

    async def _tell_commands(self, link: Link, told: Sequence[Told]) -> None:
        """Tell each state that a command came into: the command as it was then."""
        changes = [each for each in told if each.kind == events.CommandChanged.kind]
        messages: list[Message] = []
        for each in changes:
            async with self._database.unit_of_work() as db:
                command = await outcomes.command(db, each.payload["command_id"], WHOLE)
            assert each.organisation is not None
            assert each.station is not None
            messages.append(
                Message(
                    topics.command(each.organisation, each.station, command.id),
                    feed_picture.command_at(command, each).encode(),
                    event_id=each.cursor.event_id,
                )
            )
        await link.publish(messages)

    async def _tell_what_changed(self, link: Link, told: Sequence[Told]) -> None:
        """Tell stations and transactions that events touched as they are now, each once."""
        stations: dict[StationId, int] = {}
        transactions: dict[TransactionId, int] = {}
        for each in told:
            number = each.cursor.event_id
            if each.kind in journal.ABOUT_STATIONS and each.station is not None:
                stations[each.station] = number
            if each.kind in journal.ABOUT_TRANSACTIONS:
                transactions[TransactionId(int(each.payload["transaction_id"]))] = number
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            picture = await feed_picture.of_stations(db, now, self._limits, stations.keys())
            running, ended = await feed_picture.of_transactions(db, transactions.keys())
        newest = told[-1].cursor.event_id
        await self._retain(link, {**picture, **running}, event_id=newest)
        await link.publish(
            [Message(topic, payload, event_id=newest) for topic, payload in ended.items()]
        )
        # Also where nothing was retained: whoever keeps what he hears is told to let it go.
        await self._clear(link, ended.keys())

    # ----------------------------------------------------------------------------- picture

    async def _refresh(self, link: Link) -> None:
        """Make the broker's picture that of the database: tell what differs, clear the rest."""
        now = self._clock.now()
        current: set[str] = set()
        async with self._database.unit_of_work() as db:
            async for some in feed_picture.of_all_stations(db, now, self._limits):
                current |= some.keys()
                await self._retain(link, some)
            async for some in feed_picture.of_running_transactions(db):
                current |= some.keys()
                await self._retain(link, some)
        await self._clear(link, self._known - current)

    async def _retain(self, link: Link, picture: Picture, *, event_id: int | None = None) -> None:
        """Tell of the picture what differs from what was told on this connection."""
        differing = {
            topic: payload
            for topic, payload in picture.items()
            if self._told.get(topic) != hash(payload)
        }
        fresh = differing.keys() - self._known
        if fresh:
            # Noted first: whatever may be retained must be found again, to be cleared some day.
            async with self._database.unit_of_work() as db:
                await store.note_feed_topics(db, sorted(fresh))
            self._known |= fresh
        await link.publish(
            [
                Message(topic, payload, retain=True, event_id=event_id)
                for topic, payload in differing.items()
            ]
        )
        self._told.update((topic, hash(payload)) for topic, payload in differing.items())

    async def _clear(self, link: Link, gone: Collection[str]) -> None:
        """Take retained messages away."""
        if not gone:
            return
        await link.publish([Message(topic, b"", retain=True) for topic in sorted(gone)])
        async with self._database.unit_of_work() as db:
            await store.forget_feed_topics(db, gone)
        self._known -= set(gone)
        for topic in gone:
            self._told.pop(topic, None)

    # ---------------------------------------------------------------------------- readings

    async def _tell_readings(self, link: Link) -> None:
        """Tell the newest readings of running transactions that came since the last look."""
        async with self._database.unit_of_work() as db:
            found = await watching.newest_readings(db, self._measured_at)
        await link.publish(
            [
                Message(
                    topics.readings(each.owner, each.station, each.evse_id),
                    feed_picture.shown_reading(each).model_dump_json().encode(),
                    qos=0,
                )
                for each in found
            ]
        )
        self._measured_at = max([self._measured_at, *(each.received_at for each in found)])


def _event(told: Told) -> Message:
    assert told.organisation is not None
    return Message(
        topics.event(told.organisation, told.station, told.kind),
        written_event(told),
        event_id=told.cursor.event_id,
    )
