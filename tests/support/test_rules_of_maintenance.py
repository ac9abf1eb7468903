"""The rules of the business about maintenance windows, a test for each: docs/rules.md has them."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from accounts.directory import WHOLE
from alerts import alerting, raising
from alerts.detections import Detection
from billing.access import Doorkeeper
from csms import outcomes
from csms.whereabouts import Registered
from foundation.clock import SetClock
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.statements import ask
from support import maintenance_locks, maintenance_store
from support.maintenance import Plan, Window, WindowIsPast
from support.maintenance_locks import Workshop
from support.maintenance_store import Windows
from tests.alerts.watch import finding
from tests.portal.api.test_commands import connect
from tests.support.conftest import HELEN, N1, N2, NORTH, fill

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GROUND: dict[str, Any] = {"detection": Detection.FAULT, "cause": "GroundFailure"}


@pytest.fixture
async def watched(database: Database, clock: SetClock) -> Database:
    """Stations that are watched, as the program joins the rooms."""
    raising.join_sites(database, Registered())
    raising.join_silences(database, Windows())
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        await db.execute(text("update stations set ocpp_version = 'ocpp1.6'"))
    return database


async def planned(database: Database, clock: SetClock, **said: Any) -> Window:
    now = clock.now()
    facts = {"starts_at": now, "ends_at": now + HOUR} | said
    async with database.unit_of_work() as db:
        return await maintenance_store.plan_window(
            db, N1, NORTH, Plan(**facts), evses=(1,), by=HELEN, now=now
        )


async def found(database: Database, clock: SetClock, station: str, **said: Any) -> list[str]:
    """Report a fault; return the stations of which alerts tell."""
    async with database.unit_of_work() as db:
        await raising.report(
            db, [finding(station, at=clock.now(), **GROUND, **said)], now=clock.now()
        )
    return await told(database)


async def told(database: Database) -> list[str]:
    async with database.unit_of_work() as db:
        lines = await alerting.alerts(db, WHOLE)
    return sorted(station for each in lines for station in each.stations)


async def test_1_6_maintenance_window_errors_of_a_station_or_one_connector_are_ignored(
    watched: Database, clock: SetClock
) -> None:
    await planned(watched, clock, evses=(1,))
    assert await found(watched, clock, N1, evse_id=1) == []
    assert await found(watched, clock, N1, evse_id=2) == [N1]
    assert await found(watched, clock, N2, evse_id=1) == [N1, N2]


async def test_1_6_maintenance_window_is_not_creatable_in_the_past_and_a_past_one_stays(
    watched: Database, clock: SetClock
) -> None:
    with pytest.raises(InvalidInput):
        await planned(watched, clock, starts_at=clock.now() - HOUR)
    made = await planned(watched, clock)
    # A part of it changes: its end, and what it is about.
    longer = replace(made.plan, ends_at=clock.now() + 2 * HOUR, comment="cable")
    async with watched.unit_of_work() as db:
        after = await maintenance_store.change_window(
            db, WHOLE, made.id, longer, evses=(1,), now=clock.now()
        )
    assert after.plan == longer
    clock.advance(2 * HOUR)
    async with watched.unit_of_work() as db:
        with pytest.raises(WindowIsPast):
            await maintenance_store.change_window(
                db, WHOLE, made.id, longer, evses=(1,), now=clock.now()
            )


async def test_1_6_maintenance_window_locks_the_connectors_for_its_time(
    watched: Database, clock: SetClock
) -> None:
    await connect(watched, N1)
    await planned(watched, clock, locks=True, evses=(1,))
    await maintenance_locks.look_after(watched, clock)
    clock.advance(HOUR)
    await maintenance_locks.look_after(watched, clock)
    async with watched.unit_of_work() as db:
        asked = await outcomes.commands(db, WHOLE, station=N1)
    assert [each.payload["type"] for each in reversed(asked)] == ["Inoperative", "Operative"]


async def test_1_6_maintenance_window_whitelisted_media_charge_so_that_a_technician_can_test(
    watched: Database, clock: SetClock
) -> None:
    await planned(watched, clock, locks=True, test_tokens=("TEST",))
    presented = [
        SimpleNamespace(station=N1, token_key=token, at=clock.now()) for token in ("TEST", "OTHER")
    ]
    door = Workshop(Doorkeeper())
    async with watched.unit_of_work() as db:
        rules = await ask(db, door.rules())
        assert await door.refused(db, rules, presented) == [False, True]


async def test_7_9_during_a_maintenance_window_errors_are_stored_and_raised_at_its_end_if_open(
    watched: Database, clock: SetClock
) -> None:
    await planned(watched, clock)
    assert await found(watched, clock, N1, evse_id=1) == []
    assert await found(watched, clock, N1, evse_id=2) == []
    async with watched.unit_of_work() as db:
        stored = await alerting.faults_at(db, WHOLE, N1)
        assert [(each.evse_id, each.alert) for each in stored] == [(2, None), (1, None)]
    clock.advance(10 * MINUTE)
    async with watched.unit_of_work() as db:  # one of them is put right
        over = finding(N1, at=clock.now(), evse_id=2, is_present=False, **GROUND)
        await raising.report(db, [over], now=clock.now())
    for minutes in (20, 30):
        clock.advance(minutes * MINUTE)
        async with watched.unit_of_work() as db:
            await raising.settle(db, now=clock.now())
        assert await told(watched) == ([] if minutes == 20 else [N1])
    async with watched.unit_of_work() as db:
        [line] = await alerting.alerts(db, WHOLE)
        sheet = await alerting.alert(db, WHOLE, line.alert.id)
    assert [each.evse_id for each in sheet.faults] == [1]
