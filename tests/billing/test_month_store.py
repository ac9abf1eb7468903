"""What is kept of the month end's runs; the runs themselves are tried in `test_month_end.py`."""

from sqlalchemy.ext.asyncio import AsyncSession

from billing import month_store
from billing.month_store import StepState
from billing.statement_store import add_closed
from tests.billing.story import BAKERY, HOTEL, NOVEMBER

STEPS = ("statements", "papers")


async def begin(db: AsyncSession, *payees: str) -> None:
    await month_store.begin(db, "2026-10", payees, STEPS, by="schedule", now=NOVEMBER)


async def test_whoever_comes_into_a_run_again_keeps_what_is_done(db: AsyncSession) -> None:
    await begin(db, BAKERY)
    await month_store.set_done(db, "2026-10", BAKERY, "statements", ["S-1"], now=NOVEMBER)
    await begin(db, BAKERY, HOTEL)

    steps = await month_store.steps_of(db, "2026-10", None)

    assert [(each.payee, each.step, each.state) for each in steps] == [
        (BAKERY, "papers", StepState.WAITING),
        (BAKERY, "statements", StepState.DONE),
        (HOTEL, "papers", StepState.WAITING),
        (HOTEL, "statements", StepState.WAITING),
    ]
    assert steps[1].made == ("S-1",)
    assert await month_store.is_done(db, "2026-10", BAKERY, "statements")
    assert not await month_store.is_done(db, "2026-10", BAKERY, "papers")
    assert not await month_store.is_done(db, "2026-09", BAKERY, "papers")


async def test_what_was_refused_comes_last_and_what_is_done_not_at_all(db: AsyncSession) -> None:
    await begin(db, "a", "b", "c")
    await month_store.set_refused(db, "2026-10", "a", "statements", "no_rate", "Why.", now=NOVEMBER)
    for step in STEPS:
        await month_store.set_done(db, "2026-10", "b", step, [], now=NOVEMBER)

    assert await month_store.unfinished(db, "2026-10", ["a", "b", "c", "d"], STEPS) == [
        "c",
        "d",
        "a",
    ]
    assert not await month_store.finish(db, "2026-10", now=NOVEMBER)
    [run] = await month_store.runs(db, None)
    assert (run.payees, run.waiting, run.done, run.refused) == (3, 3, 2, 1)


async def test_a_run_is_finished_when_nothing_is_left(db: AsyncSession) -> None:
    await begin(db, "a")
    for step in STEPS:
        await month_store.set_done(db, "2026-10", "a", step, [], now=NOVEMBER)
    assert await month_store.finish(db, "2026-10", now=NOVEMBER)
    [run] = await month_store.runs(db, ["a"])
    assert run.finished_at == NOVEMBER
    assert await month_store.runs(db, ["b"]) == []
    assert await month_store.runs(db, None, month="2026-09") == []


async def test_the_last_closed_month_of_each_payee_is_known(db: AsyncSession) -> None:
    for payee, month in (("a", "2026-09"), ("a", "2026-10"), ("b", "2026-08")):
        await add_closed(db, payee, month, NOVEMBER)
    assert await month_store.last_closed(db, None) == {"a": "2026-10", "b": "2026-08"}
    assert await month_store.last_closed(db, ["b", "c"]) == {"b": "2026-08"}
