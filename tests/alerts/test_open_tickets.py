"""Who has the tickets hears of the end of a monitoring, in the same unit of work."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from alerts import open_tickets
from foundation.clock import SetClock
from foundation.database import Database
from foundation.identifiers import StationId

SOMEBODY = Actor("person/1", "Ada", "portal", None)


class Heard:
    """Remembers for which stations it was asked."""

    def __init__(self) -> None:
        self.stations: list[StationId] = []

    async def hand_back(
        self, db: AsyncSession, station: StationId, *, by: Actor, now: datetime
    ) -> None:
        self.stations.append(station)


async def test_who_was_joined_is_asked_and_where_nobody_was_nothing_happens(
    database: Database, clock: SetClock
) -> None:
    station = StationId("CS-1")
    async with database.unit_of_work() as db:
        await open_tickets.hand_back(db, station, by=SOMEBODY, now=clock.now())
    heard = Heard()
    open_tickets.join_tickets(database, heard)
    async with database.unit_of_work() as db:
        await open_tickets.hand_back(db, station, by=SOMEBODY, now=clock.now())
    assert heard.stations == [station]
