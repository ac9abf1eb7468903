"""Reading and writing billing's tables of services."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing.service_tables import (
    MaintenanceJobRow,
    MonitoringSwitchRow,
    PackageAssignmentRow,
    ServicePackageRow,
    ServicePriceAssignmentRow,
    ServicePriceListRow,
    ServicePriceRow,
    ServiceSubscriptionRow,
)
from billing.services import Per, Policy, ServicePrice, Span, Switch
from billing.tables import CdrRow
from foundation.database import Moment
from foundation.identifiers import OrganisationKey, StationId
from foundation.money import Money

# ------------------------------------------------------------------------------ switches


async def add_switches(db: AsyncSession, switches: Sequence[Switch]) -> None:
    """Write that monitoring was switched, each event once."""
    if switches:
        rows = [
            {
                "id": each.number,
                "station": each.station,
                "organisation": each.organisation,
                "at": each.at,
                "is_on": each.is_on,
            }
            for each in switches
        ]
        written = insert(MonitoringSwitchRow).values(rows)
        await db.execute(written.on_conflict_do_nothing(index_elements=["id"]))


async def switches(
    db: AsyncSession,
    organisation: OrganisationKey,
    start: datetime,
    end: datetime,
    *,
    station: str | None = None,
) -> list[Switch]:
    """Return the switches of an organisation's stations in [start, end), and each one's last
    before.

    Also those by other organisations at a station that once was this one's.
    """
    row = MonitoringSwitchRow
    stations = select(row.station).where(row.organisation == organisation, row.at < end)
    if station is not None:
        stations = stations.where(row.station == station)
    last = (
        select(row.id)
        .where(row.station.in_(stations), row.at < start)
        .ext(distinct_on(row.station))
        .order_by(row.station, row.at.desc(), row.id.desc())
    )
    within = and_(row.station.in_(stations), row.at >= start, row.at < end)
    found = await db.execute(
        select(row.station, row.organisation, row.at, row.is_on, row.id).where(
            or_(row.id.in_(last), within)
        )
    )
    return [Switch(StationId(each[0]), OrganisationKey(each[1]), *each[2:]) for each in found]


# ------------------------------------------------------------------------------ price lists


async def add_price_list(
    db: AsyncSession, key: str, name: str, currency: str, *, by: str, now: datetime
) -> bool:
    """Write a price list; False if the key is taken."""
    written = insert(ServicePriceListRow).values(
        key=key, name=name, currency=currency, created_at=now, created_by=by
    )
    made = await db.execute(
        written.on_conflict_do_nothing(index_elements=["key"]).returning(ServicePriceListRow.key)
    )
    return made.scalar_one_or_none() is not None


async def price_lists(
    db: AsyncSession, keys: Collection[str] | None = None
) -> list[ServicePriceListRow]:
    """Return price lists by key; None for all."""
    query = select(ServicePriceListRow).order_by(ServicePriceListRow.key)
    if keys is not None:
        query = query.where(ServicePriceListRow.key.in_(keys))
    return list(await db.scalars(query))


async def add_price(db: AsyncSession, price: ServicePrice, *, by: str, now: datetime) -> bool:
    """Write a price; False if the list has one of this kind from that moment on already."""
    written = insert(ServicePriceRow).values(
        price_list=price.price_list,
        kind=price.kind,
        per=price.per,
        price=price.price.amount,
        policy=price.policy,
        valid_from=price.valid_from,
        created_at=now,
        created_by=by,
    )
    made = await db.execute(
        written.on_conflict_do_nothing(
            index_elements=["price_list", "kind", "valid_from"]
        ).returning(ServicePriceRow.id)
    )
    return made.scalar_one_or_none() is not None


async def prices(db: AsyncSession, lists: Collection[str]) -> list[ServicePrice]:
    """Return all prices of some lists, by list, kind and age."""
    found = await db.execute(
        select(ServicePriceRow, ServicePriceListRow.currency)
        .join(ServicePriceListRow, ServicePriceListRow.key == ServicePriceRow.price_list)
        .where(ServicePriceRow.price_list.in_(lists))
        .order_by(ServicePriceRow.price_list, ServicePriceRow.kind, ServicePriceRow.valid_from)
    )
    return [
        ServicePrice(
            kind=row.kind,
            per=Per(row.per),
            price=Money(row.price, currency),
            policy=Policy(row.policy),
            price_list=row.price_list,
            valid_from=row.valid_from,
        )
        for row, currency in found
    ]


async def add_assignment(
    db: AsyncSession, debtor: str, price_list: str, *, valid_from: datetime, by: str, now: datetime
) -> bool:
    """Write by which list somebody pays; False if one was said from that moment on already."""
    written = insert(ServicePriceAssignmentRow).values(
        debtor=debtor, price_list=price_list, valid_from=valid_from, created_at=now, created_by=by
    )
    made = await db.execute(
        written.on_conflict_do_nothing(index_elements=["debtor", "valid_from"]).returning(
            ServicePriceAssignmentRow.id
        )
    )
    return made.scalar_one_or_none() is not None


async def assignments(
    db: AsyncSession, debtors: Collection[str] | None = None, *, price_list: str | None = None
) -> list[ServicePriceAssignmentRow]:
    """Return by which lists somebody pays, by debtor and age."""
    row = ServicePriceAssignmentRow
    query = select(row).order_by(row.debtor, row.valid_from)
    if debtors is not None:
        query = query.where(row.debtor.in_(debtors))
    if price_list is not None:
        query = query.where(row.price_list == price_list)
    return list(await db.scalars(query))


# ------------------------------------------------------------------------------ subscriptions


async def start_subscription(
    db: AsyncSession, debtor: str, kind: str, *, by: str, now: datetime
) -> bool:
    """Write that somebody has a service from now on; False if he has it already."""
    written = insert(ServiceSubscriptionRow).values(
        debtor=debtor, kind=kind, active_from=now, started_by=by
    )
    made = await db.execute(
        written.on_conflict_do_nothing(
            index_elements=["debtor", "kind"],
            index_where=ServiceSubscriptionRow.active_to.is_(None),
        ).returning(ServiceSubscriptionRow.id)
    )
    return made.scalar_one_or_none() is not None


async def end_subscription(
    db: AsyncSession, debtor: str, kind: str, *, by: str, now: datetime
) -> bool:
    """Write that somebody has a service no longer; False if he had not."""
    row = ServiceSubscriptionRow
    ended = await db.execute(
        update(row)
        .where(row.debtor == debtor, row.kind == kind, row.active_to.is_(None))
        .values(active_to=now, ended_by=by)
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    return ended.scalar_one_or_none() is not None


async def subscriptions(
    db: AsyncSession, debtors: Collection[str] | None, *, before: datetime
) -> list[tuple[str, str, datetime, datetime | None]]:
    """Return debtor, kind, start and end of what was begun before a moment, in that order."""
    row = ServiceSubscriptionRow
    query = select(row.debtor, row.kind, row.active_from, row.active_to).where(
        row.active_from < before
    )
    if debtors is not None:
        query = query.where(row.debtor.in_(debtors))
    found = await db.execute(query.order_by(row.debtor, row.kind, row.active_from))
    return [(each[0], each[1], each[2], each[3]) for each in found]


async def cdrs_by_day(
    db: AsyncSession,
    start: datetime,
    end: datetime,
    day_ends: Sequence[datetime],
    *,
    payee: str | None,
    payer: str | None,
) -> list[int]:
    """Count the external CDRs that were first issued in [start, end), by day; revisions left out.

    Args:
        db: The unit of work.
        start: Included.
        end: Not included.
        day_ends: Which days there are.
        payee: At this owner's stations.
        payer: Or owed by this ledger account.
    """
    day = func.width_bucket(CdrRow.issued_at, cast(list(day_ends), ARRAY(Moment)))
    query = (
        select(day, func.count())
        .where(
            CdrRow.charge_class == "external",
            CdrRow.replaces.is_(None),
            CdrRow.issued_at >= start,
            CdrRow.issued_at < end,
        )
        .group_by(day)
    )
    if payee is not None:
        query = query.where(CdrRow.payee == payee)
    if payer is not None:
        query = query.where(CdrRow.payer == payer)
    counted = [0] * len(day_ends)
    for index, count in await db.execute(query):
        counted[min(index, len(day_ends) - 1)] += count
    return counted


# ------------------------------------------------------------------------------ packages


async def add_package(db: AsyncSession, values: dict[str, Any]) -> bool:
    """Write a definition of a package; False if it has one from that moment on already."""
    made = await db.execute(
        insert(ServicePackageRow)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["key", "valid_from"])
        .returning(ServicePackageRow.id)
    )
    return made.scalar_one_or_none() is not None


async def packages(
    db: AsyncSession, keys: Collection[str] | None = None
) -> list[ServicePackageRow]:
    """Return all definitions, by key and age."""
    row = ServicePackageRow
    query = select(row).order_by(row.key, row.valid_from)
    if keys is not None:
        query = query.where(row.key.in_(keys))
    return list(await db.scalars(query))


async def end_package_assignments(
    db: AsyncSession, scope: str, target: str, *, at: datetime
) -> int:
    """End what a station or organisation has from a moment on, also what was to come."""
    row = PackageAssignmentRow
    ended = await db.execute(
        update(row)
        .where(row.scope == scope, row.target == target)
        .where(or_(row.valid_to.is_(None), row.valid_to > at))
        .values(valid_to=func.greatest(row.valid_from, at))
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    return len(list(ended.scalars()))


async def add_package_assignment(
    db: AsyncSession,
    scope: str,
    target: str,
    *,
    organisation: str,
    package: str,
    valid_from: datetime,
    by: str,
    now: datetime,
) -> bool:
    """Write which package somebody has; False if one was said from that moment on already."""
    made = await db.execute(
        insert(PackageAssignmentRow)
        .values(
            scope=scope,
            target=target,
            organisation=organisation,
            package=package,
            valid_from=valid_from,
            created_at=now,
            created_by=by,
        )
        .on_conflict_do_nothing(index_elements=["scope", "target", "valid_from"])
        .returning(PackageAssignmentRow.id)
    )
    return made.scalar_one_or_none() is not None


@dataclass(frozen=True, slots=True)
class PackageSpan:
    """Which package a station or an organisation has, in [start, end); who pays for it."""

    scope: str
    target: str
    organisation: OrganisationKey
    package: str
    start: datetime
    end: datetime | None

    @property
    def span(self) -> Span:
        """The time alone."""
        return Span(self.organisation, self.start, self.end)


async def package_spans(
    db: AsyncSession,
    *,
    organisation: str | None = None,
    targets: Collection[tuple[str, str]] | None = None,
) -> list[PackageSpan]:
    """Return assignments of packages, by scope, target and age.

    Args:
        db: The unit of work.
        organisation: Only what this one pays for.
        targets: Only these stations and organisations.
    """
    row = PackageAssignmentRow
    query = select(row).order_by(row.scope, row.target, row.valid_from)
    if organisation is not None:
        query = query.where(row.organisation == organisation)
    if targets is not None:
        query = query.where(
            or_(*(and_(row.scope == scope, row.target == target) for scope, target in targets))
        )
    return [
        PackageSpan(
            each.scope,
            each.target,
            OrganisationKey(each.organisation),
            each.package,
            each.valid_from,
            each.valid_to,
        )
        for each in await db.scalars(query)
    ]


# ------------------------------------------------------------------------------ maintenance


async def add_job(
    db: AsyncSession,
    station: str,
    organisation: str,
    *,
    done_on: date,
    package: str | None,
    cost: Money | None,
    currency: str,
    note: str,
    by: str,
    now: datetime,
) -> bool:
    """Write that a maintenance was done; False if one of that day is known."""
    made = await db.execute(
        insert(MaintenanceJobRow)
        .values(
            station=station,
            organisation=organisation,
            done_on=done_on,
            package=package,
            is_free=cost is None,
            net_minor=0 if cost is None else cost.minor,
            currency=currency,
            note=note,
            recorded_at=now,
            recorded_by=by,
        )
        .on_conflict_do_nothing(index_elements=["station", "done_on"])
        .returning(MaintenanceJobRow.id)
    )
    return made.scalar_one_or_none() is not None


@dataclass(frozen=True, slots=True)
class Job:
    """A yearly maintenance that was done; `cost` None: it was free."""

    station: StationId
    organisation: OrganisationKey
    done_on: date
    package: str | None
    cost: Money | None
    note: str


async def jobs(
    db: AsyncSession, *, stations: Collection[str] | None = None, organisation: str | None = None
) -> list[Job]:
    """Return the maintenances of stations, or of those of an organisation, by station and age."""
    row = MaintenanceJobRow
    query = select(row).order_by(row.station, row.done_on)
    if stations is not None:
        query = query.where(row.station.in_(stations))
    if organisation is not None:
        query = query.where(row.organisation == organisation)
    return [
        Job(
            StationId(each.station),
            OrganisationKey(each.organisation),
            each.done_on,
            each.package,
            None if each.is_free else Money.from_minor(each.net_minor, each.currency),
            each.note,
        )
        for each in await db.scalars(query)
    ]
