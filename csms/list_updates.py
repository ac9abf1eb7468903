"""Face: stations' local lists brought up to date by commands, one message after the other.

An update begins by asking for the version of the station's list: who lost it, or had it from
somebody else, gets a whole one. Each next message is derived anew from the tokens and from what
the station accepted, so that an update that is cut off anywhere is only shorter. A station that
refuses a message gets a whole list, once; then it is left alone.

Source: OCPP 1.6 edition 2, sections 5.10 and 5.15; OCPP 2.0.1 part 2, D01 and D02.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import local_list_store, remote
from csms.command_store import target
from csms.local_list_tables import LocalListUpdateRow
from csms.local_lists import (
    UNSUPPORTED,
    Difference,
    Held,
    Limits,
    Wanted,
    difference,
    next_message,
    payload_of,
    wanted,
)
from csms.queue import FINAL, CommandState, Failure, Request
from csms.reports import OcppVersion
from csms.settlement import Change, Open
from csms.tables import CommandRow
from foundation.errors import Conflict, ExpectedError
from foundation.identifiers import OrganisationKey, StationId

ACTIONS: Final = frozenset({"GetLocalListVersion", "SendLocalList"})
"""After which an update goes on."""
ASKS: Final = "GetLocalListVersion"
"""What an update begins with."""
SENDS: Final = "SendLocalList"

_WAITS_FOR_S: Final = 3600
"""How long a further message waits for a station that went away meanwhile."""
_MOST_MESSAGES: Final = 2000
"""After this a station is left alone: its list and ours never meet."""
_MOST_RESTARTS: Final = 1


class State(StrEnum):
    """How far an update is."""

    UNDER_WAY = "under_way"
    DONE = "done"
    REFUSED = "refused"
    UNSUPPORTED = "unsupported"
    """The station knows no local lists."""
    FAILED = "failed"
    """It did not answer, or nobody sent the rest."""


class UpdateUnderWay(Conflict):
    """The station's list is being brought up to date already."""

    code = "local_list_under_way"

    def __init__(self, station: str) -> None:
        super().__init__(f"The list of station {station} is being brought up to date already.")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who has a list brought up to date; he was allowed to ask this station."""

    id: str
    name: str
    organisation: OrganisationKey
    door: str
    is_authorised: bool
    change_order: str | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Somebody had a list brought up to date.

    Attributes:
        messages: How many messages with entries were sent.
        outcome: Why it is not done, by the station's word or ours.
    """

    id: int
    asked_at: datetime
    asked_by_name: str
    state: State
    messages: int
    outcome: str | None
    ended_at: datetime | None
    command: int


@dataclass(frozen=True, slots=True)
class LocalList:
    """What a station holds, what it should hold, and how they differ.

    `differs` is None where nobody knows what it holds.
    """

    held: Held
    wanted: Wanted
    limits: Limits
    differs: Difference | None
    changed_at: datetime | None
    updates: Sequence[Update]

    @property
    def is_up_to_date(self) -> bool:
        """Whether it holds what it should, as far as is known."""
        return self.differs is not None and not len(self.differs)


# ------------------------------------------------------------------------------------ reading


async def local_list(
    db: AsyncSession,
    station: StationId,
    owner: OrganisationKey,
    version: OcppVersion,
    now: datetime,
    *,
    updates: int = 10,
) -> LocalList:
    """Return a station's list with the newest updates first; the caller checked the scope."""
    held = await local_list_store.held(db, station)
    limits = await local_list_store.limits_of(db, station)
    should = await _wanted(db, station, owner, limits, version, now)
    is_known = held.is_known and held.version != UNSUPPORTED
    return LocalList(
        held,
        should,
        limits,
        difference(held.entries, should.entries) if is_known else None,
        await local_list_store.changed_at(db, station),
        await _updates(db, station, limit=updates),
    )


async def _wanted(
    db: AsyncSession,
    station: StationId,
    owner: OrganisationKey,
    limits: Limits,
    version: OcppVersion,
    now: datetime,
) -> Wanted:
    tokens = await local_list_store.known_tokens(db, station, owner, now)
    return wanted(tokens, limits, version=version, now=now)


async def _updates(db: AsyncSession, station: str, *, limit: int) -> list[Update]:
    found = await db.execute(
        select(LocalListUpdateRow, CommandRow.state, CommandRow.failure)
        .outerjoin(CommandRow, CommandRow.id == LocalListUpdateRow.command)
        .where(LocalListUpdateRow.station == station)
        .order_by(LocalListUpdateRow.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return [_update(row, command) for row, command, _ in found]


def _update(row: LocalListUpdateRow, command: str | None) -> Update:
    state, outcome = State(row.state), row.outcome
    if state is State.UNDER_WAY and command in _NEVER_SENT:
        state, outcome = State.FAILED, command  # nothing goes on after it
    return Update(
        row.id,
        row.asked_at,
        row.asked_by_name,
        state,
        row.messages,
        outcome,
        row.ended_at,
        row.command,
    )


_NEVER_SENT: Final = (CommandState.EXPIRED, CommandState.CANCELLED)


# ------------------------------------------------------------------------------------ beginning


async def must_be_free(db: AsyncSession, station: StationId, now: datetime) -> None:
    """Make sure that a new update may begin; one that nothing goes on with is ended.

    Raises:
        UpdateUnderWay: One is under way.
    """
    # Two that press at once come one after the other.
    lock = text("select pg_advisory_xact_lock(hashtext('local list'), hashtext(:station))")
    await db.execute(lock, {"station": station})
    row = await db.scalar(
        select(LocalListUpdateRow)
        .where(LocalListUpdateRow.station == station, LocalListUpdateRow.ended_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        return
    state = await db.scalar(select(CommandRow.state).where(CommandRow.id == row.command))
    if state is not None and CommandState(state) not in FINAL:
        raise UpdateUnderWay(station)
    _end(row, State.FAILED, state, now)
    await db.flush()


async def begin(
    db: AsyncSession, station: StationId, command: remote.Command, *, by: Asker, now: datetime
) -> None:
    """Note that an update began with a question for the version, which was just asked.

    The caller made sure that none is under way (`must_be_free`).
    """
    db.add(
        LocalListUpdateRow(
            station=station,
            asked_at=now,
            asked_by=by.id,
            asked_by_name=by.name,
            asker_organisation=by.organisation,
            door=by.door,
            is_authorised=by.is_authorised,
            change_order=by.change_order,
            command=int(command.id),
            messages=0,
            restarts=0,
            state=State.UNDER_WAY,
        )
    )
    await db.flush()


# ------------------------------------------------------------------------------------ going on


async def follow(db: AsyncSession, settled: Sequence[tuple[Open, Change]], now: datetime) -> None:
    """Go on with the updates whose command is over; others cost nothing but a look.

    Args:
        db: The unit of work in which the commands were settled.
        settled: Commands with what became of them.
        now: The moment.
    """
    over = {
        command.id: (command, change)
        for command, change in settled
        if command.asked.action in ACTIONS and change.steps and change.after in FINAL
    }
    if not over:
        return
    rows = await db.scalars(
        select(LocalListUpdateRow)
        .where(LocalListUpdateRow.command.in_(over), LocalListUpdateRow.ended_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in rows.all():
        await _go_on(db, row, *over[row.command], now)


async def _go_on(
    db: AsyncSession, row: LocalListUpdateRow, command: Open, change: Change, now: datetime
) -> None:
    asked, is_sent = command.asked, command.asked.action == SENDS
    answer = change.answer if change.answer is not None else asked.answer
    is_done = change.after is CommandState.EFFECTIVE
    station = StationId(row.station)
    if is_done and is_sent and answer is None:
        # Its answer was lost; the version that it names shows that it took the message.
        await local_list_store.keep_sent(db, station, asked.payload, "Accepted", now)
    word = _word(change, answer)
    if not is_done and (not is_sent or change.after in _NEVER_SENT):
        is_unknown = change.failure is Failure.CALL_ERROR
        _end(row, State.UNSUPPORTED if is_unknown else State.FAILED, word, now)
    elif not is_done and word == "NotSupported":
        _end(row, State.UNSUPPORTED, word, now)
    elif not is_done:
        await _begin_anew(db, row, asked.payload, word, now)
    else:
        await _send_next(db, row, now)
    await db.flush()


def _word(change: Change, answer: Mapping[str, Any] | None) -> str:
    """Return why a command led to nothing, by the station's word where there is one."""
    said = (answer or {}).get("status") or (answer or {}).get("error_code")
    is_refused = change.after is CommandState.REJECTED or change.failure is Failure.CALL_ERROR
    return str(said) if said and is_refused else str(change.failure or change.after)


async def _begin_anew(
    db: AsyncSession,
    row: LocalListUpdateRow,
    payload: Mapping[str, Any],
    word: str,
    now: datetime,
) -> None:
    """Send a whole list to a station that refused a part; who refuses a whole one is left alone."""
    if payload.get("updateType") == "Full" or row.restarts >= _MOST_RESTARTS:
        _end(row, State.REFUSED, word, now)
        return
    row.restarts += 1
    await local_list_store.keep_sent(db, StationId(row.station), payload, "Failed", now)
    await _send_next(db, row, now)


async def _send_next(db: AsyncSession, row: LocalListUpdateRow, now: datetime) -> None:
    """Send what comes next; an update that nothing is left of is done."""
    station = StationId(row.station)
    to, _ = await target(db, station)
    assert to is not None, "it was asked for its version"
    assert to.version is not None, "it was asked for its version"
    held = await local_list_store.held(db, station, lock=True)
    if held.version == UNSUPPORTED:
        _end(row, State.UNSUPPORTED, "NotSupported", now)
        return
    limits = await local_list_store.limits_of(db, station)
    should = await _wanted(db, station, to.owner, limits, to.version, now)
    message = next_message(held, should.entries, limits)
    if message is None:
        _end(row, State.DONE, None, now)
        return
    if row.messages >= _MOST_MESSAGES:
        _end(row, State.FAILED, None, now)
        return
    payload = payload_of(message, is_16=to.version is OcppVersion.V16)
    try:
        command = await remote.ask(db, _request(row, payload), now=now)
    except ExpectedError as error:
        _end(row, State.FAILED, str(error)[:500], now)
        return
    await local_list_store.note_version(db, station, message.version, now)
    row.command, row.messages = int(command.id), row.messages + 1


def _request(row: LocalListUpdateRow, payload: Mapping[str, Any]) -> Request:
    return Request(
        station=StationId(row.station),
        action=SENDS,
        payload=payload,
        asked_by=row.asked_by,
        asked_by_name=row.asked_by_name,
        door=row.door,
        asker_organisation=OrganisationKey(row.asker_organisation),
        reason="system",
        reference=f"local-list/{row.id}",
        expires_in_s=_WAITS_FOR_S,
        when_offline="queue",
        is_authorised=row.is_authorised,
        change_order=row.change_order,
    )


def _end(row: LocalListUpdateRow, state: State, outcome: str | None, now: datetime) -> None:
    row.state, row.outcome, row.ended_at = state, outcome, now
