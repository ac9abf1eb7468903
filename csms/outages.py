"""Face, read: when connectors could not be used, from every status they ever reported.

Unusable is a connector that is Unavailable, or Faulted with an error code: "Faulted" alone is no
fault. Times are when we received the status: a station's clock may be wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from foundation.identifiers import StationId

Place = tuple[int, int]
"""EVSE and connector; EVSE 0 is the station itself."""


@dataclass(slots=True)
class ConnectorRecord:
    """What is on record of a connector in a period.

    Attributes:
        first_status_at: Its first status ever, but not before its station's present owner.
        unusable: When it could not be used, within the period: [began, ended), in order.
    """

    first_status_at: datetime
    unusable: list[tuple[datetime, datetime]] = field(default_factory=list)


_BEFORE: Final = text("""
select c.station, c.evse_id, c.connector_id,
       greatest(first.received_at, o.valid_from), coalesce(last.unusable, false)
  from connectors c
  join station_owners o on o.station = c.station and o.valid_to is null
 cross join lateral (
       select h.received_at from status_history h
        where h.station = c.station and h.evse_id = c.evse_id and h.connector_id = c.connector_id
        order by h.received_at limit 1) first
  left join lateral (
       select (h.original_status = 'Unavailable'
               or h.original_status = 'Faulted' and h.error_code is not null)
              as unusable from status_history h
        where h.station = c.station and h.evse_id = c.evse_id and h.connector_id = c.connector_id
          and h.received_at < :start
        order by h.received_at desc, h.id desc limit 1) last on true
 where c.station = any(:stations) and first.received_at < :end
""")

_CHANGES: Final = text("""
select station, evse_id, connector_id, received_at, unusable from (
       select h.station, h.evse_id, h.connector_id, h.received_at, h.id,
              (h.original_status = 'Unavailable'
               or h.original_status = 'Faulted' and h.error_code is not null)
              as unusable,
              lag((h.original_status = 'Unavailable'
               or h.original_status = 'Faulted' and h.error_code is not null))
              over connector as was
         from status_history h
        where h.station = any(:stations) and h.received_at >= :start and h.received_at < :end
       window connector as (
              partition by h.station, h.evse_id, h.connector_id order by h.received_at, h.id)
       ) changes
 where unusable is distinct from was
 order by received_at, id
""")
"""Only where it changed: most statuses are those of daily charging."""


async def unusable(
    db: AsyncSession, stations: Sequence[str], start: datetime, end: datetime
) -> dict[StationId, dict[Place, ConnectorRecord]]:
    """Return when connectors could not be used; the caller checked the scope.

    Args:
        db: The unit of work.
        stations: Which.
        start: Included.
        end: Not included; not in the future.

    Returns:
        By station, then by EVSE and connector; those that had no status before `end` are missing.
    """
    values = {"stations": list(stations), "start": start, "end": end}
    found: dict[StationId, dict[Place, ConnectorRecord]] = {}
    since: dict[tuple[StationId, Place], datetime] = {}
    for station, evse, connector, first_at, was in await db.execute(_BEFORE, values):
        found.setdefault(station, {})[evse, connector] = ConnectorRecord(first_at)
        if was:
            since[station, (evse, connector)] = start
    for station, evse, connector, at, is_unusable in await db.execute(_CHANGES, values):
        place = (evse, connector)
        record = found.get(station, {}).get(place)
        if record is None:
            continue  # The connector is gone, and its station no longer counts it.
        if is_unusable:
            since.setdefault((station, place), at)
        elif (station, place) in since:
            record.unusable.append((since.pop((station, place)), at))
    for (station, place), began_at in since.items():
        found[station][place].unusable.append((began_at, end))
    return found
