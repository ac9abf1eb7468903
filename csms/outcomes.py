"""Face: learn what became of commands: one, a page of them, how they end at kinds of stations.

Whoever wants to know as soon as it happens waits here, on whatever node the station is; asking is
done with `csms.remote`.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import ColumnElement, Integer, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from csms.command_store import CHANGES as CHANGES
from csms.command_store import as_command
from csms.queue import ANSWERED, FINAL, Command, CommandState
from csms.tables import CommandRow, CommandTransitionRow
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import StationId

_CHANGES_KEY: Final = "csms.outcomes.changes"


# -------------------------------------------------------------------------------------- reading


async def command(db: AsyncSession, command_id: str, scope: Scope) -> Command:
    """Return one command with its history.

    Raises:
        NotFound: There is none in scope.
    """
    row = await _row(db, command_id, scope)
    return (await _with_history(db, [row]))[0]


async def asked_under(db: AsyncSession, asked_by: str, idempotency_key: str) -> Command | None:
    """Return what somebody asked for under a key of his, with its history; None if nothing."""
    row = await db.scalar(
        select(CommandRow).where(
            CommandRow.asked_by == asked_by, CommandRow.idempotency_key == idempotency_key
        )
    )
    return None if row is None else (await _with_history(db, [row]))[0]


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


# -------------------------------------------------------------------------------------- waiting


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
                found = await command(db, command_id, WHOLE)
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
