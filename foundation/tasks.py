"""Background tasks that live as long as the program: the only file that starts any.

Each has a name and an owner that watches it. None may end by itself unnoticed: an unexpected end
is logged with its traceback, and then, as declared, either the task is started again after a
growing pause, or the program is told that it must stop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import structlog

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
HEALTHY_AFTER_S = 60.0
"""A task that ran this long begins with the shortest pause again."""


class OnEnd(StrEnum):
    """What an unexpected end of a task leads to."""

    STOP = "stop"
    """The program cannot go on without it."""
    RESTART = "restart"
    """It is started again, after a pause that grows."""
    FINISH = "finish"
    """It may return by itself; an exception is logged, and that is all."""


async def give_way() -> None:
    """Let everybody else on the loop have a turn: between the pieces of a long computation."""
    await asyncio.sleep(0)


async def one_by_one(steps: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Do steps in their order; one that fails does not keep the others from being done.

    For rounds over things that have nothing to do with each other: one that cannot be handled
    must not hide those behind it.

    Args:
        steps: Each is called and awaited when those before it ended.

    Raises:
        ExceptionGroup: Some failed; it holds every failure, after all steps were done.
    """
    failures: list[Exception] = []
    for step in steps:
        try:
            await step()
        # A boundary: whatever went wrong is raised below, when the others had their turn.
        except Exception as error:  # noqa: BLE001
            failures.append(error)
    if failures:
        raise ExceptionGroup("not every step was done", failures)


@dataclass(frozen=True, slots=True)
class TaskEnd:
    """An unexpected end; `error` is None where the task just returned."""

    name: str
    error: BaseException | None


class Tasks:
    """The owner of the background tasks of a program, or of a part of it.

    Args:
        on_stop: Called once, when a task declared `OnEnd.STOP` ended: it begins the shutdown.
        pause: Waits for the given seconds; tests hand in a shorter one.
    """

    def __init__(
        self,
        *,
        on_stop: Callable[[TaskEnd], None] | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._on_stop = on_stop
        self._pause = pause
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._is_stopping = False
        self._has_told = False
        self.restarts: dict[str, int] = {}
        """How often each task was started again: for the metrics."""

    def start(
        self,
        name: str,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        on_end: OnEnd = OnEnd.STOP,
    ) -> asyncio.Task[None]:
        """Start a task and watch it.

        Args:
            name: Names it in the log and in `asyncio`'s lists.
            work: Called for a fresh coroutine, again for every restart.
            on_end: What an end that nobody asked for leads to.
        """
        assert not self._is_stopping, f"{name} was started while stopping"
        task = asyncio.create_task(self._watched(name, work, on_end), name=name)  # noqa: TID251 - here they start
        self._tasks[task] = name
        task.add_done_callback(self._forget)
        return task

    @property
    def names(self) -> list[str]:
        """The tasks that are running now."""
        return sorted(self._tasks.values())

    async def stop(self, timeout: float = 10.0) -> None:
        """Cancel all tasks, the newest first, and wait until they ended.

        Those that still run after half of the time are cancelled once more: before Python 3.12,
        `asyncio.wait_for` forgets a cancellation that comes just when its wait is over.

        Args:
            timeout: Seconds for all of them; those that take longer are named in the log and
                left alone.
        """
        self._is_stopping = True
        late = {task for task in self._tasks if task is not asyncio.current_task()}
        for _ in range(2):
            for task in reversed(self._tasks):
                if task in late:
                    task.cancel()
            if late:
                _, late = await asyncio.wait(late, timeout=timeout / 2)
        for task in late:
            log.error("task.does_not_stop", task=task.get_name(), after_s=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]

    async def _watched(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], on_end: OnEnd
    ) -> None:
        loop = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        while True:
            began = loop.time()
            error = await self._outcome(name, work, on_end)
            if self._is_stopping or on_end is OnEnd.FINISH:
                return
            if on_end is OnEnd.STOP:
                self._tell(TaskEnd(name, error))
                return
            if loop.time() - began >= HEALTHY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            self.restarts[name] = self.restarts.get(name, 0) + 1
            await self._pause(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _outcome(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], on_end: OnEnd
    ) -> BaseException | None:
        task = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        try:
            await work()
        except asyncio.CancelledError as error:
            if self._is_stopping or task.cancelling() > cancelled_before:
                raise
            # Nobody cancelled us: something inside did, to itself. It must not end us unseen.
            log.exception("task.failed", task=name, then=on_end)
            return error
        # A boundary (house rules, async manners): whatever ended a task must be seen.
        except Exception as error:
            log.exception("task.failed", task=name, then=on_end)
            while task.cancelling() > cancelled_before and not self._is_stopping:
                task.uncancel()  # a task group that failed leaves its own cancellation behind
            return error
        if on_end is not OnEnd.FINISH and not self._is_stopping:
            log.error("task.ended", task=name, then=on_end)
        return None

    def _tell(self, end: TaskEnd) -> None:
        if self._on_stop is not None and not self._has_told:
            self._has_told = True
            self._on_stop(end)
