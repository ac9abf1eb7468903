"""The remote commands of this node: claimed, sent, answered, judged; in batches.

A command is written as sent, with node, epoch and message id, before its frame leaves. Two loops:
one takes the next command of every station whose lane is free and sends them after one commit;
the other takes in answers and evidence, and goes through what is due. What a process held that
died is found by its connection: settled by evidence, or asked again by the rule of its action.

Nothing is looked at for a station that no command waits for.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import uuid4

import msgspec
import psycopg
import structlog
from msgspec import Raw
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from csms import (
    command_store,
    equipment_store,
    evidence_store,
    following,
    list_updates,
    open_commands,
    remote,
    settlement,
)
from csms.command_store import Claimed, Ready
from csms.connection import StationConnection
from csms.connections import Connections
from csms.evidence import BY_FRAMES, READ_BACK, Facts, judge, messages_of, read_back_of, rule_of
from csms.ocpp import outgoing, rpc
from csms.ocpp.errors import MessageError
from csms.ocpp.rpc import CallResult
from csms.outgoing_lane import Answer, Question, Silence
from csms.pieces import DIVISIBLE, Most, joined, pieces
from csms.queue import (
    CallRefused,
    CommandState,
    NoAnswer,
    Request,
    StationUnreachable,
    answer_timeout_s,
    set_back,
)
from csms.settlement import CallErrorSaid, Change, Open
from csms.tables import CommandRow
from foundation import metrics, trips
from foundation.clock import Clock
from foundation.database import Database, DatabaseAway
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from foundation.statements import together
from foundation.tasks import OnEnd, Tasks

log = structlog.get_logger(__name__)

BATCH: Final = 500
_TICK_S = 1.0
_FORGET_KEYS_EVERY = 600
"""Ticks."""
_LOOK_FOR_QUEUED_EVERY = 10
"""Ticks; notifications tell of new commands, this finds what a lost one did not tell."""
_PAUSE_S = 0.5
_FIRST_WORD_S = 5.0
"""How long a fresh connection may be silent before it is sent commands: a reconnect is no boot."""
_SENT_FOR_MOST = timedelta(minutes=10)
"""After this a command that is only sent is looked into, whatever our own books say."""
_PATIENCE_S = 60.0
"""How long a station that was late may take to say what it has; its lane is taken meanwhile."""
_ANSWERS_MOST = 10_000
_NEXT_PIECE = 1_000_000
"""The priority of what belongs to a command that is on its way already."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a station answered to a message, or that it did not."""

    message_id: str
    answer: Answer | Silence
    at: datetime


@dataclass(frozen=True, slots=True)
class _ReadBack:
    """What a station has now, by its own answer; None: it did not say."""

    command: Open
    said: dict[str, Any] | None
    at: datetime


class Commanding:
    """Sends commands to the stations of this process, and settles them.

    Args:
        database: Where they are.
        clock: Their moments.
        connections: The stations that are connected here.
        tasks: Owns the questions by which configuration is read back.
        node: This process, as connections name it.
        call_timeout_s: How long a station may usually take to answer.
        effect_timeout_s: A limit to how long evidence is awaited; None: as the table says.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        connections: Connections,
        tasks: Tasks,
        *,
        node: str,
        call_timeout_s: float,
        effect_timeout_s: float | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._connections = connections
        self._tasks = tasks
        self._node = node
        self._call_timeout_s = call_timeout_s
        self._effect_timeout_s = effect_timeout_s
        self._ready: set[StationId] = set()
        self._claim = asyncio.Event()
        self._fresh: dict[StationId, float] = {}
        self._said: deque[_Said] = deque()
        self._read: deque[_ReadBack] = deque()
        self._reading: set[int] = set()
        self._dirty: set[StationId] = set()
        self._again: set[StationId] = set()
        self._settle = asyncio.Event()
        self._ticks = 0
        connections.on_added = self.connected
        remote.join_node(database, node, self.wake)

    # ------------------------------------------------------------------------- what wakes it

    def connected(self, connection: StationConnection) -> None:
        """Take a fresh connection in: its first report shows that it is there."""
        connection.lane.on_late = self._answered
        connection.lane.on_free = partial(self.wake, connection.station)
        connection.on_report = self._reported
        self._fresh[connection.station] = asyncio.get_running_loop().time()

    def wake(self, station: str) -> None:
        """Look for a command of a station, if it is connected here."""
        identity = StationId(station)
        if identity in self._fresh or self._connections.get(identity) is None:
            return
        self._ready.add(identity)
        self._claim.set()

    def missed(self) -> None:
        """Notifications may have been lost: look for commands of all stations."""
        for connection in self._connections:
            self.wake(connection.station)

    def _reported(self, connection: StationConnection) -> None:
        station = connection.station
        if self._fresh.pop(station, None) is not None:
            self.wake(station)
        self._dirty.add(station)
        self._settle.set()

    def _answered(self, message_id: str, answer: Answer | Silence) -> None:
        if len(self._said) < _ANSWERS_MOST:
            self._said.append(_Said(message_id, answer, self._clock.now()))
            self._settle.set()

    # ------------------------------------------------------------------------------- sending

    async def send(self) -> None:
        """Send what waits; runs for ever."""
        while True:
            await self._claim.wait()
            self._claim.clear()
            while self._ready:
                await self._send_some()

    async def _send_some(self) -> None:
        """Take the next command of the stations whose lane is free, and send them."""
        mine: dict[StationId, StationConnection] = {}
        while self._ready and len(mine) < BATCH:
            station = self._ready.pop()
            connection = self._connections.get(station)
            if connection is not None and connection.lane.reserve():
                mine[station] = connection
            # A lane that is not free says so itself when it is.
        if not mine:
            return
        try:
            claimed = await self._claimed(list(mine.values()))
            most = await self._most_of(claimed)
            for each in claimed:
                self._ask(mine.pop(each.station), each, most.get(each.id, Most()))
        except (DatabaseAway, psycopg.Error, DBAPIError) as error:
            log.warning("commands.not_claimed", reason=repr(error)[:200])
            again = set(mine)
            await asyncio.sleep(_PAUSE_S)
            self._ready |= again
        finally:
            for connection in mine.values():
                connection.lane.release()

    async def _claimed(self, connections: Sequence[StationConnection]) -> list[Claimed]:
        ready = [Ready(each.station, each.epoch, each.booted, str(uuid4())) for each in connections]
        now = self._clock.now()
        due_at = now + _SENT_FOR_MOST
        async with self._database.unit_of_work() as db:
            claiming = command_store.claim(db, self._node, ready, now=now, due_at=due_at)
            claimed: list[Claimed] = (await trips.shared(db, [claiming]))[0]
        return claimed

    async def _most_of(self, claimed: Sequence[Claimed]) -> dict[int, Most]:
        """Return what the stations take in one message, for commands that can be taken apart."""
        long = [each for each in claimed if each.action in DIVISIBLE and each.shown is None]
        if not long:
            return {}
        found = await self._taken([(each.station, each.action) for each in long])
        return {each.id: most for each, most in zip(long, found, strict=True)}

    async def _taken(self, asked: Sequence[tuple[StationId, str]]) -> list[Most]:
        """Return what stations take in one message of an action; unknown, if nobody can say now."""
        try:
            async with self._database.unit_of_work() as db:
                return await equipment_store.most_taken(db, asked)
        except (DatabaseAway, psycopg.Error, DBAPIError) as error:
            log.warning("commands.sent_whole", reason=repr(error)[:200])
            return [Most()] * len(asked)

    def _ask(self, connection: StationConnection, command: Claimed, most: Most) -> None:
        connection.on_report = self._reported
        sent = pieces(command.action, command.payload, most)
        told: list[bytes] = []

        def question(payload: bytes, message_id: str | None) -> Question:
            timeout_s = answer_timeout_s(command.action, self._call_timeout_s)
            return Question(command.action, payload, done, timeout_s, message_id, command.shown)

        def done(answer: Answer | Silence) -> None:
            if len(sent) > 1 and isinstance(answer, CallResult):
                told.append(bytes(answer.payload))
                if len(told) < len(sent):
                    connection.lane.ask(question(sent[len(told)], None), priority=_NEXT_PIECE)
                    return
                answer = CallResult(command.message_id, Raw(joined(command.action, told)))
            self._answered(command.message_id, answer)

        connection.lane.ask_reserved(question(sent[0], command.message_id))

    # ------------------------------------------------------------------------------ settling

    async def settle(self) -> None:
        """Take in answers and evidence, and go through what is due; runs for ever."""
        loop = asyncio.get_running_loop()
        next_tick = loop.time() + _TICK_S
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_tick):
                    await self._settle.wait()
            self._settle.clear()
            try:
                await self._settle_some()
                if loop.time() >= next_tick:
                    await self.tick()
                    next_tick = loop.time() + _TICK_S
            except (DatabaseAway, psycopg.Error, DBAPIError) as error:
                log.warning("commands.not_settled", reason=repr(error)[:200])
                await asyncio.sleep(_PAUSE_S)
                self._settle.set()

    async def _settle_some(self) -> None:
        while self._said or self._read or self._dirty:
            said = [self._said.popleft() for _ in range(min(BATCH, len(self._said)))]
            read = [self._read.popleft() for _ in range(min(BATCH, len(self._read)))]
            dirty = {self._dirty.pop() for _ in range(min(BATCH, len(self._dirty)))}
            try:
                async with self._database.unit_of_work() as db:
                    await trips.shared(db, [self._settled(db, said, read, dirty)])
            except (DatabaseAway, psycopg.Error, DBAPIError):
                self._said.extendleft(reversed(said))
                self._read.extendleft(reversed(read))
                self._dirty |= dirty
                raise

    async def _settled(
        self,
        db: AsyncSession,
        said: Sequence[_Said],
        read: Sequence[_ReadBack],
        dirty: set[StationId],
    ) -> None:
        stations = await self._take_answers(db, said)
        await self._take_read_backs(db, read)
        await self._judge(db, dirty | stations | {each.command.station for each in read})

    async def _take_answers(self, db: AsyncSession, said: Sequence[_Said]) -> set[StationId]:
        """Write what stations answered; return those whose commands may take effect now."""
        if not said:
            return set()
        by_message = {each.message_id: each for each in said}
        found, held = await together(
            db,
            open_commands.by_message(list(by_message)),
            command_store.holding(list(by_message)),
        )
        changes: list[Change] = []
        answered: list[tuple[Open, Change]] = []
        for command in found:
            assert command.message_id is not None
            change = self._after(command, by_message[command.message_id])
            if change is not None:
                change.message_id = command.message_id
                changes.append(change)
                if following.follows(command.asked.action, command.asked.payload):
                    answered.append((command, change))
        made = await command_store.apply(db, changes, now=self._clock.now(), held=held)
        if answered:
            taken = [each for each in answered if each[1].id in made]
            await following.follow(db, taken, self._clock.now())
        await self._follow_lists(db, found, changes, made)
        waits = {each.id for each in changes if each.due_at is not None}
        return {each.station for each in found if each.id in waits}

    def _after(self, command: Open, said: _Said) -> Change | None:
        match said.answer:
            case Silence.TIMED_OUT:
                return settlement.silent(command, said.at)
            case Silence.NOT_SENT:
                return settlement.not_sent(command)
            case Silence.LOST:
                return settlement.lost(command, said.at, most_s=self._effect_timeout_s)
        if command.state is CommandState.SENT:
            seconds = (said.at - command.asked.sent_at).total_seconds()
            metrics.command_seconds.observe(seconds)
        return settlement.answered(
            command, _read_answer(command, said.answer), said.at, most_s=self._effect_timeout_s
        )

    async def _take_read_backs(self, db: AsyncSession, read: Sequence[_ReadBack]) -> None:
        changes = {}
        for each in read:
            self._reading.discard(each.command.id)
            change = settlement.read_back(each.command, each.said, each.at)
            if change is not None:
                changes[change.id] = change
        await command_store.apply(db, changes.values(), now=self._clock.now())

    # ------------------------------------------------------------------------------ evidence

    async def _judge(self, db: AsyncSession, stations: set[StationId]) -> None:
        """Look whether the effect of what stations were asked for shows now."""
        if not stations:
            return
        waiting = await open_commands.waiting_for_evidence(db, sorted(stations))
        verdicts = await self._verdicts(db, waiting)
        changes = [each for each in verdicts if each]
        made = await command_store.apply(db, changes, now=self._clock.now())
        await self._follow_lists(db, waiting, changes, made)
        left = {
            command.station
            for command, change in zip(waiting, verdicts, strict=True)
            if change is None
        }
        for station in stations:
            connection = self._connections.get(station)
            if connection is not None:
                is_watched = station in left or station in self._fresh
                connection.on_report = self._reported if is_watched else None

    async def _verdicts(self, db: AsyncSession, waiting: Sequence[Open]) -> list[Change | None]:
        """Return what the evidence makes of commands; None where nothing shows yet."""
        if not waiting:
            return []
        facts = await evidence_store.facts(db, waiting, _looked_for(waiting))
        now = self._clock.now()
        taken: set[Any] = set()
        found: list[Change | None] = []
        for command in waiting:
            known = _known(command, facts[command.station], taken)
            rule = rule_of(command.asked.version, command.asked.action)
            verdict = judge(rule, command.asked, known)
            change = settlement.judged(command, verdict)
            if change is not None and change.transaction_id is not None:
                taken.add(change.transaction_id)
            if change is None:
                if command.due_at is not None and command.due_at <= now:
                    change = settlement.overdue(
                        command, now, verdict, most_s=self._effect_timeout_s
                    )
                else:
                    self._look_again(command, known, now)
            found.append(change)
        return found

    def _look_again(self, command: Open, known: Facts, now: datetime) -> None:
        """Arrange for what does not show by itself: reading back, and messages in the OCPP log."""
        shown = rule_of(command.asked.version, command.asked.action).shown
        connection = self._connections.get(command.station)
        if connection is None:
            return
        if shown in BY_FRAMES or shown in READ_BACK:
            self._again.add(command.station)  # the log is written behind
        if command.id in self._reading or not settlement.must_be_read(command, known, now):
            return
        asked = read_back_of(command.asked)
        if asked is not None:
            self._reading.add(command.id)
            self._tasks.start(
                f"read back command {command.id}",
                partial(self._read_back, connection, command, *asked),
                on_end=OnEnd.FINISH,
            )

    async def _read_back(
        self, connection: StationConnection, command: Open, action: str, payload: dict[str, Any]
    ) -> None:
        """Ask a station what it has now."""
        said: dict[str, Any] | None = None
        limit_s = answer_timeout_s(action, self._call_timeout_s)
        if command.asked.answered_at is not None:
            # Who answered late before is given as much time again, and more.
            took_s = (command.asked.answered_at - command.asked.sent_at).total_seconds()
            limit_s = max(limit_s, min(2 * took_s, _PATIENCE_S))
        text, most = msgspec.json.encode(payload), Most()
        if action in DIVISIBLE:
            [most] = await self._taken([(command.station, action)])
        try:
            told = [
                bytes((await connection.lane.call(action, piece, timeout_s=limit_s)).payload)
                for piece in pieces(action, text, most)
            ]
            whole = Raw(told[0] if len(told) == 1 else joined(action, told))
            said = outgoing.decode_answer(connection.version, action, whole)
        except (CallRefused, MessageError) as error:
            log.info("command.not_read_back", command_id=command.id, reason=str(error))
            said = {}  # it cannot be read: then its answer has to do
        except (StationUnreachable, NoAnswer) as error:
            log.info("command.not_read_back", command_id=command.id, reason=str(error))
        self._read.append(_ReadBack(command, said, self._clock.now()))
        self._settle.set()

    # ----------------------------------------------------------------------- what comes round

    async def tick(self) -> None:
        """Go through what is due, what was lost, and who has been silent since he connected."""
        self._ticks += 1
        self._let_silent_ones_in()
        self._dirty |= self._again
        self._again = set()
        if self._dirty:
            self._settle.set()
        now = self._clock.now()
        async with self._database.unit_of_work() as db:
            if self._ticks % _LOOK_FOR_QUEUED_EVERY == 0:
                for station in await open_commands.queued_here(db, self._node):
                    self.wake(station)
            if not await open_commands.is_my_turn(db):
                return  # another node does it
            if self._ticks % _FORGET_KEYS_EVERY == 0:
                await open_commands.forget_keys(db, now)
            await self._settle_due(db, now)
            await self._settle_lost(db, now)
            overtaken = await open_commands.overtaken(db, limit=BATCH)
            await command_store.apply(db, map(settlement.overtaken, overtaken), now=now)
            for row in await open_commands.to_set_back(db, now, limit=BATCH):
                await self._set_back(db, row, now)

    def _let_silent_ones_in(self) -> None:
        """A station that had nothing to say since it connected can be asked all the same."""
        before = asyncio.get_running_loop().time() - _FIRST_WORD_S
        for station in [each for each, since in self._fresh.items() if since <= before]:
            del self._fresh[station]
            self.wake(station)
            self._dirty.add(station)

    async def _settle_due(self, db: AsyncSession, now: datetime) -> None:
        """Judge once more, and for the last time, what has no time left."""
        due = await open_commands.due(db, now, limit=BATCH)
        judged = [each for each in due if _may_show(each)]
        others = [each for each in due if not _may_show(each)]
        changes = await self._verdicts(db, judged)
        changes += [
            settlement.overdue(each, now, None, most_s=self._effect_timeout_s) for each in others
        ]
        changed = [each for each in changes if each]
        made = await command_store.apply(db, changed, now=now)
        await self._follow_lists(db, due, changed, made)

    async def _settle_lost(self, db: AsyncSession, now: datetime) -> None:
        lost = await open_commands.lost(db, limit=BATCH)
        changes = [settlement.lost(each, now, most_s=self._effect_timeout_s) for each in lost]
        changed = [each for each in changes if each]
        made = await command_store.apply(db, changed, now=now)
        await self._follow_lists(db, lost, changed, made)
        again = {each.id for each in changed if each.after is CommandState.QUEUED}
        for station in {each.station for each in lost if each.id in again}:
            await command_store.tell_nodes(db, station)

    async def _follow_lists(
        self, db: AsyncSession, found: Iterable[Open], changes: Iterable[Change], made: set[int]
    ) -> None:
        """Go on with local lists whose message is settled; usually there is none."""
        known = {each.id: each for each in found if each.asked.action in list_updates.ACTIONS}
        settled = [
            (known[each.id], each) for each in changes if each.id in known and each.id in made
        ]
        if settled:
            await list_updates.follow(db, settled, self._clock.now())

    async def _set_back(self, db: AsyncSession, row: CommandRow, now: datetime) -> None:
        """Take a change of availability back whose end has come, if it was ever made."""
        if row.state in (CommandState.REJECTED, CommandState.EXPIRED, CommandState.CANCELLED):
            return
        request = Request(
            station=StationId(row.station),
            action=row.action,
            payload=set_back(row.payload),
            asked_by="system",
            asked_by_name="Leitstand",
            door="system",
            asker_organisation=OrganisationKey(row.owner),
            reason="system",
            reference=f"command/{row.id}",
            expires_in_s=7 * 24 * 3600,
            when_offline="queue",
            raw=row.raw,
        )
        try:
            await remote.ask(db, request, now=now)
        except (InvalidInput, StationUnreachable) as error:
            log.error("availability.not_set_back", station_id=row.station, reason=str(error))


def _may_show(command: Open) -> bool:
    """Tell whether a command that is due was sent, so that its effect may show."""
    if command.state is CommandState.SENT:
        return command.unknown_since is not None
    return command.state in (CommandState.ACCEPTED, CommandState.FAILED) or (
        command.state is CommandState.QUEUED and command.until_ended and command.attempts > 0
    )


def _looked_for(waiting: Iterable[Open]) -> set[str]:
    """Return the messages that commands wait for."""
    return {
        action
        for each in waiting
        if rule_of(each.asked.version, each.asked.action).shown in BY_FRAMES
        for action in messages_of(each.asked.action, each.asked.payload)
    }


def _known(command: Open, facts: Facts, taken: set[Any]) -> Facts:
    """Return a station's facts with what only one command knows."""
    return replace(
        facts,
        taken=facts.taken | taken,
        read_back=command.read_back,
        read_back_at=command.read_back_at,
    )


def _read_answer(command: Open, answer: Answer | Silence) -> dict[str, Any] | CallErrorSaid:
    if isinstance(answer, rpc.CallError):
        return CallErrorSaid(answer.code[:100], answer.description[:255])
    assert isinstance(answer, rpc.CallResult)
    asked = command.asked
    try:
        return outgoing.decode_answer(asked.version, asked.action, answer.payload)
    except MessageError as error:
        return CallErrorSaid("NotUnderstood", str(error)[:255])
