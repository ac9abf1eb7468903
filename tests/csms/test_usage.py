"""How much stations were used."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from csms import usage
from csms.tables import TransactionRow
from foundation.identifiers import OrganisationKey
from tests.csms.some_statuses import BEFORE, ONE, put_stations
from tests.portal.pages import world

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
START, END = NOON - timedelta(days=90), NOON
NOBODY = Scope(frozenset({OrganisationKey("other")}))


async def _session(db: AsyncSession, number: int, energy_wh: int) -> TransactionRow:
    row = world.row_of(world.ended(number, Random(1), NOON), late=timedelta(0))
    row.station, row.owner, row.energy_wh = ONE, "owner", Decimal(energy_wh)
    db.add(row)
    await db.flush()
    return row


async def test_sessions_are_counted_by_how_they_ended_and_only_in_scope(db: AsyncSession) -> None:
    assert BEFORE < START
    await put_stations(db)
    one, _, _ = [await _session(db, number, wh) for number, wh in ((1, 9000), (2, 8000), (3, 10))]
    found = await usage.ended(db, WHOLE, [ONE], START, END, enough_wh=Decimal(50))
    assert sorted((each.has_energy, each.transactions, each.energy_wh) for each in found) == [
        (False, 1, Decimal(10)),
        (True, 2, Decimal(17_000)),
    ]
    assert await usage.ended(db, NOBODY, [ONE], START, END, enough_wh=Decimal(50)) == []
    assert await usage.unstarted(db, WHOLE, [ONE], START, END) == []
    days = await usage.days(db, WHOLE, ONE, START, END, "Europe/Berlin")
    assert sum(number for number, _ in days.values()) == 3
    assert all(isinstance(day, date) for day in days)
    spans = await usage.session_spans(db, WHOLE, ONE, START, END)
    assert (one.started_at, one.ended_at) in spans
    assert len(spans) == 3


async def test_a_session_that_runs_is_busy_until_the_end_and_not_counted(db: AsyncSession) -> None:
    await put_stations(db)
    row = await _session(db, 1, 9000)
    await db.execute(
        update(TransactionRow)
        .where(TransactionRow.id == row.id)
        .values(state="active", ended_at=None)
    )
    assert await usage.session_spans(db, WHOLE, ONE, START, END) == [(row.started_at, END)]
    assert await usage.ended(db, WHOLE, [ONE], START, END, enough_wh=Decimal(50)) == []
