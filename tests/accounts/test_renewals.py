"""What comes round: every account by itself, archived ones not at all."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from accounts import directory, licensing, renewals
from foundation import mail
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import OrganisationKey
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from tests.accounts.licensed import NORTH, Points, granted, made_north, new_account

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


async def test_each_account_is_looked_after_and_one_without_an_address_stops_nobody(
    database: Database, clock: SetClock
) -> None:
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings())
    async with database.unit_of_work() as db:
        await made_north(db, clock.now())
        await directory.create_organisation(db, "east", {"name": "East"}, now=NOON)
        await granted(db, new_account(months=1), NOON, organisation=OrganisationKey("east"))
        await granted(db, new_account(months=1), NOON)
    clock.advance(timedelta(days=31, hours=1))
    for _ in range(2):
        await renewals.look_after(database, mails, Points(), clock, public_url="https://x.example")
    async with database.unit_of_work() as db:
        kept = await db.execute(
            text("select organisation, kind, state from account_reminders order by 1, 2")
        )
        assert [tuple(row) for row in kept] == [
            ("east", "day", "no_address"),
            ("east", "month", "passed_over"),
            ("east", "week", "passed_over"),
            ("north", "day", "sent"),
            ("north", "month", "passed_over"),
            ("north", "week", "passed_over"),
        ]
        assert len(await mail.outbox(db)) == 1
        await licensing.archive(db, NORTH, grace_days=0, now=clock.now())
        await db.execute(text("delete from account_reminders"))
    await renewals.look_after(database, mails, Points(), clock, public_url="https://x.example")
    async with database.unit_of_work() as db:
        told = await db.scalars(text("select distinct organisation from account_reminders"))
        assert list(told) == ["east"], "nobody reminds of what is archived"
