"""How many things wait for somebody: the numbers in the side bar."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from portal.guard import Caller


@dataclass(frozen=True, slots=True)
class Counts:
    """Stations with a fault, stations that wait for acceptance, sessions that are held."""

    faulted: int = 0
    waiting: int = 0
    held: int = 0


async def counts_for(db: AsyncSession, caller: Caller, now: datetime) -> Counts:
    """Return what waits for this person; things outside the caller's scope do not count."""
    return Counts()
