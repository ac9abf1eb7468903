"""The round on the real database: found once, and over when it is no longer found."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from alerts import failing_rounds
from alerts.failing import Health, RunningSession
from foundation.clock import SetClock
from tests.alerts.test_failing import NOW, RUNS, WELL
from tests.alerts.watch import Watch, watch

__all__ = ["watch"]  # a fixture, taken by its name


@dataclass
class Said:
    """What charging was like, as a test says it."""

    health: list[Health] = field(default_factory=list)
    sessions: list[RunningSession] = field(default_factory=list)

    async def points(self, *_: Any, **__: Any) -> list[Health]:
        """Return the charge points."""
        return self.health

    async def running(self, *_: Any, **__: Any) -> list[RunningSession]:
        """Return the sessions."""
        return self.sessions


async def test_what_fails_is_told_once_and_is_over_when_it_charges(
    watch: Watch, clock: SetClock
) -> None:
    said = Said([replace(WELL, empty=4)], [replace(RUNS, started_at=NOW - timedelta(hours=80))])
    failing_rounds.join(watch.database, said)
    run = failing_rounds.rounds(watch.database, clock)
    await run()
    assert await watch.changes() == []  # the program has just started
    clock.advance(timedelta(minutes=15))
    await run()
    assert await watch.changes() == ["raised", "raised"]
    clock.advance(timedelta(minutes=1))
    await run()
    assert await watch.changes() == []
    said.health, said.sessions = [WELL], []
    await run()
    await watch.settle(clock.now() + timedelta(hours=3))
    assert await watch.changes() == ["recovered", "recovered"]
