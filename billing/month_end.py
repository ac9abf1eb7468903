"""The run at month end: every payee's month, step by step, once it is over in his zone.

A step of one payee is one unit of work, which also says that the step is done. So whoever is
killed in the middle leaves whole steps behind and no halves; the next run goes on with what is
left, and two runs at once do each step once. A payee who cannot be done yet, or whom a person must
look into, holds back no other.

It comes round every few minutes and does what is due by the Clock, for a week; an older month is
run by a person, who knows why it was not.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Scope
from billing import month_store, statement_store
from billing.closing import Closing, MonthNotOver
from billing.month_steps import Step, standard_steps
from billing.month_store import MonthRun as MonthRun
from billing.month_store import StepProgress as StepProgress
from billing.month_store import StepState as StepState
from billing.months import Month
from billing.statements import Statement
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError, NotFound, Unavailable
from foundation.identifiers import OrganisationKey
from foundation.jobs import Attempt, Jobs, Payload

log = structlog.get_logger(__name__)

CRON: Final = "*/10 * * * *"

MADE_UP_FOR: Final = timedelta(days=7)
"""How long after a month's end the run still closes it by itself."""

JOB: Final = "month end run"
"""The job of a run that a person asked for."""

SCHEDULE: Final = "schedule"
"""Who asked, where nobody did."""

Told = Callable[[int, int], None]
"""Is told how many steps of how many are behind the run, after each of them."""

Noted = Callable[[AsyncSession, OrganisationKey, Sequence[str], datetime], Awaitable[None]]
"""Writes into the audit, in the step's unit of work, what was made for a payee."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a payee's month could not be finished."""

    payee: OrganisationKey
    step: str
    error: ExpectedError


@dataclass(slots=True)
class Outcome:
    """What a run did: what it made for each payee, and what it could not do."""

    made: dict[OrganisationKey, list[str]] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


async def runs(
    db: AsyncSession, scope: Scope, *, month: str | None = None, limit: int | None = None
) -> list[MonthRun]:
    """Return the runs in which somebody in scope takes part, with their steps alone.

    Args:
        db: A unit of work.
        scope: Whose.
        month: Only the run of this month.
        limit: At most so many, the newest months.
    """
    return await month_store.runs(db, scope.organisations, month=month, limit=limit)


async def progress(db: AsyncSession, scope: Scope, month: str) -> list[StepProgress]:
    """Return the steps of a month's run for the payees in scope, by payee."""
    return await month_store.steps_of(db, month, scope.organisations)


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """Runs months.

    Args:
        database: Where.
        closing: Closes a payee's month.
        clock: Says what is over.
        steps: What is done, in this order: each for all payees before the next.
        jobs: For runs that a person asks for; None where this program does none.
    """

    database: Database
    closing: Closing
    clock: Clock
    steps: tuple[Step, ...] = ()
    jobs: Jobs | None = None

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self.steps or standard_steps(self.closing)

    @property
    def step_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self._steps)

    # ------------------------------------------------------------------------------------ runs

    async def due(self) -> dict[str, Outcome]:
        """Run what is due now; return what was done, by month."""
        now = self.clock.now()
        by_month: dict[str, list[OrganisationKey]] = {}
        async with self.database.unit_of_work() as db:
            for payee in await directory.organisations(db):
                zone = ZoneInfo(payee.time_zone)
                month = Month.of(now, zone).previous
                if now - month.end(zone) <= MADE_UP_FOR:
                    by_month.setdefault(str(month), []).append(payee.key)
            left = {
                month: await month_store.unfinished(db, month, payees, self.step_names)
                for month, payees in sorted(by_month.items())
            }
        return {month: await self.run(month, payees) for month, payees in left.items() if payees}

    async def run(
        self,
        month: str,
        payees: Collection[OrganisationKey],
        *,
        by: str = SCHEDULE,
        told: Told | None = None,
        noted: Noted | None = None,
    ) -> Outcome:
        """Do what is left to do for some payees' month.

        Args:
            month: As in `2026-10`.
            payees: Whose.
            by: Who asked for it, as the audit names him.
            told: Is told of the progress.
            noted: Notes in the audit what was made.

        Raises:
            InvalidInput: If the month is none.
            NotFound: If there is no such payee.
        """
        wanted = Month.parse(month)
        outcome = Outcome()
        now = self.clock.now()
        async with self.database.unit_of_work() as db:
            zones = {each.key: each.time_zone for each in await directory.organisations(db)}
            over = []
            for key in payees:
                if key not in zones:
                    raise NotFound("organisation", key)
                end = wanted.end(ZoneInfo(zones[key]))
                if now < end:
                    error = MonthNotOver(key, wanted, end)
                    outcome.refused.append(Refused(key, self.step_names[0], error))
                else:
                    over.append(key)
            if not over:
                return outcome
            await month_store.begin(db, month, over, self.step_names, by=by, now=now)
            left = await month_store.unfinished(db, month, over, self.step_names)
        behind, total = 0, len(left) * len(self._steps)
        for step in self._steps:

            async def do(key: OrganisationKey, step: Step = step) -> None:
                nonlocal behind
                missing = {each.step for each in outcome.refused if each.payee == key}
                if missing.isdisjoint(step.needs):
                    refusal = await self._do(step, key, month, outcome, noted)
                    if refusal is not None:
                        outcome.refused.append(Refused(key, step.name, refusal))
                behind += 1
                if told is not None:
                    told(behind, total)

            await _for_each(left, do, at_once=step.at_once)
        async with self.database.unit_of_work() as db:
            await month_store.finish(db, month, now=self.clock.now())
        return outcome

    async def _do(
        self,
        step: Step,
        payee: OrganisationKey,
        month: str,
        outcome: Outcome,
        noted: Noted | None,
    ) -> ExpectedError | None:
        """Do a step in a unit of work of its own; return why it could not be done."""
        code, detail = "defect", "The program failed here; its log says how."
        is_known = False
        try:
            async with self.database.unit_of_work() as db:
                now = self.clock.now()
                made = await self._done(db, step, payee, month, now)
                if made and noted is not None:
                    await noted(db, payee, made, now)
            outcome.made.setdefault(payee, []).extend(made or ())
            is_known = True
        except (Unavailable, asyncio.CancelledError):
            is_known = True  # nobody's fault: the next run tries it again
            raise
        except ExpectedError as error:
            code, detail = error.code, str(error)
            log.info("month_end.refused", payee=payee, month=month, step=step.name, reason=detail)
            await self._refuse(step, payee, month, code, detail)
            is_known = True
            return error
        finally:
            if not is_known:  # one that fails comes last at the next run, and holds back nobody
                await self._refuse(step, payee, month, code, detail)
        return None

    async def _done(
        self, db: AsyncSession, step: Step, payee: OrganisationKey, month: str, now: datetime
    ) -> Sequence[str] | None:
        """Do a step unless it was done; return the keys of what it made now."""
        await statement_store.lock_payee(db, payee)
        if await month_store.is_done(db, month, payee, step.name):
            return None
        made = await step.work(db, payee, month, now)
        await month_store.set_done(db, month, payee, step.name, made, now=now)
        return made

    async def _refuse(
        self, step: Step, payee: OrganisationKey, month: str, code: str, detail: str
    ) -> None:
        async with self.database.unit_of_work() as db:
            await month_store.set_refused(
                db, month, payee, step.name, code, detail, now=self.clock.now()
            )

    # ------------------------------------------------------------------------------ one payee

    async def close(
        self, db: AsyncSession, payee: OrganisationKey, month: str, *, by: str, now: datetime
    ) -> list[Statement]:
        """Do all of one payee's month in the caller's unit of work; return its statements.

        Raises:
            ExpectedError: As `Closing.close`, and what the other steps refuse: nothing is done.
        """
        wanted = Month.parse(month)
        organisation = await directory.organisation(db, payee)
        end = wanted.end(ZoneInfo(organisation.time_zone))
        if now < end:
            raise MonthNotOver(payee, wanted, end)
        await month_store.begin(db, month, [payee], self.step_names, by=by, now=now)
        for step in self._steps:
            await self._done(db, step, payee, month, now)
        await month_store.finish(db, month, now=now)
        return await self.closing.close(db, payee, month, now=now)

    # ---------------------------------------------------------------------------------- asked

    def register(self) -> None:
        """Say how runs are done that people ask for."""
        assert self.jobs is not None
        self.jobs.register(JOB, self._work, pauses_s=())

    async def ask(
        self,
        db: AsyncSession,
        month: str,
        payees: Collection[OrganisationKey],
        *,
        by: str,
        now: datetime,
    ) -> None:
        """Have a month run for some payees; it goes on beside whoever asks.

        Raises:
            InvalidInput: If the month is none.
            Unavailable: If this program runs none.
        """
        Month.parse(month)
        if self.jobs is None:
            raise Unavailable("No month can be run here.")
        await month_store.begin(db, month, (), self.step_names, by=by, now=now)
        payload = {"month": month, "payees": sorted(payees), "by": by}
        await self.jobs.defer(db, JOB, payload, lock=f"month/{month}")

    async def _work(self, payload: Payload, attempt: Attempt) -> None:
        payees = [OrganisationKey(each) for each in payload["payees"]]
        await self.run(payload["month"], payees, by=payload["by"])


async def _for_each(
    keys: Iterable[OrganisationKey],
    do: Callable[[OrganisationKey], Awaitable[None]],
    *,
    at_once: int,
) -> None:
    """Do something for each, so many side by side; the first that fails ends the others.

    Raises:
        BaseException: What the first one raised.
    """
    left = iter(keys)

    async def work() -> None:
        for key in left:
            await do(key)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(work())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
