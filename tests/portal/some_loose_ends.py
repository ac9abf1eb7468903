"""A running session of the lively world, and an end without a start that belongs to it."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from billing.handlers import TransactionReader
from csms import transaction_store
from csms.handlers.finishing import whole_of, written
from csms.tables import TransactionRow
from csms.transactions import ended_event
from foundation.clock import SetClock
from foundation.outbox import Delivery
from tests.portal.pages.world import SHARING

SESSION = 5000
"""Of the works, at DE-HN-001, running for twelve minutes."""
LOOSE = 6000
_LESS = {"_sa_instance_state"}


async def add_loose_end(db: AsyncSession, now: datetime) -> None:
    """Let DE-HN-001 tell of an end 4 kWh after the session's start, and billing hold it."""
    row = await db.get(TransactionRow, SESSION)
    assert row is not None
    assert row.meter_start_wh is not None
    stop = row.meter_start_wh + 4000
    copied = {name: value for name, value in vars(row).items() if name not in _LESS}
    at = now - timedelta(minutes=1)
    changed = {
        "id": LOOSE,
        "ref": "end|77",
        "state": "ended",
        "basis": "adopted",
        "start_seen": False,
        "started_at": at,
        "start_reported_at": at,
        "start_received_at": now,
        "meter_start_wh": None,
        "reported_start_wh": None,
        "ended_at": at,
        "end_reported_at": at,
        "end_received_at": now,
        "reported_stop_wh": stop,
        "meter_stop_wh": stop,
        "energy_wh": Decimal(0),
        "doubts": [],
    }
    db.add(TransactionRow(**{**copied, **changed}))
    await db.flush()
    await db.execute(text("delete from readings where transaction_id = :id"), {"id": SESSION})
    [facts] = (await transaction_store.by_id(db, [LOOSE])).values()
    whole = whole_of(facts, [])
    written(facts, whole)
    facts.revision = 1
    await transaction_store.change(db, [facts])
    event = ended_event(facts, whole)
    reader = TransactionReader(SHARING, SetClock(now))
    await reader(db, [Delivery(1, event, now)])
