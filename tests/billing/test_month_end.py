"""The run at month end: each payee's month, once it is over in his zone, and once only."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import books
from billing.month_end import MADE_UP_FOR, close_due
from foundation import outbox
from foundation.clock import SetClock
from foundation.database import Database
from tests.billing import story
from tests.billing.story import HOTEL

MIDNIGHT_IN_BERLIN = datetime(2026, 10, 31, 23, tzinfo=UTC)


async def settle_in(db: AsyncSession) -> None:
    """One transaction of an owner in Berlin, one of an owner in Lisbon."""
    await story.settle_in(db)
    await directory.change_organisation(db, HOTEL, {"time_zone": "Europe/Lisbon"})
    await story.happen(
        db,
        story.started(1),
        story.ended(1),
        story.started(2, owner=HOTEL),
        story.ended(2, owner=HOTEL),
    )


async def test_each_month_is_closed_when_it_is_over_where_its_payee_is(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    clock = SetClock(MIDNIGHT_IN_BERLIN - timedelta(seconds=1))

    assert await close_due(database, story.closing(), clock) == []
    clock.advance(timedelta(seconds=1))
    assert await close_due(database, story.closing(), clock) == ["bakery-2026-10-EUR"]
    clock.advance(timedelta(hours=1))
    assert set(await close_due(database, story.closing(), clock)) == {
        "bakery-2026-10-EUR",
        "hotel-2026-10-EUR",
    }
    async with database.unit_of_work() as db:
        assert len(await books.statements(db)) == 2
        told = [each.kind for each in await outbox.journal_after(db, None)]
    assert told.count("statement_issued") == 2


async def test_a_month_that_nobody_closed_in_time_is_left_to_a_person(database: Database) -> None:
    async with database.unit_of_work() as db:
        await settle_in(db)
    late = SetClock(MIDNIGHT_IN_BERLIN + MADE_UP_FOR + timedelta(hours=2))
    assert await close_due(database, story.closing(), late) == []
    made_up = SetClock(MIDNIGHT_IN_BERLIN + MADE_UP_FOR)
    assert "bakery-2026-10-EUR" in await close_due(database, story.closing(), made_up)
