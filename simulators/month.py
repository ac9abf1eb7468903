"""Lives through a month with real sockets: the next thing that happens, its message, the answer.

The clock is a file that the central system reads too. Things that happen within the same half
minute at different stations are told at the same time; each station keeps its own order.
"""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timedelta

from simulators.agenda import Act, Agenda, Step, Visit
from simulators.book import Book, moment_text
from simulators.clock import HandClock, RealClock, SharedClock
from simulators.dialect import Nameplate
from simulators.equipment import EvseSpec, Patience, StationSpec
from simulators.link import (
    Address,
    Answerer,
    BadAnswer,
    CallRefused,
    Link,
    LinkLost,
    NoAnswer,
    open_ocpp,
)
from simulators.manners import Manners, failings_of
from simulators.plan import MonthPlan
from simulators.station import Station

_WINDOW = timedelta(seconds=30)
_RECONNECTS = 20
_RECONNECT_PAUSE_S = 0.25


class MonthFailed(Exception):
    """The central system did not let the fleet live through its month."""


class Month:
    """A fleet and its agenda; `live` leads it up to the plan's now.

    `clock` stands at the agenda's begin; it is moved on as time passes.
    """

    def __init__(
        self,
        plan: MonthPlan,
        agenda: Agenda,
        *,
        url: str,
        book: Book,
        clock: HandClock,
        validate: bool = False,
    ) -> None:
        self.plan = plan
        self.book = book
        self.agenda = agenda
        self.done_steps = 0
        self._clock = clock
        self._validate = validate
        self._clocks = [HandClock(self.agenda.begin) for _ in plan.stations]
        self._offline: set[int] = set()
        self._present: dict[tuple[int, int], Visit] = {}
        self.stations = [
            Station(
                self._spec(index),
                url=url,
                clock=self._clocks[index],
                book=book,
                opener=self._open,
                patience=Patience(answer_timeout_s=20, retry_pause_s=0),
                rng=random.Random(plan.seed * 1000 + index),
                manners=Manners(failings_of(plan.stations[index].failings)),
            )
            for index in range(len(plan.stations))
        ]
        self._steps = iter(self.agenda.steps)

    @property
    def late_identities(self) -> list[str]:
        """The stations that report only when they are told to."""
        return [self.plan.stations[index].identity for index in self.agenda.late]

    def _spec(self, index: int) -> StationSpec:
        planned = self.plan.stations[index]
        return StationSpec(
            identity=planned.identity,
            version=planned.version,
            password=planned.password,
            nameplate=Nameplate(planned.vendor, planned.model, f"SN-{index:06d}"),
            evses=tuple(
                EvseSpec(
                    evse_id=evse.evse_id,
                    max_power_w=evse.max_power_w,
                    register_wh=1_000_000 + 137_911 * (index + 1) + 1_003 * evse.evse_id,
                    quirks=self.agenda.quirks.get((index, evse.evse_id), frozenset()),
                )
                for evse in planned.evses
            ),
        )

    async def _open(self, address: Address, answerer: Answerer) -> Link:
        return await open_ocpp(address, answerer, validate=self._validate)

    async def live(self, progress: Callable[[datetime], None] = lambda _: None) -> None:
        """Live from the day before the month up to the plan's now.

        Raises:
            MonthFailed: If the central system cannot be reached, or refuses a boot.
        """
        await self._all(self._reconnect(index) for index in range(len(self.stations)))
        for batch in self._batches():
            self._clock.move_to(batch[-1].at)
            progress(batch[-1].at)
            by_station: dict[int, list[Step]] = {}
            for step in batch:
                by_station.setdefault(step.station, []).append(step)
            await self._all(self._take(steps) for steps in by_station.values())
        self._clock.move_to(self.plan.now)

    def _batches(self) -> Iterator[list[Step]]:
        """Cut the steps up to the plan's now into those that may be told together."""
        batch: list[Step] = []
        for step in self._steps:
            if step.at > self.plan.now:
                self._steps = itertools.chain([step], self._steps)
                break
            if batch and step.at - batch[0].at >= _WINDOW:
                yield batch
                batch = []
            batch.append(step)
        if batch:
            yield batch

    @staticmethod
    async def _all(work: "Iterator[Awaitable[None]] | Sequence[Awaitable[None]]") -> None:
        results = await asyncio.gather(*work, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    # ------------------------------------------------------------------- steps

    async def _take(self, steps: list[Step]) -> None:
        for step in steps:
            self._clocks[step.station].move_to(step.at)
            await self._do(step)
            self.done_steps += 1

    async def _do(self, step: Step) -> None:
        station = self.stations[step.station]
        match step.act:
            case Act.HEARTBEAT:
                await self._told(step.station, station.heartbeat)
            case Act.TRY_TOKEN:
                await self._told(
                    step.station, lambda: station.authorize(step.id_token, step.id_token_type)
                )
            case Act.GO_OFFLINE:
                self._note(step, "offline")
                self._offline.add(step.station)
                station.cut_link()
            case Act.COME_BACK:
                self._note(step, "online")
                self._offline.discard(step.station)
                await self._reconnect(step.station)
            case Act.CUT_POWER:
                self._note(step, "power_lost")
                self._offline.add(step.station)
                station.cut_power()
            case Act.RESTORE_POWER:
                self._note(step, "power_back")
                self._offline.discard(step.station)
                station.start_afresh()
                await self._reconnect(step.station)
            case Act.FAULT:
                station.fault(step.evse_id, step.code)
            case Act.CLEAR_FAULT:
                if station.evses[step.evse_id].error_code is not None:
                    station.clear_fault(step.evse_id)
            case _:
                await self._do_for_visit(step, station)
        await self._told(step.station, station.deliver)

    async def _do_for_visit(self, step: Step, station: Station) -> None:
        visit = step.visit
        assert visit is not None
        evse = station.evses[step.evse_id]
        if step.act is Act.PLUG_IN:
            self._present[step.station, step.evse_id] = visit
            station.plug_in(step.evse_id, visit.car())
            return
        if self._present.get((step.station, step.evse_id)) is not visit:
            return
        if step.act is Act.START:
            await self._start(step, station, visit)
        elif step.act is Act.UNPLUG:
            if evse.charging is None:
                del self._present[step.station, step.evse_id]
                station.unplug(step.evse_id)
        elif evse.charging is not None:
            match step.act:
                case Act.READ:
                    station.take_reading(step.evse_id, "Sample.Clock")
                case Act.SUSPEND:
                    station.suspend(step.evse_id)
                case Act.FINISH:
                    station.finish(step.evse_id)
                    evse.meter.quirks -= visit.quirks

    async def _start(self, step: Step, station: Station, visit: Visit) -> None:
        """Ask first if there is a line; without one the station lets everybody charge."""
        verdict = ["Accepted"]

        async def ask() -> None:
            verdict[0] = await station.authorize(visit.id_token, visit.id_token_type)

        await self._told(step.station, ask)
        if verdict[0] != "Accepted":
            return
        station.evses[step.evse_id].meter.quirks |= visit.quirks
        for kind in visit.lose:
            station.lose_answers[kind] += 1
        station.begin(step.evse_id, visit.id_token, visit.id_token_type, remark=visit.remark)

    def _note(self, step: Step, what: str) -> None:
        station = self.plan.stations[step.station].identity
        self.book.note(what, station=station, at=moment_text(step.at))

    # ------------------------------------------------------------------- the line

    async def _told(self, index: int, say: Callable[[], Awaitable[object]]) -> None:
        """Say something if there is a line; a line that broke is opened again first."""
        for _ in range(_RECONNECTS):
            if index in self._offline:
                return
            try:
                await say()
            except LinkLost:
                await self._reconnect(index)
            except NoAnswer:
                continue
            except (CallRefused, BadAnswer) as error:
                identity = self.plan.stations[index].identity
                raise MonthFailed(f"{identity} was answered badly: {error}") from error
            else:
                return
        raise MonthFailed(f"{self.plan.stations[index].identity} is not listened to")

    async def _reconnect(self, index: int) -> None:
        station = self.stations[index]
        last: Exception | None = None
        for _ in range(_RECONNECTS):
            try:
                await station.connect()
                if not station.is_admitted and (await station.boot()).status != "Accepted":
                    raise MonthFailed(f"{station.identity} is not accepted")
                await station.deliver()
            except (LinkLost, NoAnswer) as error:
                last = error
                await asyncio.sleep(_RECONNECT_PAUSE_S)
            except (CallRefused, BadAnswer) as error:
                raise MonthFailed(f"{station.identity} was answered badly: {error}") from error
            else:
                return
        raise MonthFailed(str(last))

    # ------------------------------------------------------------------- afterwards

    async def bring_back_the_late(self) -> list[str]:
        """Let the stations that were lost before the close tell what they have."""
        brought = []
        for index in self.agenda.late:
            self._clocks[index].move_to(RealClock().now())
            self.book.note("online", station=self.stations[index].identity)
            self._offline.discard(index)
            await self._reconnect(index)
            brought.append(self.stations[index].identity)
        return brought

    async def stay(self, lines: AsyncIterator[str], tell: Callable[..., None]) -> None:
        """Go on in real time, doing what `lines` say, until "quit" or their end.

        "late" lets the late stations report; `tell` is then called with "late_done" and their
        identities as `stations`.
        """
        real = RealClock()
        if isinstance(self._clock, SharedClock):
            self._clock.release()
        for station in self.stations:
            station.clock = real
        here = [index for index in range(len(self.stations)) if index not in self._offline]
        # Their last word was hours ago: else nobody would know that they are here.
        await self._all(self._told(index, self.stations[index].heartbeat) for index in here)
        async with asyncio.TaskGroup() as group:
            living = {index: group.create_task(self.stations[index].run()) for index in here}
            going_on = group.create_task(self._go_on(real))
            async for line in lines:
                match line.strip():
                    case "late":
                        for index in self.agenda.late:
                            self._offline.discard(index)
                            if index not in living:
                                living[index] = group.create_task(self.stations[index].run())
                        await self._until_told(self.agenda.late)
                        tell("late_done", stations=self.late_identities)
                    case "quit":
                        break
            going_on.cancel()
            for station in self.stations:
                station.leave()

    async def _until_told(self, indexes: Sequence[int]) -> None:
        async with asyncio.timeout(60):
            while any(self.stations[index].waiting for index in indexes):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _go_on(self, real: RealClock) -> None:
        """Do the steps that lie ahead when their time comes; the stations tell on their own."""
        for step in self._steps:
            await asyncio.sleep(max(0.0, (step.at - real.now()).total_seconds()))
            if step.act not in {Act.HEARTBEAT, Act.TRY_TOKEN} and step.visit is not None:
                await self._do_for_visit(step, self.stations[step.station])

    async def leave(self) -> None:
        """Close all sockets with a goodbye."""
        await self._all([station.disconnect() for station in self.stations])
