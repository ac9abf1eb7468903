"""If/then rules on the real database: told, over, and suspended below their tier."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import rule_store, ruling
from alerts.watch_rules import Rule
from csms.measured import NewestReadings
from foundation.clock import SetClock
from foundation.errors import NotFound
from foundation.identifiers import StationId
from tests.alerts.test_watch_rules import RULE
from tests.alerts.watch import NORTH, Watch, watch

__all__ = ["watch"]  # a fixture, taken by its name

SOMEBODY = Actor("person/1", "Somebody", "portal", None)


@dataclass
class Said:
    """What was measured, as a test says it."""

    hot: dict[datetime, int] = field(default_factory=dict)

    async def newest(self, *_: Any, **__: Any) -> list[NewestReadings]:
        """Return the readings of one charge point."""
        samples = [
            (at, [{"measurand": "Temperature", "value": value}])
            for at, value in sorted(self.hot.items(), reverse=True)
        ]
        return [NewestReadings(StationId("CS-1"), 1, NORTH, None, "Europe/Berlin", samples)]

    async def over(self, *_: Any, **__: Any) -> tuple[int, list[NewestReadings]]:
        """Return the same."""
        return 1, await self.newest()


async def test_a_rule_tells_once_and_is_over_when_it_is_no_longer_met_or_is_gone(
    watch: Watch, clock: SetClock
) -> None:
    said = Said({clock.now(): 75})
    ruling.join(watch.database, said)
    async with watch.database.unit_of_work() as db:
        made = await ruling.set_rule(db, replace(RULE, id=0), by=SOMEBODY, now=clock.now())
        assert await rule_store.rules(db) == [made]
    run = ruling.rounds(watch.database, clock)
    await run()
    await run()
    told = await watch.told()
    assert [(each.change, each.cause) for each in told] == [("raised", made.cause)]
    said.hot[clock.now()] = 60
    await run()
    await watch.settle(clock.now().replace(hour=20))
    assert await watch.changes() == ["recovered"]
    async with watch.database.unit_of_work() as db:
        await ruling.remove_rule(db, made.id, by=SOMEBODY, now=clock.now())
        with pytest.raises(NotFound):
            await ruling.rule(db, WHOLE, made.id)
    assert isinstance(made, Rule)
