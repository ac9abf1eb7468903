"""Partitions of the tables that grow without end: made ahead, dropped when their time is over.

Frames by day, readings by month. What fits no partition (a clock that is years off) lies in the
default one, so a partition is made before its time comes, never under rows that are there.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.clock import Clock
from foundation.database import Database, savepoint
from foundation.settings import Settings

log = structlog.get_logger(__name__)

_DAYS_AHEAD = 7
_MONTHS_AHEAD = 2
_MONTHS_BACK = 2
_LOCK = 7_219_002


def month_start(day: date, months: int) -> date:
    """Return the first day of the month so many months away."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def wanted(now: datetime) -> Iterator[tuple[str, str, date, date]]:
    """Yield table, partition, first day and the day after the last, for what must exist."""
    today = now.date()
    for offset in range(_DAYS_AHEAD):
        day = today + timedelta(days=offset)
        yield "frames", f"frames_{day:%Y_%m_%d}", day, day + timedelta(days=1)
    for months in range(-_MONTHS_BACK, _MONTHS_AHEAD + 1):
        start = month_start(today, months)
        yield "readings", f"readings_{start:%Y_%m}", start, month_start(start, 1)


async def keep_partitions(database: Database, settings: Settings, clock: Clock) -> None:
    """Make the partitions that will be needed, and drop those whose time is over."""
    now = clock.now()
    for table, name, start, end in wanted(now):
        async with database.unit_of_work() as db:
            await db.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if not await _exists(db, name):
                await _make(db, table, name, start, end)
    kept = {
        "frames": now.date() - timedelta(days=settings.frames_kept_days),
        "readings": now.date() - timedelta(days=settings.readings_kept_days),
    }
    for table, oldest in kept.items():
        async with database.unit_of_work() as db:
            await db.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            for name in await _over(db, table, oldest):
                await db.execute(text(f"drop table {name}"))
                log.info("partition.dropped", table=table, partition=name)


async def _exists(db: AsyncSession, name: str) -> bool:
    found = await db.execute(text("select to_regclass(:name)"), {"name": name})
    return found.scalar() is not None


async def _make(db: AsyncSession, table: str, name: str, start: date, end: date) -> None:
    """Make a partition, unless rows of its span lie in the default one already."""
    try:
        async with await savepoint(db):
            await db.execute(
                text(
                    f"create table {name} partition of {table}"
                    f" for values from ('{_moment(start)}') to ('{_moment(end)}')"
                )
            )
    except IntegrityError:
        # They stay where they are, and are found there; only dropping is less cheap then.
        log.info("partition.not_made", table=table, partition=name)


def _moment(day: date) -> str:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()


async def _over(db: AsyncSession, table: str, oldest: date) -> list[str]:
    """Return the partitions whose last day lies before the oldest that is kept."""
    found = await db.execute(
        text(
            "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
            " join pg_class p on p.oid = i.inhparent where p.relname = :table"
        ),
        {"table": table},
    )
    return [name for (name,) in found if (last := _last_day(name)) and last < oldest]


def _last_day(name: str) -> date | None:
    """Return the last day of a partition by its name; None for the default one."""
    numbers = [int(part) for part in name.split("_")[1:] if part.isdigit()]
    if len(numbers) == 3:
        return date(*numbers)
    if len(numbers) == 2:
        return month_start(date(numbers[0], numbers[1], 1), 1) - timedelta(days=1)
    return None
