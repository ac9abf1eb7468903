"""Who may plan maintenance windows: those who see to alerts; a lock needs the right to command."""

from datetime import timedelta

import pytest

from accounts.directory import WHOLE, Principal, Scope
from accounts.permissions import Permission, Reach
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import NotPermitted
from portal import maintenance_deeds as deeds
from portal.guard import Caller
from support.maintenance import Plan
from tests.support.conftest import N1, NORTH, fill


def caller_with(rights: set[Permission]) -> Caller:
    asker = Principal("person/9", "Lea", "support", frozenset(rights), Reach.OWN, NORTH, "en")
    return Caller(asker, Scope(frozenset({NORTH})))


@pytest.mark.parametrize(
    ("rights", "locks", "may"),
    [
        ({Permission.ALERTS_WRITE}, False, True),
        ({Permission.ALERTS_WRITE}, True, False),
        ({Permission.ALERTS_WRITE, Permission.COMMANDS_SEND}, True, True),
        ({Permission.COMMANDS_SEND}, False, False),
    ],
)
async def test_a_window_needs_its_rights(
    database: Database, clock: SetClock, rights: set[Permission], *, locks: bool, may: bool
) -> None:
    caller = caller_with(rights)
    now = clock.now()
    async with database.unit_of_work() as db:
        await fill(db, now)
        station = await registry.station(db, WHOLE, N1, now, limits=SilenceLimits())
        wanted = Plan(starts_at=now, ends_at=now + timedelta(hours=1), locks=locks)
        if not may:
            with pytest.raises(NotPermitted):
                await deeds.plan(db, caller, station, wanted, now=now)
            return
        made = await deeds.plan(db, caller, station, wanted, now=now)
        ended = await deeds.end(db, caller, made, now=now + timedelta(minutes=1))
    assert ended.plan.ends_at == now + timedelta(minutes=1)
