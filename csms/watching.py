"""Face, read: what those who follow the journal ask for, in sets.

Whose a station was when something happened, which station a transaction was at, and what was
measured last where somebody charges now.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from csms.tables import TransactionRow
from foundation.identifiers import EvseId, OrganisationKey, StationId, TransactionId


async def owners_at(
    db: AsyncSession, asked: Collection[tuple[StationId, datetime]]
) -> dict[tuple[StationId, datetime], OrganisationKey]:
    """Return whose station it was at a moment; stations that do not exist are left out."""
    if not asked:
        return {}
    rows = await db.execute(
        text("""
            select asked.station, asked.at, o.organisation
            from unnest(cast(:stations as text[]), cast(:moments as timestamptz[]))
                as asked (station, at)
            join station_owners o on o.station = asked.station
                and o.valid_from <= asked.at and coalesce(o.valid_to > asked.at, true)
        """),
        {"stations": [station for station, _ in asked], "moments": [at for _, at in asked]},
    )
    return {(StationId(station), at): OrganisationKey(owner) for station, at, owner in rows}


async def stations_of(
    db: AsyncSession, transactions: Collection[TransactionId]
) -> dict[TransactionId, StationId]:
    """Return at which stations transactions were; unknown ones are left out."""
    if not transactions:
        return {}
    rows = await db.execute(
        select(TransactionRow.id, TransactionRow.station).where(TransactionRow.id.in_(transactions))
    )
    return {TransactionId(number): StationId(station) for number, station in rows}


@dataclass(frozen=True, slots=True)
class NewReading:
    """The newest values of a transaction that goes on; `values` are samples in base units."""

    transaction_id: TransactionId
    station: StationId
    evse_id: EvseId
    owner: OrganisationKey
    measured_at: datetime
    received_at: datetime
    energy_register_wh: Decimal | None
    values: list[dict[str, Any]]


async def newest_readings(db: AsyncSession, received_after: datetime) -> list[NewReading]:
    """Return the newest reading of each running transaction, if it came after a moment."""
    rows = await db.execute(
        text("""
            select t.id, t.station, t.evse_id, t.owner,
                r.measured_at, r.received_at, r.energy_register_wh, r.values
            from transactions t cross join lateral (
                select * from readings where transaction_id = t.id
                order by measured_at desc limit 1
            ) r
            where t.state = 'active' and r.received_at > :after
            order by t.id
        """),
        {"after": received_after},
    )
    return [
        NewReading(
            TransactionId(number),
            StationId(station),
            EvseId(evse_id),
            OrganisationKey(owner),
            *rest,
        )
        for number, station, evse_id, owner, *rest in rows
    ]
