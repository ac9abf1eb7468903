"""Background tasks: watched, restarted or reported, and stopped by asking."""

import asyncio

import pytest
from structlog.testing import capture_logs

from foundation.tasks import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    OnEnd,
    TaskEnd,
    Tasks,
    give_way,
    one_by_one,
)


class Pauses:
    """Notes the pauses asked for instead of waiting, and ends the story after some."""

    def __init__(self, wanted: int) -> None:
        self.seen: list[float] = []
        self.wanted = wanted
        self.enough = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.seen.append(seconds)
        if len(self.seen) == self.wanted:
            self.enough.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise ValueError("broken")


async def test_a_task_that_fails_is_logged_and_stops_the_program() -> None:
    ends: list[TaskEnd] = []
    with capture_logs() as logged:
        async with Tasks(on_stop=ends.append) as tasks:
            await asyncio.wait([tasks.start("reader", fail)])
    [end] = ends
    assert end.name == "reader"
    assert isinstance(end.error, ValueError)
    [line] = logged
    assert (line["event"], line["task"], line["log_level"]) == ("task.failed", "reader", "error")
    assert line["exc_info"]


async def test_a_task_that_just_returns_stops_the_program_too() -> None:
    ends: list[TaskEnd] = []

    async def leave() -> None:
        return

    async with Tasks(on_stop=ends.append) as tasks:
        await asyncio.wait([tasks.start("reader", leave)])
    assert ends == [TaskEnd("reader", None)]


async def test_a_task_that_may_finish_finishes_quietly() -> None:
    ends: list[TaskEnd] = []

    async def leave() -> None:
        return

    with capture_logs() as logged:
        async with Tasks(on_stop=ends.append) as tasks:
            await asyncio.wait([tasks.start("warm-up", leave, on_end=OnEnd.FINISH)])
    assert (ends, logged) == ([], [])


async def test_the_program_is_told_once() -> None:
    ends: list[TaskEnd] = []
    async with Tasks(on_stop=ends.append) as tasks:
        await asyncio.wait([tasks.start("one", fail), tasks.start("two", fail)])
    assert len(ends) == 1


async def test_a_task_is_restarted_after_pauses_that_grow_up_to_a_limit() -> None:
    pauses = Pauses(wanted=9)
    async with Tasks(pause=pauses) as tasks:
        tasks.start("listener", fail, on_end=OnEnd.RESTART)
        await pauses.enough.wait()
        assert tasks.restarts == {"listener": 9}
    assert pauses.seen[0] == FIRST_PAUSE_S
    assert pauses.seen == sorted(pauses.seen)
    assert pauses.seen[-1] == LONGEST_PAUSE_S


async def test_a_task_that_ran_for_long_begins_with_the_shortest_pause_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("foundation.tasks.HEALTHY_AFTER_S", 0.0)
    pauses = Pauses(wanted=3)
    async with Tasks(pause=pauses) as tasks:
        tasks.start("listener", fail, on_end=OnEnd.RESTART)
        await pauses.enough.wait()
    assert pauses.seen == [FIRST_PAUSE_S] * 3


async def test_stopping_cancels_and_waits_and_is_no_unexpected_end() -> None:
    ends: list[TaskEnd] = []
    cleaned: list[str] = []

    async def careful(name: str) -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            cleaned.append(name)

    tasks = Tasks(on_stop=ends.append)
    tasks.start("one", lambda: careful("one"))
    tasks.start("two", lambda: careful("two"), on_end=OnEnd.RESTART)
    await asyncio.sleep(0)
    assert tasks.names == ["one", "two"]
    await tasks.stop()
    assert sorted(cleaned) == ["one", "two"]
    assert (ends, tasks.names) == ([], [])


async def test_a_task_that_does_not_stop_is_named_and_left_alone() -> None:
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    tasks = Tasks()
    task = tasks.start("stubborn", stubborn)
    await asyncio.sleep(0)
    with capture_logs() as logged:
        await tasks.stop(timeout=0.01)
    assert [(line["event"], line["task"]) for line in logged] == [
        ("task.does_not_stop", "stubborn")
    ]
    release.set()
    await asyncio.wait([task])


async def test_a_cancellation_that_was_forgotten_is_repeated() -> None:
    async def forgetful() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            await forever()

    tasks = Tasks()
    tasks.start("forgetful", forgetful)
    await asyncio.sleep(0)
    with capture_logs() as logged:
        await tasks.stop(timeout=0.02)
    assert (logged, tasks.names) == ([], [])


async def test_a_task_that_cancels_itself_does_not_end_unseen() -> None:
    ends: list[TaskEnd] = []

    async def confused() -> None:
        raise asyncio.CancelledError

    with capture_logs() as logged:
        async with Tasks(on_stop=ends.append) as tasks:
            await asyncio.wait([tasks.start("confused", confused)])
    assert [line["event"] for line in logged] == ["task.failed"]
    assert isinstance(ends[0].error, asyncio.CancelledError)


async def test_a_task_whose_group_failed_is_restarted_as_often_as_need_be() -> None:
    async def fail_in_a_group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(forever())

    pauses = Pauses(wanted=4)
    async with Tasks(pause=pauses) as tasks:
        task = tasks.start("group", fail_in_a_group, on_end=OnEnd.RESTART)
        await pauses.enough.wait()
        assert task.cancelling() == 0


async def test_somebody_else_may_cancel_a_single_task() -> None:
    ends: list[TaskEnd] = []
    with capture_logs() as logged:
        async with Tasks(on_stop=ends.append) as tasks:
            task = tasks.start("one", forever)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
    assert task.cancelled()
    assert (ends, logged) == ([], [])


async def test_nothing_is_started_while_stopping() -> None:
    tasks = Tasks()
    tasks.start("one", forever)
    await tasks.stop()
    with pytest.raises(AssertionError, match="while stopping"):
        tasks.start("two", forever)


async def test_stopping_without_tasks_is_fine() -> None:
    await Tasks().stop()


async def test_a_step_that_fails_does_not_keep_the_others_from_being_done() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("done")

    with pytest.raises(ExceptionGroup) as raised:
        await one_by_one([fail, work, fail, work])
    assert [str(error) for error in raised.value.exceptions] == ["broken", "broken"]
    assert done == ["done", "done"]
    await one_by_one([work])


async def test_steps_end_with_the_one_that_is_cancelled() -> None:
    done: list[str] = []

    async def leave() -> None:
        raise asyncio.CancelledError

    async def work() -> None:
        done.append("done")

    with pytest.raises(asyncio.CancelledError):
        await one_by_one([leave, work])
    assert not done


async def test_who_gives_way_lets_the_others_have_their_turn() -> None:
    done: list[str] = []

    async def worker(name: str) -> None:
        for _ in range(3):
            done.append(name)
            await give_way()

    await asyncio.gather(worker("one"), worker("other"))
    assert done == ["one", "other"] * 3
