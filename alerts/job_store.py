"""Reading and writing error-detection jobs, their groups, and when they are due."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from alerts.alert_tables import FaultRow
from alerts.detection_jobs import Check, Found, Group, Job, Point, Remark, RemarkKind
from alerts.detections import Detection
from alerts.job_schedule import time_of
from alerts.job_tables import (
    DetectionGroupPointRow,
    DetectionGroupRow,
    DetectionJobGroupRow,
    DetectionJobRow,
    DetectionJobRunRow,
    DetectionJobTurnRow,
    WatchRuleRow,
)
from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a job with its result."""

    id: int
    job: int
    time_zone: str
    due_at: datetime
    ran_at: datetime
    looked_from: datetime
    looked_to: datetime
    points: int
    found: tuple[Found, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """When a job is due in a time zone."""

    job: int
    time_zone: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class OpenFault:
    """A fault that is known and not over, as far as watches that look at everything need it."""

    organisation: OrganisationKey
    cause: str
    station: StationId | None
    evse_id: int | None
    connector_id: int | None
    location: str | None


# ------------------------------------------------------------------------------------- groups


async def groups(
    db: AsyncSession, scope: Scope, numbers: Collection[int] | None = None
) -> list[Group]:
    """Return groups by name; those of some numbers, or all in scope."""
    query = select(DetectionGroupRow).order_by(DetectionGroupRow.name, DetectionGroupRow.id)
    if scope.organisations is not None:
        query = query.where(DetectionGroupRow.organisation.in_(sorted(scope.organisations)))
    if numbers is not None:
        query = query.where(DetectionGroupRow.id.in_(sorted(numbers)))
    rows = list(await db.scalars(query))
    points = await _points_of(db, [each.id for each in rows])
    return [
        Group(each.id, OrganisationKey(each.organisation), each.name, points.get(each.id, ()))
        for each in rows
    ]


async def _points_of(db: AsyncSession, numbers: Collection[int]) -> dict[int, tuple[Point, ...]]:
    if not numbers:
        return {}
    found: dict[int, list[Point]] = {}
    rows = await db.execute(
        select(
            DetectionGroupPointRow.group_id,
            DetectionGroupPointRow.station,
            DetectionGroupPointRow.evse_id,
        )
        .where(DetectionGroupPointRow.group_id.in_(sorted(numbers)))
        .order_by(DetectionGroupPointRow.station, DetectionGroupPointRow.evse_id)
    )
    for number, station, evse_id in rows:
        found.setdefault(number, []).append(Point(StationId(station), evse_id))
    return {number: tuple(points) for number, points in found.items()}


async def group_named(
    db: AsyncSession, organisation: OrganisationKey, name: str
) -> DetectionGroupRow | None:
    """Return the group of a name, however it is capitalised."""
    return await db.scalar(
        select(DetectionGroupRow).where(
            DetectionGroupRow.organisation == organisation,
            func.lower(DetectionGroupRow.name) == func.lower(name),
        )
    )


async def save_group(db: AsyncSession, group: Group, *, by: str, now: datetime) -> int:
    """Write a group, a new one where its number is 0; return its number."""
    values = {"name": group.name, "changed_at": now, "changed_by": by}
    number = group.id
    if number:
        await db.execute(
            update(DetectionGroupRow).where(DetectionGroupRow.id == number).values(values)
        )
        await db.execute(
            delete(DetectionGroupPointRow).where(DetectionGroupPointRow.group_id == number)
        )
    else:
        made = await db.scalar(
            insert(DetectionGroupRow)
            .values(organisation=group.organisation, **values)
            .returning(DetectionGroupRow.id)
        )
        assert made is not None
        number = made
    if group.points:
        await db.execute(
            insert(DetectionGroupPointRow),
            [
                {"group_id": number, "station": each.station, "evse_id": each.evse_id}
                for each in group.points
            ],
        )
    return number


async def remove_group(db: AsyncSession, number: int) -> None:
    """Take a group away; no job that is there may look at it."""
    removed = select(DetectionJobRow.id).where(DetectionJobRow.removed_at.is_not(None))
    await db.execute(
        delete(DetectionJobGroupRow).where(
            DetectionJobGroupRow.group_id == number, DetectionJobGroupRow.job.in_(removed)
        )
    )
    await db.execute(delete(DetectionGroupRow).where(DetectionGroupRow.id == number))


async def jobs_with(db: AsyncSession, group: int) -> list[str]:
    """Return the names of the jobs and of the if/then rules that look at a group."""
    rules = await db.scalars(
        select(WatchRuleRow.name)
        .where(WatchRuleRow.group_id == group, WatchRuleRow.removed_at.is_(None))
        .order_by(WatchRuleRow.id)
    )
    found = await db.scalars(
        select(DetectionJobRow.name)
        .join(DetectionJobGroupRow, DetectionJobGroupRow.job == DetectionJobRow.id)
        .where(DetectionJobGroupRow.group_id == group, DetectionJobRow.removed_at.is_(None))
        .order_by(DetectionJobRow.id)
    )
    return [*found, *rules]


# --------------------------------------------------------------------------------------- jobs


async def jobs(db: AsyncSession, scope: Scope, *, after: int = 0, limit: int = 50) -> list[Job]:
    """Return jobs by number."""
    query = _jobs().where(DetectionJobRow.id > after).order_by(DetectionJobRow.id).limit(limit)
    if scope.organisations is not None:
        query = query.where(DetectionJobRow.organisation.in_(sorted(scope.organisations)))
    return await _read(db, query)


async def job(db: AsyncSession, number: int, *, locked: bool = False) -> Job | None:
    """Return a job; None if there is none, or it was removed."""
    query = _jobs().where(DetectionJobRow.id == number)
    found = await _read(db, query.with_for_update() if locked else query)
    return found[0] if found else None


def _jobs() -> Select[DetectionJobRow]:
    return select(DetectionJobRow).where(DetectionJobRow.removed_at.is_(None))


async def _read(db: AsyncSession, query: Select[DetectionJobRow]) -> list[Job]:
    rows = list(await db.scalars(query.execution_options(populate_existing=True)))
    linked = await db.execute(
        select(DetectionJobGroupRow.job, DetectionGroupRow)
        .join(DetectionGroupRow, DetectionGroupRow.id == DetectionJobGroupRow.group_id)
        .where(DetectionJobGroupRow.job.in_([each.id for each in rows]))
        .order_by(DetectionGroupRow.name, DetectionGroupRow.id)
    )
    chosen: dict[int, list[DetectionGroupRow]] = {}
    for number, group in linked:
        chosen.setdefault(number, []).append(group)
    points = await _points_of(db, {group.id for each in chosen.values() for group in each})
    return [
        Job(
            id=row.id,
            organisation=OrganisationKey(row.organisation),
            name=row.name,
            execute_at=time_of(row.execute_at),
            hours=row.hours,
            checks=frozenset(Check(each) for each in row.checks),
            groups=tuple(
                Group(
                    each.id,
                    OrganisationKey(each.organisation),
                    each.name,
                    points.get(each.id, ()),
                )
                for each in chosen.get(row.id, ())
            ),
            location=row.location,
            site_meter=None if row.site_meter is None else StationId(row.site_meter),
            tolerance_percent=row.tolerance_percent,
            meter_tolerance_percent=row.meter_tolerance_percent,
            is_active=row.is_active,
        )
        for row in rows
    ]


async def save_job(db: AsyncSession, job: Job, *, by: str, now: datetime) -> int:
    """Write a job, a new one where its number is 0; return its number."""
    values = {
        "name": job.name.strip(),
        "execute_at": f"{job.execute_at:%H:%M}",
        "hours": job.hours,
        "checks": [each.value for each in Check if each in job.checks],
        "location": job.location,
        "site_meter": job.site_meter,
        "tolerance_percent": job.tolerance_percent,
        "meter_tolerance_percent": job.meter_tolerance_percent,
        "is_active": job.is_active,
        "changed_at": now,
        "changed_by": by,
    }
    number = job.id
    if number:
        await db.execute(update(DetectionJobRow).where(DetectionJobRow.id == number).values(values))
        await db.execute(delete(DetectionJobGroupRow).where(DetectionJobGroupRow.job == number))
    else:
        made = await db.scalar(
            insert(DetectionJobRow)
            .values(organisation=job.organisation, created_at=now, **values)
            .returning(DetectionJobRow.id)
        )
        assert made is not None
        number = made
    if job.groups:
        await db.execute(
            insert(DetectionJobGroupRow),
            [{"job": number, "group_id": each.id} for each in job.groups],
        )
    return number


async def remove_job(db: AsyncSession, number: int, *, by: str, now: datetime) -> None:
    """Take a job away; its runs are kept."""
    await db.execute(
        update(DetectionJobRow)
        .where(DetectionJobRow.id == number)
        .values(removed_at=now, changed_at=now, changed_by=by)
    )
    await set_turns(db, number, {})


# -------------------------------------------------------------------------------------- turns


async def set_turns(db: AsyncSession, job: int, turns: Mapping[str, datetime]) -> None:
    """Say in which time zones a job is due, and when; in others it no longer is."""
    await db.execute(
        delete(DetectionJobTurnRow).where(
            DetectionJobTurnRow.job == job, DetectionJobTurnRow.time_zone.not_in(list(turns))
        )
    )
    if turns:
        new = upsert(DetectionJobTurnRow).values(
            [
                {"job": job, "time_zone": zone, "due_at": due_at}
                for zone, due_at in sorted(turns.items())
            ]
        )
        await db.execute(
            new.on_conflict_do_update(
                index_elements=["job", "time_zone"], set_={"due_at": new.excluded.due_at}
            )
        )


async def turns_of(db: AsyncSession, jobs: Collection[int]) -> dict[int, list[Turn]]:
    """Return when jobs are due next, the earliest first."""
    rows = await db.execute(
        select(DetectionJobTurnRow.job, DetectionJobTurnRow.time_zone, DetectionJobTurnRow.due_at)
        .where(DetectionJobTurnRow.job.in_(sorted(jobs)))
        .order_by(DetectionJobTurnRow.due_at, DetectionJobTurnRow.time_zone)
    )
    found: dict[int, list[Turn]] = {}
    for row in rows:
        found.setdefault(row.job, []).append(Turn(*row))
    return found


async def due(db: AsyncSession, now: datetime) -> list[Turn]:
    """Return the turns that are due, the earliest first."""
    rows = await db.execute(
        select(DetectionJobTurnRow.job, DetectionJobTurnRow.time_zone, DetectionJobTurnRow.due_at)
        .where(DetectionJobTurnRow.due_at <= now)
        .order_by(DetectionJobTurnRow.due_at, DetectionJobTurnRow.job)
    )
    return [Turn(*row) for row in rows]


# --------------------------------------------------------------------------------------- runs


async def add_run(db: AsyncSession, run: Run) -> None:
    """Keep a run, once for each time that it was due."""
    await db.execute(
        upsert(DetectionJobRunRow)
        .values(
            job=run.job,
            time_zone=run.time_zone,
            due_at=run.due_at,
            ran_at=run.ran_at,
            looked_from=run.looked_from,
            looked_to=run.looked_to,
            points=run.points,
            found=[_written(each) for each in run.found],
            remarks=[{"kind": each.kind, "about": each.about} for each in run.remarks],
        )
        .on_conflict_do_nothing(index_elements=["job", "time_zone", "due_at"])
    )


async def runs(
    db: AsyncSession, job: int, *, before: int | None = None, limit: int = 50
) -> list[Run]:
    """Return the runs of a job, the newest first."""
    query = select(DetectionJobRunRow).where(DetectionJobRunRow.job == job)
    if before is not None:
        query = query.where(DetectionJobRunRow.id < before)
    rows = await db.scalars(query.order_by(DetectionJobRunRow.id.desc()).limit(limit))
    return [_run(each) for each in rows]


async def last_runs(db: AsyncSession, jobs: Collection[int]) -> dict[int, Run]:
    """Return the newest run of each job that ever ran."""
    rows = await db.scalars(
        select(DetectionJobRunRow)
        .where(DetectionJobRunRow.job.in_(sorted(jobs)))
        .ext(distinct_on(DetectionJobRunRow.job))
        .order_by(DetectionJobRunRow.job, DetectionJobRunRow.id.desc())
    )
    return {each.job: _run(each) for each in rows}


def _written(found: Found) -> dict[str, Any]:
    return {
        "station": found.station,
        "evse_id": found.evse_id,
        "organisation": found.organisation,
        "location": found.location,
        "checks": list(found.checks),
        "evidence": dict(found.evidence),
    }


def _run(row: DetectionJobRunRow) -> Run:
    return Run(
        row.id,
        row.job,
        row.time_zone,
        row.due_at,
        row.ran_at,
        row.looked_from,
        row.looked_to,
        row.points,
        tuple(
            Found(
                None if each["station"] is None else StationId(each["station"]),
                each["evse_id"],
                OrganisationKey(each["organisation"]),
                each["location"],
                tuple(Check(check) for check in each["checks"]),
                each["evidence"],
            )
            for each in row.found
        ),
        tuple(Remark(RemarkKind(each["kind"]), each["about"]) for each in row.remarks),
    )


# ------------------------------------------------------------------------------------- faults


async def open_faults(
    db: AsyncSession, detection: Detection, causes: Iterable[str] | None = None
) -> Sequence[OpenFault]:
    """Return what a watch found that is not over; of some causes, or all."""
    query = select(
        FaultRow.organisation,
        FaultRow.cause,
        FaultRow.station,
        FaultRow.evse_id,
        FaultRow.connector_id,
        FaultRow.location,
    ).where(FaultRow.detection == detection, FaultRow.over_at.is_(None))
    if causes is not None:
        query = query.where(FaultRow.cause.in_(sorted(causes)))
    rows = await db.execute(query.order_by(FaultRow.id))
    return [
        OpenFault(
            OrganisationKey(organisation),
            cause,
            None if station is None else StationId(station),
            evse_id,
            connector_id,
            location,
        )
        for organisation, cause, station, evse_id, connector_id, location in rows
    ]
