"""Until when a ticket has to be reacted to: by package, stopped, resumed, met."""

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from billing import service_packages
from billing.packages import Maintenance, Package
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.working_hours import BusinessHours, ServiceLevel
from support import ticket_clock, tickets
from support.service_times import Standing
from support.ticket_clock import Target, WrongClockState
from tests.support.conftest import HELEN, N2
from tests.support.visiting import planned, ticket_about


async def test_without_monitoring_and_package_nothing_is_promised(
    world: AsyncSession, clock: SetClock
) -> None:
    ticket = await ticket_about(world, clock.now(), N2)
    read = await ticket_clock.read(world, ticket.id, clock.now())
    assert (read.promises, read.package, read.waits_for) == ((), None, None)
    with pytest.raises(NotFound):
        await ticket_clock.read(world, 4711, clock.now())


async def test_the_package_of_the_station_says_the_times(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    package = Package(
        key="fast",
        name="Fast",
        first_aid=True,
        hotline=True,
        dispatch=True,
        maintenance=Maintenance.NONE,
        level=ServiceLevel(timedelta(hours=2), 0, 1),
        hours=BusinessHours("UTC", time(0), time(23), frozenset(range(7))),
        valid_from=now,
    )
    await service_packages.define(world, package, by=HELEN.id, now=now)
    await service_packages.assign(
        world,
        "station",
        N2,
        "fast",
        organisation=(await ticket_about(world, now, N2)).organisation,
        valid_from=now,
        by=HELEN.id,
        now=now,
    )
    ticket = await ticket_about(world, now, N2)
    read = await ticket_clock.read(world, ticket.id, now)
    assert read.package == ticket.package == "fast"
    closing = datetime.combine(now.date(), time(23), UTC)
    assert [each.due_at for each in read.promises] == [now + timedelta(hours=2), closing]


async def test_what_is_met_first_counts_and_an_arrival_meets_the_visits_time(
    world: AsyncSession, clock: SetClock
) -> None:
    visit = await planned(world, clock.now())
    number = visit.ticket_id
    clock.advance(timedelta(hours=1))
    await ticket_clock.met(world, number, Target.ANSWER, clock.now())
    clock.advance(timedelta(hours=4))
    await ticket_clock.met(world, number, Target.ANSWER, clock.now())
    await ticket_clock.met(world, number, Target.REMOTE, clock.now())
    with pytest.raises(InvalidInput):
        await ticket_clock.met(world, number, Target.ON_SITE, clock.now())
    promises = (await ticket_clock.read(world, number, clock.now())).promises
    assert {each.target: each.standing for each in promises} == {
        Target.REMOTE: Standing.LATE,
        Target.ANSWER: Standing.MET,
        Target.ON_SITE: Standing.DUE,
    }


async def test_the_clock_is_stopped_with_a_reason_and_once(
    world: AsyncSession, clock: SetClock
) -> None:
    number = (await planned(world, clock.now())).ticket_id
    with pytest.raises(InvalidInput):
        await ticket_clock.stop(world, number, " ", by=HELEN, now=clock.now())
    with pytest.raises(WrongClockState):
        await ticket_clock.resume(world, number, by=HELEN, now=clock.now())
    await ticket_clock.stop(world, number, "Key", by=HELEN, now=clock.now())
    with pytest.raises(WrongClockState):
        await ticket_clock.stop(world, number, "Key", by=HELEN, now=clock.now())
    clock.advance(timedelta(hours=6))
    read = await ticket_clock.read(world, number, clock.now())
    assert read.waits_for == "Key"
    assert {each.standing for each in read.promises} == {Standing.STOPPED}
    await ticket_clock.resume(world, number, by=HELEN, now=clock.now())
    remote = (await ticket_clock.read(world, number, clock.now())).promises[0]
    assert remote.due_at == clock.now() + timedelta(hours=4)
    await tickets.close(world, number, "Done", by=HELEN, now=clock.now())
    with pytest.raises(WrongClockState):
        await ticket_clock.stop(world, number, "Key", by=HELEN, now=clock.now())
