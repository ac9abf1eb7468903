"""Commands that are not over for good: those whose time has come, or whose effect may show now."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from csms.evidence import Asked
from csms.queue import NEVER_AFTER_AN_OUTAGE, CommandState, Failure
from csms.reports import OcppVersion
from csms.settlement import Open
from csms.tables import CommandRow
from foundation import statements
from foundation.identifiers import StationId
from foundation.statements import rows

_read = msgspec.json.decode


_OPEN_COLUMNS = """
    c.id, c.station, c.state, c.failure, c.version, c.action, c.payload::text as payload,
    c.sent_at, c.answered_at, c.answer::text as answer, c.firmware, c.remote_start_id, c.due_at,
    c.expires_at, c.unknown_since, c.read_back::text as read_back, c.read_back_at, c.until_ended,
    c.attempts, c.message_id, c.asked_at
"""

_OPEN_NAMES = [each.split()[-1].removeprefix("c.") for each in _OPEN_COLUMNS.split(",")]


def _open(row: dict[str, Any]) -> Open:
    return Open(
        id=row["id"],
        station=StationId(row["station"]),
        state=CommandState(row["state"]),
        failure=None if row["failure"] is None else Failure(row["failure"]),
        asked=Asked(
            version=OcppVersion(row["version"]),
            action=row["action"],
            payload=_read(row["payload"]),
            sent_at=row["sent_at"] or row["asked_at"],
            answered_at=row["answered_at"],
            answer=None if row["answer"] is None else _read(row["answer"]),
            firmware=row["firmware"],
            remote_start_id=row["remote_start_id"],
        ),
        due_at=row["due_at"],
        expires_at=row["expires_at"],
        unknown_since=row["unknown_since"],
        read_back=None if row["read_back"] is None else _read(row["read_back"]),
        read_back_at=row["read_back_at"],
        until_ended=row["until_ended"],
        attempts=row["attempts"],
        message_id=row["message_id"],
    )


async def waiting_for_evidence(db: AsyncSession, stations: Sequence[str]) -> list[Open]:
    """Return the commands of stations whose effect may still show; the oldest first."""
    found = await rows(
        db,
        f"""
        select {_OPEN_COLUMNS} from commands c
        where c.station = any (%b::text[]) and c.due_at is not null
          and (c.state in ('accepted', 'failed')
               or (c.state = 'sent' and c.unknown_since is not null)
               or (c.state = 'queued' and c.until_ended and c.attempts > 0))
        order by c.id
        """,  # noqa: S608 - column names only
        [sorted(stations)],
    )
    return [_open(row) for row in found]


def by_message(message_ids: Sequence[str]) -> statements.Asked[list[Open]]:
    """Ask for the commands that were last sent under these message ids, and lock them."""
    return statements.Asked(
        f"select {_OPEN_COLUMNS} from commands c where c.message_id = any (%b::text[])"  # noqa: S608
        " order by c.id for update",
        [sorted(message_ids)],
        lambda found: [_open(dict(zip(_OPEN_NAMES, row, strict=True))) for row in found],
    )


async def is_my_turn(db: AsyncSession) -> bool:
    """Tell whether this unit of work may go through what is due; one node at a time does."""
    found = await rows(
        db, "select pg_try_advisory_xact_lock(hashtext(%b::text)) as mine", ["commands due"]
    )
    return bool(found[0]["mine"])


async def due(db: AsyncSession, now: datetime, *, limit: int) -> list[Open]:
    """Return the commands whose time is over."""
    found = await rows(
        db,
        f"""
        select {_OPEN_COLUMNS} from commands c where c.due_at <= %b::timestamptz
        order by c.due_at limit %b::int
        """,  # noqa: S608
        [now, limit],
    )
    return [_open(row) for row in found]


async def lost(db: AsyncSession, *, limit: int) -> list[Open]:
    """Return the commands that were sent over connections which are no more, and not answered."""
    found = await rows(
        db,
        f"""
        select {_OPEN_COLUMNS} from commands c
        where c.due_at is not null and c.state = 'sent' and c.unknown_since is null
          and not exists (
            select 1 from station_connections k join nodes n on n.node = k.node
            where k.station = c.station and k.epoch = c.epoch and k.node = c.node
              and k.closed_at is null and n.lease_until > clock_timestamp())
        order by c.id limit %b::int
        """,  # noqa: S608
        [limit],
    )
    return [_open(row) for row in found]


async def overtaken(db: AsyncSession, *, limit: int) -> list[Open]:
    """Return the commands that wait for a connection which is no more, and may get no other."""
    found = await rows(
        db,
        f"""
        select {_OPEN_COLUMNS} from commands c
        where c.due_at is not null and c.state = 'queued' and not c.until_ended
          and c.action = any (%b::text[])
          and not exists (
            select 1 from station_connections k
            where k.station = c.station and k.epoch = c.epoch and k.closed_at is null)
        order by c.id limit %b::int
        """,  # noqa: S608
        [sorted(NEVER_AFTER_AN_OUTAGE), limit],
    )
    return [_open(row) for row in found]


async def queued_here(db: AsyncSession, node: str) -> list[StationId]:
    """Return the stations of this node that something waits for."""
    found = await rows(
        db,
        """
        select distinct c.station from commands c
        join station_connections k on k.station = c.station and k.closed_at is null
        where c.due_at is not null and c.state = 'queued' and k.node = %b::text
        """,
        [node],
    )
    return [StationId(row["station"]) for row in found]


async def to_set_back(db: AsyncSession, now: datetime, *, limit: int) -> list[CommandRow]:
    """Return the changes of availability whose end has come, and take note that they ended."""
    found = await rows(
        db,
        """
        update commands set set_back_at = null where id in (
            select id from commands where set_back_at <= %b::timestamptz order by id limit %b::int
            for update skip locked)
        returning id
        """,
        [now, limit],
    )
    return [row for each in found if (row := await db.get(CommandRow, each["id"])) is not None]


KEYS_HOLD_FOR = timedelta(days=7)
"""How long an idempotency key stands for its command: as long as for any call of the API."""


async def forget_keys(db: AsyncSession, now: datetime) -> None:
    """Let go of idempotency keys whose time is over; to be called at least once a day."""
    await rows(
        db,
        """
        update commands set idempotency_key = null
        where asked_at >= %b::timestamptz and asked_at < %b::timestamptz
          and idempotency_key is not null
        """,
        [now - 2 * KEYS_HOLD_FOR, now - KEYS_HOLD_FOR],
    )
