"""Error detection: jobs with what they look for, when they run and what they found; groups."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from alerts import detecting
from alerts.detecting import JobSheet, Run
from alerts.detection_jobs import METER_TOLERANCE, TOLERANCE, Check, Group
from csms import registry
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from portal import alert_words, detection_doors, vocabulary
from portal.detection_doors import WantedJob
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Db, Now, PageRoute
from portal.words import Words

router = APIRouter(prefix="/detection", route_class=PageRoute)

PER_PAGE = 50
_CHOICES = 500
Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]
Text = Annotated[str, Form(max_length=200)]
Several = Annotated[list[str], Form(max_length=200)]


@router.get("")
async def show_detection(
    request: Request,
    db: Db,
    caller: Reader,
    after: Annotated[int, Query(ge=0, lt=2**62)] = 0,
    n: Annotated[int, Query(ge=1, le=10**9)] = 1,
) -> Response:
    """List the jobs, the oldest first, and the groups."""
    frame = await frame_of(request, db, caller)
    found = await detecting.jobs(db, caller.scope, after=after, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    on = None
    if len(found) > PER_PAGE:
        on = link("/detection", {"after": kept[-1].job.id, "n": n + len(kept)})
    values = {
        "jobs": [_line(each, names, frame.words) for each in kept],
        "groups": [
            {
                "id": each.id,
                "name": each.name,
                "owner": names.get(each.organisation, each.organisation),
                "points": _points(each),
            }
            for each in await detecting.groups(db, caller.scope)
        ],
        "turn": Turn(n, n + len(kept) - 1, None, "/detection" if after else None, on),
    }
    return page(frame, "detection.html", values)


def _line(sheet: JobSheet, names: Mapping[OrganisationKey, str], said: Words) -> dict[str, Any]:
    job = sheet.job
    return {
        "id": job.id,
        "name": job.name,
        "state": "on" if job.is_active else "off",
        "owner": names.get(job.organisation, job.organisation),
        "execute_at": f"{job.execute_at:%H:%M}",
        "hours": job.hours,
        "checks": _checks(job.checks, said),
        "groups": [each.name for each in job.groups],
        "next_at": sheet.next_at,
        "zone": sheet.turns[0].time_zone if sheet.turns else "",
        "more_zones": len(sheet.turns) - 1,
        "last": sheet.last,
    }


def _checks(checks: Any, said: Words) -> list[str]:
    return [said.gettext(vocabulary.CHECKS[each]) for each in Check if each in checks]


def _points(group: Group) -> list[str]:
    return [
        f"{each.station}/{each.evse_id}" if each.evse_id else each.station for each in group.points
    ]


# --------------------------------------------------------------------------------------- jobs


@router.get("/jobs/new")
async def new_job(request: Request, db: Db, caller: Writer) -> Response:
    """Ask for a new job's facts."""
    return await _job_form(request, db, caller, _blank(caller))


@router.post("/jobs/new")
async def create_job(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    name: Text = "",
    organisation: Text = "",
    execute_at: Text = "",
    hours: Text = "",
    check: Several = [],  # noqa: B006 - FastAPI copies it
    group: Several = [],  # noqa: B006
    location: Text = "",
    site_meter: Text = "",
    tolerance_percent: Text = "",
    meter_tolerance_percent: Text = "",
) -> Response:
    """Make a job."""
    given = {
        "name": name,
        "organisation": organisation,
        "execute_at": execute_at,
        "hours": hours,
        "checks": check,
        "groups": group,
        "location": location,
        "site_meter": site_meter,
        "tolerance_percent": tolerance_percent,
        "meter_tolerance_percent": meter_tolerance_percent,
        "active": "yes",
    }
    return await _saved(request, db, now, caller, given)


@router.get("/jobs/{number}")
async def show_job(
    request: Request,
    db: Db,
    caller: Reader,
    number: str,
    before: Annotated[int | None, Query(ge=1, lt=2**62)] = None,
) -> Response:
    """Show a job with its runs, the newest first."""
    sheet = await detecting.job(db, caller.scope, _number(number))
    return await _job_form(request, db, caller, _given(sheet), sheet=sheet, before=before)


@router.post("/jobs/{number}")
async def change_job(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    name: Text = "",
    execute_at: Text = "",
    hours: Text = "",
    check: Several = [],  # noqa: B006 - FastAPI copies it
    group: Several = [],  # noqa: B006
    location: Text = "",
    site_meter: Text = "",
    tolerance_percent: Text = "",
    meter_tolerance_percent: Text = "",
    active: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Change a job."""
    sheet = await detecting.job(db, caller.scope, _number(number))
    given = {
        "name": name,
        "organisation": sheet.job.organisation,
        "execute_at": execute_at,
        "hours": hours,
        "checks": check,
        "groups": group,
        "location": location,
        "site_meter": site_meter,
        "tolerance_percent": tolerance_percent,
        "meter_tolerance_percent": meter_tolerance_percent,
        "active": active,
    }
    return await _saved(request, db, now, caller, given, sheet=sheet)


@router.post("/jobs/{number}/remove")
async def remove_job(db: Db, now: Now, caller: Writer, number: str) -> Response:
    """Take a job away."""
    await detection_doors.remove_job(db, caller, _number(number), now=now)
    return went("/detection", done="removed")


async def _saved(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    given: dict[str, Any],
    *,
    sheet: JobSheet | None = None,
) -> Response:
    try:
        async with await savepoint(db):
            made = await detection_doors.set_job(
                db,
                caller,
                WantedJob(
                    organisation=given["organisation"] or caller.principal.organisation,
                    name=given["name"],
                    execute_at=given["execute_at"],
                    hours=_whole(given["hours"], "hours"),
                    checks=[Check(each) for each in given["checks"] if each in set(Check)],
                    groups=[_whole(each, "groups") for each in given["groups"]],
                    location=given["location"] or None,
                    site_meter=given["site_meter"].strip() or None,
                    tolerance_percent=_whole(given["tolerance_percent"], "tolerance_percent"),
                    meter_tolerance_percent=_whole(
                        given["meter_tolerance_percent"], "meter_tolerance_percent"
                    ),
                    active=given["active"] == "yes",
                ),
                number=0 if sheet is None else sheet.job.id,
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _job_form(request, db, caller, given, sheet=sheet, errors=errors, status=422)
    return went(f"/detection/jobs/{made.job.id}", done="saved")


def _blank(caller: Caller) -> dict[str, Any]:
    return {
        "name": "",
        "organisation": caller.principal.organisation,
        "execute_at": "10:00",
        "hours": "4",
        "checks": [],
        "groups": [],
        "location": "",
        "site_meter": "",
        "tolerance_percent": str(TOLERANCE),
        "meter_tolerance_percent": str(METER_TOLERANCE),
        "active": "yes",
    }


def _given(sheet: JobSheet) -> dict[str, Any]:
    job = sheet.job
    return {
        "name": job.name,
        "organisation": job.organisation,
        "execute_at": f"{job.execute_at:%H:%M}",
        "hours": str(job.hours),
        "checks": [each.value for each in job.checks],
        "groups": [str(each.id) for each in job.groups],
        "location": job.location or "",
        "site_meter": job.site_meter or "",
        "tolerance_percent": str(job.tolerance_percent),
        "meter_tolerance_percent": str(job.meter_tolerance_percent),
        "active": "yes" if job.is_active else "",
    }


async def _job_form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: dict[str, Any],
    *,
    sheet: JobSheet | None = None,
    before: int | None = None,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    groups = await detecting.groups(db, caller.scope)
    if sheet is not None:
        groups = [each for each in groups if each.organisation == sheet.job.organisation]
    places = await registry.locations(db, caller.scope, limit=_CHOICES)
    listed: list[Run] = []
    if sheet is not None:
        listed = await detecting.runs(db, sheet.job.id, before=before, limit=PER_PAGE + 1)
    kept = listed[:PER_PAGE]
    path = "/detection/jobs/new" if sheet is None else f"/detection/jobs/{sheet.job.id}"
    values = {
        "path": path,
        "sheet": sheet,
        "turns": []
        if sheet is None
        else [(each.due_at, ZoneInfo(each.time_zone)) for each in sheet.turns],
        "given": given,
        "errors": errors,
        "checks": [
            (
                each.value,
                said.gettext(vocabulary.CHECKS[each]),
                said.gettext(vocabulary.CHECK_MEANINGS[each]),
                each.value in given["checks"],
            )
            for each in Check
        ],
        "groups": [
            (str(each.id), each.name, len(each.points), str(each.id) in given["groups"])
            for each in groups
        ],
        "places": [("", said.gettext("Everywhere")), *((each.key, each.name) for each in places)],
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
        "runs": [_run(each, said) for each in kept],
        "back": path if before else None,
        "on": link(path, {"before": kept[-1].id}) if len(listed) > PER_PAGE else None,
    }
    return page(frame, "detection_job.html", values, status=status)


def _run(run: Run, said: Words) -> dict[str, Any]:
    return {
        "run": run,
        "state": "found" if run.found else "nothing",
        "found": [
            {
                "where": each.station or each.location or "",
                "evse_id": each.evse_id,
                "checks": _checks(each.checks, said),
                "evidence": alert_words.evidence(
                    {key: text for key, text in each.evidence.items() if key != "checks"},
                    ZoneInfo(run.time_zone),
                    said,
                ),
            }
            for each in run.found
        ],
        "remarks": [
            (said.gettext(vocabulary.REMARKS[each.kind]), each.about) for each in run.remarks
        ],
    }


# ------------------------------------------------------------------------------------- groups


@router.get("/groups/new")
async def new_group(request: Request, db: Db, caller: Writer) -> Response:
    """Ask for a new group's facts."""
    given = {"name": "", "organisation": caller.principal.organisation, "points": ""}
    return await _group_form(request, db, caller, given)


@router.post("/groups/new")
async def create_group(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    name: Text = "",
    organisation: Text = "",
    points: Annotated[str, Form(max_length=70_000)] = "",
) -> Response:
    """Make a group."""
    given = {"name": name, "organisation": organisation, "points": points}
    return await _group_saved(request, db, now, caller, given)


@router.get("/groups/{number}")
async def show_group(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show a group."""
    found = await detecting.group(db, caller.scope, _number(number))
    given = {
        "name": found.name,
        "organisation": found.organisation,
        "points": "\n".join(_points(found)),
    }
    return await _group_form(request, db, caller, given, found)


@router.post("/groups/{number}")
async def change_group(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    number: str,
    name: Text = "",
    points: Annotated[str, Form(max_length=70_000)] = "",
) -> Response:
    """Change a group."""
    found = await detecting.group(db, caller.scope, _number(number))
    given = {"name": name, "organisation": found.organisation, "points": points}
    return await _group_saved(request, db, now, caller, given, found)


@router.post("/groups/{number}/remove")
async def remove_group(request: Request, db: Db, now: Now, caller: Writer, number: str) -> Response:
    """Take a group away."""
    found = await detecting.group(db, caller.scope, _number(number))
    try:
        async with await savepoint(db):
            await detection_doors.remove_group(db, caller, found.id, now=now)
    except Conflict as error:
        frame = await frame_of(request, db, caller)
        given = {
            "name": found.name,
            "organisation": found.organisation,
            "points": "\n".join(_points(found)),
        }
        errors = form_errors(error, frame.words, otherwise="name")
        return await _group_form(request, db, caller, given, found, errors, 409)
    return went("/detection", done="removed")


async def _group_saved(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    given: dict[str, str],
    found: Group | None = None,
) -> Response:
    try:
        async with await savepoint(db):
            await detection_doors.set_group(
                db,
                caller,
                organisation=given["organisation"] or caller.principal.organisation,
                name=given["name"],
                points=given["points"].split("\n"),
                number=0 if found is None else found.id,
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        frame = await frame_of(request, db, caller)
        errors = form_errors(error, frame.words, otherwise="name")
        return await _group_form(request, db, caller, given, found, errors, 422)
    return went("/detection", done="saved")


async def _group_form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    given: dict[str, str],
    found: Group | None = None,
    errors: FormErrors | None = None,
    status: int = 200,
) -> Response:
    frame = await frame_of(request, db, caller)
    values = {
        "path": "/detection/groups/new" if found is None else f"/detection/groups/{found.id}",
        "group": found,
        "given": given,
        "errors": errors,
        "organisations": [
            (each.key, each.name) for each in await directory.organisations(db, caller.scope)
        ],
    }
    return page(frame, "detection_group.html", values, status=status)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise NotFound("error detection", text)
    return int(text)


def _whole(text: str, field: str) -> int:
    if not text.isascii() or not text.strip().isdecimal() or len(text) > 18:
        raise InvalidInput("Enter a whole number.", field=field)
    return int(text)
