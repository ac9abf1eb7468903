"""Who is written to when monitoring is switched; the whole way is tried in tests/portal/api."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts.handlers import KINDS, subscription
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import MonitoringActivated
from foundation.identifiers import OrganisationKey, StationId
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.outbox import Delivery
from foundation.settings import Settings
from tests.alerts.test_monitoring import world

__all__ = ["world"]  # a fixture, taken by its name


@pytest.mark.usefixtures("world")
async def test_the_person_and_the_contact_are_told_once_and_a_wrong_address_stops_nothing(
    db: AsyncSession, database: Database, clock: SetClock
) -> None:
    mails = Mails(database=database, jobs=Jobs(database.url), clock=clock, settings=Settings.read())
    lea = await directory.create_person(
        db,
        "lea",
        {"name": "Lea", "email": "lea@example.org", "roles": ["owner"], "organisation": "north"},
        password_hash=None,
        now=clock.now(),
    )
    await directory.change_organisation(db, OrganisationKey("north"), {"email": "n@example.org"})
    event = MonitoringActivated(
        happened_at=clock.now(),
        station=StationId("CS-1"),
        organisation=OrganisationKey("north"),
        by=f"person/{lea.id}",
        by_name="Lea",
        per_month=None,
    )
    reader = subscription(mails)
    assert reader.kinds == KINDS
    for _ in range(2):
        await reader.handle(db, [Delivery(7, event, clock.now())])
    found = await db.scalars(text("select recipient from mails order by recipient"))
    assert list(found) == ["lea@example.org", "n@example.org"]
    await db.execute(text("update organisations set email = 'nobody' where key = 'north'"))
    db.expire_all()
    await reader.handle(db, [Delivery(8, event, clock.now())])
    assert await db.scalar(text("select count(*) from mails")) == 3
