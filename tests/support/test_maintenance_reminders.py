"""Mails that remind owners of yearly maintenances ahead."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from billing.packages import Maintenance
from foundation.clock import SetClock
from foundation.database import Database
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.settings import Settings
from support.maintenance_reminders import horizon, reminding
from tests.support.conftest import fill
from tests.support.test_rules_of_visits import packaged

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (datetime(2026, 3, 1, 12, tzinfo=UTC), date(2026, 4, 30)),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), date(2027, 1, 31)),
        (datetime(2026, 3, 31, 22, tzinfo=UTC), date(2026, 5, 31)),  # April in Berlin
    ],
)
def test_a_mail_tells_of_what_is_due_until_the_end_of_the_next_month(
    now: datetime, until: date
) -> None:
    assert horizon(now, BERLIN) == until


async def test_owners_hear_once_a_month_ahead_of_what_is_due(
    database: Database, clock: SetClock
) -> None:
    async with database.unit_of_work() as db:
        await fill(db, clock.now())
        await packaged(db, clock.now(), Maintenance.CHARGEABLE)
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings.read())
    run = reminding(database, clock, mails, link="https://x.example/support/maintenances")

    async def written() -> list[tuple[str, str, str]]:
        async with database.unit_of_work() as db:
            found = await db.execute(
                text("select recipient, subject, body_text from mails order by id")
            )
            return [(recipient, subject, body) for recipient, subject, body in found]

    await run()
    assert await written() == []  # the next is a year away
    clock.advance(timedelta(days=335))
    await run()
    await run()
    [(recipient, subject, body)] = await written()
    assert recipient == "leitung@nord.example"
    assert subject.startswith("Jährliche Wartungen, fällig bis ")
    assert "- N-1: fällig am " in body
    assert "Paket Comfort" in body
    assert "https://x.example/support/maintenances" in body
    clock.advance(timedelta(days=40))
    await run()
    assert "- N-1: überfällig seit " in (await written())[-1][2]
