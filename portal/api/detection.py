"""Error-detection jobs: what is looked for, when, and what was found; groups of charge points."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from alerts import detecting
from alerts.detecting import POINTS_MAX, JobSheet, Run
from alerts.detection_jobs import (
    METER_TOLERANCE,
    NAME_MAX,
    TOLERANCE,
    Check,
    Group,
    RemarkKind,
)
from alerts.job_schedule import HOURS_MAX
from foundation.identifiers import OrganisationKey, StationId
from portal import detection_doors, paging
from portal.api.models import Answer, Body, Moment, Number
from portal.detection_doors import WantedJob
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Db, Now

router = APIRouter(tags=["alerts"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Percent = Annotated[int, Field(ge=1, le=99)]
Key = Annotated[str, Field(min_length=1, max_length=100)]


class PlaceModel(Answer):
    """Where a run found something."""

    station: StationId | None
    evse_id: int | None
    location: str | None
    checks: list[Check]
    evidence: dict[str, str]


class RemarkModel(Answer):
    """What a run could not say."""

    kind: RemarkKind
    about: str


class RunModel(Answer):
    """A run of a job with its result."""

    id: int
    time_zone: str = Field(description="Of the sites that it looked at.")
    due_at: Moment
    ran_at: Moment = Field(description="Later than it was due where it had been missed.")
    looked_from: Moment = Field(description="Included.")
    looked_to: Moment = Field(description="Not included.")
    charge_points: int
    found: list[PlaceModel]
    remarks: list[RemarkModel]


class TurnModel(Answer):
    """When a job runs next in a time zone."""

    time_zone: str
    at: Moment


class JobModel(Answer):
    """An error-detection job."""

    id: int
    organisation: OrganisationKey
    name: str
    execute_at: str
    hours: int
    checks: list[Check]
    groups: list[int]
    location: str | None
    site_meter: StationId | None
    tolerance_percent: int
    meter_tolerance_percent: int
    active: bool
    next_runs: list[TurnModel] = Field(description="One for each time zone with stations.")
    last_run: RunModel | None


class JobBody(Body):
    """An error-detection job as it shall be."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Morning",
                "execute_at": "10:00",
                "hours": 4,
                "checks": ["no_message", "no_energy"],
            }
        }
    )

    organisation: Key | None = Field(
        default=None, description="One's own, if it is left out; a change leaves it as it is."
    )
    name: Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
    execute_at: Annotated[str, Field(max_length=20)] = Field(
        description="HH:MM, every day, by the clock of the site. A time that is missing when"
        " summer time begins is the next one that there is; one that comes twice runs once."
    )
    hours: Annotated[int, Field(ge=1, le=HOURS_MAX)] = Field(
        description="It looks at the last so many hours."
    )
    checks: Annotated[list[Check], Field(max_length=len(Check))] = Field(
        description="`no_message`: a station said nothing. `no_energy`: a charge point gave less"
        " than 1 Wh, although it usually gives some in these hours of this weekday. `comparison`:"
        " energy per kW of rated power and success rate, within each group. `meter`: the main or"
        " site meter against the sum of the sessions."
    )
    groups: Annotated[list[int], Field(max_length=100)] = Field(
        default=[], description="Whose charge points it looks at; none: all of the organisation."
    )
    location: Key | None = None
    site_meter: Key | None = Field(
        default=None, description="The station whose main meter measures the whole site."
    )
    tolerance_percent: Percent = TOLERANCE
    meter_tolerance_percent: Percent = METER_TOLERANCE
    active: bool = True


class GroupModel(Answer):
    """Charge points that are compared with each other."""

    id: int
    organisation: OrganisationKey
    name: str
    points: list[str]


class GroupBody(Body):
    """A group as it shall be."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "South side", "points": ["DE-HN-014", "DE-HN-015/2"]}
        }
    )

    organisation: Key | None = Field(
        default=None, description="One's own, if it is left out; a change leaves it as it is."
    )
    name: Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
    points: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=60)]],
        Field(min_length=1, max_length=POINTS_MAX),
    ] = Field(description="A station for all of its charge points, or `STATION/EVSE`.")


@router.get("/detection-jobs", summary="List error-detection jobs")
async def list_detection_jobs(
    db: Db,
    caller: Reader,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[JobModel]:
    """By number, each with its next runs and its last one."""
    behind = paging.decoded(cursor, int)
    found = await detecting.jobs(
        db, caller.scope, after=0 if behind is None else behind[0], limit=limit + 1
    )
    return paging.page(found, limit, shown=_job, key=lambda each: (each.job.id,))


@router.post("/detection-jobs", status_code=201, summary="Create an error-detection job")
async def create_detection_job(db: Db, now: Now, caller: Writer, body: JobBody) -> JobModel:
    """There may be any number; two that find something at one place are two alerts."""
    return _job(await detection_doors.set_job(db, caller, _wanted(caller, body), now=now))


@router.get("/detection-jobs/{number}", summary="Get an error-detection job")
async def get_detection_job(db: Db, caller: Reader, number: Number) -> JobModel:
    """With its next runs and its last one."""
    return _job(await detecting.job(db, caller.scope, number))


@router.put("/detection-jobs/{number}", summary="Change an error-detection job")
async def change_detection_job(
    db: Db, now: Now, caller: Writer, number: Number, body: JobBody
) -> JobModel:
    """It runs at the next time that it names; switched off, what it found is over."""
    made = await detection_doors.set_job(db, caller, _wanted(caller, body), number=number, now=now)
    return _job(made)


@router.delete("/detection-jobs/{number}", status_code=204, summary="Remove an error-detection job")
async def remove_detection_job(db: Db, now: Now, caller: Writer, number: Number) -> None:
    """What it found is over."""
    await detection_doors.remove_job(db, caller, number, now=now)


@router.get("/detection-jobs/{number}/runs", summary="List the runs of an error-detection job")
async def list_detection_runs(
    db: Db,
    caller: Reader,
    number: Number,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Page[RunModel]:
    """The newest first, each with what it found."""
    await detecting.job(db, caller.scope, number)
    behind = paging.decoded(cursor, int)
    found = await detecting.runs(
        db, number, before=None if behind is None else behind[0], limit=limit + 1
    )
    return paging.page(found, limit, shown=_run, key=lambda each: (each.id,))


@router.get("/detection-groups", summary="List groups of charge points")
async def list_detection_groups(db: Db, caller: Reader) -> Page[GroupModel]:
    """By name."""
    return Page(items=[_group(each) for each in await detecting.groups(db, caller.scope)])


@router.post("/detection-groups", status_code=201, summary="Create a group of charge points")
async def create_detection_group(db: Db, now: Now, caller: Writer, body: GroupBody) -> GroupModel:
    """What is compared with each other, and with nothing else."""
    return await _set_group(db, now, caller, body, 0)


@router.put("/detection-groups/{number}", summary="Change a group of charge points")
async def change_detection_group(
    db: Db, now: Now, caller: Writer, number: Number, body: GroupBody
) -> GroupModel:
    """Refused where a job compares by it and it would have less than two charge points."""
    return await _set_group(db, now, caller, body, number)


@router.delete(
    "/detection-groups/{number}", status_code=204, summary="Remove a group of charge points"
)
async def remove_detection_group(db: Db, now: Now, caller: Writer, number: Number) -> None:
    """Refused while a job looks at it."""
    await detection_doors.remove_group(db, caller, number, now=now)


async def _set_group(db: Db, now: Now, caller: Caller, body: GroupBody, number: int) -> GroupModel:
    made = await detection_doors.set_group(
        db,
        caller,
        organisation=body.organisation or caller.principal.organisation,
        name=body.name,
        points=body.points,
        number=number,
        now=now,
    )
    return _group(made)


def _wanted(caller: Caller, body: JobBody) -> WantedJob:
    return WantedJob(
        organisation=body.organisation or caller.principal.organisation,
        name=body.name,
        execute_at=body.execute_at,
        hours=body.hours,
        checks=body.checks,
        groups=body.groups,
        location=body.location,
        site_meter=body.site_meter,
        tolerance_percent=body.tolerance_percent,
        meter_tolerance_percent=body.meter_tolerance_percent,
        active=body.active,
    )


def _job(sheet: JobSheet) -> JobModel:
    job = sheet.job
    return JobModel(
        id=job.id,
        organisation=job.organisation,
        name=job.name,
        execute_at=f"{job.execute_at:%H:%M}",
        hours=job.hours,
        checks=[each for each in Check if each in job.checks],
        groups=[each.id for each in job.groups],
        location=job.location,
        site_meter=job.site_meter,
        tolerance_percent=job.tolerance_percent,
        meter_tolerance_percent=job.meter_tolerance_percent,
        active=job.is_active,
        next_runs=[TurnModel(time_zone=each.time_zone, at=each.due_at) for each in sheet.turns],
        last_run=None if sheet.last is None else _run(sheet.last),
    )


def _run(run: Run) -> RunModel:
    return RunModel(
        id=run.id,
        time_zone=run.time_zone,
        due_at=run.due_at,
        ran_at=run.ran_at,
        looked_from=run.looked_from,
        looked_to=run.looked_to,
        charge_points=run.points,
        found=[
            PlaceModel(
                station=each.station,
                evse_id=each.evse_id,
                location=each.location,
                checks=list(each.checks),
                evidence=dict(each.evidence),
            )
            for each in run.found
        ],
        remarks=[RemarkModel(kind=each.kind, about=each.about) for each in run.remarks],
    )


def _group(group: Group) -> GroupModel:
    return GroupModel(
        id=group.id,
        organisation=group.organisation,
        name=group.name,
        points=[
            f"{each.station}/{each.evse_id}" if each.evse_id else each.station
            for each in group.points
        ],
    )
