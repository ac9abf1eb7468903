"""Reading and writing the tables of alerts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from alerts.activation import Activation, Ending
from alerts.tables import MonitoringActivationRow, TechnicianRow
from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class Technician:
    """Who is sent to a station when a fault cannot be cleared from afar."""

    name: str
    phone: str | None
    email: str | None

    @classmethod
    def of(cls, row: TechnicianRow) -> Self:
        """Return what the row says."""
        return cls(row.name, row.phone, row.email)


async def add_activation(
    db: AsyncSession,
    station: str,
    organisation: str,
    *,
    by: str,
    by_name: str,
    now: datetime,
) -> Activation | None:
    """Write that a station is monitored from now on; None if it is already."""
    written = insert(MonitoringActivationRow).values(
        station=station,
        organisation=organisation,
        active_from=now,
        started_by=by,
        started_by_name=by_name,
    )
    found = await db.scalars(
        written.on_conflict_do_nothing(
            index_elements=["station"],
            index_where=MonitoringActivationRow.active_to.is_(None),
        ).returning(MonitoringActivationRow)
    )
    row = found.one_or_none()
    return None if row is None else _activation(row)


async def end_activation(
    db: AsyncSession,
    station: str,
    *,
    by: str,
    by_name: str,
    because: Ending,
    now: datetime,
) -> Activation | None:
    """Write that a station is monitored no longer; None if it was not."""
    found = await db.scalars(
        update(MonitoringActivationRow)
        .where(
            MonitoringActivationRow.station == station, MonitoringActivationRow.active_to.is_(None)
        )
        .values(active_to=now, ended_by=by, ended_by_name=by_name, ended_because=because)
        .returning(MonitoringActivationRow)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    row = found.one_or_none()
    return None if row is None else _activation(row)


async def active(db: AsyncSession, stations: Sequence[str]) -> dict[StationId, Activation]:
    """Return which of the stations are monitored now."""
    rows = await db.scalars(
        select(MonitoringActivationRow).where(
            MonitoringActivationRow.station.in_(stations),
            MonitoringActivationRow.active_to.is_(None),
        )
    )
    return {StationId(row.station): _activation(row) for row in rows}


async def activations(db: AsyncSession, station: str) -> list[Activation]:
    """Return all times at which a station was monitored, the oldest first."""
    rows = await db.scalars(
        select(MonitoringActivationRow)
        .where(MonitoringActivationRow.station == station)
        .order_by(MonitoringActivationRow.active_from, MonitoringActivationRow.id)
    )
    return [_activation(row) for row in rows]


async def without_technician(
    db: AsyncSession, organisations: Sequence[str] | None, *, limit: int
) -> list[Activation]:
    """Return the monitored stations to which nobody can be sent, by identity.

    Args:
        db: The unit of work.
        organisations: Only theirs; None: all.
        limit: How many at most.
    """
    row, technician = MonitoringActivationRow, TechnicianRow
    query = (
        select(row)
        .outerjoin(
            technician,
            (technician.station == row.station) & (technician.organisation == row.organisation),
        )
        .where(row.active_to.is_(None), technician.station.is_(None))
        .order_by(row.station)
        .limit(limit)
    )
    if organisations is not None:
        query = query.where(row.organisation.in_(organisations))
    return [_activation(each) for each in await db.scalars(query)]


async def technicians(db: AsyncSession, stations: Sequence[str]) -> dict[str, TechnicianRow]:
    """Return who is sent to which of the stations."""
    rows = await db.scalars(select(TechnicianRow).where(TechnicianRow.station.in_(stations)))
    return {row.station: row for row in rows}


async def set_technician(
    db: AsyncSession,
    station: str,
    organisation: str,
    technician: Technician,
    *,
    by: str,
    now: datetime,
) -> None:
    """Write who is sent to a station from now on."""
    values = {
        "organisation": organisation,
        "name": technician.name,
        "phone": technician.phone,
        "email": technician.email,
        "changed_at": now,
        "changed_by": by,
    }
    await db.execute(
        insert(TechnicianRow)
        .values(station=station, **values)
        .on_conflict_do_update(index_elements=["station"], set_=values)
    )


def _activation(row: MonitoringActivationRow) -> Activation:
    return Activation(
        station=StationId(row.station),
        organisation=OrganisationKey(row.organisation),
        active_from=row.active_from,
        active_to=row.active_to,
        started_by=row.started_by,
        started_by_name=row.started_by_name,
        ended_because=None if row.ended_because is None else Ending(row.ended_because),
    )
