"""Jobs: asked for with the facts, done at least once, taken up again, given up at last."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from foundation import jobs as jobs_module
from foundation.database import Database
from foundation.errors import Unavailable
from foundation.jobs import Attempt, Jobs, Payload, counts, lag_s
from foundation.tasks import OnEnd, TaskEnd, Tasks

ROOT = Path(__file__).parents[2]
NONE = {"waiting": 0, "doing": 0, "failed": 0}


class Book:
    """Notes what was done, and lets a test wait for it."""

    def __init__(self, failures: int = 0) -> None:
        self.done: list[tuple[Payload, Attempt]] = []
        self.failures = failures
        self._changed = asyncio.Event()

    async def work(self, payload: Payload, attempt: Attempt) -> None:
        self.done.append((payload, attempt))
        self._changed.set()
        if len(self.done) <= self.failures:
            raise Unavailable("not yet")

    async def reached(self, number: int) -> None:
        async with asyncio.timeout(60):
            while len(self.done) < number:
                self._changed.clear()
                await self._changed.wait()


def made(database: Database, **given: float) -> Jobs:
    return Jobs(database.url, poll_s=given.pop("poll_s", 0.02), **given)  # type: ignore[arg-type]


@asynccontextmanager
async def running(jobs: Jobs) -> AsyncIterator[None]:
    async with Tasks() as tasks:
        tasks.start("jobs", jobs.run)
        yield


async def counted(database: Database) -> dict[str, int]:
    async with database.unit_of_work() as db:
        return await counts(db)


async def until_counted(database: Database, wanted: dict[str, int]) -> None:
    async with asyncio.timeout(60):
        while await counted(database) != wanted:  # noqa: ASYNC110 - the worker's own doing
            await asyncio.sleep(0.01)


async def test_a_job_is_done_with_its_payload_and_then_forgotten(database: Database) -> None:
    book, jobs = Book(), made(database)
    jobs.register("greet", book.work)
    async with database.unit_of_work() as db:
        await jobs.defer(db, "greet", {"name": "Lea", "times": 2})
        assert await counts(db) == {**NONE, "waiting": 1}
    async with running(jobs):
        await book.reached(1)
        await until_counted(database, NONE)
    assert book.done == [({"name": "Lea", "times": 2}, Attempt(1, is_last=False))]


async def test_a_job_deferred_while_the_worker_waits_wakes_it(database: Database) -> None:
    book, jobs = Book(), made(database, poll_s=3600.0)
    jobs.register("greet", book.work)
    async with running(jobs):
        await listening(database)
        async with database.unit_of_work() as db:
            await jobs.defer(db, "greet", {})
        await book.reached(1)
        await until_counted(database, NONE)


async def listening(database: Database) -> None:
    """Wait until the worker listens: looked at from outside."""
    query = text(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and query ilike 'listen %'"
    )
    async with asyncio.timeout(60):
        while True:
            async with database.unit_of_work() as db:
                if (await db.execute(query)).scalar():
                    return
            await asyncio.sleep(0.01)


async def test_a_job_of_a_unit_of_work_that_fails_never_was(database: Database) -> None:
    jobs = made(database)
    jobs.register("greet", Book().work)
    async with database.unit_of_work() as db:
        await jobs.defer(db, "greet", {})
        await db.rollback()
    assert await counted(database) == NONE


async def test_one_key_is_one_job_and_another_key_another(database: Database) -> None:
    jobs = made(database)
    jobs.register("greet", Book().work)
    async with database.unit_of_work() as db:
        assert await jobs.defer(db, "greet", {}, key="event/1") is not None
        assert await jobs.defer(db, "greet", {}, key="event/1") is None
        assert await jobs.defer(db, "greet", {}, key="event/2") is not None
    async with database.unit_of_work() as db:
        assert await jobs.defer(db, "greet", {}, key="event/2") is None
    assert (await counted(database))["waiting"] == 2


async def test_the_longest_wait_of_what_should_be_done_is_known(database: Database) -> None:
    jobs = made(database)
    jobs.register("greet", Book().work)
    async with database.unit_of_work() as db:
        assert await lag_s(db) == 0
        await jobs.defer(db, "greet", {})
        await jobs.defer(db, "greet", {})
    async with database.unit_of_work() as db:
        assert 0 <= await lag_s(db) < 600
        await db.execute(text("update procrastinate_events set at = at - interval '1 hour'"))
        assert await lag_s(db) >= 3600
        later = "update procrastinate_jobs set scheduled_at = now() + interval '1 hour'"
        await db.execute(text(later))
        assert await lag_s(db) == 0


async def test_a_job_that_nobody_can_do_is_not_taken(database: Database) -> None:
    with pytest.raises(AssertionError, match="nobody registered"):
        async with database.unit_of_work() as db:
            await made(database).defer(db, "unheard of", {})


async def test_a_job_that_fails_is_tried_again_until_it_works(database: Database) -> None:
    book, jobs = Book(failures=2), made(database)
    jobs.register("greet", book.work, pauses_s=(0, 0, 0))
    async with database.unit_of_work() as db:
        await jobs.defer(db, "greet", {})
    async with running(jobs):
        await book.reached(3)
        await until_counted(database, NONE)
    assert [attempt.number for _, attempt in book.done] == [1, 2, 3]


async def test_after_the_last_attempt_a_job_stays_for_people_and_its_key_is_taken(
    database: Database,
) -> None:
    book, jobs = Book(failures=99), made(database)
    jobs.register("greet", book.work, pauses_s=(0, 0))
    async with database.unit_of_work() as db:
        await jobs.defer(db, "greet", {}, key="event/1")
    async with running(jobs):
        await until_counted(database, {**NONE, "failed": 1})
    assert [attempt.is_last for _, attempt in book.done] == [False, False, True]
    async with database.unit_of_work() as db:
        assert await jobs.defer(db, "greet", {}, key="event/1") is None


async def test_a_pause_is_waited_for_and_others_are_done_meanwhile(database: Database) -> None:
    slow, quick, jobs = Book(failures=1), Book(), made(database)
    jobs.register("slow", slow.work, pauses_s=(3600,))
    jobs.register("quick", quick.work)
    async with database.unit_of_work() as db:
        await jobs.defer(db, "slow", {})
        await jobs.defer(db, "quick", {})
    async with running(jobs):
        await slow.reached(1)
        await quick.reached(1)
        await until_counted(database, {**NONE, "waiting": 1})
    assert len(slow.done) == 1


async def test_jobs_of_one_lock_are_done_in_order_one_at_a_time(database: Database) -> None:
    order: list[int] = []
    at_once = 0

    async def work(payload: Payload, attempt: Attempt) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        await asyncio.sleep(0)
        order.append(payload["number"])
        at_once -= 1

    jobs = made(database)
    jobs.register("in order", work)
    async with database.unit_of_work() as db:
        for number in range(5):
            await jobs.defer(db, "in order", {"number": number}, lock="partner")
    async with running(jobs):
        await until_counted(database, NONE)
    assert order == [0, 1, 2, 3, 4]


async def test_stopping_finishes_the_job_in_hand(database: Database) -> None:
    began, release, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(payload: Payload, attempt: Attempt) -> None:
        began.set()
        await release.wait()
        finished.set()

    jobs = made(database)
    jobs.register("long", work)
    async with database.unit_of_work() as db:
        await jobs.defer(db, "long", {})
    tasks = Tasks()
    tasks.start("jobs", jobs.run)
    await began.wait()
    async with asyncio.TaskGroup() as group:
        group.create_task(tasks.stop())
        group.create_task(asyncio.to_thread(lambda: None)).add_done_callback(
            lambda _: release.set()
        )
    assert finished.is_set()
    assert await counted(database) == NONE


async def test_a_job_that_takes_too_long_to_stop_is_done_again_later(database: Database) -> None:
    began, book = asyncio.Event(), Book()

    async def endless(payload: Payload, attempt: Attempt) -> None:
        began.set()
        await asyncio.Event().wait()

    async with database.unit_of_work() as db:
        first = made(database, stop_timeout_s=0.01)
        first.register("long", endless, pauses_s=(3600,))
        await first.defer(db, "long", {})
    async with running(first):
        await began.wait()
    assert await counted(database) == {**NONE, "waiting": 1}
    second = made(database)
    second.register("long", book.work)
    async with running(second):
        await book.reached(1)
        await until_counted(database, NONE)


async def test_periodic_work_comes_round(database: Database) -> None:
    rounds = 0
    changed = asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        changed.set()

    jobs = made(database)
    jobs.every("look", work, cron="* * * * * *")
    async with running(jobs), asyncio.timeout(60):
        while rounds < 2:
            changed.clear()
            await changed.wait()


async def test_without_a_database_the_worker_says_so() -> None:
    jobs = Jobs("postgresql://nobody@/nowhere?host=/nonexistent", away_after_s=0.1)
    with pytest.raises(Unavailable, match="have no database"):
        await jobs.run()


KILLED = """
import asyncio, sys
from foundation.jobs import Jobs

async def main():
    async def work(payload, attempt):
        print("began", flush=True)
        await asyncio.Event().wait()
    jobs = Jobs(sys.argv[1])
    jobs.register("long", work)
    await jobs.run()

asyncio.run(main())
"""


@pytest.mark.slow
async def test_the_job_of_a_killed_worker_is_taken_up_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, jobs = Book(), made(database)
    jobs.register("long", book.work)
    async with database.unit_of_work() as db:
        await jobs.defer(db, "long", {"number": 1})
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, database.url, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"began\n"
    os.kill(other.pid, signal.SIGKILL)
    await other.wait()
    assert await counted(database) == {**NONE, "doing": 1}

    for name in ("_STALLED_AFTER_S", "_REQUEUE_EVERY_S"):
        monkeypatch.setattr(jobs_module, name, 0.05)
    monkeypatch.setattr(jobs_module, "_HEARTBEAT_EVERY_S", 0.01)
    async with running(jobs):
        await book.reached(1)
        await until_counted(database, NONE)
    assert book.done == [({"number": 1}, Attempt(2, is_last=False))]


@pytest.mark.slow
async def test_a_lost_database_ends_the_worker_and_it_can_be_started_again(
    database: Database,
) -> None:
    book, jobs = Book(), made(database)
    jobs.register("greet", book.work)
    pauses = 0

    async def pause(_seconds: float) -> None:
        nonlocal pauses
        pauses += 1

    async with Tasks(pause=pause) as tasks:
        tasks.start("jobs", jobs.run, on_end=OnEnd.RESTART)
        await listening(database)
        async with database.unit_of_work() as db:
            await db.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and application_name = 'leitstand-jobs'"
                )
            )
        async with database.unit_of_work() as db:
            await jobs.defer(db, "greet", {})
        await book.reached(1)


@pytest.mark.slow
async def test_the_worker_can_be_stopped_at_any_moment_of_its_start(database: Database) -> None:
    ends: list[TaskEnd] = []
    with capture_logs() as logged:
        for step in range(100):
            async with Tasks(on_stop=ends.append) as tasks:
                tasks.start("jobs", made(database).run)
                await asyncio.sleep(step / 5000)
    assert (ends, logged) == ([], [])
