"""Face: what is to be done by hand because a station's monitoring was switched on or ended.

Or because a monitored charge point got another EVSE ID than its sticker shows.

A task is opened in the unit of work of the switch, and is open until somebody says that it is
done, or monitoring is switched the other way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import Scope
from alerts.task_tables import MonitoringTaskRow
from foundation.errors import NotFound
from foundation.identifiers import OrganisationKey, StationId


class TaskKind(StrEnum):
    """What is to be done."""

    SEND_STICKERS = "send_stickers"
    """Print the sticker sheet and send it to where the station stands."""
    REMOVE_STICKERS = "remove_stickers"
    """Take the stickers with the hotline's number off the station."""
    CHANGE_STICKERS = "change_stickers"
    """Take stickers off that show an EVSE ID of before, and send a new sheet."""


_OPENS: Final[Mapping[bool, TaskKind]] = {
    True: TaskKind.SEND_STICKERS,
    False: TaskKind.REMOVE_STICKERS,
}
_DONE, _NEEDLESS = "done", "needless"


@dataclass(frozen=True, slots=True)
class MonitoringTask:
    """Something that is to be done by hand, and since when."""

    id: int
    station: StationId
    organisation: OrganisationKey
    kind: TaskKind
    opened_at: datetime


async def switched(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    *,
    is_on: bool,
    by: Actor,
    now: datetime,
) -> None:
    """Open what a switch asks for, and end what it makes needless."""
    needless = [_OPENS[not is_on], TaskKind.CHANGE_STICKERS]
    await db.execute(
        update(MonitoringTaskRow)
        .where(
            MonitoringTaskRow.station == station,
            MonitoringTaskRow.kind.in_(needless),
            MonitoringTaskRow.ended_at.is_(None),
        )
        .values(ended_at=now, ending=_NEEDLESS, ended_by=by.id, ended_by_name=by.name)
        .execution_options(synchronize_session=False)
    )
    await _open(db, station, organisation, _OPENS[is_on], now)


async def evse_ids_changed(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    before: Mapping[int, str | None],
    after: Mapping[int, str | None],
    *,
    now: datetime,
) -> bool:
    """Open what other EVSE IDs of a monitored station ask for; tell whether they do.

    One that had none has no sticker yet; a sheet that is still to be sent will show the new one.

    Args:
        db: The unit of work of the change.
        station: A monitored one.
        organisation: Its owner.
        before: The EVSE IDs by the number of the EVSE.
        after: The same, after the change.
        now: By the Clock.
    """
    is_stale = any(old is not None and after.get(evse) != old for evse, old in before.items())
    if not is_stale:
        return False
    waiting = await db.scalar(
        select(MonitoringTaskRow.id).where(
            MonitoringTaskRow.station == station,
            MonitoringTaskRow.kind == TaskKind.SEND_STICKERS,
            MonitoringTaskRow.ended_at.is_(None),
        )
    )
    if waiting is not None:
        return False
    await _open(db, station, organisation, TaskKind.CHANGE_STICKERS, now)
    return True


async def _open(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    kind: TaskKind,
    now: datetime,
) -> None:
    """Open a task, if it is not open."""
    await db.execute(
        insert(MonitoringTaskRow)
        .values(station=station, organisation=organisation, kind=kind, opened_at=now)
        .on_conflict_do_nothing(
            index_elements=["station", "kind"], index_where=MonitoringTaskRow.ended_at.is_(None)
        )
    )


async def done(
    db: AsyncSession, scope: Scope, station: StationId, kind: TaskKind, *, by: Actor, now: datetime
) -> OrganisationKey:
    """Write that a task was done, and return whose it was.

    Raises:
        NotFound: If no such task of the station is open in scope.
    """
    row = await db.scalar(
        select(MonitoringTaskRow)
        .where(
            MonitoringTaskRow.station == station,
            MonitoringTaskRow.kind == kind,
            MonitoringTaskRow.ended_at.is_(None),
        )
        .with_for_update()
    )
    if row is None or not scope.covers(OrganisationKey(row.organisation)):
        raise NotFound("task", kind)
    row.ended_at, row.ending, row.ended_by, row.ended_by_name = now, _DONE, by.id, by.name
    await db.flush()
    return OrganisationKey(row.organisation)


async def open_tasks(
    db: AsyncSession, scope: Scope, *, stations: Sequence[str] | None = None, limit: int = 100
) -> list[MonitoringTask]:
    """Return the open tasks of a scope, the oldest first; of some stations, if they are named."""
    row = MonitoringTaskRow
    query = select(row).where(row.ended_at.is_(None)).order_by(row.id).limit(limit)
    if scope.organisations is not None:
        query = query.where(row.organisation.in_(scope.organisations))
    if stations is not None:
        query = query.where(row.station.in_(stations))
    return [
        MonitoringTask(
            each.id,
            StationId(each.station),
            OrganisationKey(each.organisation),
            TaskKind(each.kind),
            each.opened_at,
        )
        for each in await db.scalars(query)
    ]
