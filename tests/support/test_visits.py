"""Visits as they are stored: planned once, sent with all, redeemed once, documented by both."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from alerts import monitoring
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.mail import InvalidAddress
from support import tickets, visits
from support.hotline import NotMonitored
from support.interventions import Cover, MainOutcome
from support.tickets import WrongTicketState
from support.visits import (
    LINK_VALID_FOR,
    TechnicianOnWay,
    VisitKind,
    VisitState,
    VisitUnderWay,
    WrongVisitState,
)
from tests.support.conftest import HELEN, N1, NORTH, SOUTH
from tests.support.visiting import (
    PACKAGE,
    TOM,
    documented,
    planned,
    sent,
    ticket_about,
    watched,
)


async def test_a_ticket_has_one_open_visit_at_most(world: AsyncSession, clock: SetClock) -> None:
    now = clock.now()
    visit = await planned(world, now)
    ticket = await tickets.ticket(world, WHOLE, visit.ticket_id)
    with pytest.raises(VisitUnderWay):
        await visits.plan(world, ticket, VisitKind.REPAIR, by=HELEN, now=now)
    await visits.cancel(world, visit.id, by=HELEN, now=now)
    again = await visits.plan(world, ticket, VisitKind.MAINTENANCE, by=HELEN, now=now)
    assert [each.id for each in await visits.of_ticket(world, ticket.id)] == [again.id, visit.id]
    assert len(await visits.of_station(world, WHOLE, N1)) == 2
    assert await visits.of_station(world, Scope(frozenset({SOUTH})), N1) == []
    with pytest.raises(NotFound):
        await visits.visit(world, Scope(frozenset({SOUTH})), visit.id)
    with pytest.raises(WrongVisitState):
        await visits.cancel(world, visit.id, by=HELEN, now=now)


async def test_a_visit_needs_an_open_ticket_about_a_station(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    general = await tickets.open_ticket(
        world, WHOLE, title="All dark", organisation=NORTH, by=HELEN, now=now
    )
    with pytest.raises(InvalidInput):
        await visits.plan(world, general, VisitKind.REPAIR, by=HELEN, now=now)
    ticket = await ticket_about(world, now)
    await tickets.close(world, ticket.id, "Lamp", by=HELEN, now=now)
    with pytest.raises(WrongTicketState):
        await visits.plan(world, ticket, VisitKind.REPAIR, by=HELEN, now=now)


async def test_a_technician_is_sent_to_a_monitored_station_but_maintenance_goes_anywhere(
    world: AsyncSession, clock: SetClock
) -> None:
    now = clock.now()
    ticket = await ticket_about(world, now)
    repair = await visits.plan(world, ticket, VisitKind.REPAIR, by=HELEN, now=now)
    await visits.decide(world, repair.id, Cover.WARRANTY, "New", by=HELEN, now=now)
    with pytest.raises(NotMonitored):
        await visits.dispatch(world, repair.id, PACKAGE, TOM, by=HELEN, now=now)
    await watched(world, now)
    await visits.dispatch(world, repair.id, PACKAGE, TOM, by=HELEN, now=now)
    await monitoring.switch_off(world, N1, by=HELEN, now=now)
    other = await ticket_about(world, now)
    yearly = await visits.plan(world, other, VisitKind.MAINTENANCE, by=HELEN, now=now)
    await visits.decide(world, yearly.id, Cover.CHARGEABLE, "By law", by=HELEN, now=now)
    made, _ = await visits.dispatch(world, yearly.id, PACKAGE, TOM, by=HELEN, now=now)
    assert made.state is VisitState.DISPATCHED


@pytest.mark.parametrize(
    ("technician", "refusal"),
    [
        (TechnicianOnWay(" "), InvalidInput),
        (TechnicianOnWay("Tom", None, "tom at home"), InvalidAddress),
    ],
)
async def test_who_is_sent_has_a_name_and_an_address_that_is_one(
    world: AsyncSession, clock: SetClock, technician: TechnicianOnWay, refusal: type[Exception]
) -> None:
    visit = await planned(world, clock.now())
    await visits.decide(world, visit.id, Cover.WARRANTY, "New", by=HELEN, now=clock.now())
    with pytest.raises(refusal):
        await visits.dispatch(world, visit.id, PACKAGE, technician, by=HELEN, now=clock.now())


async def test_a_link_opens_on_one_device_until_it_is_over_or_another_is_made(
    world: AsyncSession, clock: SetClock
) -> None:
    visit, secret = await sent(world, clock.now())
    assert await visits.by_link(world, "made up", clock.now()) is None
    assert await visits.by_device(world, "", clock.now()) is None
    device = await visits.redeem(world, secret, clock.now())
    assert device is not None
    assert await visits.redeem(world, secret, clock.now()) is None
    assert await visits.by_link(world, secret, clock.now()) is None
    found = await visits.by_device(world, device, clock.now())
    assert found is not None
    assert found.id == visit.id
    assert await visits.by_device(world, device, clock.now() + LINK_VALID_FOR) is None
    _, other = await visits.dispatch(world, visit.id, PACKAGE, TOM, by=HELEN, now=clock.now())
    assert await visits.by_device(world, device, clock.now()) is None
    assert await visits.by_link(world, other, clock.now()) is not None
    await visits.cancel(world, visit.id, by=HELEN, now=clock.now())
    assert await visits.by_link(world, other, clock.now()) is None


async def test_the_arrival_is_noted_once_and_documenting_without_it_notes_it(
    world: AsyncSession, clock: SetClock
) -> None:
    visit, _ = await sent(world, clock.now())
    arrived = clock.now()
    await visits.arrive(world, visit.id, arrived)
    clock.advance(timedelta(hours=2))
    assert (await visits.arrive(world, visit.id, clock.now())).arrived_at == arrived
    made = await visits.document(
        world,
        visit.id,
        [MainOutcome.RECONFIGURED],
        text="Set up",
        measures="Cleaned",
        by_name="Tom",
        now=clock.now(),
    )
    assert (made.state, made.measures, made.arrived_at) == ("documented", "Cleaned", arrived)
    with pytest.raises(WrongVisitState):
        await visits.dispatch(world, visit.id, PACKAGE, TOM, by=HELEN, now=clock.now())
    with pytest.raises(WrongVisitState):
        await visits.cancel(world, visit.id, by=HELEN, now=clock.now())


async def test_what_is_closed_stays_as_it_is(world: AsyncSession, clock: SetClock) -> None:
    visit = await documented(world, clock)
    closed, _ = await visits.close(world, visit.id, "Checked", by=HELEN, now=clock.now())
    assert not closed.is_open
    for deed in (
        visits.decide(world, visit.id, Cover.WARRANTY, "x", by=HELEN, now=clock.now()),
        visits.arrive(world, visit.id, clock.now()),
        visits.close(world, visit.id, "x", by=HELEN, now=clock.now()),
    ):
        with pytest.raises(WrongVisitState):
            await deed
    with pytest.raises(NotFound):
        await visits.arrive(world, 4711, clock.now())
    assert replace(closed, parts=()) == await visits.visit(world, WHOLE, visit.id)
