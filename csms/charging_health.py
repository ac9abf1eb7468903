"""Face, read: what people got from charge points lately, and the sessions that go on.

Fulfils `alerts.failing_rounds.ChargingHealth`; one statement each, whatever the number of stations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True, kw_only=True)
class PointHealth:
    """A charge point; `alerts.failing.Health` has the words."""

    station: StationId
    evse_id: int
    organisation: OrganisationKey
    is_ready: bool
    starts: int
    empty: int
    tokens: int
    last_started_at: datetime | None
    gaps: int
    longest_gap: timedelta | None
    last_stop_reason: str | None
    last_ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A session that goes on; `alerts.failing.RunningSession` has the words."""

    transaction_id: int
    station: StationId
    evse_id: int
    organisation: OrganisationKey
    started_at: datetime
    charging_state: str | None
    risen_wh: Decimal | None
    read_at: datetime | None


class ChargingHealth:
    """What charging was like lately."""

    async def points(
        self, db: AsyncSession, *, starts: int, gaps: int, no_energy_wh: Decimal
    ) -> Sequence[PointHealth]:
        """Return the charge points of accepted stations that ever charged, in their order."""
        rows = await db.execute(
            _POINTS, {"starts": starts, "newest": gaps + 1, "no_energy_wh": no_energy_wh}
        )
        return [PointHealth(**row) for row in rows.mappings()]

    async def running(self, db: AsyncSession, *, begun_before: datetime) -> Sequence[Running]:
        """Return the sessions that began before a moment and have not ended, by number."""
        rows = await db.execute(_RUNNING, {"before": begun_before})
        return [Running(**row) for row in rows.mappings()]


_POINTS = text("""
select e.station, e.evse_id, o.organisation,
    coalesce(k.silence = 'online' and k.closed_at is null, false) and exists (
        select from connectors c where c.station = e.station and c.evse_id = e.evse_id
            and c.status = 'Available') as is_ready,
    n.starts, n.empty, n.tokens, n.last_started_at, n.gaps, n.longest_gap, n.last_stop_reason,
    n.last_ended_at
from evses e
join stations s on s.identity = e.station and s.admission = 'accepted'
join station_owners o on o.station = e.station and o.valid_to is null
left join station_connections k on k.station = e.station
cross join lateral (
    select count(*) filter (where t.ended and t.place <= :starts) as starts,
        count(*) filter (where t.ended and t.place <= :starts
            and coalesce(t.energy_wh, 0) < :no_energy_wh) as empty,
        count(distinct coalesce(t.token_key, ''))
            filter (where t.ended and t.place <= :starts) as tokens,
        max(t.started_at) as last_started_at,
        count(t.gap) as gaps, max(t.gap) as longest_gap,
        (array_agg(t.stop_reason order by t.ended_at desc) filter (where t.ended))[1]
            as last_stop_reason,
        max(t.ended_at) filter (where t.ended) as last_ended_at
    from (
        select r.*, r.ended_at is not null as ended,
            row_number() over (partition by r.ended_at is not null order by r.started_at desc)
                as place,
            r.started_at - lag(r.started_at) over (order by r.started_at) as gap
        from (
            select x.started_at, x.ended_at, x.energy_wh, x.token_key, x.stop_reason
            from transactions x
            where x.station = e.station and x.evse_id = e.evse_id and x.start_seen
            order by x.started_at desc limit :newest) r
    ) t
) n
where e.evse_id > 0 and n.last_started_at is not null
order by e.station, e.evse_id
""")

_RUNNING = text("""
select t.id as transaction_id, t.station, t.evse_id, t.owner as organisation, t.started_at,
    t.charging_state, r.risen_wh, r.read_at
from transactions t
cross join lateral (
    select max(r.energy_register_wh) - coalesce(t.meter_start_wh, min(r.energy_register_wh))
            as risen_wh,
        max(r.measured_at) as read_at
    from readings r
    where r.transaction_id = t.id and r.measured_at >= t.started_at
        and r.energy_register_wh is not null) r
where t.state = 'active' and t.start_seen and t.started_at < :before
order by t.id
""")
