"""First aid at work: what it begins, asks of stations, waits for, and leaves as its trail."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from accounts.audit import Actor
from alerts import alerting
from app.routes import ROUTES
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import AlertChanged
from support import first_aiding, maintenance_store
from support.first_aid import Outcome, Result, Step, WaitsFor
from support.maintenance import Plan
from tests.support.aid import Aid, aid
from tests.support.conftest import HELEN, N1, NORTH

LEA = Actor("person/1", "Lea", "portal", None)


@pytest.fixture
async def at_work(database: Database, clock: SetClock) -> Aid:
    """A station with first aid."""
    return await aid(database, clock)


async def test_each_step_waits_for_the_effect_of_the_one_before_until_the_fault_is_gone(
    at_work: Aid,
) -> None:
    await at_work.playbook()
    await at_work.fault()
    await at_work.look()
    [unlock] = await at_work.asked()
    assert (unlock.action, unlock.payload, unlock.asked_by) == (
        "UnlockConnector",
        {"connectorId": 1},
        "first aid",
    )
    await at_work.minutes(1)
    assert (await at_work.trail()).waits_for is WaitsFor.ANSWER
    await at_work.settle("failed", "no_effect")
    await at_work.minutes(1)
    assert [each.action for each in await at_work.asked()] == ["UnlockConnector", "Reset"]
    await at_work.settle("effective")
    await at_work.minutes(1)
    assert (await at_work.trail()).waits_for is WaitsFor.EFFECT
    await at_work.fault(is_present=False)
    await at_work.minutes(2)
    trail = await at_work.trail()
    assert trail.outcome is Outcome.CURED
    assert [(each.step, each.result, each.note) for each in trail.tried] == [
        (Step.UNLOCK, Result.FAILED, "no_effect"),
        (Step.SOFT_RESET, Result.EFFECTIVE, None),
    ]
    await at_work.minutes(5)
    assert len(await at_work.asked()) == 2


async def test_one_fault_is_one_run_however_often_it_is_told(at_work: Aid) -> None:
    await at_work.playbook()
    for _ in range(3):
        await at_work.fault()
    async with at_work.database.unit_of_work() as db:
        assert await db.scalar(text("select count(*) from first_aid_runs")) == 1


async def test_a_step_that_cannot_be_asked_is_on_the_trail_and_the_next_one_follows(
    at_work: Aid,
) -> None:
    await at_work.playbook()
    await at_work.fault()
    await at_work.execute("update station_connections set closed_at = now()")
    await at_work.look()
    assert (await at_work.trail()).waits_for is WaitsFor.CONNECTION
    await at_work.execute("update station_connections set closed_at = null")
    await at_work.execute("update nodes set lease_until = now() - interval '1 second'")
    await at_work.minutes(1)
    assert await at_work.asked() == []


async def test_a_person_who_takes_the_alert_on_ends_it(at_work: Aid) -> None:
    await at_work.playbook()
    alert = await at_work.fault()
    assert alert is not None
    async with at_work.database.unit_of_work() as db:
        await alerting.acknowledge(db, alert, by=LEA, now=at_work.clock.now())
    await at_work.look()
    assert (await at_work.trail()).outcome is Outcome.TAKEN_ON
    assert await at_work.asked() == []


async def test_while_somebody_works_at_the_station_it_waits(at_work: Aid) -> None:
    await at_work.playbook()
    await at_work.fault()
    now = at_work.clock.now()
    async with at_work.database.unit_of_work() as db:
        plan = Plan(starts_at=now, ends_at=now + timedelta(minutes=10))
        await maintenance_store.plan_window(db, N1, NORTH, plan, evses=(1,), by=HELEN, now=now)
    await at_work.look()
    assert (await at_work.trail()).waits_for is WaitsFor.WINDOW
    await at_work.minutes(10)
    assert len(await at_work.asked()) == 1


def test_it_reads_what_alerts_tell() -> None:
    assert first_aiding.READER in ROUTES[AlertChanged.kind]
