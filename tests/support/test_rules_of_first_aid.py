"""Self-healing playbooks with a budget, a test for each thing that they promise: docs/rules.md."""

import pytest

from foundation.clock import SetClock
from foundation.database import Database
from support.first_aid import Outcome, Result, Step, WaitsFor, WouldLoop
from tests.support.aid import Aid, aid


@pytest.fixture
async def at_work(database: Database, clock: SetClock) -> Aid:
    """A station in a package that gives first aid."""
    return await aid(database, clock)


async def test_8_7_unlock_then_soft_reset_then_hard_reset_each_with_its_effect_checked(
    at_work: Aid,
) -> None:
    await at_work.playbook()
    await at_work.fault()
    await at_work.look()
    for number in range(1, 4):
        await at_work.minutes(1)
        assert len(await at_work.asked()) == number, "its outcome is awaited"
        await at_work.settle("effective")
        await at_work.minutes(1)  # it is seen that the command had its effect
        await at_work.minutes(2)  # and that the fault is there all the same
    asked = [(each.action, each.payload.get("type")) for each in await at_work.asked()]
    assert asked == [("UnlockConnector", None), ("Reset", "Soft"), ("Reset", "Hard")]
    assert (await at_work.trail()).outcome is Outcome.NOT_CURED


async def test_8_7_a_station_gets_no_more_steps_a_day_than_the_budget(at_work: Aid) -> None:
    await at_work.playbook(per_day=2)
    await at_work.fault()
    await at_work.look()
    for _ in range(4):
        await at_work.settle("rejected")
        await at_work.minutes(1)
    assert len(await at_work.asked()) == 2
    assert (await at_work.trail()).outcome is Outcome.BUDGET_SPENT
    # The next alert of the day gets nothing, one of the next day does.
    await at_work.fault(is_present=False)
    await at_work.settle_alerts()
    await at_work.fault()
    await at_work.look()
    assert (await at_work.trail()).outcome is Outcome.BUDGET_SPENT
    await at_work.fault(is_present=False)
    await at_work.settle_alerts(hours=24)
    await at_work.fault()
    await at_work.look()
    assert len(await at_work.asked()) == 3


async def test_8_7_never_during_a_session(at_work: Aid) -> None:
    await at_work.playbook()
    await at_work.fault()
    await at_work.charging(is_running=True)
    await at_work.look()
    await at_work.minutes(30)
    assert await at_work.asked() == []
    assert (await at_work.trail()).waits_for is WaitsFor.SESSION
    await at_work.charging(is_running=False)
    await at_work.minutes(1)
    assert len(await at_work.asked()) == 1


async def test_8_7_the_trail_says_what_was_tried_when_and_what_came_of_it(at_work: Aid) -> None:
    await at_work.playbook()
    began = at_work.clock.now()
    await at_work.fault()
    await at_work.look()
    await at_work.settle("failed", "no_answer")
    await at_work.minutes(1)
    first, second = (await at_work.trail()).tried
    [unlock, _] = await at_work.asked()
    assert (first.step, first.asked_at, first.result) == (Step.UNLOCK, began, Result.FAILED)
    assert (first.note, first.command_id) == ("no_answer", unlock.id)
    assert (second.step, second.result) == (Step.SOFT_RESET, None)


async def test_8_7_off_by_default_and_on_by_service_package(
    database: Database, clock: SetClock
) -> None:
    without = await aid(database, clock, in_package=False)
    await without.playbook()
    await without.fault()
    await without.look()
    assert await without.asked() == []


async def test_7_2_first_aid_runs_only_while_the_station_is_monitored(
    database: Database, clock: SetClock
) -> None:
    """Without its activation the fault is there for all to see, and nobody cures it."""
    without = await aid(database, clock, is_monitored=False)
    await without.playbook()
    assert await without.fault() is not None
    await without.look()
    assert await without.asked() == []
    await without.monitor()
    await without.fault()
    await without.look()
    assert len(await without.asked()) == 1
    await without.settle("rejected")
    await without.monitor(is_on=False)
    await without.minutes(1)
    assert len(await without.asked()) == 1
    assert (await without.trail()).outcome is Outcome.SWITCHED_OFF


async def test_8_7_a_playbook_that_is_off_does_nothing_and_one_switched_off_stops(
    at_work: Aid,
) -> None:
    book = await at_work.playbook(is_on=False)
    await at_work.fault()
    await at_work.look()
    assert await at_work.asked() == []
    await at_work.playbook(id=book.id, is_on=True)
    await at_work.fault()
    await at_work.playbook(id=book.id, is_on=False)
    await at_work.look()
    assert await at_work.asked() == []
    assert (await at_work.trail()).outcome is Outcome.SWITCHED_OFF


async def test_8_7_a_playbook_that_would_loop_is_refused(at_work: Aid) -> None:
    with pytest.raises(WouldLoop):
        await at_work.playbook(steps=(Step.SOFT_RESET, Step.UNLOCK, Step.SOFT_RESET))
