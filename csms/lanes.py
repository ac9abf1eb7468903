"""Group commit: reports of many stations handled in one unit of work, answered after its commit.

A lane takes whatever waits, at most one item per station, runs each kind's handler once, and
commits once. Nobody waits on a timer: under load the batches grow by themselves. A station always
has the same lane, so its reports keep their order.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol
from zlib import crc32

import psycopg
import structlog
from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from csms import transaction_store
from foundation import metrics, trips
from foundation.database import Database, DatabaseAway

log = structlog.get_logger(__name__)

Handler = Callable[[AsyncSession, Sequence[Any]], Coroutine[Any, Any, Sequence[Any]]]
Done = Callable[[Any, BaseException | None], None]
"""Called once with the answer, or with why there is none; it must not raise."""

_TRIES = 4


class Rescue(Protocol):
    """What is done with an item that a defect of ours kept from being handled."""

    async def __call__(self, item: Any, error: Exception) -> Any:
        """Return the answer all the same, or raise the error again."""
        ...


class _Waiting(Struct, frozen=True):
    station: str
    item: Any
    done: Done


class Lane:
    """One writer: a queue and the loop that works it off."""

    def __init__(
        self,
        database: Database,
        handlers: Mapping[type, Handler],
        rescue: Rescue,
        *,
        batch: int,
        most: int,
    ) -> None:
        self._database = database
        self._handlers = handlers
        self._rescue = rescue
        self._batch = batch
        self._most = most
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()

    def submit(self, station: str, item: Any, done: Done) -> None:
        """Queue an item; when the lane is full it is refused as if the database were away."""
        if len(self._waiting) >= self._most:
            done(None, DatabaseAway())
            return
        if not self._waiting:
            self._idle.clear()
            self._wake.set()
        self._waiting.append(_Waiting(station, item, done))

    async def drained(self) -> None:
        """Wait until nothing waits or is in hand any more."""
        await self._idle.wait()

    async def run(self) -> None:
        """Work off what waits, for ever."""
        while True:
            if not self._waiting:
                self._wake.clear()
                self._idle.set()
                await self._wake.wait()
                self._idle.clear()
                continue
            await self._handle(self._take())

    def _take(self) -> list[_Waiting]:
        """Return what waits, at most one item per station, the others keeping their order."""
        taken: list[_Waiting] = []
        kept: list[_Waiting] = []
        stations: set[str] = set()
        while self._waiting and len(taken) < self._batch:
            each = self._waiting.popleft()
            if each.station in stations:
                kept.append(each)
            else:
                stations.add(each.station)
                taken.append(each)
        self._waiting.extendleft(reversed(kept))
        return taken

    async def _handle(self, batch: Sequence[_Waiting]) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                answers = await self._work(batch)
            except DatabaseAway as error:
                for each in batch:
                    each.done(None, error)
                return
            except (psycopg.Error, DBAPIError) as error:
                if _is_passing(error) and attempt < _TRIES:
                    metrics.batches_repeated.labels("serialisation").inc()
                    continue
                await self._one_by_one(batch, error)
                return
            # A boundary: a defect that one report brings to light must harm no other station.
            except Exception as error:  # noqa: BLE001
                await self._one_by_one(batch, error)
                return
            metrics.commits.inc()
            metrics.rows_per_commit.observe(len(batch))
            for each, answer in zip(batch, answers, strict=True):
                each.done(answer, None)
            return

    async def _one_by_one(self, batch: Sequence[_Waiting], error: Exception) -> None:
        if len(batch) == 1:
            await self._save(batch[0], error)
            return
        metrics.batches_repeated.labels("single").inc()
        log.warning("lane.batch_failed", items=len(batch), error=repr(error))
        for each in batch:
            await self._handle([each])

    async def _save(self, waiting: _Waiting, error: Exception) -> None:
        """The last resort for one item: what its rescue makes of it."""
        try:
            answer = await self._rescue(waiting.item, error)
        except Exception as lost:
            if lost is not error:
                log.exception("lane.rescue_failed", station_id=waiting.station)
            waiting.done(None, lost)
        else:
            waiting.done(answer, None)

    async def _work(self, batch: Sequence[_Waiting]) -> list[Any]:
        """Handle a batch in one unit of work; return the answers in its order."""
        places: dict[type, list[int]] = {}
        for place, each in enumerate(batch):
            places.setdefault(type(each.item), []).append(place)
        answers: list[Any] = [None] * len(batch)
        kinds = [kind for kind in self._handlers if kind in places]
        assert len(kinds) == len(places), f"nobody handles one of {places.keys()}"
        async with self._database.unit_of_work() as db:
            found = await trips.shared(
                db,
                [
                    self._handlers[kind](db, [batch[place].item for place in places[kind]])
                    for kind in kinds
                ],
            )
        for kind, its in zip(kinds, found, strict=True):
            for place, answer in zip(places[kind], its, strict=True):
                answers[place] = answer
        return answers


def _is_passing(error: Exception) -> bool:
    """Tell whether the same work may succeed at once.

    A deadlock or serialisation failure; or somebody else began the same transaction just now, who
    will be found the next time.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.errors.UniqueViolation):
        return cause.diag.constraint_name == transaction_store.KEY
    return isinstance(cause, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected)


class Lanes:
    """All lanes of a process; a station's is chosen by the hash of its identity."""

    def __init__(
        self,
        database: Database,
        handlers: Mapping[type, Handler],
        rescue: Rescue,
        *,
        number: int,
        batch: int,
        most: int,
    ) -> None:
        self.lanes = [
            Lane(database, handlers, rescue, batch=batch, most=most) for _ in range(number)
        ]

    def submit(self, station: str, item: Any, done: Done) -> None:
        """Queue an item in its station's lane; `done` is called after the commit."""
        self.lanes[crc32(station.encode()) % len(self.lanes)].submit(station, item, done)

    async def ask(self, station: str, item: Any) -> Any:
        """Queue an item and wait for its answer; raises why there is none."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(value: Any, error: BaseException | None) -> None:
            if answer.cancelled():
                return
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(error)

        self.submit(station, item, done)
        return await answer

    async def drained(self) -> None:
        """Wait until nothing waits or is in hand in any lane."""
        for lane in self.lanes:
            await lane.drained()
