"""When owners get the report of their month."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from support.owner_reporting import reporting
from tests.csms.some_statuses import put_stations


async def test_each_owner_with_stations_hears_once_and_only_in_the_first_days(
    database: Database,
) -> None:
    clock = SetClock(datetime(2026, 4, 1, 8, tzinfo=UTC))
    async with database.unit_of_work() as db:
        await put_stations(db)
        await db.execute(text("update organisations set email = 'o@example.org'"))
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings.read())
    run = reporting(database, clock, mails, link="https://x.example/my-month?month=")

    async def written() -> int:
        async with database.unit_of_work() as db:
            return await db.scalar(text("select count(*) from mails")) or 0

    await run()
    assert await written() == 0, "the month is not closed yet"
    for days in (2, 1, 16):  # The 3rd, the 4th, the 20th.
        clock.advance(timedelta(days=days))
        await run()
    assert await written() == 1
