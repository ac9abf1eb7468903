"""Face: ask a station for something, learn what became of it; the schemas of all actions.

Whoever asks, by whatever door, asks here: the payload is checked by the schema of the station's
version, what needs a written order has one, nobody has more in flight than he may, and a station
without a connection is refused at once unless one wants to wait.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Integer, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import command_store
from csms.command_store import CHANGES as CHANGES
from csms.command_store import Target, as_command
from csms.file_places import with_places, without_places
from csms.ocpp import outgoing
from csms.queue import ANSWERED as ANSWERED
from csms.queue import (
    AVAILABILITY,
    AVAILABILITY_ENDS_AFTER,
    FINAL,
    LONGEST_EXPIRY,
    NEVER_AFTER_AN_OUTAGE,
    STOPS,
    CommandIsUnderWay,
    KeyUsedForOther,
    OrderNeeded,
    StationUnreachable,
    TooManyInFlight,
    masked,
    needs_order,
    wanted_availability,
)
from csms.queue import ChangeOrders as ChangeOrders
from csms.queue import Command as Command
from csms.queue import CommandState as CommandState
from csms.queue import Request as Request
from csms.queue import Transition as Transition
from csms.reports import OcppVersion
from csms.settlement import Change, Step
from csms.tables import CommandRow, CommandTransitionRow
from foundation.database import Database
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

IN_FLIGHT_MAX: Final = 10
_PACED_BY_THEMSELVES = frozenset({"campaign", "schedule", "system"})
_LARGEST_PRIORITY = 100


# ------------------------------------------------------------------------------ joined at start


@dataclass(frozen=True, slots=True)
class _Joined:
    """What the program joined: who knows of written orders, and the limit in flight."""

    orders: ChangeOrders | None
    in_flight_max: int


_KEY: Final = "csms.remote"
_CHANGES_KEY: Final = "csms.remote.changes"


def join(
    database: Database, *, orders: ChangeOrders | None, in_flight_max: int = IN_FLIGHT_MAX
) -> None:
    """Say for a database who knows of written orders, and how many commands one may have open.

    Where nobody does, what needs an order is refused.
    """
    database.joined[_KEY] = _Joined(orders, in_flight_max)


class Changes:
    """Wakes those who wait for a command: fed by the notifications of `command_changes`."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.is_fed = False

    def told(self, payload: str) -> None:
        """Take in a notification: the ids of commands that changed."""
        self.is_fed = True
        for command_id in payload.split():
            for waiting in self._waiting.get(command_id, ()):
                waiting.set()

    def lost(self) -> None:
        """The connection was lost: let everybody look for himself."""
        for waiting in self._waiting.values():
            for each in waiting:
                each.set()

    async def next(self, command_id: str, seen: asyncio.Event, *, timeout_s: float) -> None:
        """Wait until a command changed, at most so long."""
        try:
            async with asyncio.timeout(timeout_s):
                await seen.wait()
        except TimeoutError:
            return
        finally:
            seen.clear()

    def watch(self, command_id: str) -> asyncio.Event:
        """Begin to watch a command."""
        seen = asyncio.Event()
        self._waiting.setdefault(command_id, set()).add(seen)
        return seen

    def forget(self, command_id: str, seen: asyncio.Event) -> None:
        """End to watch a command."""
        waiting = self._waiting[command_id]
        waiting.discard(seen)
        if not waiting:
            del self._waiting[command_id]


def changes_of(database: Database) -> Changes:
    """Return what wakes those who wait for commands of this database."""
    changes: Changes = database.joined.setdefault(_CHANGES_KEY, Changes())
    return changes


# -------------------------------------------------------------------------------------- asking


def actions(version: OcppVersion) -> frozenset[str]:
    """Return the actions that a station of this version may be asked for."""
    return outgoing.actions(version)


def schema(version: OcppVersion, action: str) -> dict[str, Any]:
    """Return the JSON Schema of an action's payload, for forms.

    Raises:
        InvalidInput: The version has no such action of ours.
    """
    return outgoing.schema(version, action)


@dataclass(frozen=True, slots=True)
class Addressee:
    """A station that may be asked, without all that a page would show of it."""

    identity: StationId
    organisation: OrganisationKey


async def addressee(db: AsyncSession, scope: Scope, identity: str) -> Addressee:
    """Return a station in scope: what a door must know before it asks.

    Raises:
        NotFound: If there is none with this identity in scope.
    """
    owner = await command_store.owner_of(db, identity)
    if owner is None or not scope.covers_station(owner, identity):
        raise NotFound("station", identity)
    return Addressee(StationId(identity), owner)


async def ask(db: AsyncSession, request: Request, *, now: datetime) -> Command:
    """Ask a station for something: the command is durable with the caller's commit.

    The caller has checked that the asker may send this kind of command to this station. The same
    idempotency key of the same asker gives the command that it gave before.

    Raises:
        NotFound: There is no such station.
        InvalidInput: The payload is no valid message; `field` is the path of what is wrong.
        StationUnreachable: It has no connection, and the command is not to wait for one.
        OrderNeeded: It needs a written order, and none permits it.
        TooManyInFlight: The asker has too many commands without an answer.
        KeyUsedForOther: The idempotency key came with another command.
    """
    _check(request)
    joined: _Joined = db.info.get("joined", {}).get(_KEY) or _Joined(None, IN_FLIGHT_MAX)
    to = await command_store.target(db, request.station)
    if to is None:
        raise NotFound("station", request.station)
    if request.idempotency_key is not None:
        before = await _asked_before(db, request)
        if before is not None:
            return before
    if to.version is None:
        raise StationUnreachable(request.station)
    payload = _completed(request, to, to.version)
    if not request.raw:
        payload = await with_places(
            db,
            request.station,
            request.action,
            payload,
            asker=request.asker_organisation,
            made_by=request.asked_by,
            now=now,
        )
    outgoing.encode(to.version, request.action, payload, raw=request.raw)
    set_back_at = _set_back_at(request, to, now)
    _must_name_order(request, to, has_end=set_back_at is not None)
    if not to.is_connected and request.when_offline == "refuse" and not request.until_ended:
        raise StationUnreachable(request.station)
    if request.reason not in _PACED_BY_THEMSELVES:
        count = await command_store.in_flight(db, request.asked_by)
        if count >= joined.in_flight_max:
            raise TooManyInFlight(joined.in_flight_max)
    # Last: what an order permits is used up by it, and nothing may refuse the command after that.
    await _must_be_permitted(db, request, joined, now=now)
    command = _command(request, to, to.version, payload, set_back_at, now)
    concealed = None if command.payload == payload else payload
    if not await command_store.add(db, command, to, concealed=concealed):
        raced = await _asked_before(db, request)
        assert raced is not None, "the key came first elsewhere"
        return raced
    return command


def _check(request: Request) -> None:
    """Refuse what no command can be.

    Raises:
        InvalidInput: If there is such a thing.
    """
    longest = int(LONGEST_EXPIRY.total_seconds())
    if not 1 <= request.expires_in_s <= longest:
        raise InvalidInput(f"expires_in_s must be 1 to {longest}.", field="expires_in_s")
    if not -_LARGEST_PRIORITY <= request.priority <= _LARGEST_PRIORITY:
        raise InvalidInput(
            f"priority must be -{_LARGEST_PRIORITY} to {_LARGEST_PRIORITY}.", field="priority"
        )
    if request.until_ended and request.action not in STOPS:
        raise InvalidInput("Only a stop can be asked again until the end.", field="until_ended")
    if request.ends_in_s is not None and request.action != AVAILABILITY:
        raise InvalidInput("Only a change of availability can end.", field="ends_in_s")
    if (
        request.when_offline == "queue"
        and request.action in NEVER_AFTER_AN_OUTAGE
        and not request.until_ended
    ):
        raise InvalidInput(
            f"{request.action} is never sent after an outage: who asked may be gone by then.",
            field="when_offline",
        )


def _completed(request: Request, to: Target, version: OcppVersion) -> dict[str, Any]:
    """Return the payload; a 2.x start gets our number where it has none."""
    payload = dict(request.payload)
    if request.action == "RequestStartTransaction" and version is not OcppVersion.V16:
        payload.setdefault("remoteStartId", to.number % 2**31)
    return payload


def _set_back_at(request: Request, to: Target, now: datetime) -> datetime | None:
    """Return when a change of availability ends by itself; None if it does not.

    Without an order, and where nobody acts for his own station, it does after a day at most.
    """
    if request.action != AVAILABILITY or wanted_availability(request.payload) == "Operative":
        return None
    if request.ends_in_s is not None:
        if not 1 <= request.ends_in_s <= LONGEST_EXPIRY.total_seconds():
            raise InvalidInput("ends_in_s is 1 second to 7 days.", field="ends_in_s")
        return now + timedelta(seconds=request.ends_in_s)
    if request.change_order is not None or _acts_for_own(request, to):
        return None
    return now + AVAILABILITY_ENDS_AFTER


def _acts_for_own(request: Request, to: Target) -> bool:
    """Tell whether nobody else's station is changed: the owner's own people, or a setting of his.

    What the program sends under a setting (door `system`) rests on that setting.
    """
    if request.door == "system":
        return True
    return request.is_authorised and request.asker_organisation == to.owner


def _must_name_order(request: Request, to: Target, *, has_end: bool) -> None:
    """Refuse what needs a written order and names none.

    Raises:
        OrderNeeded: If it does.
    """
    needed = needs_order(
        request.action,
        request.payload,
        acts_for_own=_acts_for_own(request, to),
        has_end=has_end,
    )
    if needed and request.change_order is None:
        raise OrderNeeded(request.action)


async def _must_be_permitted(
    db: AsyncSession, request: Request, joined: _Joined, *, now: datetime
) -> None:
    """Refuse what names an order that does not permit it.

    Raises:
        OrderNeeded: With the sentence why the order does not permit it.
    """
    if request.change_order is None:
        return
    if joined.orders is None:
        raise OrderNeeded(request.action)
    why_not = await joined.orders.permits(
        db,
        request.change_order,
        station=request.station,
        action=request.action,
        payload=request.payload,
        now=now,
    )
    if why_not is not None:
        raise OrderNeeded(request.action, why_not)


async def _asked_before(db: AsyncSession, request: Request) -> Command | None:
    row = await db.scalar(
        select(CommandRow).where(
            CommandRow.asked_by == request.asked_by,
            CommandRow.idempotency_key == request.idempotency_key,
        )
    )
    if row is None:
        return None
    asked = {**row.payload}
    if "remoteStartId" not in request.payload and row.remote_start_id is not None:
        asked.pop("remoteStartId", None)
    asked = without_places(request.action, asked, request.payload)
    same = (row.station, row.action) == (request.station, request.action)
    if not same or asked != masked(request.action, request.payload):
        raise KeyUsedForOther
    return (await _with_history(db, [row]))[0]


def _command(
    request: Request,
    to: Target,
    version: OcppVersion,
    payload: Mapping[str, Any],
    set_back_at: datetime | None,
    now: datetime,
) -> Command:
    lasts = LONGEST_EXPIRY if request.until_ended else timedelta(seconds=request.expires_in_s)
    started = payload.get("remoteStartId")
    return Command(
        id=str(to.number),
        station=request.station,
        owner=to.owner,
        action=request.action,
        payload=masked(request.action, payload),
        state=CommandState.QUEUED,
        failure=None,
        asked_at=now,
        asked_by=request.asked_by,
        asked_by_name=request.asked_by_name,
        door=request.door,
        asker_organisation=request.asker_organisation,
        reason=request.reason,
        reference=request.reference,
        priority=request.priority,
        expires_at=now + lasts,
        when_offline="queue" if request.until_ended else request.when_offline,
        raw=request.raw,
        change_order=request.change_order,
        billing_decision=request.billing_decision,
        idempotency_key=request.idempotency_key,
        until_ended=request.until_ended,
        set_back_at=set_back_at,
        version=version.removeprefix("ocpp"),
        attempts=0,
        sent_at=None,
        answered_at=None,
        answer=None,
        transaction_id=None,
        remote_start_id=started if isinstance(started, int) else None,
        transitions=(Transition(CommandState.QUEUED, now),),
    )


# -------------------------------------------------------------------------------------- reading


async def command(db: AsyncSession, command_id: str, scope: Scope) -> Command:
    """Return one command with its history.

    Raises:
        NotFound: There is none in scope.
    """
    row = await _row(db, command_id, scope)
    return (await _with_history(db, [row]))[0]


async def _row(db: AsyncSession, command_id: str, scope: Scope) -> CommandRow:
    row = None
    if command_id.isascii() and command_id.isdigit() and len(command_id) <= 18:
        query = select(CommandRow).where(CommandRow.id == int(command_id), _seen(scope))
        row = await db.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound("command", command_id)
    return row


def _seen(scope: Scope) -> ColumnElement[bool]:
    """Return what of the commands somebody sees: of his organisations, and of shared stations."""
    if scope.is_whole:
        return CommandRow.id.is_not(None)
    shared = sorted(getattr(scope, "shared", ()))
    return or_(
        CommandRow.owner.in_(sorted(scope.organisations or ())), CommandRow.station.in_(shared)
    )


async def commands(
    db: AsyncSession,
    scope: Scope,
    *,
    station: StationId | None = None,
    state: CommandState | None = None,
    reference: str | None = None,
    asked_by: str | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[Command]:
    """Return commands with their histories, the newest first.

    Args:
        db: The unit of work.
        scope: Whose stations.
        station: Only this one's.
        state: Only those in this state.
        reference: Only those asked for under it (a call, a ticket, a campaign).
        asked_by: Only this asker's.
        after: Only those older than this one: the next page.
        limit: How many at most.
    """
    query = select(CommandRow).where(_seen(scope))
    for column, value in (
        (CommandRow.station, station),
        (CommandRow.state, state),
        (CommandRow.reference, reference),
        (CommandRow.asked_by, asked_by),
    ):
        if value is not None:
            query = query.where(column == value)
    if after is not None:
        query = query.where(CommandRow.id < after)
    query = query.execution_options(populate_existing=True)
    found = await db.scalars(query.order_by(CommandRow.id.desc()).limit(limit))
    return await _with_history(db, list(found))


async def _with_history(db: AsyncSession, found: list[CommandRow]) -> list[Command]:
    history: dict[int, list[CommandTransitionRow]] = {}
    for each in await db.scalars(
        select(CommandTransitionRow)
        .where(CommandTransitionRow.command_id.in_([row.id for row in found]))
        .order_by(CommandTransitionRow.id)
    ):
        history.setdefault(each.command_id, []).append(each)
    return [as_command(row, history.get(row.id, [])) for row in found]


async def cancel(
    db: AsyncSession, command_id: str, *, now: datetime, note: str | None = None
) -> None:
    """Cancel a command that still waits.

    Raises:
        NotFound: There is no such command.
        CommandIsUnderWay: It was sent already, or is over.
    """
    row = await _row(db, command_id, Scope(None))
    change = Change(
        row.id,
        CommandState.QUEUED,
        None,
        (Step(CommandState.CANCELLED, note),),
    )
    if not await command_store.apply(db, [change], now=now):
        row = await _row(db, command_id, Scope(None))
        raise CommandIsUnderWay(CommandState(row.state))


_LOOK_AT_LEAST_EVERY_S = 2.0
_LOOK_FIRST_S = 0.02
_LOOK_LAST_S = 0.5


async def wait_for(
    database: Database,
    command_id: str,
    *,
    timeout_s: float,
    until: Literal["answer", "final"] = "answer",
) -> Command:
    """Wait until a command is answered or final; return it as it is then, or after the time-out.

    Woken by notifications where the process listens for them (`changes_of`), else by looking.

    Raises:
        NotFound: There is no such command.
    """
    awaited = FINAL if until == "final" else ANSWERED
    changes = changes_of(database)
    seen = changes.watch(command_id)
    pause_s = _LOOK_FIRST_S
    loop = asyncio.get_running_loop()
    ends = loop.time() + timeout_s
    try:
        while True:
            async with database.unit_of_work() as db:
                found = await command(db, command_id, Scope(None))
            left_s = ends - loop.time()
            if found.state in awaited or left_s <= 0:
                return found
            pause_s = min(2 * pause_s, _LOOK_LAST_S)
            longest_s = _LOOK_AT_LEAST_EVERY_S if changes.is_fed else pause_s
            await changes.next(command_id, seen, timeout_s=min(left_s, longest_s))
    finally:
        changes.forget(command_id, seen)


# ---------------------------------------------------------------------------------------- rates


@dataclass(frozen=True, slots=True)
class Rate:
    """How the commands of one action ended at one kind of station."""

    action: str
    vendor: str | None
    model: str | None
    firmware: str | None
    asked: int
    effective: int
    rejected: int
    call_error: int
    no_answer: int
    no_effect: int
    outcome_unknown: int
    not_sent: int
    """Expired or cancelled."""

    @property
    def success(self) -> float | None:
        """Which part of those that were sent took effect, 0 to 1; None if none is over."""
        over = self.asked - self.not_sent
        return self.effective / over if over > 0 else None


async def rates(
    db: AsyncSession,
    scope: Scope,
    *,
    since: datetime,
    until: datetime,
    by: Iterable[Literal["vendor", "model", "firmware"]] = ("vendor", "model", "firmware"),
) -> list[Rate]:
    """Return how commands ended that were asked for in [since, until) and are over.

    By action and kind of station as it was when it was asked; what `by` leaves out is summed up.
    """
    kinds = {"vendor": CommandRow.vendor, "model": CommandRow.model}
    columns = {**kinds, "firmware": CommandRow.firmware}
    wanted = [name for name in columns if name in set(by)]
    grouped = [CommandRow.action, *(columns[name] for name in wanted)]

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0).cast(Integer)

    state, failure = CommandRow.state, CommandRow.failure
    query = (
        select(
            *grouped,
            func.count().label("asked"),
            count(state == "effective").label("effective"),
            count(state == "rejected").label("rejected"),
            *(
                count((state == "failed") & (failure == name)).label(name)
                for name in ("call_error", "no_answer", "no_effect", "outcome_unknown")
            ),
            count(state.in_(("expired", "cancelled"))).label("not_sent"),
        )
        .where(
            _seen(scope),
            CommandRow.asked_at >= since,
            CommandRow.asked_at < until,
            state.in_(sorted(FINAL)),
        )
        .group_by(*grouped)
        .order_by(*grouped)
    )
    found = await db.execute(query)
    return [
        Rate(
            action=row.action,
            vendor=row.vendor if "vendor" in wanted else None,
            model=row.model if "model" in wanted else None,
            firmware=row.firmware if "firmware" in wanted else None,
            asked=row.asked,
            effective=row.effective,
            rejected=row.rejected,
            call_error=row.call_error,
            no_answer=row.no_answer,
            no_effect=row.no_effect,
            outcome_unknown=row.outcome_unknown,
            not_sent=row.not_sent,
        )
        for row in found
    ]
