"""A playbook is tried out: what hinders it, how it would begin, and what it would ask."""

from datetime import timedelta

import pytest

from accounts.directory import WHOLE, Scope
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotFound
from foundation.identifiers import StationId
from support.first_aid import Outcome, Playbook, Step, Try, Wait, WaitsFor
from support.first_aid_rehearsal import FirstAidRehearsal, Hindrance, rehearse
from tests.support.aid import Aid, aid
from tests.support.conftest import N1, NORTH, SOUTH


@pytest.fixture
async def at_work(database: Database, clock: SetClock) -> Aid:
    """A station with first aid."""
    return await aid(database, clock)


async def tried_out(at_work: Aid, playbook: Playbook, *, evse_id: int = 1) -> FirstAidRehearsal:
    async with at_work.database.unit_of_work() as db:
        return await rehearse(db, WHOLE, playbook, N1, evse_id, now=at_work.clock.now())


async def test_it_would_begin_at_once_and_nothing_is_asked(at_work: Aid) -> None:
    book = await at_work.playbook(steps=(Step.UNLOCK, Step.OUT_OF_SERVICE))
    found = await tried_out(at_work, book)
    assert (found.hindrances, found.deed) == ([], Try(Step.UNLOCK))
    assert [each.wanted for each in found.asks] == [
        ("UnlockConnector", {"connectorId": 1}),
        ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}),
    ]
    assert await at_work.asked() == []
    whole = await tried_out(at_work, book, evse_id=0)
    assert whole.asks[0].wanted is None, "a station as a whole has no plug"


async def test_what_it_would_wait_for_is_said(at_work: Aid) -> None:
    book = await at_work.playbook()
    await at_work.charging(is_running=True)
    waits = (await tried_out(at_work, book)).deed
    assert isinstance(waits, Wait)
    assert waits.why is WaitsFor.SESSION
    await at_work.charging(is_running=False)
    await at_work.execute("update station_connections set closed_at = now()")
    waits = (await tried_out(at_work, book)).deed
    assert isinstance(waits, Wait)
    assert waits.why is WaitsFor.CONNECTION


async def test_a_day_that_is_spent_would_end_it(at_work: Aid) -> None:
    book = await at_work.playbook(per_day=1)
    await at_work.fault()
    await at_work.look()
    await at_work.settle("rejected")
    await at_work.minutes(1)
    found = await tried_out(at_work, book)
    assert found.used_today == 1
    assert getattr(found.deed, "outcome", None) is Outcome.BUDGET_SPENT


async def test_each_hindrance_is_named(at_work: Aid) -> None:
    off = await at_work.playbook(is_on=False, vendor="Other")
    assert (await tried_out(at_work, off)).hindrances == [Hindrance.OFF, Hindrance.OTHER_MODEL]
    elsewhere = await at_work.playbook(organisation=SOUTH)
    assert (await tried_out(at_work, elsewhere)).hindrances == [Hindrance.ELSEWHERE]
    general = await at_work.playbook()
    assert (await tried_out(at_work, general)).hindrances == []
    await at_work.playbook(organisation=NORTH)
    assert (await tried_out(at_work, general)).hindrances == [Hindrance.OTHER_PLAYBOOK]
    await at_work.monitor(is_on=False)
    at_work.clock.advance(timedelta(minutes=1))
    assert Hindrance.NO_PACKAGE in (await tried_out(at_work, general)).hindrances


async def test_it_is_tried_out_only_at_stations_that_one_sees(at_work: Aid) -> None:
    book = await at_work.playbook()
    async with at_work.database.unit_of_work() as db:
        for scope, station in ((Scope(frozenset({SOUTH})), N1), (WHOLE, StationId("nobody"))):
            with pytest.raises(NotFound):
                await rehearse(db, scope, book, station, 1, now=at_work.clock.now())
