"""Jobs: what leaves the house, and what comes round. The only file that imports procrastinate.

A job is deferred on the unit of work's own connection: it exists if and only if the facts that
call for it do. It is done at least once, so its work must bear being repeated. A job whose worker
was killed is taken up again; one that was done is deleted at once; one that failed for the last
time stays, for people to look at.

Business deadlines are columns compared with the Clock; the schedule here only wakes.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import procrastinate
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.database import driver
from foundation.errors import Unavailable

log = structlog.get_logger(__name__)

PAUSES_S: tuple[float, ...] = (10, 60, 300, 1800, 7200, 21600, 43200)
"""How long to wait after each failed attempt unless a job says otherwise: most of a day."""

_QUEUE = "default"
_REQUEUE_EVERY_S = 10.0
_HEARTBEAT_EVERY_S = 5.0
_STALLED_AFTER_S = 20.0
"""A worker that was silent for so long is dead; its jobs are taken up again."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt at a job this is: `number` counts from 1."""

    number: int
    is_last: bool


Payload = Mapping[str, Any]
Work = Callable[[Payload, Attempt], Awaitable[None]]
"""Does a job; an exception means that it is tried again, or given up after the last attempt."""


class Jobs:
    """The jobs of an installation: what kinds there are, how to ask for one, the worker.

    Args:
        url: The database, `postgresql://…`.
        concurrency: How many jobs this process does at the same time.
        poll_s: How often to look for jobs whose pause is over; new ones wake the worker at once.
        stop_timeout_s: How long a job in hand may take when the program stops.
        away_after_s: How long to wait for a connection before the database counts as away.
    """

    def __init__(
        self,
        url: str,
        *,
        concurrency: int = 4,
        poll_s: float = 5.0,
        stop_timeout_s: float = 10.0,
        away_after_s: float = 10.0,
    ) -> None:
        self._concurrency = concurrency
        self._poll_s = poll_s
        self._stop_timeout_s = stop_timeout_s
        self._away_after_s = away_after_s
        self._app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=url,
                min_size=1,
                max_size=4,
                timeout=away_after_s,
                reconnect_timeout=away_after_s,
                kwargs={"application_name": "leitstand-jobs", "options": "-c timezone=UTC"},
            )
        )

    def register(self, name: str, work: Work, *, pauses_s: Sequence[float] = PAUSES_S) -> None:
        """Say how the jobs of this name are done.

        Args:
            name: As in `defer`; it is stored and must not change while jobs are waiting.
            work: See `Work`.
            pauses_s: The wait after each failed attempt; one attempt more than there are pauses.
        """
        self._app.task(name=name, pass_context=True, retry=_Retry(name, pauses_s))(
            _bounded(name, work, len(pauses_s) + 1)
        )

    def every(self, name: str, work: Callable[[], Awaitable[None]], *, cron: str) -> None:
        """Have the work done whenever the schedule says, by one worker of all.

        It is not tried again when it fails: the next round is its next attempt. Rounds that fall
        due while one is running or waiting are one round.

        Args:
            name: Names it in the database and the log.
            work: Looks for what is due by the Clock, and does it.
            cron: Five columns, in UTC, or six, the last being seconds.
        """

        async def round_(context: procrastinate.JobContext, timestamp: int) -> None:
            await work()

        task = self._app.task(
            name=name,
            pass_context=True,
            retry=_Retry(name, ()),
            lock=f"every/{name}",
            queueing_lock=f"every/{name}",
        )(round_)
        self._app.periodic(cron=cron)(task)

    async def defer(
        self,
        db: AsyncSession,
        name: str,
        payload: Payload,
        *,
        key: str | None = None,
        lock: str | None = None,
    ) -> int | None:
        """Ask for a job in the caller's unit of work.

        Args:
            db: The job exists when it commits.
            name: A registered name.
            payload: JSON; it is logged, so never secrets.
            key: Where a job of this key is waiting, being done, or has failed, no second one is
                made: the id of the event that calls for it. It is forgotten when the job is done.
            lock: Jobs of one lock are done one after the other, in order.

        Returns:
            The job's number; None if the key was taken.
        """
        assert name in self._app.tasks, f"nobody registered {name}"
        connection = await driver(db)
        cursor = await connection.execute(
            _DEFER,
            {"queue": _QUEUE, "name": name, "key": key, "lock": lock, "args": _arguments(payload)},
        )
        row = await cursor.fetchone()
        return None if row is None else int(row[0])

    async def run(self) -> None:
        """Do jobs until cancelled; then finish what is in hand, within the time for that.

        Raises:
            Unavailable: If the database goes away; start it again then.
        """
        cancelled_before = _cancellations()
        try:
            async with asyncio.timeout(self._away_after_s):
                await self._app.open_async()
                await self._requeue_stalled()
            _heed_cancellation(cancelled_before)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._requeue_for_ever(), name="jobs.requeue")
                group.create_task(self._work(), name="jobs.worker")
        except* (ConnectorException, TimeoutError) as errors:
            raise Unavailable(f"The jobs have no database: {errors.exceptions[0]!r}") from None
        except* Unavailable as errors:
            raise Unavailable(str(errors.exceptions[0])) from None
        finally:
            await self._app.close_async()

    async def _work(self) -> None:
        await self._app.run_worker_async(
            queues=[_QUEUE],
            concurrency=self._concurrency,
            fetch_job_polling_interval=self._poll_s,
            shutdown_graceful_timeout=self._stop_timeout_s,
            update_heartbeat_interval=_HEARTBEAT_EVERY_S,
            stalled_worker_timeout=_STALLED_AFTER_S,
            delete_jobs="successful",
            install_signal_handlers=False,
        )
        raise Unavailable("The worker of the jobs ended by itself.")

    async def _requeue_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_REQUEUE_EVERY_S)
            await self._requeue_stalled()
            _heed_cancellation(0)

    async def _requeue_stalled(self) -> None:
        """Take up the jobs of dead workers again; procrastinate does not do that by itself."""
        rows = await self._app.connector.execute_query_all_async(
            _REQUEUE, silence=_STALLED_AFTER_S, prefix="every/%"
        )
        for row in rows:
            log.warning("job.taken_up_again", job=row["id"], task=row["task_name"])


async def counts(db: AsyncSession) -> dict[str, int]:
    """Return how many jobs are `waiting`, being done (`doing`), and given up (`failed`)."""
    rows = await db.execute(
        text("select status::text, count(*) from procrastinate_jobs group by status")
    )
    found = {state: number for state, number in rows}  # noqa: C416 - rows are no pairs to mypy
    return {
        "waiting": found.get("todo", 0),
        "doing": found.get("doing", 0),
        "failed": found.get("failed", 0) + found.get("aborted", 0) + found.get("cancelled", 0),
    }


async def lag_s(db: AsyncSession) -> float:
    """Return for how many seconds the oldest job waits that should be done now; 0 where none does.

    By the database's clock, as jobs are scheduled by it.
    """
    found = await db.scalar(
        text("""
            select extract(epoch from clock_timestamp() - min(greatest(told.at, job.scheduled_at)))
            from procrastinate_jobs job cross join lateral (
                select max(event.at) as at from procrastinate_events event
                where event.job_id = job.id) as told
            where job.status = 'todo' and coalesce(job.scheduled_at <= clock_timestamp(), true)
        """)
    )
    return 0.0 if found is None else max(0.0, float(found))


_DEFER = """
select unnest(procrastinate_defer_jobs_v1(array[row(
    %(queue)s, %(name)s, 0, %(lock)s, %(key)s, %(args)s::jsonb, null
)::procrastinate_job_to_defer_v1]))
where %(key)s::text is null or not exists (
    select 1 from procrastinate_jobs
    where queueing_lock = %(key)s and status in ('todo', 'doing', 'failed')
)
"""
"""Asking first, since a violated unique index would end the caller's unit of work. Two at the same
moment do end one of them; the outbox then tries that one again."""

_REQUEUE = """
with stalled as (
    select job.id, job.task_name, job.queueing_lock
    from procrastinate_jobs job left join procrastinate_workers worker on worker.id = job.worker_id
    where job.status = 'doing'
      and (worker.id is null or worker.last_heartbeat < now() - make_interval(secs => %(silence)s))
    for update of job skip locked
), gone as (
    delete from procrastinate_jobs job using stalled
    where job.id = stalled.id and stalled.queueing_lock like %(prefix)s
    returning job.id, job.task_name
), again as (
    select stalled.id, stalled.task_name,
           procrastinate_retry_job_v2(stalled.id, now(), null, null, null)
    from stalled where stalled.queueing_lock is null or stalled.queueing_lock not like %(prefix)s
)
select id, task_name from gone union all select id, task_name from again
"""
"""Rounds of periodic work are dropped rather than taken up: the next round does their work, and
one may be waiting already under the same key."""


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _heed_cancellation(before: int) -> None:
    """End this task if it was cancelled while it opened or used the pool.

    The pool waits by `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that
    comes at the moment when what it waits for is there.

    Args:
        before: How often the task had been cancelled when it began; a task group that failed
            leaves its own cancellation behind.
    """
    if _cancellations() > before:
        raise asyncio.CancelledError


class _Retry(BaseRetryStrategy):
    """Waits as declared; the last attempt is the last."""

    def __init__(self, name: str, pauses_s: Sequence[float]) -> None:
        self._name = name
        self._pauses_s = tuple(pauses_s)

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError):
            pause_s = 0.0  # the program is stopping, which is not the job's fault
        elif job.attempts < len(self._pauses_s):
            pause_s = self._pauses_s[job.attempts]
        else:
            log.error("job.given_up", job=job.id, task=self._name, attempts=job.attempts + 1)
            return None
        return RetryDecision(retry_in={"milliseconds": round(1000 * pause_s)})


def _bounded(name: str, work: Work, attempts: int) -> Callable[..., Awaitable[None]]:
    async def run(context: procrastinate.JobContext, **payload: Any) -> None:
        number = context.job.attempts + 1
        if number > attempts:  # it killed its worker again and again
            raise Unavailable(f"{name} was attempted {attempts} times already.")
        await work(payload, Attempt(number, number == attempts))

    return run


def _arguments(payload: Payload) -> str:
    return json.dumps(dict(payload))
