"""The statements to the database about the month end: its runs and the steps of each payee."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.month_tables import MonthRunRow, MonthStepRow
from foundation.database import driver
from foundation.identifiers import OrganisationKey


class StepState(StrEnum):
    """How far a step is."""

    WAITING = "waiting"
    """Not tried yet."""
    DONE = "done"
    REFUSED = "refused"
    """Tried, and to be tried again once what speaks against it is put right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """A step of a payee's month end; `code` and `detail` say why it was refused."""

    payee: OrganisationKey
    step: str
    state: StepState
    tries: int
    tried_at: datetime | None
    code: str | None
    detail: str | None
    made: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRun:
    """The run of a month with the number of its steps by state."""

    month: str
    asked_by: str
    asked_at: datetime
    begun_at: datetime
    finished_at: datetime | None
    payees: int
    waiting: int
    done: int
    refused: int

    @property
    def steps(self) -> int:
        return self.waiting + self.done + self.refused


async def begin(
    db: AsyncSession,
    month: str,
    payees: Collection[str],
    steps: Sequence[str],
    *,
    by: str,
    now: datetime,
) -> None:
    """Let payees into the run of a month; those that are in it stay as they are."""
    run = insert(MonthRunRow).values(
        month=month, asked_by=by, asked_at=now, begun_at=now, finished_at=None
    )
    await db.execute(
        run.on_conflict_do_update(
            index_elements=["month"], set_={"asked_by": by, "asked_at": now, "finished_at": None}
        )
    )
    connection = await driver(db)
    await connection.execute(
        "insert into month_steps (month, payee, step, state, tries, made)"
        " select %b::text, payee, step, 'waiting', 0, '{}'"
        " from unnest(%b::text[]) as payee cross join unnest(%b::text[]) as step"
        " order by payee, step on conflict do nothing",
        (month, sorted(payees), list(steps)),
    )


async def unfinished(
    db: AsyncSession, month: str, payees: Collection[str], steps: Sequence[str]
) -> list[OrganisationKey]:
    """Return the payees for whom a step is left to do: those that were refused come last."""
    connection = await driver(db)
    cursor = await connection.execute(
        "select p.payee from unnest(%b::text[]) as p (payee)"
        " cross join unnest(%b::text[]) as s (step)"
        " left join month_steps d on d.month = %b::text and d.payee = p.payee and d.step = s.step"
        " group by p.payee having not bool_and(d.state is not distinct from 'done')"
        " order by max(d.tries) filter (where d.state = 'refused') nulls first, p.payee",
        (sorted(payees), list(steps), month),
    )
    return [OrganisationKey(row[0]) for row in await cursor.fetchall()]


async def is_done(db: AsyncSession, month: str, payee: str, step: str) -> bool:
    """Tell whether a step was done; until the unit of work ends nobody else changes that."""
    connection = await driver(db)
    cursor = await connection.execute(
        "select state from month_steps where (month, payee, step) = (%b, %b, %b) for update",
        (month, payee, step),
    )
    row = await cursor.fetchone()
    return row is not None and row[0] == StepState.DONE


async def set_done(
    db: AsyncSession, month: str, payee: str, step: str, made: Sequence[str], *, now: datetime
) -> None:
    """Note that a step is done, and what it made."""
    await _set(db, month, payee, step, StepState.DONE, now, made=list(made))


async def set_refused(
    db: AsyncSession, month: str, payee: str, step: str, code: str, detail: str, *, now: datetime
) -> None:
    """Note why a step could not be done now."""
    await _set(db, month, payee, step, StepState.REFUSED, now, code=code, detail=detail)


async def _set(
    db: AsyncSession,
    month: str,
    payee: str,
    step: str,
    state: StepState,
    now: datetime,
    *,
    code: str | None = None,
    detail: str | None = None,
    made: Sequence[str] = (),
) -> None:
    connection = await driver(db)
    await connection.execute(
        "update month_steps set tries = tries + 1, state = %b, tried_at = %b::timestamptz,"
        " code = %b, detail = %b, made = %b::text[]"
        " where (month, payee, step) = (%b, %b, %b)",
        (str(state), now, code, detail, list(made), month, payee, step),
    )


async def finish(db: AsyncSession, month: str, *, now: datetime) -> bool:
    """Note that the run has nothing left to do; tell whether that is so."""
    left = await db.scalar(
        select(func.count())
        .select_from(MonthStepRow)
        .where(MonthStepRow.month == month, MonthStepRow.state != StepState.DONE)
    )
    if left:
        return False
    await db.execute(
        update(MonthRunRow)
        .where(MonthRunRow.month == month, MonthRunRow.finished_at.is_(None))
        .values(finished_at=now)
    )
    return True


_RUNS = """
select r.month, r.asked_by, r.asked_at, r.begun_at, r.finished_at, count(distinct s.payee),
  count(*) filter (where s.state = 'waiting'), count(*) filter (where s.state = 'done'),
  count(*) filter (where s.state = 'refused')
from month_runs r join month_steps s on s.month = r.month
where (%(payees)s::text[] is null or s.payee = any(%(payees)s::text[]))
  and (%(month)s::text is null or r.month = %(month)s::text)
group by r.month order by r.month desc limit %(limit)s::bigint
"""


async def runs(
    db: AsyncSession,
    payees: Collection[str] | None,
    *,
    month: str | None = None,
    limit: int | None = None,
) -> list[MonthRun]:
    """Return the runs in which one of the payees takes part, with the steps of these alone.

    Args:
        db: A unit of work.
        payees: None for all.
        month: Only the run of this month.
        limit: At most so many, the newest months.
    """

    connection = await driver(db)
    wanted = None if payees is None else list(payees)
    cursor = await connection.execute(
        _RUNS, {"payees": wanted, "month": month, "limit": limit}, prepare=True
    )
    return [
        MonthRun(
            month=row[0],
            asked_by=row[1],
            asked_at=row[2],
            begun_at=row[3],
            finished_at=row[4],
            payees=row[5],
            waiting=row[6],
            done=row[7],
            refused=row[8],
        )
        for row in await cursor.fetchall()
    ]


async def steps_of(
    db: AsyncSession, month: str, payees: Collection[str] | None
) -> list[StepProgress]:
    """Return the steps of a month's run, of some payees or of all, by payee."""
    query = select(MonthStepRow).where(MonthStepRow.month == month)
    if payees is not None:
        query = query.where(MonthStepRow.payee.in_(payees))
    query = query.order_by(MonthStepRow.payee, MonthStepRow.step)
    query = query.execution_options(populate_existing=True)
    return [
        StepProgress(
            payee=OrganisationKey(row.payee),
            step=row.step,
            state=StepState(row.state),
            tries=row.tries,
            tried_at=row.tried_at,
            code=row.code,
            detail=row.detail,
            made=tuple(row.made),
        )
        for row in await db.scalars(query)
    ]


async def last_closed(db: AsyncSession, payees: Collection[str] | None) -> dict[str, str]:
    """Return the newest closed month of each payee that has one."""
    connection = await driver(db)
    wanted = None if payees is None else list(payees)
    cursor = await connection.execute(
        "select payee, max(month) from closed_months"
        " where %b::text[] is null or payee = any(%b::text[]) group by payee order by payee",
        (wanted, wanted),
    )
    return dict(await cursor.fetchall())
