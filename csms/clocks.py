"""Face, read: whose clock is wrong. Nodes note what they learned of clocks, in batches.

How far a clock is off is learned from messages about the present (`csms.skew`), so a station is
listed only while it says such things wrongly, and no longer once it was seen right for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class SeenClock:
    """How far a station's clock is off: reported minus true time; zero: it is right."""

    station: StationId
    skew: timedelta
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class WrongClock(SeenClock):
    """A clock that is off, and whose station it is."""

    organisation: OrganisationKey


async def note(db: AsyncSession, clocks: Sequence[SeenClock]) -> None:
    """Write how far clocks are off; a right one only where it was wrong before."""
    ordered = sorted(clocks, key=lambda each: each.station)
    await db.execute(
        text("""
            insert into station_clocks (station, skew_s, seen_at)
            select e.station, e.skew_s, e.seen_at
            from unnest(cast(:stations as text[]), cast(:skews as bigint[]),
                        cast(:moments as timestamptz[])) as e (station, skew_s, seen_at)
            join stations s on s.identity = e.station
            where e.skew_s <> 0 or exists (
                select 1 from station_clocks c where c.station = e.station and c.skew_s <> 0)
            order by e.station
            on conflict (station) do update
                set skew_s = excluded.skew_s, seen_at = excluded.seen_at
        """),
        {
            "stations": [each.station for each in ordered],
            "skews": [int(each.skew.total_seconds()) for each in ordered],
            "moments": [each.seen_at for each in ordered],
        },
    )


class Clocks:
    """What nodes learned of stations' clocks (fulfils `alerts.conditions.Clocks`)."""

    async def wrong(self, db: AsyncSession) -> Sequence[WrongClock]:
        """Return the accepted stations whose clock is off, by identity."""
        rows = await db.execute(
            text("""
                select c.station, c.skew_s, c.seen_at, o.organisation
                from station_clocks c
                join stations s on s.identity = c.station and s.admission = 'accepted'
                join station_owners o on o.station = c.station and o.valid_to is null
                where c.skew_s <> 0 order by c.station
            """)
        )
        return [
            WrongClock(
                StationId(row.station),
                timedelta(seconds=row.skew_s),
                row.seen_at,
                OrganisationKey(row.organisation),
            )
            for row in rows
        ]
