"""Service packages, who has which, and the yearly maintenance by them."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import ConfigDict, Field

from accounts import directory
from accounts.permissions import Permission
from billing import service_packages
from billing.packages import Maintenance, Package, maintenance_due_on
from billing.service_packages import Job
from csms import registry
from csms.registry import Station
from foundation.identifiers import OrganisationKey
from foundation.working_hours import BusinessHours, ServiceLevel
from portal.api.models import Answer, Body, Moment, MoneyModel, Since, moment_of
from portal.api.stations import limits
from portal.context import PortalContext
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(tags=["services"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.SERVICES_READ))]
Writer = Annotated[Caller, Depends(require(Permission.SERVICES_WRITE))]
Days = Annotated[int, Field(ge=0, le=365)]


class PackageFacts(Body):
    """What a package includes, and within which times something happens."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "Comfort",
                "first_aid": True,
                "hotline": True,
                "dispatch": True,
                "maintenance": "free",
                "remote_within_h": 4,
                "answer_within_days": 1,
                "on_site_within_days": 5,
                "time_zone": "Europe/Berlin",
                "opens": "08:00",
                "closes": "18:00",
                "weekdays": [0, 1, 2, 3, 4],
                "holidays": ["2026-12-25", "2026-12-26"],
            }
        }
    )

    name: Annotated[str, Field(min_length=1, max_length=100)]
    first_aid: bool
    hotline: bool
    dispatch: bool
    maintenance: Maintenance = Field(description="Whether the yearly one costs, if it is part.")
    remote_within_h: Annotated[int, Field(ge=1, le=10_000)] = 4
    answer_within_days: Days = 1
    on_site_within_days: Days = 5
    time_zone: Annotated[str, Field(max_length=100)] | None = Field(
        default=None, description="Of the hours; the operator's, if it is left out."
    )
    opens: time = time(8)
    closes: time = time(18)
    weekdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7)] = Field(
        default=[0, 1, 2, 3, 4], description="From 0, Monday."
    )
    holidays: Annotated[list[date], Field(max_length=500)] = Field(default=[])
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")


class PackageModel(Answer):
    """A service package as it holds now, or will first hold."""

    key: str
    name: str
    first_aid: bool
    hotline: bool
    dispatch: bool
    maintenance: Maintenance
    remote_within_h: int
    answer_within_days: int
    on_site_within_days: int
    time_zone: str
    opens: str
    closes: str
    weekdays: list[int]
    holidays: list[date]
    valid_from: Moment


class AssignedPackage(Body):
    """Which package is had from a moment on; null: none."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"package": "comfort", "valid_from": "2027-01-01"}}
    )

    package: Annotated[str, Field(max_length=40)] | None
    valid_from: Since | None = Field(default=None, description="Now, if it is left out.")


class HeldPackage(Answer):
    """Which package holds now, be it one's own or that of an organisation above."""

    package: PackageModel | None


class MaintenanceBody(Body):
    """A yearly maintenance that was done."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"done_on": "2026-10-01", "note": "E-check, no findings"}}
    )

    done_on: date
    note: Annotated[str, Field(max_length=2000)] = ""


class JobModel(Answer):
    """A maintenance, and what it cost by the package of its day; null: it was free."""

    done_on: date
    package: str | None
    cost: MoneyModel | None
    note: str


class MaintenanceModel(Answer):
    """The yearly maintenances of a station, and when the next one is due."""

    station: str
    due_on: date | None = Field(description="12 months after the last; null: there was none yet.")
    jobs: list[JobModel]


@router.get("/service-packages", summary="List service packages")
async def list_packages(db: Db, now: Now, _caller: Reader) -> Page[PackageModel]:
    """As they hold now, by key."""
    return Page(items=[_shown(each) for each in await service_packages.packages(db, at=now)])


@router.put("/service-packages/{package:segment}", summary="Define a service package")
async def define_package(
    db: Db, now: Now, caller: Writer, package: str, body: PackageFacts
) -> PackageModel:
    """From a moment on: what was promised until then is not changed."""
    zone = (await directory.root(db)).time_zone
    made = Package(
        key=package,
        name=body.name.strip(),
        first_aid=body.first_aid,
        hotline=body.hotline,
        dispatch=body.dispatch,
        maintenance=body.maintenance,
        level=ServiceLevel(
            timedelta(hours=body.remote_within_h),
            body.answer_within_days,
            body.on_site_within_days,
        ),
        hours=BusinessHours(
            body.time_zone or zone,
            body.opens.replace(tzinfo=None),
            body.closes.replace(tzinfo=None),
            frozenset(body.weekdays),
            frozenset(body.holidays),
        ),
        valid_from=now if body.valid_from is None else moment_of(body.valid_from, zone),
    )
    await service_packages.define(db, made, by=caller.actor.id, now=now)
    await caller.note(
        db,
        "service_package.define",
        f"service_package/{package}",
        organisation=caller.principal.organisation,
        after=body.model_dump(mode="json"),
        now=now,
    )
    return _shown(made)


@router.get("/stations/{identity:segment}/service-package", summary="Read a station's package")
async def get_station_package(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> HeldPackage:
    """Its own, else its organisation's, else that of the nearest one above."""
    station = await _own(db, now, context, caller, identity)
    found = await service_packages.package_of(db, station.identity, station.organisation, at=now)
    return HeldPackage(package=None if found is None else _shown(found))


@router.put("/stations/{identity:segment}/service-package", summary="Give a station a package")
async def set_station_package(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: AssignedPackage
) -> HeldPackage:
    """From a moment on; null: its organisation's counts."""
    station = await _own(db, now, context, caller, identity)
    owner = await directory.organisation(db, station.organisation)
    await service_packages.assign(
        db,
        "station",
        station.identity,
        body.package,
        organisation=owner.key,
        valid_from=_moment(body, owner.time_zone),
        by=caller.actor.id,
        now=now,
    )
    await _assigned(db, now, caller, f"station/{identity}", owner.key, body)
    found = await service_packages.package_of(db, station.identity, owner.key, at=now)
    return HeldPackage(package=None if found is None else _shown(found))


@router.put("/organisations/{key:segment}/service-package", summary="Give its stations a package")
async def set_organisation_package(
    db: Db, now: Now, caller: Writer, key: str, body: AssignedPackage
) -> HeldPackage:
    """From a moment on, for its stations and those of the organisations below it."""
    caller.must_see(OrganisationKey(key), "organisation", key)
    owner = await directory.organisation(db, OrganisationKey(key))
    begins = _moment(body, owner.time_zone)
    await service_packages.assign(
        db,
        "organisation",
        owner.key,
        body.package,
        organisation=owner.key,
        valid_from=begins,
        by=caller.actor.id,
        now=now,
    )
    await _assigned(db, now, caller, f"organisation/{key}", owner.key, body)
    if body.package is None:
        return HeldPackage(package=None)
    found = await service_packages.package(db, body.package, at=begins or now)
    return HeldPackage(package=_shown(found))


def _moment(body: AssignedPackage, zone: str) -> datetime | None:
    return None if body.valid_from is None else moment_of(body.valid_from, zone)


async def _assigned(
    db: Db,
    now: Now,
    caller: Caller,
    subject: str,
    organisation: OrganisationKey,
    body: AssignedPackage,
) -> None:
    await caller.note(
        db,
        "service_package.assign",
        subject,
        organisation=organisation,
        after=body.model_dump(mode="json"),
        now=now,
    )


@router.get("/stations/{identity:segment}/maintenance", summary="Read a station's maintenances")
async def get_maintenance(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> MaintenanceModel:
    """What was done, and when the next one is due."""
    station = await _own(db, now, context, caller, identity)
    return await _maintenance(db, station)


@router.post(
    "/stations/{identity:segment}/maintenance",
    status_code=201,
    summary="Record a yearly maintenance",
)
async def record_maintenance(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: MaintenanceBody
) -> MaintenanceModel:
    """It is free or charged by the package at the date of the job."""
    station = await _own(db, now, context, caller, identity)
    await service_packages.record_maintenance(
        db,
        station.identity,
        station.organisation,
        done_on=body.done_on,
        note=body.note,
        by=caller.actor.id,
        now=now,
    )
    await caller.note(
        db,
        "maintenance.record",
        f"station/{identity}",
        organisation=station.organisation,
        after=body.model_dump(mode="json"),
        now=now,
    )
    return await _maintenance(db, station)


async def _maintenance(db: Db, station: Station) -> MaintenanceModel:
    jobs = await service_packages.maintenances(db, station.identity)
    # What a former owner paid is not the next one's to see; when it was done is.
    return MaintenanceModel(
        station=station.identity,
        due_on=maintenance_due_on(jobs[-1].done_on) if jobs else None,
        jobs=[_job(each) for each in jobs if each.organisation == station.organisation],
    )


def _job(job: Job) -> JobModel:
    return JobModel(
        done_on=job.done_on,
        package=job.package,
        cost=MoneyModel.of_optional(job.cost),
        note=job.note,
    )


async def _own(db: Db, now: Now, context: PortalContext, caller: Caller, identity: str) -> Station:
    station = await registry.station(db, caller.scope, identity, now, limits=limits(context))
    caller.must_see(station.organisation, "station", identity)
    return station


def _shown(package: Package) -> PackageModel:
    hours, level = package.hours, package.level
    return PackageModel(
        key=package.key,
        name=package.name,
        first_aid=package.first_aid,
        hotline=package.hotline,
        dispatch=package.dispatch,
        maintenance=package.maintenance,
        remote_within_h=level.remote_within // timedelta(hours=1),
        answer_within_days=level.answer_within_days,
        on_site_within_days=level.on_site_within_days,
        time_zone=hours.time_zone,
        opens=hours.opens.isoformat("minutes"),
        closes=hours.closes.isoformat("minutes"),
        weekdays=sorted(hours.weekdays),
        holidays=sorted(hours.holidays),
        valid_from=package.valid_from,
    )
