"""If/then actions and their tiers, a test for each rule: docs/rules.md."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from accounts.audit import Actor
from accounts.directory import WHOLE
from accounts.entitlements import TierTooLow
from accounts.tiers import FUNCTIONS, NOT_OFFERED, Tier, stopping
from alerts import ruling
from alerts.watch_rules import CONDITIONS_MAX, Rule
from foundation.clock import SetClock
from tests.accounts.licensed import Points, granted, new_account
from tests.alerts.test_ruling import Said
from tests.alerts.test_watch_rules import HOT, RULE, WEAK, is_met, point
from tests.alerts.watch import NORTH, Watch, watch

__all__ = ["watch"]  # a fixture, taken by its name

SOMEBODY = Actor("person/1", "Somebody", "portal", None)


async def made(watch: Watch, clock: SetClock, **changes: object) -> Rule:
    """Make a rule of the north."""
    async with watch.database.unit_of_work() as db:
        wanted = replace(RULE, id=0, **changes)  # type: ignore[arg-type]
        return await ruling.set_rule(db, wanted, by=SOMEBODY, now=clock.now())


async def set_tier(watch: Watch, tier: Tier) -> None:
    async with watch.database.unit_of_work() as db:
        await db.execute(text("update accounts set tier = :tier"), {"tier": tier.value})


async def test_3_1_if_then_actions_exist_from_limited_on_and_are_refused_below_with_the_reason(
    watch: Watch, clock: SetClock
) -> None:
    assert [each.least for each in FUNCTIONS if each.key == ruling.FUNCTION] == [Tier.LIMITED]
    assert all("f/then" not in each.label for each in NOT_OFFERED)
    async with watch.database.unit_of_work() as db:
        await granted(db, new_account(), clock.now(), points=Points())
    with pytest.raises(TierTooLow, match="needs the tier 'limited'; the account has 'basic'"):
        await made(watch, clock)
    for tier in (Tier.LIMITED, Tier.PROFESSIONAL):
        await set_tier(watch, tier)
        assert (await made(watch, clock)).id


async def test_3_2_if_then_actions_are_unlimited_in_number_and_combine_several_triggers(
    watch: Watch, clock: SetClock
) -> None:
    both = replace(RULE, conditions=(HOT, WEAK))
    assert is_met(both, point(71, power_w=999))
    assert not is_met(both, point(71, power_w=1000))
    assert is_met(replace(both, needs_all=False), point(71, power_w=1000))
    assert CONDITIONS_MAX > 1
    for number in range(30):
        await made(watch, clock, name=f"Rule {number}")
    async with watch.database.unit_of_work() as db:
        assert len(await ruling.rules(db, WHOLE)) == 30


async def test_7_5_below_their_tier_rules_are_suspended_not_deleted_and_come_back(
    watch: Watch, clock: SetClock
) -> None:
    assert ruling.FUNCTION in {each.key for each in stopping(Tier.LIMITED, Tier.BASIC)}
    said = Said({clock.now(): 75})
    ruling.join(watch.database, said)
    async with watch.database.unit_of_work() as db:
        await granted(db, new_account(), clock.now(), points=Points())
    await set_tier(watch, Tier.LIMITED)
    rule = await made(watch, clock)
    run = ruling.rounds(watch.database, clock)
    await run()
    assert await watch.changes() == ["raised"]
    await set_tier(watch, Tier.BASIC)
    await run()
    await watch.settle(clock.now().replace(hour=20))
    assert await watch.changes() == ["recovered"]
    async with watch.database.unit_of_work() as db:
        assert await ruling.rule(db, WHOLE, rule.id) == rule, "it stays as it was, switched on"
        refused = await ruling.suspension(db, NORTH, now=clock.now())
        assert isinstance(refused, TierTooLow)
        with pytest.raises(TierTooLow):
            await ruling.switch(db, rule, is_on=True, by=SOMEBODY, now=clock.now())
        off = await ruling.switch(db, rule, is_on=False, by=SOMEBODY, now=clock.now())
        assert not off.is_active, "it may be switched off whatever the tier"
    await set_tier(watch, Tier.LIMITED)
    async with watch.database.unit_of_work() as db:
        await ruling.switch(db, rule, is_on=True, by=SOMEBODY, now=clock.now())
    await run()
    assert await watch.changes() == ["raised"]
