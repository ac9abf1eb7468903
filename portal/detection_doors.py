"""Error-detection jobs and groups as every door sets them up: seen, done, audited."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.permissions import Permission
from alerts import detecting
from alerts.detecting import JobSheet, point_of
from alerts.detection_jobs import METER_TOLERANCE, TOLERANCE, Check, Group, Job
from alerts.job_schedule import time_of
from csms import registry
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from portal.guard import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedJob:
    """A job as somebody wants it; times and numbers of groups as he wrote them."""

    organisation: str
    name: str
    execute_at: str
    hours: int
    checks: Sequence[Check]
    groups: Sequence[int] = ()
    location: str | None = None
    site_meter: str | None = None
    tolerance_percent: int = TOLERANCE
    meter_tolerance_percent: int = METER_TOLERANCE
    active: bool = True


async def set_job(
    db: AsyncSession, caller: Caller, wanted: WantedJob, *, number: int = 0, now: datetime
) -> JobSheet:
    """Make a job (number 0), or change it; its organisation stays.

    Raises:
        InvalidInput: If it makes no sense, or names what is not the caller's.
        NotFound: If there is no such job in his scope.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    before = await detecting.job(db, caller.scope, number) if number else None
    organisation = await _organisation(db, caller, wanted.organisation)
    if before is not None:
        organisation = before.job.organisation
    if wanted.location is not None:
        await _must_see_location(db, caller, wanted.location)
    groups = []
    for each in dict.fromkeys(wanted.groups):
        try:
            group = await detecting.group(db, caller.scope, each)
        except NotFound as error:
            raise InvalidInput(f"There is no group {each}.", field="groups") from error
        if group.organisation != organisation:
            raise InvalidInput(
                f"The group {group.name!r} is another organisation's.", field="groups"
            )
        groups.append(group)
    job = Job(
        id=number,
        organisation=organisation,
        name=wanted.name.strip(),
        execute_at=time_of(wanted.execute_at),
        hours=wanted.hours,
        checks=frozenset(wanted.checks),
        groups=tuple(groups),
        location=wanted.location,
        site_meter=None if wanted.site_meter is None else StationId(wanted.site_meter),
        tolerance_percent=wanted.tolerance_percent,
        meter_tolerance_percent=wanted.meter_tolerance_percent,
        is_active=wanted.active,
    )
    made = await detecting.set_job(db, job, by=caller.actor, now=now)
    await caller.note(
        db,
        "detection_job.change" if number else "detection_job.create",
        f"detection_job/{made.job.id}",
        organisation=organisation,
        before=None if before is None else _noted(before.job),
        after=_noted(made.job),
        now=now,
    )
    return made


async def remove_job(db: AsyncSession, caller: Caller, number: int, *, now: datetime) -> None:
    """Take a job away; its runs are kept.

    Raises:
        NotFound: If there is none in the caller's scope.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    found = (await detecting.job(db, caller.scope, number)).job
    await detecting.remove_job(db, number, by=caller.actor, now=now)
    await caller.note(
        db,
        "detection_job.remove",
        f"detection_job/{number}",
        organisation=found.organisation,
        before=_noted(found),
        now=now,
    )


async def set_group(
    db: AsyncSession,
    caller: Caller,
    *,
    organisation: str,
    name: str,
    points: Sequence[str],
    number: int = 0,
    now: datetime,
) -> Group:
    """Make a group (number 0), or change it.

    Args:
        db: The unit of work.
        caller: Who asks.
        organisation: Whose; it stays.
        name: What it is called.
        points: `STATION`, for all charge points of a station, or `STATION/EVSE`.
        number: Which.
        now: The moment.

    Raises:
        InvalidInput: If it makes no sense, or names what is not the organisation's.
        NotFound: If there is no such group in his scope.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    owner = await _organisation(db, caller, organisation)
    before = await detecting.group(db, caller.scope, number) if number else None
    if before is not None:
        owner = before.organisation
    wanted = Group(number, owner, name, tuple(point_of(each) for each in points if each.strip()))
    made = await detecting.set_group(db, wanted, by=caller.actor, now=now)
    await caller.note(
        db,
        "detection_group.change" if number else "detection_group.create",
        f"detection_group/{made.id}",
        organisation=owner,
        before=None if before is None else asdict(before),
        after=asdict(made),
        now=now,
    )
    return made


async def remove_group(db: AsyncSession, caller: Caller, number: int, *, now: datetime) -> None:
    """Take a group away.

    Raises:
        NotFound: If there is none in the caller's scope.
        GroupInUse: If jobs look at it.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    found = await detecting.group(db, caller.scope, number)
    await detecting.remove_group(db, number)
    await caller.note(
        db,
        "detection_group.remove",
        f"detection_group/{number}",
        organisation=found.organisation,
        before=asdict(found),
        now=now,
    )


async def _organisation(db: AsyncSession, caller: Caller, key: str) -> OrganisationKey:
    try:
        caller.must_see(OrganisationKey(key), "organisation", key)
        return (await directory.organisation(db, OrganisationKey(key))).key
    except NotFound as error:
        raise InvalidInput(f"There is no organisation {key!r}.", field="organisation") from error


async def _must_see_location(db: AsyncSession, caller: Caller, key: str) -> None:
    if not await registry.locations(db, caller.scope, key=key, limit=1):
        raise InvalidInput(f"There is no location {key!r}.", field="location")


def _noted(job: Job) -> dict[str, object]:
    return {
        "name": job.name,
        "execute_at": f"{job.execute_at:%H:%M}",
        "hours": job.hours,
        "checks": [each.value for each in Check if each in job.checks],
        "groups": [each.id for each in job.groups],
        "location": job.location,
        "site_meter": job.site_meter,
        "tolerance_percent": job.tolerance_percent,
        "meter_tolerance_percent": job.meter_tolerance_percent,
        "active": job.is_active,
    }
