"""Face, read: the registers of an owner's stations, for the proof of a statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.identifiers import EvseId, OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class RegisterSpan:
    """An EVSE's register at both ends of a span; None where none was read.

    `lifetime` is False for a register that counts from the start of each transaction. `running_wh`
    is what was read in the span of transactions that had no end yet; `was_reset` tells that the
    register fell within the span.
    """

    station: StationId
    evse_id: EvseId
    register_start_wh: Decimal | None
    register_end_wh: Decimal | None
    lifetime: bool
    running_wh: Decimal
    was_reset: bool


class Registers:
    """The registers of an owner's stations, for the proof of a statement."""

    async def registers(
        self, db: AsyncSession, owner: OrganisationKey, start: datetime, end: datetime
    ) -> Sequence[RegisterSpan]:
        """Return the register of every EVSE that had transactions of the owner in [start, end),
        or heard only then of the end of an earlier one.

        At the start the last value known before it, else the first one in the span; at the end
        the last value before it. A register that starts each transaction at zero is no lifetime
        register.
        """
        found = await db.execute(_REGISTERS, {"owner": owner, "start": start, "end": end})
        return [
            RegisterSpan(
                StationId(row[0]),
                EvseId(row[1]),
                row[2],
                row[3],
                lifetime=bool(row[4]),
                running_wh=row[5],
                was_reset=bool(row[6]),
            )
            for row in found
        ]


_REGISTERS = text(
    """
    with running as (
        select t.station, t.evse_id, t.meter_start_wh,
            sum(greatest(0, r.wh - coalesce(before.wh, t.meter_start_wh, r.wh))) as wh
        from transactions t
        join lateral (
            select measured_at as at, energy_register_wh as wh from readings
            where transaction_id = t.id and measured_at < :end and energy_register_wh is not null
            order by measured_at desc, energy_register_wh desc limit 1) r on r.at >= :start
        left join lateral (
            select energy_register_wh as wh from readings
            where transaction_id = t.id and measured_at < :start
              and energy_register_wh is not null
            order by measured_at desc, energy_register_wh desc limit 1) before on true
        where t.owner = :owner and t.started_at < :end
          and t.state in ('active', 'ended_waiting_for_queue')
        group by t.station, t.evse_id, t.meter_start_wh
    ), told as (
        select station, evse_id, meter_start_wh, energy_basis = 'segments' as was_reset
        from transactions
        where owner = :owner
          and (ended_at >= :start and ended_at < :end
               or ended_at < :start and end_received_at >= :start and end_received_at < :end)
        union all
        select station, evse_id, meter_start_wh, false from running
    ), place as (
        select station, evse_id, bool_or(meter_start_wh > 0) or count(*) < 2 as lifetime,
            bool_or(was_reset) as was_reset
        from told
        group by station, evse_id
    ), value as (
        select p.station, p.evse_id, r.measured_at as at, r.energy_register_wh as wh
        from place p join readings r on r.station = p.station and r.evse_id = p.evse_id
        where r.energy_register_wh is not null and r.measured_at < :end
        union all
        select p.station, p.evse_id, t.started_at, t.meter_start_wh
        from place p join transactions t on t.station = p.station and t.evse_id = p.evse_id
        where t.meter_start_wh is not null and t.started_at < :end
        union all
        select p.station, p.evse_id, t.ended_at, t.meter_stop_wh
        from place p join transactions t on t.station = p.station and t.evse_id = p.evse_id
        where t.meter_stop_wh is not null and t.ended_at < :end
    )
    select p.station, p.evse_id,
        coalesce(
            (select wh from value v where v.station = p.station and v.evse_id = p.evse_id
               and v.at < :start order by v.at desc, v.wh desc limit 1),
            (select wh from value v where v.station = p.station and v.evse_id = p.evse_id
               and v.at >= :start order by v.at, v.wh limit 1)),
        (select wh from value v where v.station = p.station and v.evse_id = p.evse_id
           order by v.at desc, v.wh desc limit 1),
        p.lifetime,
        coalesce((select sum(r.wh) from running r
                  where r.station = p.station and r.evse_id = p.evse_id), 0),
        p.was_reset
    from place p order by p.station, p.evse_id
    """
)
