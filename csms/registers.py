"""Face, read: the registers of an owner's stations, for the proof of a statement."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation import outbox
from foundation.events import StationConnected, StationDisconnected
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId


@dataclass(frozen=True, slots=True)
class RegisterSpan:
    """An EVSE's register at both ends of a span; None where none was read.

    `lifetime` is False for a register that counts from the start of each transaction. `running_wh`
    is what was read in the span of transactions that had no end yet; `was_reset` tells that the
    register fell within the span. `offline_wh` is what it counted outside of transactions while
    the station was not connected, all the time or part of it. `exchanged_wh` is what old meters
    ended at less what new ones began at, where some were exchanged between both ends; None: none.
    """

    station: StationId
    evse_id: EvseId
    register_start_wh: Decimal | None
    register_end_wh: Decimal | None
    lifetime: bool
    running_wh: Decimal
    was_reset: bool
    offline_wh: Decimal = Decimal(0)
    exchanged_wh: Decimal | None = None


@dataclass(frozen=True, slots=True)
class EndedTransaction:
    """A transaction that ended, with what it took, as we hold it true."""

    transaction_id: TransactionId
    revision: int
    energy_wh: Decimal


@dataclass(frozen=True, slots=True)
class _Rise:
    """A register that rose between two values outside of transactions."""

    station: StationId
    evse_id: EvseId
    from_at: datetime
    to_at: datetime
    energy_wh: Decimal


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
        bound = {"owner": owner, "start": start, "end": end}
        found = (await db.execute(_REGISTERS, bound)).all()
        rises = []
        if found:
            risen = await db.execute(_RISES, {**bound, "earlier": start - _LOOK_BACK})
            rises = [_Rise(*row) for row in risen]
        offline = await _offline(db, rises)
        exchanged: dict[tuple[str, int], Decimal] = {}
        if found:
            exchanged = {(row[0], row[1]): row[2] for row in await db.execute(_EXCHANGED, bound)}
        return [
            RegisterSpan(
                StationId(row[0]),
                EvseId(row[1]),
                row[2],
                row[3],
                lifetime=bool(row[4]),
                running_wh=row[5],
                was_reset=bool(row[6]),
                offline_wh=offline[row[0], row[1]],
                exchanged_wh=exchanged.get((row[0], row[1])),
            )
            for row in found
        ]

    async def ended_transactions(
        self, db: AsyncSession, owner: OrganisationKey, start: datetime, end: datetime
    ) -> Sequence[EndedTransaction]:
        """Return the owner's transactions that ended in [start, end), by number."""
        found = await db.execute(_ENDED, {"owner": owner, "start": start, "end": end})
        return [EndedTransaction(*row) for row in found]


async def _offline(
    db: AsyncSession, rises: Sequence[_Rise]
) -> defaultdict[tuple[str, int], Decimal]:
    """Return by EVSE what registers counted while their station was not connected.

    That is told by the journal: a connection that came or went between the two values, or one
    that had gone before. A station of which the journal tells nothing counts as connected.
    """
    offline: defaultdict[tuple[str, int], Decimal] = defaultdict(Decimal)
    if not rises:
        return offline
    told = await outbox.told_of(
        db,
        sorted({f"station/{each.station}" for each in rises}),
        kinds=_CONNECTIONS,
        since=min(each.from_at for each in rises) - _LOOK_BACK,
    )
    by_station: defaultdict[str, list[outbox.JournalEntry]] = defaultdict(list)
    for entry in told:
        by_station[entry.payload["station"]].append(entry)
    for rise in rises:
        before = [each for each in by_station[rise.station] if each.happened_at <= rise.from_at]
        was_gone = bool(before) and before[-1].kind == StationDisconnected.kind
        is_broken = any(
            rise.from_at < each.happened_at < rise.to_at for each in by_station[rise.station]
        )
        if is_broken or was_gone:
            offline[rise.station, rise.evse_id] += rise.energy_wh
    return offline


_CONNECTIONS = (StationConnected.kind, StationDisconnected.kind)
_LOOK_BACK = timedelta(days=31)
"""How long before a value the connection may have gone that was still gone then."""

_ENDED = text(
    """
    select id, revision, energy_wh from transactions
    where owner = :owner and ended_at >= :start and ended_at < :end
      and state in ('ended', 'inferred_end') and energy_wh is not null
    order by id
    """
)

_RISES = text(
    """
    with place as (
        select distinct station, evse_id from transactions
        where owner = :owner and ended_at >= :start and ended_at < :end
    ), value as (
        select p.station, p.evse_id, r.measured_at as at, r.energy_register_wh as wh
        from place p join readings r on r.station = p.station and r.evse_id = p.evse_id
        where r.energy_register_wh is not null
          and r.measured_at >= :earlier and r.measured_at < :end
        union all
        select p.station, p.evse_id, t.started_at, t.meter_start_wh
        from place p join transactions t on t.station = p.station and t.evse_id = p.evse_id
        where t.meter_start_wh is not null and t.started_at >= :earlier and t.started_at < :end
        union all
        select p.station, p.evse_id, t.ended_at, t.meter_stop_wh
        from place p join transactions t on t.station = p.station and t.evse_id = p.evse_id
        where t.meter_stop_wh is not null and t.ended_at >= :earlier and t.ended_at < :end
    ), step as (
        select station, evse_id, lag(at) over evse as from_at, at as to_at,
            wh - lag(wh) over evse as risen
        from value window evse as (partition by station, evse_id order by at, wh)
    )
    select s.station, s.evse_id, s.from_at, s.to_at, s.risen from step s
    where s.risen > 0 and s.to_at >= :start and not exists (
        select 1 from transactions t
        where t.station = s.station and t.evse_id = s.evse_id
          and t.started_at <= s.from_at and (t.ended_at is null or t.ended_at >= s.to_at))
    order by s.station, s.evse_id, s.from_at
    """
)

_EXCHANGED = text(
    """
    select e.station, e.evse_id, sum(e.last_wh - e.first_wh)
    from meter_exchanges e
    where e.exchanged_at >= :start and e.exchanged_at < :end
      and e.station in (
        select station from transactions
        where owner = :owner and ended_at >= :start and started_at < :end)
      and exists (
        select 1 from transactions t
        where t.station = e.station and t.evse_id = e.evse_id and t.started_at <= e.exchanged_at
          and t.meter_start_wh is not null)
      and exists (
        select 1 from transactions t
        where t.station = e.station and t.evse_id = e.evse_id and t.started_at > e.exchanged_at
          and t.started_at < :end and t.meter_start_wh is not null)
    group by e.station, e.evse_id
    """
)
"""Only where something was read before and after: else both ends are of the same meter."""

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
