"""Face, read: what charge points measured lately, for if/then rules, by one statement each.

Fulfils `alerts.ruling.Meters`. Of a charge point at which somebody charges the readings of that
transaction count, else those that belong to none.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class NewestReadings:
    """The newest readings of a charge point, the newest first."""

    station: StationId
    evse_id: int
    organisation: OrganisationKey
    location: str | None
    time_zone: str
    readings: Sequence[tuple[datetime, Sequence[Mapping[str, object]]]]


class Meters:
    """What charge points measured."""

    async def newest(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        since: datetime,
        most: int,
    ) -> Sequence[NewestReadings]:
        """Return, of charge points that measured something since a moment, the newest readings."""
        rows = await db.execute(
            _NEWEST, {"organisations": sorted(organisations), "since": since, "most": most}
        )
        return [
            NewestReadings(
                StationId(row.station),
                row.evse_id,
                OrganisationKey(row.organisation),
                row.location,
                row.time_zone,
                list(zip(row.moments, row.samples, strict=True)),
            )
            for row in rows
        ]

    async def over(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        location: str | None,
        points: Sequence[tuple[StationId, int]] | None,
        since: datetime,
        until: datetime,
        most_points: int,
        most: int,
    ) -> tuple[int, Sequence[NewestReadings]]:
        """Return what charge points measured in [since, until), the newest first.

        Args:
            db: The unit of work.
            organisations: Whose stations.
            location: Only there.
            points: Only these; EVSE 0 stands for all of its station. None: all.
            since: From when on.
            until: Until when.
            most_points: How many charge points at most, in their order.
            most: How many readings of each at most.

        Returns:
            How many charge points there are, and what those measured that were looked at.
        """
        chosen = {
            "organisations": sorted(organisations),
            "location": location,
            "is_chosen": points is not None,
            "stations": [station for station, _ in points or ()],
            "evses": [evse_id for _, evse_id in points or ()],
        }
        rows = list(
            await db.execute(
                _OVER,
                {**chosen, "since": since, "until": until, "points": most_points, "most": most},
            )
        )
        return (
            rows[0].total if rows else 0,
            [
                NewestReadings(
                    StationId(row.station),
                    row.evse_id,
                    OrganisationKey(row.organisation),
                    row.location,
                    row.time_zone,
                    list(zip(row.moments or (), row.samples or (), strict=True)),
                )
                for row in rows
            ],
        )


_OVER = text("""
with place as (
    select e.station, e.evse_id, o.organisation, s.location,
        coalesce(l.time_zone, s.time_zone) as time_zone, count(*) over () as total
    from station_owners o
    join stations s on s.identity = o.station and s.admission = 'accepted'
    left join locations l on l.key = s.location
    join evses e on e.station = s.identity and e.evse_id > 0
    where o.valid_to is null and o.organisation = any(cast(:organisations as text[]))
        and (cast(:location as text) is null or s.location = :location)
        and (not :is_chosen or exists (
            select from unnest(cast(:stations as text[]), cast(:evses as int[]))
                as c(station, evse_id)
            where c.station = e.station and c.evse_id in (0, e.evse_id)))
    order by e.station, e.evse_id limit :points
)
select p.*, n.moments, n.samples from place p
cross join lateral (
    select array_agg(r.measured_at order by r.measured_at desc) as moments,
        jsonb_agg(r.values order by r.measured_at desc) as samples
    from (
        select a.measured_at, a.values from readings a
        where a.station = p.station and a.evse_id = p.evse_id
            and a.measured_at >= :since and a.measured_at < :until
        order by a.measured_at desc limit :most) r
) n
order by p.station, p.evse_id
""")

_NEWEST = text("""
select e.station, e.evse_id, o.organisation, s.location,
    coalesce(l.time_zone, s.time_zone) as time_zone, n.moments, n.samples
from station_owners o
join stations s on s.identity = o.station and s.admission = 'accepted'
left join locations l on l.key = s.location
join evses e on e.station = s.identity and e.evse_id > 0
left join lateral (
    select t.id from transactions t
    where t.station = e.station and t.evse_id = e.evse_id and t.state <> 'ended'
        and t.state = 'active'
    order by t.started_at desc limit 1) t on true
cross join lateral (
    select array_agg(r.measured_at order by r.measured_at desc) as moments,
        jsonb_agg(r.values order by r.measured_at desc) as samples
    from (
        (select a.measured_at, a.values from readings a
            where a.transaction_id = t.id and a.measured_at >= :since
            order by a.measured_at desc limit :most)
        union all
        (select b.measured_at, b.values from readings b
            where t.id is null and b.station = e.station and b.evse_id = e.evse_id
                and b.transaction_id is null and b.measured_at >= :since
            order by b.measured_at desc limit :most)) r
) n
where o.valid_to is null and o.organisation = any(cast(:organisations as text[]))
    and n.moments is not null
order by e.station, e.evse_id
""")
