"""Face, read: how much stations were used: sessions, energy, and what came of starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms.queue import STARTS
from foundation.identifiers import StationId

MOST_SPANS: Final = 20_000
"""How many sessions of a station are looked at for how busy it was; the newest count."""


@dataclass(frozen=True, slots=True)
class Ended:
    """Ended transactions of a station that are alike.

    Attributes:
        has_energy: Whether each took at least what was asked for.
        authorization_status: Of the token at the start.
        stop_reason: As the station reported it.
        transactions: How many.
        energy_wh: Of all of them.
    """

    station: StationId
    has_energy: bool
    authorization_status: str | None
    stop_reason: str | None
    transactions: int
    energy_wh: Decimal


@dataclass(frozen=True, slots=True)
class Unstarted:
    """Starts that we asked for and that led to no transaction, alike in how they ended."""

    station: StationId
    state: str
    failure: str | None
    commands: int


_ENDED: Final = text("""
select station, coalesce(energy_wh, 0) >= :enough as has_energy, authorization_status, stop_reason,
       count(*), coalesce(sum(energy_wh), 0)
  from transactions
 where station = any(:stations) and started_at >= :start and started_at < :end
   and state <> 'active' and (:whole or owner = any(:owners))
 group by 1, 2, 3, 4 order by 1, 2, 3, 4
""")

_UNSTARTED: Final = text("""
select station, state, failure, count(*)
  from commands
 where station = any(:stations) and asked_at >= :start and asked_at < :end
   and action = any(:starts) and state in ('rejected', 'failed') and transaction_id is null
   and (:whole or owner = any(:owners))
 group by 1, 2, 3 order by 1, 2, 3
""")

_SPANS: Final = text("""
select started_at, coalesce(ended_at, :end)
  from transactions
 where station = :station and started_at < :end and (ended_at is null or ended_at > :start)
   and (:whole or owner = any(:owners))
 order by started_at desc limit :most
""")

_DAYS: Final = text("""
select (started_at at time zone :zone)::date as day, count(*), coalesce(sum(energy_wh), 0)
  from transactions
 where station = :station and started_at >= :start and started_at < :end and state <> 'active'
   and (:whole or owner = any(:owners))
 group by 1 order by 1
""")


def _of(scope: Scope) -> dict[str, object]:
    owners = scope.organisations
    return {"whole": owners is None, "owners": sorted(owners or ())}


async def ended(
    db: AsyncSession,
    scope: Scope,
    stations: Sequence[str],
    start: datetime,
    end: datetime,
    *,
    enough_wh: Decimal,
) -> list[Ended]:
    """Return what was charged in sessions that began in [start, end) and have ended."""
    values = {"stations": list(stations), "start": start, "end": end, "enough": enough_wh}
    found = await db.execute(_ENDED, values | _of(scope))
    return [Ended(StationId(station), *rest) for station, *rest in found]


async def unstarted(
    db: AsyncSession, scope: Scope, stations: Sequence[str], start: datetime, end: datetime
) -> list[Unstarted]:
    """Return the starts that we asked for in [start, end) and that came to nothing."""
    values = {"stations": list(stations), "start": start, "end": end, "starts": sorted(STARTS)}
    found = await db.execute(_UNSTARTED, values | _of(scope))
    return [Unstarted(StationId(station), *rest) for station, *rest in found]


async def session_spans(
    db: AsyncSession, scope: Scope, station: str, start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return when sessions of a station ran that overlap [start, end), the newest first."""
    values = {"station": station, "start": start, "end": end, "most": MOST_SPANS}
    found = await db.execute(_SPANS, values | _of(scope))
    return [(began_at, ended_at) for began_at, ended_at in found]


async def days(
    db: AsyncSession, scope: Scope, station: str, start: datetime, end: datetime, zone: str
) -> dict[date, tuple[int, Decimal]]:
    """Return sessions and energy in Wh by the local day of their start; empty days are missing."""
    values = {"station": station, "start": start, "end": end, "zone": zone}
    found = await db.execute(_DAYS, values | _of(scope))
    return {day: (number, energy) for day, number, energy in found}
