"""The run at month end: each payee's month, once it is over in his zone, and once only."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import books, month_store
from billing.closing import MonthNotOver
from billing.month_end import MADE_UP_FOR, MonthEnd
from billing.month_steps import STATEMENTS, Step, statements_step
from billing.month_store import StepState
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import Conflict, InvalidInput, NotFound, Unavailable
from foundation.identifiers import OrganisationKey
from foundation.jobs import Attempt, Jobs
from tests.billing import story
from tests.billing.story import BAKERY, HOTEL

MIDNIGHT_IN_BERLIN = datetime(2026, 10, 31, 23, tzinfo=UTC)
AN_HOUR_LATER = MIDNIGHT_IN_BERLIN + timedelta(hours=1)
BOTH = ["bakery-2026-10-EUR", "hotel-2026-10-EUR"]


async def settle_in(db: AsyncSession) -> None:
    """One transaction of an owner in Berlin, one of an owner in Lisbon."""
    await story.settle_in(db)
    await directory.change_organisation(db, HOTEL, {"time_zone": "Europe/Lisbon"})
    await story.happen(
        db,
        story.started(1),
        story.ended(1),
        story.started(2, owner=HOTEL),
        story.ended(2, owner=HOTEL),
    )


async def issued(database: Database) -> list[str]:
    async with database.unit_of_work() as db:
        return sorted(each.statement_id for each in await books.statements(db))


async def states(database: Database) -> dict[tuple[str, str], StepState]:
    async with database.unit_of_work() as db:
        found = await month_store.steps_of(db, "2026-10", None)
    return {(each.payee, each.step): each.state for each in found}


def month_end(database: Database, now: datetime, *more: Step) -> MonthEnd:
    closing = story.closing()
    steps = (statements_step(closing), *more)
    return MonthEnd(database, closing, SetClock(now), steps)


async def test_each_month_is_closed_when_it_is_over_where_its_payee_is(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)

    assert await month_end(database, MIDNIGHT_IN_BERLIN - timedelta(seconds=1)).due() == {}
    await month_end(database, MIDNIGHT_IN_BERLIN).due()
    assert await issued(database) == BOTH[:1]
    await month_end(database, AN_HOUR_LATER).due()
    assert await issued(database) == BOTH
    assert await month_end(database, AN_HOUR_LATER).due() == {}
    async with database.unit_of_work() as db:
        told = [each.kind for each in await outbox.journal_after(db, None)]
    assert told.count("statement_issued") == 2


async def test_a_month_that_nobody_closed_in_time_is_left_to_a_person(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    await month_end(database, MIDNIGHT_IN_BERLIN + MADE_UP_FOR + timedelta(hours=2)).due()
    assert await issued(database) == []
    await month_end(database, MIDNIGHT_IN_BERLIN + MADE_UP_FOR).due()
    assert "bakery-2026-10-EUR" in await issued(database)


async def test_a_run_tells_its_progress_and_what_it_made(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    told: list[tuple[int, int]] = []
    noted: list[tuple[str, list[str]]] = []

    async def note(
        _: AsyncSession, payee: OrganisationKey, made: Sequence[str], __: datetime
    ) -> None:
        noted.append((payee, list(made)))

    outcome = await month_end(database, AN_HOUR_LATER).run(
        "2026-10", [BAKERY, HOTEL], told=lambda *step: told.append(step), noted=note
    )

    assert outcome.made == {BAKERY: BOTH[:1], HOTEL: BOTH[1:]}
    assert told == [(1, 2), (2, 2)]
    assert sorted(noted) == [(BAKERY, BOTH[:1]), (HOTEL, BOTH[1:])]  # made beside each other
    async with database.unit_of_work() as db:
        [run] = await month_store.runs(db, None)
        [own] = await month_store.runs(db, [HOTEL], month="2026-10")
    assert (run.payees, run.steps, run.done, own.steps) == (2, 2, 2, 1)
    assert run.finished_at == AN_HOUR_LATER


async def test_whoever_cannot_be_done_holds_back_nobody_and_is_tried_again(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    refusing = True

    async def paper(_: AsyncSession, payee: OrganisationKey, month: str, __: datetime) -> list[str]:
        if refusing and payee == BAKERY:
            raise Conflict("An address is missing.")
        return [f"paper/{payee}/{month}"]

    end = month_end(database, AN_HOUR_LATER, Step("papers", paper))
    outcome = (await end.due())["2026-10"]

    [refused] = outcome.refused
    assert (refused.payee, refused.step, str(refused.error)) == (
        BAKERY,
        "papers",
        "An address is missing.",
    )
    assert outcome.made[HOTEL] == ["hotel-2026-10-EUR", "paper/hotel/2026-10"]
    async with database.unit_of_work() as db:
        [run] = await month_store.runs(db, [BAKERY])
        steps = await month_store.steps_of(db, "2026-10", None)
    assert (run.finished_at, run.refused, run.done) == (None, 1, 1)
    refusals = {(each.payee, each.step): each.detail for each in steps if each.detail is not None}
    assert refusals == {(BAKERY, "papers"): "An address is missing."}

    refusing = False
    assert (await end.due())["2026-10"].made == {BAKERY: ["paper/bakery/2026-10"]}
    async with database.unit_of_work() as db:
        [run] = await month_store.runs(db, None)
    assert run.finished_at == AN_HOUR_LATER


async def test_a_defect_at_one_payee_lets_the_next_run_begin_with_the_others(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)

    async def paper(_: AsyncSession, payee: OrganisationKey, month: str, __: datetime) -> list[str]:
        assert payee != BAKERY, "our own mistake"
        return []

    end = month_end(database, AN_HOUR_LATER, Step("papers", paper))
    with pytest.raises(AssertionError, match="our own mistake"):
        await end.run("2026-10", [BAKERY, HOTEL])
    assert (HOTEL, "papers") in await states(database)
    assert (await states(database))[HOTEL, "papers"] == StepState.WAITING

    with pytest.raises(AssertionError, match="our own mistake"):
        await end.run("2026-10", [BAKERY, HOTEL])

    assert (await states(database))[HOTEL, "papers"] == StepState.DONE
    assert (await states(database))[BAKERY, "papers"] == StepState.REFUSED
    assert await issued(database) == BOTH


async def test_a_step_is_done_for_several_payees_side_by_side_where_it_may_be(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    both_are_in_it = asyncio.Barrier(2)

    async def paper(_: AsyncSession, payee: OrganisationKey, month: str, __: datetime) -> list[str]:
        await both_are_in_it.wait()
        return [f"paper/{payee}"]

    end = month_end(database, AN_HOUR_LATER, Step("papers", paper, at_once=2))
    outcome = await end.run("2026-10", [BAKERY, HOTEL])

    assert outcome.made[BAKERY] == ["bakery-2026-10-EUR", "paper/bakery"]
    assert outcome.made[HOTEL] == ["hotel-2026-10-EUR", "paper/hotel"]


async def test_a_defect_at_one_of_two_payees_side_by_side_is_told_as_it_is(
    database: Database,
) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    hotel_has_begun = asyncio.Event()

    async def paper(_: AsyncSession, payee: OrganisationKey, month: str, __: datetime) -> list[str]:
        if payee == HOTEL:
            hotel_has_begun.set()
            await asyncio.Event().wait()  # until it is ended with the other one
        await hotel_has_begun.wait()
        raise AssertionError("our own mistake")

    end = month_end(database, AN_HOUR_LATER, Step("papers", paper, at_once=2))
    with pytest.raises(AssertionError, match="our own mistake"):
        await end.run("2026-10", [BAKERY, HOTEL])

    assert (await states(database))[BAKERY, "papers"] == StepState.REFUSED
    assert (await states(database))[HOTEL, "papers"] == StepState.WAITING


KILLED = """
import asyncio, os, signal, sys
from datetime import datetime
from billing.month_end import MonthEnd
from billing.month_steps import Step, statements_step
from foundation.clock import SetClock
from foundation.database import Database
from tests.billing import story

async def main():
    closing = story.closing()
    close = statements_step(closing)

    async def in_the_middle(db, payee, month, now):
        made = await close.work(db, payee, month, now)
        if payee == "hotel":
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    clock = SetClock(datetime.fromisoformat(sys.argv[2]))
    steps = (Step("statements", in_the_middle),)
    await MonthEnd(Database(sys.argv[1]), closing, clock, steps).due()

asyncio.run(main())
"""


async def test_a_run_that_is_killed_in_the_middle_goes_on_and_doubles_nothing(
    database: Database, database_url: str
) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        KILLED,
        database_url,
        AN_HOUR_LATER.isoformat(),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert await process.wait() == -signal.SIGKILL
    assert await issued(database) == BOTH[:1]  # the hotel's died with the process
    assert (await states(database))[HOTEL, STATEMENTS] == StepState.WAITING
    async with database.unit_of_work() as db:
        [run] = await month_store.runs(db, None)
    assert run.finished_at is None

    outcome = await month_end(database, AN_HOUR_LATER + timedelta(hours=1)).due()

    assert outcome["2026-10"].made == {HOTEL: BOTH[1:], "operator": []}
    assert await issued(database) == BOTH
    async with database.unit_of_work() as db:
        doubled = await db.scalar(
            text("select count(*) - count(distinct (narration)) from ledger_entries")
        )
        balances = await books.balances(db)
    assert doubled == 0
    assert sum(money["EUR"].amount for money in balances.values()) == 0


async def test_two_runs_at_once_do_each_step_once(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    done: list[str] = []

    async def paper(_: AsyncSession, payee: OrganisationKey, month: str, __: datetime) -> list[str]:
        done.append(payee)
        return []

    end = month_end(database, AN_HOUR_LATER, Step("papers", paper))
    await asyncio.gather(*(end.run("2026-10", [BAKERY, HOTEL]) for _ in range(3)))

    assert sorted(done) == [BAKERY, HOTEL]
    assert await issued(database) == BOTH


async def test_a_month_that_is_not_over_is_refused_beside_one_that_is(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    end = month_end(database, MIDNIGHT_IN_BERLIN)

    outcome = await end.run("2026-10", [BAKERY, HOTEL])

    assert [(each.payee, each.error.code) for each in outcome.refused] == [
        (HOTEL, MonthNotOver.code)
    ]
    assert await issued(database) == BOTH[:1]
    assert (await end.run("2026-11", [BAKERY])).refused[0].error.code == MonthNotOver.code
    with pytest.raises(InvalidInput):
        await end.run("October", [BAKERY])
    with pytest.raises(NotFound):
        await end.run("2026-10", [OrganisationKey("nobody")])


async def test_a_person_closes_one_payees_month_with_all_its_steps(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    end = month_end(database, MIDNIGHT_IN_BERLIN)
    async with database.unit_of_work() as db:
        [statement] = await end.close(db, BAKERY, "2026-10", by="person/7", now=MIDNIGHT_IN_BERLIN)
    assert statement.statement_id == BOTH[0]
    assert await states(database) == {(BAKERY, STATEMENTS): StepState.DONE}

    async with database.unit_of_work() as db:
        again = await end.close(db, BAKERY, "2026-10", by="person/7", now=AN_HOUR_LATER)
        assert again == [statement]
        with pytest.raises(MonthNotOver):
            await end.close(db, HOTEL, "2026-10", by="person/7", now=MIDNIGHT_IN_BERLIN)


async def test_a_run_that_a_person_asked_for_is_done_by_a_job(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    closing = story.closing()
    end = MonthEnd(database, closing, SetClock(AN_HOUR_LATER), jobs=Jobs(database.url))
    end.register()
    async with database.unit_of_work() as db:
        await end.ask(db, "2026-10", [BAKERY], by="person/7", now=AN_HOUR_LATER)
    async with database.unit_of_work() as db:
        found = await db.execute(text("select args from procrastinate_jobs"))
        [payload] = found.scalars()
    await end._work(payload, Attempt(1, True))

    async with database.unit_of_work() as db:
        [run] = await month_store.runs(db, None)
    assert (run.asked_by, run.done, run.finished_at) == ("person/7", 3, AN_HOUR_LATER)
    with pytest.raises(Unavailable):
        async with database.unit_of_work() as db:
            await month_end(database, AN_HOUR_LATER).ask(
                db, "2026-10", [BAKERY], by="person/7", now=AN_HOUR_LATER
            )
