"""What a window's lock does: EVSEs out of service and back, or test cards alone."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE
from billing.access import Doorkeeper
from csms import outcomes
from foundation.clock import SetClock
from foundation.database import Database
from foundation.statements import ask
from support import maintenance_locks as locks
from support import maintenance_store as store
from support.maintenance import Plan, Window
from support.maintenance_locks import Workshop
from tests.portal.api.test_commands import connect
from tests.support.conftest import HELEN, N1, NORTH, fill

HOUR = timedelta(hours=1)


@pytest.fixture
async def furnished(database: Database, clock: SetClock) -> Database:
    """Stations, of which one is connected."""
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        await db.execute(text("update stations set ocpp_version = 'ocpp1.6'"))
    await connect(database, N1)
    return database


async def planned(database: Database, clock: SetClock, **said: Any) -> Window:
    now = clock.now()
    facts: dict[str, Any] = {"starts_at": now, "ends_at": now + HOUR, "locks": True, **said}
    async with database.unit_of_work() as db:
        return await store.plan_window(db, N1, NORTH, Plan(**facts), evses=(1,), by=HELEN, now=now)


async def asked(database: Database) -> list[tuple[str, Any]]:
    async with database.unit_of_work() as db:
        found = await outcomes.commands(db, WHOLE, station=N1)
    assert all(each.when_offline == "queue" for each in found)
    return [(each.action, each.payload) for each in reversed(found)]


async def test_evses_go_out_of_service_at_the_start_and_back_at_the_end_once_each(
    furnished: Database, clock: SetClock
) -> None:
    made = await planned(furnished, clock, starts_at=clock.now() + HOUR / 2)
    await locks.look_after(furnished, clock)
    assert await asked(furnished) == []
    clock.advance(HOUR / 2)
    for _ in range(2):
        await locks.look_after(furnished, clock)
    out = ("ChangeAvailability", {"connectorId": 1, "type": "Inoperative"})
    assert await asked(furnished) == [out]
    async with furnished.unit_of_work() as db:
        await store.end_window(db, WHOLE, made.id, now=clock.now() + timedelta(minutes=1))
    clock.advance(timedelta(minutes=1))
    for _ in range(2):
        await locks.look_after(furnished, clock)
    back = ("ChangeAvailability", {"connectorId": 1, "type": "Operative"})
    assert await asked(furnished) == [out, back]


async def test_what_was_out_of_service_before_stays_so_after_it(
    furnished: Database, clock: SetClock
) -> None:
    async with furnished.unit_of_work() as db:
        await db.execute(text("update connectors set status = 'Unavailable'"))
    await planned(furnished, clock)
    await locks.look_after(furnished, clock)
    clock.advance(2 * HOUR)
    await locks.look_after(furnished, clock)
    assert await asked(furnished) == []


async def test_without_a_lock_nothing_is_asked_of_the_station(
    furnished: Database, clock: SetClock
) -> None:
    await planned(furnished, clock, locks=False)
    await locks.look_after(furnished, clock)
    assert await asked(furnished) == []


async def test_with_test_cards_the_station_stays_in_service_and_lets_them_in_alone(
    furnished: Database, clock: SetClock
) -> None:
    door = Workshop(Doorkeeper())
    async with furnished.unit_of_work() as db:
        assert await ask(db, door.rules()) is None, "nobody is asked about anything"
    await planned(furnished, clock, test_tokens=("TEST",))
    await locks.look_after(furnished, clock)
    assert await asked(furnished) == []

    def held(token: str, station: str = N1) -> Any:
        return SimpleNamespace(station=station, token_key=token, at=clock.now())

    presented = [held("TEST"), held("OTHER"), held("OTHER", "N-2")]
    async with furnished.unit_of_work() as db:
        rules = await ask(db, door.rules())
        assert await door.refused(db, rules, presented) == [False, True, False]
    clock.advance(HOUR)
    await locks.look_after(furnished, clock)
    async with furnished.unit_of_work() as db:
        assert await ask(db, door.rules()) is None


def test_each_version_has_its_words() -> None:
    assert locks.availability("2.0.1", 2, "Operative") == {
        "operationalStatus": "Operative",
        "evse": {"id": 2},
    }
    assert locks.availability("1.6", 2, "Operative") == {"connectorId": 2, "type": "Operative"}
