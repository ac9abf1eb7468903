"""Who is written to when monitoring is switched; the whole way is tried in tests/portal/api."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts.handlers import KINDS, subscription, watch
from foundation.clock import SetClock
from foundation.database import Database
from foundation.events import MonitoringActivated, StationCameBack, StationWentOffline
from foundation.identifiers import OrganisationKey, StationId
from foundation.jobs import Jobs
from foundation.mail import Mails
from foundation.outbox import Delivery
from foundation.settings import Settings
from tests.alerts.test_monitoring import world
from tests.alerts.watch import MINUTE, SOUTH, T0, Watch
from tests.alerts.watch import watch as watched

__all__ = ["watched", "world"]  # fixtures, taken by their names


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


async def test_what_stations_say_is_watched_for_whom_they_belong_to(watched: Watch) -> None:
    watched.places.moved = {"CS-1": SOUTH, "CS-2": None}
    clock = SetClock(T0)
    reader = watch(clock)
    events = [
        StationWentOffline(station=StationId(each), happened_at=T0, last_heard_at=T0)
        for each in ("CS-1", "CS-2", "CS-3")
    ]
    async with watched.database.unit_of_work() as db:
        await reader.handle(db, [Delivery(n, each, T0) for n, each in enumerate(events)])
    told = await watched.told()
    assert [(each.organisation, each.stations) for each in told] == [
        ("south", ("CS-1",)),
        ("north", ("CS-3",)),
    ], "a station that was refused is nobody's"
    back = StationCameBack(station=StationId("CS-3"), happened_at=T0 + MINUTE)
    async with watched.database.unit_of_work() as db:
        await reader.handle(db, [Delivery(9, back, T0)])
    await watched.settle(T0 + 16 * MINUTE)
    assert await watched.changes() == ["recovered"]
