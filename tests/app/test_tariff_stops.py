"""A stop that is due goes to the station by the same way as every other command."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.tariff_stops import stop_due
from billing import pricing
from csms import administration, transaction_store
from csms.administration import StationSettings
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId, TransactionId
from foundation.statements import ask, write
from tests.billing.story import BAKERY, LONG_AGO, NOW, happen, settle_in, started, tariff
from tests.csms.test_transactions import facts

ASKED = "select station, action, payload, until_ended, asked_by, door from commands"


@pytest.mark.parametrize(
    ("version", "action", "payload"),
    [
        ("ocpp1.6", "RemoteStopTransaction", None),
        ("ocpp2.0.1", "RequestStopTransaction", {"transactionId": "T-1"}),
    ],
)
async def test_a_station_is_asked_once_until_the_session_has_ended(
    database: Database, version: str, action: str, payload: dict[str, Any] | None
) -> None:
    limited = tariff("T2") | {"leitstand": {"session_limit_minutes": 60}}
    async with database.unit_of_work() as db:
        await settle_in(db)
        place = pricing.NewAssignment(pricing.place_from("station", "S1"), LONG_AGO)
        await pricing.create_tariff(db, limited, [place], organisation=None, now=LONG_AGO)
        await administration.create_station(
            db,
            "S1",
            BAKERY,
            StationSettings(),
            password=None,
            time_zone="Europe/Berlin",
            now=LONG_AGO,
        )
        await db.execute(text("update stations set ocpp_version = :v"), {"v": version})
        [number] = await ask(db, transaction_store.numbers(1))
        stored = facts(
            id=number,
            station="S1",
            ref="2|T-1",
            version=version,
            owner=BAKERY,
            location=None,
            started_at=NOW,
        )
        await write(db, transaction_store.adding([stored]))
        await happen(db, started(1, station=StationId("S1"), transaction_id=TransactionId(number)))
    clock = SetClock(NOW + timedelta(minutes=59))
    job = stop_due(database, clock)
    await job()
    async with database.unit_of_work() as db:
        assert (await db.execute(text(ASKED))).all() == []
    clock.advance(timedelta(minutes=1))
    await job()
    await job()

    async with database.unit_of_work() as db:
        [asked] = (await db.execute(text(ASKED))).mappings()
    assert (asked["station"], asked["action"], asked["until_ended"]) == ("S1", action, True)
    assert asked["payload"] == (payload or {"transactionId": number})
    assert (asked["asked_by"], asked["door"]) == ("tariff", "system")
