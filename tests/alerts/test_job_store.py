"""What is kept of jobs: each run once for each time that it was due."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import text

from accounts.directory import WHOLE
from alerts import job_store
from alerts.detection_jobs import Check, Job
from alerts.job_store import Run
from tests.alerts.watch import NORTH, Watch, watch

__all__ = ["watch"]  # a fixture, taken by its name

TEN = datetime(2026, 10, 16, 8, tzinfo=UTC)


async def test_a_run_is_kept_once_and_jobs_are_read_as_they_were_written(watch: Watch) -> None:
    wanted = Job(
        organisation=NORTH,
        name="Morning",
        execute_at=time(6, 5),
        hours=168,
        checks=frozenset(Check),
        tolerance_percent=20,
    )
    async with watch.database.unit_of_work() as db:
        number = await job_store.save_job(db, wanted, by="person/1", now=TEN)
        assert await job_store.jobs(db, WHOLE) == [replace(wanted, id=number)]
        await job_store.set_turns(db, number, {"UTC": TEN, "Europe/Berlin": TEN})
        await job_store.set_turns(db, number, {"UTC": TEN + timedelta(days=1)})
        assert await job_store.due(db, TEN) == []
        [turn] = (await job_store.turns_of(db, [number]))[number]
        assert turn.due_at == TEN + timedelta(days=1)
        run = Run(0, number, "UTC", TEN, TEN, TEN, TEN, 3, (), ())
        for _ in range(2):
            await job_store.add_run(db, run)
        assert (await db.scalar(text("select count(*) from detection_job_runs"))) == 1
        assert (await job_store.last_runs(db, [number]))[number].points == 3
