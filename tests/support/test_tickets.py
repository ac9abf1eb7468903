"""Tickets: opened, given to somebody, closed with an outcome."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE, Person, Scope
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from support import calls, tickets
from support.tickets import Ticket, TicketNoteKind, TicketState, WrongTicketState
from tests.support.conftest import HELEN, N1, N2, NORTH, OPERATOR, SOUTH


async def opened(db: AsyncSession, clock: SetClock, **said: Any) -> Ticket:
    given: dict[str, Any] = {"station": N1, "organisation": OPERATOR, "title": "Cable", **said}
    return await tickets.open_ticket(db, WHOLE, by=HELEN, now=clock.now(), **given)


async def person(db: AsyncSession, clock: SetClock) -> Person:
    return await directory.create_person(
        db, "timo", {"roles": ["support"], "name": "Timo"}, password_hash=None, now=clock.now()
    )


async def test_a_ticket_goes_from_hand_to_hand_until_it_is_closed(
    world: AsyncSession, clock: SetClock
) -> None:
    call = await calls.open_call(
        world, WHOLE, station=N1, organisation=OPERATOR, by=HELEN, now=clock.now()
    )
    ticket = await opened(world, clock, evse_id=1, call_id=call.id, text="torn at the plug")
    timo = await person(world, clock)
    clock.advance(timedelta(hours=1))
    for _ in range(2):  # the same hand twice is one line
        await tickets.assign(world, ticket.id, timo.id, by=HELEN, now=clock.now())
    await tickets.note(world, ticket.id, "part ordered", by=HELEN, now=clock.now())
    closed = await tickets.close(world, ticket.id, "replaced", by=HELEN, now=clock.now())
    assert (closed.state, closed.outcome, closed.closed_at) == (
        TicketState.CLOSED,
        "replaced",
        clock.now(),
    )
    assert [(each.kind, each.text) for each in closed.notes] == [
        (TicketNoteKind.ASSIGNED, "Timo"),
        (TicketNoteKind.NOTE, "part ordered"),
        (TicketNoteKind.CLOSED, "replaced"),
    ]
    assert await tickets.ticket(world, WHOLE, ticket.id) == closed


async def test_a_closed_ticket_can_be_written_to_and_opened_again(
    world: AsyncSession, clock: SetClock
) -> None:
    ticket = await opened(world, clock)
    with pytest.raises(WrongTicketState):
        await tickets.reopen(world, ticket.id, "again", by=HELEN, now=clock.now())
    await tickets.close(world, ticket.id, "done", by=HELEN, now=clock.now())
    with pytest.raises(WrongTicketState):
        await tickets.close(world, ticket.id, "done", by=HELEN, now=clock.now())
    with pytest.raises(WrongTicketState):
        await tickets.assign(world, ticket.id, None, by=HELEN, now=clock.now())
    noted = await tickets.note(world, ticket.id, "seen again", by=HELEN, now=clock.now())
    assert noted.state is TicketState.CLOSED
    again = await tickets.reopen(world, ticket.id, "broke again", by=HELEN, now=clock.now())
    assert (again.state, again.outcome, again.closed_at) == (TicketState.OPEN, None, None)
    assert again.notes[-1].kind is TicketNoteKind.REOPENED


async def test_a_ticket_is_given_only_to_somebody_who_is_here(
    world: AsyncSession, clock: SetClock
) -> None:
    ticket = await opened(world, clock)
    timo = await person(world, clock)
    assert (
        await tickets.assign(world, ticket.id, timo.id, by=HELEN, now=clock.now())
    ).assigned_to == timo.id
    back = await tickets.assign(world, ticket.id, None, by=HELEN, now=clock.now())
    assert (back.assigned_to, back.notes[-1].text) == (None, "")
    with pytest.raises(InvalidInput):
        await tickets.assign(world, ticket.id, 10**9, by=HELEN, now=clock.now())


@pytest.mark.parametrize("title", ["", "  ", "x" * 201])
async def test_a_ticket_says_what_is_wrong(
    world: AsyncSession, clock: SetClock, title: str
) -> None:
    assert (await opened(world, clock, title="x" * 200)).text == ""
    with pytest.raises(InvalidInput):
        await opened(world, clock, title=title)
    ticket = await opened(world, clock)
    with pytest.raises(InvalidInput):
        await tickets.close(world, ticket.id, " ", by=HELEN, now=clock.now())
    with pytest.raises(InvalidInput):
        await tickets.note(world, ticket.id, "x" * 8001, by=HELEN, now=clock.now())


async def test_tickets_are_seen_by_those_whose_they_are(
    world: AsyncSession, clock: SetClock
) -> None:
    mine = await opened(world, clock)
    general = await opened(world, clock, station=None, organisation=SOUTH)
    south, north = (Scope(frozenset({each})) for each in (SOUTH, NORTH))
    assert await tickets.tickets(world, south) == [general]
    assert await tickets.tickets(world, WHOLE) == [general, mine]
    assert await tickets.open_tickets(world, north) == 1
    assert await tickets.open_tickets(world, WHOLE) == 2
    with pytest.raises(NotFound):
        await tickets.ticket(world, south, mine.id)
    with pytest.raises(NotFound):
        await tickets.note(world, 10**9, "x", by=HELEN, now=clock.now())
    for station, organisation in ((N1, SOUTH), (None, NORTH), (StationId("nowhere"), SOUTH)):
        with pytest.raises(NotFound):
            await tickets.open_ticket(
                world,
                south,
                title="x",
                station=station,
                organisation=OrganisationKey(organisation),
                by=HELEN,
                now=clock.now(),
            )


async def test_tickets_are_found_by_state_station_hand_call_and_words(
    world: AsyncSession, clock: SetClock
) -> None:
    call = await calls.open_call(
        world, WHOLE, station=N1, organisation=OPERATOR, by=HELEN, now=clock.now()
    )
    timo = await person(world, clock)
    first = await opened(world, clock, call_id=call.id, title="Plug torn")
    second = await opened(world, clock, station=N2)
    await tickets.assign(world, second.id, timo.id, by=HELEN, now=clock.now())
    await tickets.close(world, first.id, "x", by=HELEN, now=clock.now())

    async def found(**said: Any) -> list[int]:
        return [each.id for each in await tickets.tickets(world, WHOLE, **said)]

    assert await found(state=TicketState.OPEN) == [second.id]
    assert await found(station=N1) == [first.id]
    assert await found(assigned_to=timo.id) == [second.id]
    assert await found(call_id=call.id) == [first.id]
    assert await found(q="torn") == [first.id]
    assert await found(before=second.id) == [first.id]
    assert await found(limit=1) == [second.id]
