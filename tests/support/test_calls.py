"""Calls: what about, what was done, how it ended."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import StationId
from support import calls
from support.calls import LONGEST_TEXT, Call, CallIsOver, CallOutcome, NoteKind
from tests.support.conftest import HELEN, N1, N2, NORA, NORTH, OPERATOR, SOUTH


async def opened(db: AsyncSession, clock: SetClock, **said: Any) -> Call:
    given: dict[str, Any] = {"station": N1, "organisation": OPERATOR, "by": HELEN, **said}
    return await calls.open_call(db, WHOLE, now=clock.now(), **given)


async def test_a_call_is_a_record_of_what_was_said_and_done(
    world: AsyncSession, clock: SetClock
) -> None:
    call = await opened(world, clock, evse_id=1, emi3_id="DE*ABC*E1001", concern="cable stuck")
    assert (call.organisation, call.is_open) == (NORTH, True)
    clock.advance(timedelta(minutes=1))
    await calls.note(world, call.id, NoteKind.NOTE, "pulls hard", by=HELEN, now=clock.now())
    await calls.note(
        world,
        call.id,
        NoteKind.COMMAND,
        "UnlockConnector",
        subject="77",
        by=HELEN,
        now=clock.now(),
    )
    await calls.change_call(world, call.id, {"caller": "Mr Frey"}, now=clock.now())
    closed = await calls.close_call(
        world, call.id, "solved", text="came loose", by=HELEN, now=clock.now()
    )
    assert (closed.outcome, closed.caller, closed.concern) == (
        CallOutcome.SOLVED,
        "Mr Frey",
        "cable stuck",
    )
    assert [(each.kind, each.subject) for each in closed.notes] == [
        (NoteKind.NOTE, None),
        (NoteKind.COMMAND, "77"),
    ]
    assert await calls.call(world, WHOLE, call.id) == closed


async def test_a_closed_call_stays_as_it_is(world: AsyncSession, clock: SetClock) -> None:
    call = await opened(world, clock)
    with pytest.raises(InvalidInput):
        await calls.close_call(world, call.id, "well", by=HELEN, now=clock.now())
    await calls.close_call(world, call.id, "answered", by=HELEN, now=clock.now())
    with pytest.raises(CallIsOver):
        await calls.close_call(world, call.id, "solved", by=HELEN, now=clock.now())
    with pytest.raises(CallIsOver):
        await calls.note(world, call.id, NoteKind.NOTE, "x", by=HELEN, now=clock.now())
    with pytest.raises(CallIsOver):
        await calls.change_call(world, call.id, {"caller": "x"}, now=clock.now())


async def test_texts_are_there_and_not_endless(world: AsyncSession, clock: SetClock) -> None:
    call = await opened(world, clock, concern="x" * LONGEST_TEXT)
    for text in ("", " ", "x" * (LONGEST_TEXT + 1)):
        with pytest.raises(InvalidInput):
            await calls.note(world, call.id, NoteKind.NOTE, text, by=HELEN, now=clock.now())
    with pytest.raises(InvalidInput):
        await opened(world, clock, concern="x" * (LONGEST_TEXT + 1))


async def test_calls_are_seen_by_those_whose_stations_they_are_about(
    world: AsyncSession, clock: SetClock
) -> None:
    call = await opened(world, clock)
    nowhere = await opened(world, clock, station=None)
    south, north = (Scope(frozenset({each})) for each in (SOUTH, NORTH))
    assert nowhere.organisation == OPERATOR
    assert await calls.calls(world, south) == []
    assert await calls.calls(world, north) == [call]
    assert await calls.calls(world, WHOLE) == [nowhere, call]
    with pytest.raises(NotFound):
        await calls.call(world, south, call.id)
    with pytest.raises(NotFound):
        await calls.call(world, WHOLE, 10**9)
    with pytest.raises(NotFound):
        await calls.open_call(
            world, south, station=N1, organisation=SOUTH, by=NORA, now=clock.now()
        )
    with pytest.raises(NotFound):
        await opened(world, clock, station=StationId("nowhere"))


async def test_calls_are_found_by_station_time_agent_and_words(
    world: AsyncSession, clock: SetClock
) -> None:
    early = await opened(world, clock, concern="price 50 %")
    clock.advance(timedelta(hours=2))
    late = await opened(world, clock, station=N2, by=NORA)
    await calls.close_call(world, late.id, "not_ours", by=NORA, now=clock.now())

    async def found(**said: Any) -> list[int]:
        return [each.id for each in await calls.calls(world, WHOLE, **said)]

    assert await found(station=N1) == [early.id]
    assert await found(since=clock.now()) == [late.id]
    assert await found(open_by=HELEN.id) == [early.id]
    assert await found(open_by=NORA.id) == []
    assert await found(q="50 %") == [early.id]
    assert await found(q="5% ") == []
    assert await found(before=late.id) == [early.id]
    assert await found(limit=1) == [late.id]


async def test_a_call_is_found_by_its_caller_only_by_those_who_may_see_him(
    world: AsyncSession, clock: SetClock
) -> None:
    call = await opened(world, clock, concern="price 50 %")
    await calls.change_call(world, call.id, {"caller": "Frey, +49 30 1234567"}, now=clock.now())

    async def found(q: str, *, by_caller: bool) -> list[int]:
        return [each.id for each in await calls.calls(world, WHOLE, q=q, by_caller=by_caller)]

    for part in ("frey", "1234"):
        assert await found(part, by_caller=True) == [call.id]
        assert await found(part, by_caller=False) == []
    assert await found("price", by_caller=False) == [call.id]
