"""Group commit: batches, order, failures that harm nobody else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import transaction_store
from csms.lanes import Handler, Lane, Lanes
from foundation.database import Database, DatabaseAway
from foundation.statements import Asked, write
from foundation.tasks import Tasks


@dataclass(frozen=True)
class Word:
    """Something to write down."""

    text: str


@dataclass(frozen=True)
class Other:
    """Something of another kind."""

    text: str


class Scribe:
    """Writes words down in the database; some of them it cannot bear."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.kinds: list[str] = []
        self.broken = ""
        self.passing: Exception | None = None

    async def words(self, db: AsyncSession, words: Sequence[Word]) -> Sequence[str]:
        self.kinds.append("words")
        self.batches.append([word.text for word in words])
        if self.passing is not None:
            passing, self.passing = self.passing, None
            raise passing
        for word in words:
            await db.execute(text("insert into written values (:t)"), {"t": word.text})
        if any(word.text == self.broken for word in words):
            raise RuntimeError("a defect")
        return [word.text.upper() for word in words]

    async def others(self, db: AsyncSession, others: Sequence[Other]) -> Sequence[str]:
        self.kinds.append("others")
        return [other.text for other in others]

    async def rescue(self, item: Any, error: Exception) -> str:
        if item.text.startswith("money"):
            return f"kept: {item.text}"
        raise error


@pytest.fixture
async def written(database: Database) -> Database:
    async with database.unit_of_work() as db:
        await db.execute(text("create table written (word text)"))
    return database


async def words_in(database: Database) -> list[str]:
    async with database.unit_of_work() as db:
        return list(await db.scalars(text("select word from written order by word")))


@asynccontextmanager
async def lane(
    database: Database, scribe: Scribe, *, batch: int = 500, most: int = 1000
) -> AsyncIterator[Lane]:
    """A lane whose loop is not running yet, so that items can gather; see `work_off`."""
    handlers: dict[type, Handler] = {Word: scribe.words, Other: scribe.others}
    async with Tasks() as tasks:
        made = Lane(database, handlers, scribe.rescue, batch=batch, most=most)
        made_tasks[id(made)] = tasks
        yield made


made_tasks: dict[int, Tasks] = {}


async def work_off(made: Lane) -> None:
    task = made_tasks[id(made)].start("lane", made.run)
    await asyncio.sleep(0)
    await made.drained()
    task.cancel()


def submit(made: Lane, station: str, item: Any) -> asyncio.Future[Any]:
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def done(value: Any, error: BaseException | None) -> None:
        answer.set_result(value) if error is None else answer.set_exception(error)

    made.submit(station, item, done)
    return answer


async def test_what_waits_is_handled_in_one_unit_of_work(written: Database) -> None:
    scribe = Scribe()
    async with lane(written, scribe) as made:
        answers = [submit(made, f"CS-{n}", Word(f"w{n}")) for n in range(5)]
        await work_off(made)
        assert [await each for each in answers] == ["W0", "W1", "W2", "W3", "W4"]
    assert scribe.batches == [["w0", "w1", "w2", "w3", "w4"]]
    assert await words_in(written) == ["w0", "w1", "w2", "w3", "w4"]


async def test_a_batch_has_one_item_of_a_station_and_its_order_is_kept(written: Database) -> None:
    scribe = Scribe()
    async with lane(written, scribe) as made:
        for word in ("a1", "a2", "a3"):
            submit(made, "A", Word(word))
        submit(made, "B", Word("b1"))
        await work_off(made)
    assert scribe.batches == [["a1", "b1"], ["a2"], ["a3"]]


async def test_a_batch_is_no_larger_than_allowed(written: Database) -> None:
    scribe = Scribe()
    async with lane(written, scribe, batch=2) as made:
        for n in range(5):
            submit(made, f"CS-{n}", Word(f"w{n}"))
        await work_off(made)
    assert [len(batch) for batch in scribe.batches] == [2, 2, 1]


async def test_each_kinds_handler_runs_once_in_the_order_of_the_table(written: Database) -> None:
    scribe = Scribe()
    async with lane(written, scribe) as made:
        answers = [
            submit(made, "A", Other("x")),
            submit(made, "B", Word("w")),
            submit(made, "C", Other("y")),
        ]
        await work_off(made)
        assert [await each for each in answers] == ["x", "W", "y"]
    assert scribe.kinds == ["words", "others"]


async def test_a_defect_of_one_item_harms_no_other(written: Database) -> None:
    scribe = Scribe()
    scribe.broken = "bad"
    async with lane(written, scribe) as made:
        answers = [submit(made, name, Word(name)) for name in ("good", "bad", "fine")]
        with structlog.testing.capture_logs() as logged:
            await work_off(made)
        assert await answers[0] == "GOOD"
        assert await answers[2] == "FINE"
        with pytest.raises(RuntimeError, match="a defect"):
            await answers[1]
    assert await words_in(written) == ["fine", "good"], "what failed left nothing behind"
    assert [each["event"] for each in logged] == ["lane.batch_failed"]


async def test_what_carries_money_is_rescued(written: Database) -> None:
    scribe = Scribe()
    scribe.broken = "money-1"
    async with lane(written, scribe) as made:
        answer = submit(made, "A", Word("money-1"))
        await work_off(made)
        assert await answer == "kept: money-1"
    assert await words_in(written) == []


@pytest.mark.parametrize(
    "passing", [psycopg.errors.SerializationFailure(), psycopg.errors.DeadlockDetected()]
)
async def test_a_passing_failure_repeats_the_whole_batch(
    written: Database, passing: Exception
) -> None:
    scribe = Scribe()
    scribe.passing = passing
    async with lane(written, scribe) as made:
        answers = [submit(made, "A", Word("a")), submit(made, "B", Word("b"))]
        await work_off(made)
        assert [await each for each in answers] == ["A", "B"]
    assert scribe.batches == [["a", "b"], ["a", "b"]]


@pytest.mark.parametrize(
    ("constraint", "batches"),
    [
        (transaction_store.KEY, [["a", "b"], ["a", "b"]]),
        ("uq_another", [["a", "b"], ["a"], ["b"]]),
    ],
)
async def test_who_began_the_same_transaction_just_now_is_found_the_next_time(
    written: Database, constraint: str, batches: list[list[str]]
) -> None:
    async with written.unit_of_work() as db:
        await db.execute(text("create schema elsewhere"))
        await db.execute(
            text(f"create table elsewhere.begun (word text constraint {constraint} unique)")
        )
    seen: list[list[str]] = []

    async def begin(db: AsyncSession, words: Sequence[Word]) -> list[str]:
        seen.append([word.text for word in words])
        if len(seen) == 1:  # what another node writes between our look and our writing
            await write(db, Asked("insert into elsewhere.begun values ('x'), ('x')", [], len))
        return [word.text for word in words]

    made = Lane(written, {Word: begin}, Scribe().rescue, batch=10, most=10)
    answers = [submit(made, "A", Word("a")), submit(made, "B", Word("b"))]
    async with Tasks() as tasks:
        made_tasks[id(made)] = tasks
        with structlog.testing.capture_logs():
            await work_off(made)
    assert [await each for each in answers] == ["a", "b"]
    assert seen == batches


async def test_another_failure_of_the_data_does_it_one_by_one(written: Database) -> None:
    scribe = Scribe()
    scribe.passing = psycopg.errors.CheckViolation()
    async with lane(written, scribe) as made:
        answers = [submit(made, "A", Word("a")), submit(made, "B", Word("b"))]
        with structlog.testing.capture_logs():
            await work_off(made)
        assert [await each for each in answers] == ["A", "B"]
    assert scribe.batches == [["a", "b"], ["a"], ["b"]]


async def test_while_the_database_is_away_everybody_is_told_and_nothing_is_repeated(
    written: Database,
) -> None:
    scribe = Scribe()
    scribe.passing = DatabaseAway()
    async with lane(written, scribe) as made:
        answers = [submit(made, "A", Word("a")), submit(made, "B", Word("b"))]
        await work_off(made)
        for answer in answers:
            with pytest.raises(DatabaseAway):
                await answer
    assert scribe.batches == [["a", "b"]]


async def test_a_full_lane_refuses_as_if_the_database_were_away(written: Database) -> None:
    async with lane(written, Scribe(), most=2) as made:
        answers = [submit(made, f"CS-{n}", Word(f"w{n}")) for n in range(3)]
        with pytest.raises(DatabaseAway):
            await answers[2]
        await work_off(made)
        assert [await each for each in answers[:2]] == ["W0", "W1"]


async def test_a_rescue_that_fails_too_is_told(written: Database) -> None:
    scribe = Scribe()
    scribe.broken = "money-1"

    async def fails(item: Any, error: Exception) -> Any:
        raise OSError("no room left")

    async with Tasks() as tasks:
        made = Lane(written, {Word: scribe.words}, fails, batch=5, most=5)
        made_tasks[id(made)] = tasks
        answer = submit(made, "A", Word("money-1"))
        with structlog.testing.capture_logs() as logged:
            await work_off(made)
        with pytest.raises(OSError, match="no room left"):
            await answer
    assert "lane.rescue_failed" in [each["event"] for each in logged]


async def test_a_station_always_has_the_same_lane_and_may_be_waited_for(written: Database) -> None:
    scribe = Scribe()
    lanes = Lanes(written, {Word: scribe.words}, scribe.rescue, number=4, batch=5, most=5)
    async with Tasks() as tasks:
        for number, each in enumerate(lanes.lanes):
            tasks.start(f"lane {number}", each.run)
        assert await lanes.ask("CS-1", Word("one")) == "ONE"
        scribe.broken = "two"
        with structlog.testing.capture_logs(), pytest.raises(RuntimeError):
            await lanes.ask("CS-1", Word("two"))
        await asyncio.gather(*[lanes.ask("CS-1", Word(f"w{n}")) for n in range(3)])
        await lanes.drained()
    assert scribe.batches[-3:] == [["w0"], ["w1"], ["w2"]]


async def test_who_no_longer_waits_for_an_answer_stops_nobody(written: Database) -> None:
    scribe = Scribe()
    lanes = Lanes(written, {Word: scribe.words}, scribe.rescue, number=1, batch=5, most=5)
    async with Tasks() as tasks:
        waiting = asyncio.gather(lanes.ask("CS-1", Word("one")), return_exceptions=True)
        await asyncio.sleep(0)
        waiting.cancel()
        tasks.start("lane", lanes.lanes[0].run)
        assert await lanes.ask("CS-2", Word("two")) == "TWO"
    assert await words_in(written) == ["one", "two"]
