"""The outbox: committed with the facts, in order per subject, exactly once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import Conflict, InvalidInput
from foundation.events import StationBooted, StationCameBack
from foundation.identifiers import StationId
from foundation.outbox import Cursor, Delivery, DeliveryLoop, Subscription, waited_for

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)


def booted(station: str, model: str = "M1") -> StationBooted:
    return StationBooted(
        happened_at=NOW,
        station=StationId(station),
        vendor="V",
        model=model,
        firmware=None,
        reason=None,
    )


class Reads:
    """A reader that remembers, and fails where it is told to."""

    def __init__(self, *, failing: dict[str, Exception] | None = None) -> None:
        self.models: list[str] = []
        self.failing = failing or {}

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            assert isinstance(delivery.event, StationBooted)
            if delivery.event.model in self.failing:
                raise self.failing[delivery.event.model]
        self.models += [each.event.model for each in deliveries]  # type: ignore[attr-defined]


def subscription(reads: Reads) -> Subscription:
    return Subscription("test", ("station_booted",), reads)


@pytest.fixture
async def routed(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url, routes=outbox.routes([subscription(Reads())]), pool_size=4)
    yield made
    await made.close()


async def write(database: Database, *events: StationBooted | StationCameBack) -> None:
    async with database.unit_of_work() as db:
        await outbox.append(db, events, recorded_at=NOW)


async def test_a_reader_takes_each_event_once_and_in_order(routed: Database) -> None:
    reads = Reads()
    await write(routed, booted("S1", "a"), booted("S1", "b"))
    await write(routed, booted("S1", "c"))

    assert await outbox.deliver(routed, subscription(reads), SetClock(NOW)) == 3
    assert await outbox.deliver(routed, subscription(reads), SetClock(NOW)) == 0
    assert reads.models == ["a", "b", "c"]


async def test_the_loop_asks_only_readers_for_whom_something_waits(database_url: str) -> None:
    met: list[str] = []
    both = asyncio.Event()

    def reader(name: str, kind: str) -> Subscription:
        async def handle(db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
            met.append(name)
            if {"one", "other"} <= set(met):
                both.set()

        return Subscription(name, (kind,), handle)

    readers = [
        reader("one", "station_booted"),
        reader("none", "station_connected"),
        reader("other", "station_came_back"),
    ]
    database = Database(database_url, routes=outbox.routes(readers), pool_size=2)
    clock = SetClock(NOW)
    loop = DeliveryLoop(database, readers, clock)
    await write(database, booted("S1"), StationCameBack(happened_at=NOW, station=StationId("S1")))
    assert await waited_for(database, NOW - timedelta(seconds=1)) == set()  # not due yet
    assert await waited_for(database, NOW) == {"one", "other"}

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        running = group.create_task(loop.run())
        await both.wait()
        running.cancel()
    await database.close()
    assert sorted(met) == ["one", "other"]


async def test_an_event_of_a_rolled_back_unit_of_work_never_was(routed: Database) -> None:
    async def fails() -> None:
        async with routed.unit_of_work() as db:
            await outbox.append(db, [booted("S1")], recorded_at=NOW)
            raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        await fails()
    assert await outbox.deliver(routed, subscription(Reads()), SetClock(NOW)) == 0


async def test_an_event_nobody_reads_is_only_in_the_journal(routed: Database) -> None:
    await write(routed, StationCameBack(happened_at=NOW, station=StationId("S1")))
    async with routed.unit_of_work() as db:
        assert await outbox.pending(db, "test", NOW + timedelta(days=1)) == 0
        assert [each.kind for each in await outbox.journal_after(db, None)] == ["station_came_back"]


async def test_a_failing_event_holds_back_its_subject_and_no_other(routed: Database) -> None:
    reads = Reads(failing={"bad": Conflict("not yet")})
    clock = SetClock(NOW)
    await write(routed, booted("S1", "bad"), booted("S1", "after"), booted("S2", "other"))

    await outbox.deliver(routed, subscription(reads), clock)
    assert reads.models == ["other"]

    reads.failing.clear()
    await outbox.deliver(routed, subscription(reads), clock)
    assert reads.models == ["other"]  # its pause is not over

    clock.advance(timedelta(seconds=2))
    await outbox.deliver(routed, subscription(reads), clock)
    assert reads.models == ["other", "bad", "after"]


async def test_an_event_that_can_never_succeed_is_parked_at_once(routed: Database) -> None:
    reads = Reads(failing={"bad": InvalidInput("never")})
    clock = SetClock(NOW)
    await write(routed, booted("S1", "bad"), booted("S1", "after"))
    await outbox.deliver(routed, subscription(reads), clock)
    clock.advance(timedelta(days=1))
    await outbox.deliver(routed, subscription(reads), clock)

    assert reads.models == []
    async with routed.unit_of_work() as db:
        assert [each.attempts for each in await outbox.parked(db)] == [1]
        assert await outbox.pending(db, "test", NOW + timedelta(days=1)) == 2


async def test_a_defect_is_tried_again_and_then_parked(routed: Database) -> None:
    reads = Reads(failing={"bad": ZeroDivisionError()})
    clock = SetClock(NOW)
    await write(routed, booted("S1", "bad"))
    for _ in range(10):
        await outbox.deliver(routed, subscription(reads), clock)
        clock.advance(timedelta(hours=1))
    async with routed.unit_of_work() as db:
        assert [each.attempts for each in await outbox.parked(db)] == [6]


async def test_what_a_reader_wrote_and_its_mark_are_one_unit_of_work(routed: Database) -> None:
    async def appends_then_fails(db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        await outbox.append(
            db, [StationCameBack(happened_at=NOW, station=StationId("S1"))], recorded_at=NOW
        )
        raise Conflict("not yet")

    await write(routed, booted("S1"))
    await outbox.deliver(
        routed, Subscription("test", ("station_booted",), appends_then_fails), SetClock(NOW)
    )
    async with routed.unit_of_work() as db:
        assert [each.kind for each in await outbox.journal_after(db, None)] == ["station_booted"]


async def test_what_was_told_of_a_subject_is_found_by_kind_and_moment(routed: Database) -> None:
    await write(routed, booted("S1", "a"), booted("S2", "b"), booted("S1", "c"))

    async def told(kind: str, since: datetime) -> list[str]:
        async with routed.unit_of_work() as db:
            found = await outbox.told_of(db, ["station/S1"], kinds=[kind], since=since)
        return [each.payload["model"] for each in found]

    assert await told("station_booted", NOW) == ["a", "c"]
    assert await told("station_came_back", NOW) == []
    assert await told("station_booted", NOW + timedelta(seconds=1)) == []


async def test_a_cursor_never_passes_an_event_that_is_not_committed_yet(routed: Database) -> None:
    async with routed.unit_of_work() as slow:
        await outbox.append(slow, [booted("S1", "slow")], recorded_at=NOW)
        await write(routed, booted("S2", "quick"))
        async with routed.unit_of_work() as db:
            assert await outbox.journal_after(db, None) == []
    async with routed.unit_of_work() as db:
        both = await outbox.journal_after(db, None)
    assert [each.payload["model"] for each in both] == ["slow", "quick"]
    async with routed.unit_of_work() as db:
        rest = await outbox.journal_after(db, both[0].cursor)
        assert [each.payload["model"] for each in rest] == ["quick"]
        assert await outbox.journal_after(db, Cursor(2**60, 0)) == []
