"""Who sees to tickets hears at once that a station's monitoring ended (fulfilled by support)."""

from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from foundation.database import Database, Joint
from foundation.identifiers import StationId

_TICKETS: Final[Joint["OpenTickets"]] = Joint("alerts.open_tickets")


class OpenTickets(Protocol):
    """The tickets that the provider has for monitored stations; fulfilled by support."""

    async def hand_back(
        self, db: AsyncSession, station: StationId, *, by: Actor, now: datetime
    ) -> None:
        """Give the open tickets of the service back to the station's operator, with a note."""
        ...


def join_tickets(database: Database, tickets: OpenTickets) -> None:
    """Say for a database who has the tickets."""
    _TICKETS.join(database, tickets)


async def hand_back(db: AsyncSession, station: StationId, *, by: Actor, now: datetime) -> None:
    """Give tickets back in the caller's unit of work; nothing where the program joined nobody."""
    joined = _TICKETS.of(db)
    if joined is not None:
        await joined.hand_back(db, station, by=by, now=now)
