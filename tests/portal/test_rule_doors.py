"""Setting up if/then rules: by who may, for what is his; a step and a ticket need their right."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from accounts.permissions import Permission
from alerts import ruling
from alerts.steps import Step
from foundation.clock import SetClock
from foundation.errors import InvalidInput, NotFound, NotPermitted
from portal import rule_doors
from portal.rule_doors import WantedRule, limit_of
from tests.alerts.test_watch_rules import HOT
from tests.portal.test_maintenance_deeds import caller_with
from tests.support.conftest import NORTH, SOUTH, fill

WANTED = WantedRule(organisation=NORTH, name="Too  hot", conditions=[HOT])


async def made(db: AsyncSession, rights: set[Permission], clock: SetClock, **changes: Any) -> Any:
    """Make a rule as somebody with these rights; it tells no program, so nothing is sealed."""
    context: Any = SimpleNamespace(sealer=None, settings=SimpleNamespace(webhook_networks=()))
    wanted = replace(WANTED, **changes)
    return await rule_doors.set_rule(db, caller_with(rights), context, wanted, now=clock.now())


async def test_a_step_and_a_ticket_need_their_own_rights(db: AsyncSession, clock: SetClock) -> None:
    await fill(db, clock.now())
    alone = {Permission.ALERTS_WRITE}
    with pytest.raises(NotPermitted):
        await made(db, set(), clock)
    assert (await made(db, alone, clock)).name == "Too hot"
    for right, changes in (
        (Permission.COMMANDS_SEND, {"step": Step.TRIGGER}),
        (Permission.TICKETS_WRITE, {"opens_ticket": True}),
    ):
        with pytest.raises(NotPermitted):
            await made(db, alone, clock, **changes)
        assert await made(db, alone | {right}, clock, **changes)
    with pytest.raises(InvalidInput, match="organisation"):
        await made(db, alone, clock, organisation=SOUTH)


async def test_it_is_switched_and_taken_away_by_its_side_and_in_the_audit(
    db: AsyncSession, clock: SetClock
) -> None:
    await fill(db, clock.now())
    caller, now = caller_with({Permission.ALERTS_WRITE}), clock.now()
    rule = await made(db, {Permission.ALERTS_WRITE}, clock)
    assert not (await rule_doors.switch(db, caller, rule.id, is_on=False, now=now)).is_active
    assert not (await ruling.rule(db, WHOLE, rule.id)).is_active
    with pytest.raises(NotFound):
        await rule_doors.switch(db, caller, rule.id + 1, is_on=True, now=now)
    await rule_doors.remove_rule(db, caller, rule.id, now=now)
    deeds = await db.scalars(text("select deed from audit_entries order by id"))
    assert list(deeds) == ["watch_rule.create", "watch_rule.change", "watch_rule.remove"]


@pytest.mark.parametrize(
    ("written", "limit"),
    [("70", "70"), ("-3,5", "-3.5"), (" 0.5 ", "0.5"), ("", None), ("hot", None), ("1e9", None)],
)
def test_a_limit_is_written_with_a_point_or_a_comma(written: str, limit: str | None) -> None:
    assert limit_of(written) == (None if limit is None else Decimal(limit))


def test_the_rehearsal_looks_back_a_week() -> None:
    assert ruling.Rehearsal((), 0, 0).over == timedelta(days=7)
