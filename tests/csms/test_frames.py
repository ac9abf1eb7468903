"""The OCPP log: written behind, in order, never in anybody's way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from csms.frames import FrameLog
from foundation import metrics
from foundation.clock import SetClock
from foundation.database import Database
from foundation.tasks import Tasks
from tests.csms.central import central_running, eventually
from tests.csms.wire import wired

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def line(number: int) -> tuple[str, datetime, str, int, str, str | None]:
    at = NOON + timedelta(seconds=number)
    return "CS-1", at, "in", 1, f"frame {number}", "a note" if number % 2 else None


async def stored(database: Database) -> list[str]:
    async with database.unit_of_work() as db:
        return list(await db.scalars(text("select raw from frames order by at")))


async def test_lines_are_written_whole_and_in_batches(database: Database) -> None:
    log = FrameLog(database, batch=3, most=100)
    for number in range(8):
        log.add(line(number))
    await log.flush()
    assert await stored(database) == [f"frame {number}" for number in range(8)]
    async with database.unit_of_work() as db:
        rows = (await db.execute(text("select * from frames order by at"))).all()
    assert [tuple(row) for row in rows[:2]] == [line(0), line(1)]


async def test_it_writes_behind_by_itself(database: Database) -> None:
    log = FrameLog(database, batch=3, most=100)
    async with Tasks() as tasks:
        tasks.start("OCPP log", log.run)
        log.add(line(1))

        async def written() -> bool:
            return await stored(database) == ["frame 1"]

        await eventually(written)


@asynccontextmanager
async def writing(database: Database, log: FrameLog) -> AsyncIterator[asyncio.Task[None]]:
    """Let it be in the midst of writing, as long as somebody else has the table."""
    async with database.unit_of_work() as db:
        await db.execute(text("lock table frames in exclusive mode"))
        task = asyncio.ensure_future(log.flush())  # noqa: TID251 - no tasks owner in a test

        async def waits() -> bool:
            found = await db.scalar(text("select count(*) from pg_locks where not granted"))
            return bool(found)

        await eventually(waits)
        yield task


async def test_who_flushes_beside_another_returns_when_both_have_written(
    database: Database,
) -> None:
    log = FrameLog(database, batch=3, most=100)
    log.add(line(1))
    async with writing(database, log) as first:
        second = asyncio.ensure_future(log.flush())  # noqa: TID251 - no tasks owner in a test
        await asyncio.sleep(0.05)
        assert not second.done(), "it would say that all is written"
    await second
    assert await stored(database) == ["frame 1"]
    await first


async def test_what_was_being_written_when_the_writer_was_stopped_is_not_lost(
    database: Database,
) -> None:
    log = FrameLog(database, batch=3, most=100)
    for number in range(4):
        log.add(line(number))
    async with writing(database, log) as first:
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
    await log.flush()
    assert await stored(database) == [f"frame {number}" for number in range(4)]


async def test_beyond_its_limit_the_oldest_are_dropped_and_counted(database: Database) -> None:
    before = metrics.frames_dropped._value.get()
    log = FrameLog(database, batch=10, most=3)
    for number in range(5):
        log.add(line(number))
    await log.flush()
    assert await stored(database) == ["frame 2", "frame 3", "frame 4"]
    assert metrics.frames_dropped._value.get() == before + 2


async def test_while_the_database_is_away_the_lines_wait_in_their_order(
    database_url: str, clock: SetClock
) -> None:
    async with wired(database_url) as wire:
        database = Database(wire.url, pool_size=1)
        log = FrameLog(database, batch=2, most=100)
        for number in range(5):
            log.add(line(number))
        await wire.cut()
        await log.flush()
        await wire.mend()
        await log.flush()
        assert await stored(database) == [f"frame {number}" for number in range(5)]
        await database.close()


async def test_texts_that_no_database_takes_are_made_fit(
    database_url: str, clock: SetClock
) -> None:
    async with central_running(database_url, clock) as central:
        station = await central.here()
        await station.send("\u0000[2,\u0000")
        await station.send('[2,"1","DataTransfer",{"vendorId":"\\u0000 \\ud83d\\ude00"}]')
        await station.answer_to("1")
        raws = [each["raw"] for each in await central.frames(station.identity)]
        assert raws[0] == "\ufffd[2,\ufffd"
        assert len(raws) == 3
