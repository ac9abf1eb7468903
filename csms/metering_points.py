"""Face, read: the connectors of accepted stations as metering points, with their datapoints.

Fulfils `accounts.metering.MeteringPoints`. A datapoint is a stored series: one for each measurand
of a connector. A connector that has stored nothing yet takes one, that of its register. Stations
that wait or were refused are not metered.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.tiers import MeteringPoint, PointKind
from foundation.identifiers import OrganisationKey
from foundation.statements import tuples

_POINTS = """
with place as (
    select c.station, c.evse_id, c.connector_id,
        c.connector_id = min(c.connector_id) over (partition by c.station, c.evse_id) as is_first
    from station_owners o
    join stations s on s.identity = o.station
    join connectors c on c.station = o.station
    where o.organisation = any(%b::text[]) and o.valid_to is null
      and s.admission = 'accepted' and c.evse_id > 0
), recent as (
    select p.station, p.evse_id, p.connector_id, r.values, r.energy_register_wh
    from place p
    cross join lateral (
        select id from transactions t
        where t.station = p.station and t.evse_id = p.evse_id and t.connector_id = p.connector_id
        order by t.started_at desc limit 3) t
    cross join lateral (
        select values, energy_register_wh from readings
        where transaction_id = t.id order by measured_at desc limit 20) r
    union all
    select p.station, p.evse_id, p.connector_id, r.values, r.energy_register_wh
    from place p
    cross join lateral (
        select values, energy_register_wh from readings
        where station = p.station and evse_id = p.evse_id and transaction_id is null
        order by measured_at desc limit 20) r
    where p.is_first
), series as (
    select station, evse_id, connector_id, v ->> 'measurand' as measurand
    from recent cross join lateral jsonb_array_elements(values) v
    union
    select station, evse_id, connector_id, 'Energy.Active.Import.Register'
    from recent where energy_register_wh is not null
)
select p.station, p.evse_id, p.connector_id, count(distinct s.measurand)
from place p
left join series s on s.station = p.station and s.evse_id = p.evse_id
    and s.connector_id = p.connector_id
group by p.station, p.evse_id, p.connector_id
order by p.station, p.evse_id, p.connector_id
"""
"""What a connector stores is read off its last transactions and readings: a series that is stored
shows up in each of them."""


class StationPoints:
    """Knows what the stations of organisations meter."""

    async def points(
        self, db: AsyncSession, organisations: Collection[OrganisationKey]
    ) -> Sequence[MeteringPoint]:
        """Return the connectors of their accepted stations, in the order of their identity."""
        found = await tuples(db, _POINTS, [sorted(organisations)])
        return [
            MeteringPoint(
                f"{station}/{evse_id}/{connector_id}",
                PointKind.OCPP_POINT,
                datapoints=max(1, series),
            )
            for station, evse_id, connector_id, series in found
        ]


@dataclass(frozen=True, slots=True)
class StoredValue:
    """A value of a metering point; the moment is the station's, corrected."""

    measurand: str
    value: str
    unit: str | None
    phase: str | None
    measured_at: datetime


async def newest_values(db: AsyncSession, identity: str, evse_id: int) -> list[StoredValue]:
    """Return what an EVSE measured last, in a transaction or between two; nothing if never."""
    found = await tuples(db, _NEWEST, [identity, evse_id, identity, evse_id])
    if not found:
        return []
    measured_at, register_wh, values = found[0]
    newest = [
        StoredValue(
            each["measurand"],
            str(each["value"]),
            each.get("unit"),
            each.get("phase"),
            measured_at,
        )
        for each in values
        if each.get("value") is not None
    ]
    if register_wh is not None and all(each.measurand != _REGISTER for each in newest):
        newest.insert(0, StoredValue(_REGISTER, str(register_wh), "Wh", None, measured_at))
    return newest


_REGISTER = "Energy.Active.Import.Register"
_NEWEST = """
select measured_at, energy_register_wh, values from (
    (select r.measured_at, r.energy_register_wh, r.values
     from (select id from transactions where station = %b::text and evse_id = %b::bigint
           order by started_at desc limit 1) t
     join readings r on r.transaction_id = t.id
     order by r.measured_at desc limit 1)
    union all
    (select measured_at, energy_register_wh, values from readings
     where station = %b::text and evse_id = %b::bigint and transaction_id is null
     order by measured_at desc limit 1)
) newest
order by measured_at desc limit 1
"""
