"""Face, read: what error-detection jobs need to know of charge points, one statement a run.

Fulfils `alerts.detecting.ChargePoints`. Energy within a span is read off the transactions that it
touches: one that lies in it wholly counts as a whole, of one that crosses its border only what its
register rose inside.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from csms.tables import ConnectionRow
from foundation.identifiers import OrganisationKey, StationId

Span = tuple[datetime, datetime]
"""[from, to)."""

_LOOK_BACK: Final = timedelta(days=3)
"""A transaction that ended and had begun so long before a span is not looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointFacts:
    """A charge point in a span; `alerts.detection_jobs.PointFacts` has the words."""

    station: StationId
    evse_id: int | None
    organisation: OrganisationKey
    location: str | None
    rated_power_w: Decimal | None
    last_heard_at: datetime | None
    known_since: datetime
    energy_wh: Decimal | None
    starts: int
    worked: int
    usual_known: int
    usual_used: int
    register_wh: Decimal | None
    sessions_wh: Decimal
    main_meter_wh: Decimal | None


class Charging:
    """What charge points did."""

    async def time_zones(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        location: str | None,
        points: Sequence[tuple[StationId, int]] | None,
    ) -> Sequence[str]:
        """Return the time zones (IANA) in which charge points stand, in their order."""
        found = await db.scalars(
            _ZONES, _chosen(organisations, location=location, points=points, time_zone=None)
        )
        return list(found)

    async def sizes(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        points: Sequence[tuple[int, StationId, int]],
    ) -> dict[int, int]:
        """Return how many charge points groups have; one without any is missing.

        Args:
            db: The unit of work.
            organisations: Whose stations count.
            points: Of each group, with its number; EVSE 0 stands for all of its station.
        """
        rows = await db.execute(
            _SIZES,
            {
                "organisations": sorted(organisations),
                "numbers": [number for number, _, _ in points],
                "stations": [station for _, station, _ in points],
                "evses": [evse_id for _, _, evse_id in points],
            },
        )
        return {number: count for number, count in rows}  # noqa: C416 - rows are no pairs to mypy

    async def heard_at(self, db: AsyncSession) -> datetime | None:
        """Return when any station was heard last."""
        return await db.scalar(select(func.max(ConnectionRow.last_heard_at)))

    async def facts(
        self,
        db: AsyncSession,
        organisations: Collection[OrganisationKey],
        *,
        location: str | None,
        points: Sequence[tuple[StationId, int]] | None,
        time_zone: str,
        span: Span,
        usual: Sequence[Span],
    ) -> Sequence[ChargePointFacts]:
        """Return the facts of all accepted charge points that are chosen, in their order.

        Args:
            db: The unit of work.
            organisations: Whose they are now.
            location: Only there.
            points: Only these; EVSE 0 stands for all of its station. None: all.
            time_zone: Only those that stand in it.
            span: What is looked at.
            usual: Spans before it, in which it is only looked whether they gave energy.
        """
        spans = [span, *usual]
        rows = await db.execute(
            _FACTS,
            {
                **_chosen(organisations, location=location, points=points, time_zone=time_zone),
                "begin": span[0],
                "end": span[1],
                "begins": [each[0] for each in spans],
                "ends": [each[1] for each in spans],
                "look_back": _LOOK_BACK,
            },
        )
        return [ChargePointFacts(**row) for row in rows.mappings()]


def _chosen(
    organisations: Collection[OrganisationKey],
    *,
    location: str | None,
    points: Sequence[tuple[StationId, int]] | None,
    time_zone: str | None,
) -> dict[str, Any]:
    return {
        "organisations": sorted(organisations),
        "location": location,
        "time_zone": time_zone,
        "is_chosen": points is not None,
        "stations": [station for station, _ in points or ()],
        "evses": [evse_id for _, evse_id in points or ()],
    }


_POINT = """
with place as (
    select s.identity as station, e.evse_id, o.organisation, s.location, s.created_at,
        coalesce(l.time_zone, s.time_zone) as time_zone
    from station_owners o
    join stations s on s.identity = o.station and s.admission = 'accepted'
    left join locations l on l.key = s.location
    left join evses e on e.station = s.identity and e.evse_id > 0
    where o.valid_to is null and o.organisation = any(cast(:organisations as text[]))
        and (cast(:location as text) is null or s.location = :location)
        and (cast(:time_zone as text) is null or coalesce(l.time_zone, s.time_zone) = :time_zone)
        and (not :is_chosen or exists (
            select
            from unnest(cast(:stations as text[]), cast(:evses as integer[])) c (station, evse)
            where c.station = s.identity and (c.evse = 0 or c.evse = e.evse_id)))
)
"""

_ZONES = text(_POINT + "select distinct time_zone from place order by time_zone")  # noqa: S608 - both are ours

_SIZES = text("""
select c.number, count(distinct (e.station, e.evse_id))
from unnest(cast(:numbers as bigint[]), cast(:stations as text[]), cast(:evses as integer[]))
    as c (number, station, evse)
join station_owners o on o.station = c.station and o.valid_to is null
    and o.organisation = any(cast(:organisations as text[]))
join evses e on e.station = c.station and e.evse_id > 0 and (c.evse = 0 or c.evse = e.evse_id)
group by c.number
""")

_FACTS = text(
    _POINT  # noqa: S608 - both are ours
    + """, span as (
    select number, begins, ends
    from unnest(cast(:begins as timestamptz[]), cast(:ends as timestamptz[]))
        with ordinality as s (begins, ends, number)
), taken as (
    select p.station, p.evse_id, w.number, t.id, t.started_at, t.ended_at, t.energy_wh as whole_wh,
        t.meter_start_wh, t.meter_stop_wh,
        case when t.started_at >= w.begins and t.ended_at <= w.ends then t.energy_wh
            when behind.register_wh < before.register_wh then 0
            else behind.register_wh - before.register_wh end as energy_wh
    from place p
    cross join span w
    join transactions t on t.station = p.station and t.evse_id = p.evse_id
        and t.started_at < w.ends and (t.ended_at > w.begins or t.ended_at is null)
        and t.started_at >= w.begins - cast(:look_back as interval)
    cross join lateral (
        select case when t.ended_at <= w.ends and t.meter_stop_wh is not null then t.meter_stop_wh
            else (select r.energy_register_wh from readings r
                where r.transaction_id = t.id and r.energy_register_wh is not null
                    and r.measured_at >= t.started_at and r.measured_at <= w.ends
                order by r.measured_at desc limit 1) end as register_wh) behind
    cross join lateral (
        select case when t.started_at >= w.begins then t.meter_start_wh
            else coalesce((select r.energy_register_wh from readings r
                where r.transaction_id = t.id and r.energy_register_wh is not null
                    and r.measured_at >= t.started_at and r.measured_at <= w.begins
                order by r.measured_at desc limit 1), t.meter_start_wh) end as register_wh) before
), now_taken as (
    select station, evse_id,
        case when bool_or(energy_wh is null) then null else sum(energy_wh) end as energy_wh,
        count(*) filter (where started_at >= :begin and ended_at is not null) as starts,
        count(*) filter (
            where started_at >= :begin and ended_at is not null and whole_wh >= 1) as worked,
        case when count(*) >= 2 and bool_and(
                ended_at is not null and meter_start_wh is not null and meter_stop_wh is not null)
                and max(meter_start_wh) > min(meter_start_wh)
            then (array_agg(meter_stop_wh order by started_at desc))[1]
                - (array_agg(meter_start_wh order by started_at))[1] end as register_wh,
        sum(coalesce(whole_wh, 0)) as sessions_wh
    from taken where number = 1 group by station, evse_id
), usual as (
    select station, evse_id, count(distinct number) as used
    from taken where number > 1 and energy_wh >= 1 group by station, evse_id
), failed as (
    select c.station, e.evse_id, count(*) as starts
    from commands c
    join (select distinct station from place) p on p.station = c.station
    cross join lateral (select case
        when coalesce(c.payload ->> 'evseId', c.payload ->> 'connectorId') ~ '^[0-9]{1,6}$'
        then cast(coalesce(c.payload ->> 'evseId', c.payload ->> 'connectorId') as integer) end
        as evse_id) e
    where c.action in ('RemoteStartTransaction', 'RequestStartTransaction')
        and c.state = 'failed' and c.failure = 'no_effect'
        and c.asked_at >= :begin and c.asked_at < :end
    group by c.station, e.evse_id
), main_meter as (
    select p.station, last.register_wh - first.register_wh as risen_wh
    from (select distinct station from place) p
    cross join lateral (
        select r.energy_register_wh as register_wh from readings r
        where r.station = p.station and r.evse_id = 0 and r.transaction_id is null
            and r.energy_register_wh is not null
            and r.measured_at >= :begin and r.measured_at <= :end
        order by r.measured_at desc limit 1) last
    cross join lateral (
        select coalesce(
            (select r.energy_register_wh from readings r
                where r.station = p.station and r.evse_id = 0 and r.transaction_id is null
                    and r.energy_register_wh is not null
                    and r.measured_at >= cast(:begin as timestamptz) - cast(:look_back as interval)
                    and r.measured_at <= :begin
                order by r.measured_at desc limit 1),
            (select r.energy_register_wh from readings r
                where r.station = p.station and r.evse_id = 0 and r.transaction_id is null
                    and r.energy_register_wh is not null
                    and r.measured_at >= :begin and r.measured_at <= :end
                order by r.measured_at limit 1)) as register_wh) first
    where last.register_wh >= first.register_wh
)
select p.station, p.evse_id, p.organisation, p.location, rated.rated_power_w, k.last_heard_at,
    p.created_at as known_since,
    case when n.station is null then 0 else n.energy_wh end as energy_wh,
    coalesce(n.starts, 0) + coalesce(f.starts, 0) as starts, coalesce(n.worked, 0) as worked,
    coalesce(known.weeks, 0) as usual_known, coalesce(u.used, 0) as usual_used,
    n.register_wh, coalesce(n.sessions_wh, 0) as sessions_wh, m.risen_wh as main_meter_wh
from place p
left join station_connections k on k.station = p.station
left join now_taken n on n.station = p.station and n.evse_id = p.evse_id
left join usual u on u.station = p.station and u.evse_id = p.evse_id
left join failed f on f.station = p.station and f.evse_id = p.evse_id
left join main_meter m on m.station = p.station
left join lateral (
    select max(c.max_power_w) as rated_power_w from connectors c
    where c.station = p.station and c.evse_id = p.evse_id) rated on true
left join lateral (
    select count(*) as weeks from span w
    where w.number > 1 and w.begins >= (
        select min(t.started_at) from transactions t
        where t.station = p.station and t.evse_id = p.evse_id)) known on true
order by p.station, p.evse_id
"""
)
