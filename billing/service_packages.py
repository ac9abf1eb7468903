"""Face: service packages, who has which, and the yearly maintenance by them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.lineage import lineage
from billing import charges, service_prices, service_store
from billing.charges import Charge, ChargeKind
from billing.packages import (
    Maintenance,
    Package,
    check_package,
    job_moment,
    maintenance_costs,
    maintenance_due_on,
    package_at,
)
from billing.service_store import Job as Job
from billing.service_store import PackageSpan as PackageSpan
from billing.service_tables import ServicePackageRow
from billing.services import Service
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId
from foundation.statements import ask
from foundation.working_hours import BusinessHours, ServiceLevel

Scope = Literal["station", "organisation"]

_HOUR = timedelta(hours=1)


class PackageKnown(Conflict):
    """Another definition or assignment was said to hold from this very moment on."""

    code = "package_known"

    def __init__(self) -> None:
        super().__init__("From this moment on something else was said already.")


class JobKnown(Conflict):
    """A maintenance of this station on that day is on record already."""

    code = "maintenance_known"

    def __init__(self, station: str, done_on: date) -> None:
        super().__init__(f"A maintenance of {station} on {done_on} is on record already.")


async def define(db: AsyncSession, package: Package, *, by: str, now: datetime) -> None:
    """Define a package, or redefine it from a moment on.

    Raises:
        InvalidInput: If it promises what cannot be kept, or from before now.
        PackageKnown: If it has a definition from that very moment on.
    """
    check_package(package)
    if package.valid_from < now:
        raise InvalidInput("What was promised cannot be changed.", field="valid_from")
    values = {
        "key": package.key,
        "name": package.name.strip(),
        "first_aid": package.first_aid,
        "hotline": package.hotline,
        "dispatch": package.dispatch,
        "maintenance": package.maintenance,
        "remote_within_h": package.level.remote_within // _HOUR,
        "answer_within_days": package.level.answer_within_days,
        "on_site_within_days": package.level.on_site_within_days,
        "time_zone": package.hours.time_zone,
        "opens": package.hours.opens,
        "closes": package.hours.closes,
        "weekdays": sorted(package.hours.weekdays),
        "holidays": sorted(package.hours.holidays),
        "valid_from": package.valid_from,
        "created_at": now,
        "created_by": by,
    }
    if not await service_store.add_package(db, values):
        raise PackageKnown


async def packages(db: AsyncSession, *, at: datetime) -> list[Package]:
    """Return what packages there are, each as it holds at a moment, or will first hold."""
    held: dict[str, list[Package]] = {}
    for row in await service_store.packages(db):
        held.setdefault(row.key, []).append(_package(row))
    return [package_at(each, at) or each[0] for each in held.values()]


async def package(db: AsyncSession, key: str, *, at: datetime) -> Package:
    """Return a package as it holds at a moment, or will first hold.

    Raises:
        NotFound: If there is none with this key.
    """
    held = [_package(row) for row in await service_store.packages(db, [key])]
    if not held:
        raise NotFound("service package", key)
    return package_at(held, at) or held[0]


async def assign(
    db: AsyncSession,
    scope: Scope,
    target: str,
    key: str | None,
    *,
    organisation: OrganisationKey,
    valid_from: datetime | None,
    by: str,
    now: datetime,
) -> None:
    """Give a station or an organisation a package from a moment on; None takes it away.

    Args:
        db: The unit of work.
        scope: What `target` names.
        target: A station's identity, or an organisation's key; the caller knows that it is there.
        key: The package's.
        organisation: Who pays: the station's owner, or the organisation itself.
        valid_from: Now, if it is left out; never before.
        by: Who says so.
        now: The moment.

    Raises:
        NotFound: If there is no such package.
        InvalidInput: If the moment is over.
        PackageKnown: If something was said from that very moment on.
    """
    begins = valid_from or now
    if begins < now:
        raise InvalidInput("What was cannot be given another package.", field="valid_from")
    if key is not None:
        await package(db, key, at=begins)
    await service_store.end_package_assignments(db, scope, target, at=begins)
    if key is not None and not await service_store.add_package_assignment(
        db,
        scope,
        target,
        organisation=organisation,
        package=key,
        valid_from=begins,
        by=by,
        now=now,
    ):
        raise PackageKnown


async def assignments(db: AsyncSession, organisation: OrganisationKey) -> list[PackageSpan]:
    """Return which packages an organisation pays for, or paid."""
    return await service_store.package_spans(db, organisation=organisation)


async def package_of(
    db: AsyncSession, station: StationId, organisation: OrganisationKey, *, at: datetime
) -> Package | None:
    """Return the package of a station at a moment: its own, else that of the nearest above."""
    return (await packages_of(db, {station: organisation}, at=at)).get(station)


async def packages_of(
    db: AsyncSession, owners: Mapping[StationId, OrganisationKey], *, at: datetime
) -> dict[StationId, Package]:
    """Return the packages of stations at a moment; those that have none are missing.

    Args:
        db: The unit of work.
        owners: The stations, with whose they are.
        at: The moment.
    """
    above = await ask(db, lineage(set(owners.values())))
    targets: list[tuple[str, str]] | None = None
    if len(owners) == 1:
        targets = [("station", each) for each in owners]
        targets += [("organisation", each) for each in above]
    spans: dict[tuple[str, str], list[PackageSpan]] = {}
    for each in await service_store.package_spans(db, targets=targets):
        if each.start <= at and (each.end is None or at < each.end):
            spans.setdefault((each.scope, each.target), []).append(each)
    if not spans:
        return {}
    known = {each.key: each for each in await packages(db, at=at)}
    found = {}
    for station, organisation in owners.items():
        places: list[tuple[str, str]] = [("station", station)]
        place: OrganisationKey | None = organisation
        while place is not None and place in above:
            places.append(("organisation", place))
            place = above[place].parent
        for scope, target in places:
            # What a former owner of the station had is not the next one's.
            his = [
                each
                for each in spans.get((scope, target), ())
                if scope == "organisation" or each.organisation == organisation
            ]
            if his:
                found[station] = known[his[0].package]
                break
    return found


def _package(row: ServicePackageRow) -> Package:
    return Package(
        key=row.key,
        name=row.name,
        first_aid=row.first_aid,
        hotline=row.hotline,
        dispatch=row.dispatch,
        maintenance=Maintenance(row.maintenance),
        level=ServiceLevel(
            row.remote_within_h * _HOUR, row.answer_within_days, row.on_site_within_days
        ),
        hours=BusinessHours(
            row.time_zone,
            row.opens,
            row.closes,
            frozenset(row.weekdays),
            frozenset(row.holidays),
        ),
        valid_from=row.valid_from,
    )


# ------------------------------------------------------------------------------ maintenance


@dataclass(frozen=True, slots=True)
class MaintenanceDone:
    """A yearly maintenance that was recorded, and when the next one is due."""

    job: Job
    next_due_on: date


async def record_maintenance(
    db: AsyncSession,
    station: StationId,
    organisation: OrganisationKey,
    *,
    done_on: date,
    note: str,
    by: str,
    now: datetime,
) -> MaintenanceDone:
    """Record a yearly maintenance, and charge it if the package of its day says so.

    Raises:
        InvalidInput: If its day is still to come.
        JobKnown: If one of that day is on record.
    """
    owner = await directory.organisation(db, organisation)
    moment = job_moment(done_on, owner.time_zone)
    if done_on > now.astimezone(moment.tzinfo).date():
        raise InvalidInput("A maintenance is recorded when it was done.", field="done_on")
    held = await package_of(db, station, organisation, at=moment)
    prices = await service_prices.price_book(db, organisation)
    price = prices.price(Service.MAINTENANCE, moment)
    cost = maintenance_costs(held, None if price is None else price.price.rounded())
    is_new = await service_store.add_job(
        db,
        station,
        organisation,
        done_on=done_on,
        package=None if held is None else held.key,
        cost=cost,
        currency=owner.currency if cost is None else cost.currency,
        note=note,
        by=by,
        now=now,
    )
    if not is_new:
        raise JobKnown(station, done_on)
    if cost is not None:
        charge = Charge(
            key=f"maintenance/{station}/{done_on}",
            kind=ChargeKind.MAINTENANCE,
            debtor=charges.organisation(organisation),
            quantity=Decimal(1),
            unit="C62",
            net=cost,
            first_day=done_on,
            last_day=done_on,
            about=f"station/{station}",
            details={"package": None if held is None else held.key},
        )
        await charges.book(db, [charge], now=now)
    job = Job(station, organisation, done_on, None if held is None else held.key, cost, note)
    return MaintenanceDone(job, maintenance_due_on(done_on))


async def maintenances(db: AsyncSession, station: StationId) -> list[Job]:
    """Return the yearly maintenances of a station, the oldest first."""
    return await service_store.jobs(db, stations=[station])


async def last_maintenances(
    db: AsyncSession, stations: Collection[StationId]
) -> Mapping[StationId, date]:
    """Return when each station had its last yearly maintenance; those that had none are missing."""
    return {each.station: each.done_on for each in await service_store.jobs(db, stations=stations)}


async def due_on(db: AsyncSession, stations: Collection[StationId]) -> Mapping[StationId, date]:
    """Return when the next maintenance of each station is due; those that had none are missing."""
    last = await last_maintenances(db, stations)
    return {station: maintenance_due_on(day) for station, day in last.items()}
