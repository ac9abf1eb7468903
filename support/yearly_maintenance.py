"""Yearly maintenances: when each is due by the station's package, and who plans them.

Due is the last one plus 12 months; where there was none, the day on which the station was entered
plus 12 months. A month before its day it becomes a ticket with a visit by itself; people may plan
it earlier, one by one or many at once.
"""

from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import SYSTEM, Actor
from accounts.directory import WHOLE, Scope
from billing import service_packages
from billing.packages import Maintenance, maintenance_due_on
from csms.stock import stock
from foundation.clock import Clock
from foundation.database import Database
from foundation.identifiers import OrganisationKey, StationId
from support import tickets, visits
from support.ticket_words import said
from support.visit_tables import VisitRow
from support.visits import VisitKind

CRON: Final = "23 4 * * *"
AHEAD: Final = timedelta(days=30)
"""How long before its day a yearly maintenance becomes a ticket."""
_AT_ONCE: Final = 50


class MaintenanceState(StrEnum):
    """Where a station's yearly maintenance stands."""

    OVERDUE = "overdue"
    DUE = "due"
    """Within a month."""
    PLANNED = "planned"
    """There is a visit for it, be it overdue by now."""
    DONE = "done"
    """The next one is more than a month away."""
    LATER = "later"
    """As done, but there was none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyMaintenance:
    """When the yearly maintenance of a station is due; without `last_on` it never had one.

    `ticket` and `visit` are those of the one that is planned.
    """

    station: StationId
    name: str | None
    organisation: OrganisationKey
    package: str
    package_name: str
    is_free: bool
    last_on: date | None
    due_on: date
    state: MaintenanceState
    ticket: int | None
    visit: int | None


def state_of(
    due_on: date, last_on: date | None, today: date, *, is_planned: bool
) -> MaintenanceState:
    """Return where a maintenance stands; on its day it is due, and overdue from the next."""
    if is_planned:
        return MaintenanceState.PLANNED
    if due_on < today:
        return MaintenanceState.OVERDUE
    if due_on <= today + AHEAD:
        return MaintenanceState.DUE
    return MaintenanceState.LATER if last_on is None else MaintenanceState.DONE


async def maintenances(
    db: AsyncSession,
    scope: Scope,
    *,
    now: datetime,
    stations: Collection[str] | None = None,
) -> list[YearlyMaintenance]:
    """Return when the yearly maintenances are due by the packages of now, the soonest first.

    Args:
        db: A unit of work.
        scope: Whose stations.
        now: The moment.
        stations: Only these.
    """
    known = await service_packages.packages(db, at=now)
    if all(each.maintenance is Maintenance.NONE for each in known):
        return []
    held = await stock(db, scope, stations)
    packages = await service_packages.packages_of(
        db, {each.station: each.owner for each in held}, at=now
    )
    held = [
        each
        for each in held
        if each.station in packages and packages[each.station].maintenance is not Maintenance.NONE
    ]
    last = await service_packages.last_maintenances(db, [each.station for each in held])
    planned = await _planned(db)
    zones = {each.key: ZoneInfo(each.time_zone) for each in await directory.organisations(db)}
    found = []
    for each in held:
        package, zone = packages[each.station], zones[each.owner]
        last_on = last.get(each.station)
        due_on = maintenance_due_on(last_on or each.entered_at.astimezone(zone).date())
        ticket, visit = planned.get((each.station, each.owner), (None, None))
        found.append(
            YearlyMaintenance(
                station=each.station,
                name=each.name,
                organisation=each.owner,
                package=package.key,
                package_name=package.name,
                is_free=package.maintenance is Maintenance.FREE,
                last_on=last_on,
                due_on=due_on,
                state=state_of(
                    due_on, last_on, now.astimezone(zone).date(), is_planned=visit is not None
                ),
                ticket=ticket,
                visit=visit,
            )
        )
    return sorted(found, key=lambda each: (each.due_on, each.station))


async def _planned(
    db: AsyncSession, station: StationId | None = None
) -> dict[tuple[StationId, OrganisationKey], tuple[int, int]]:
    """Return the open maintenance visits: ticket and visit, by station and owner."""
    query = (
        select(VisitRow.station, VisitRow.organisation, VisitRow.ticket_id, VisitRow.id)
        .where(VisitRow.kind == VisitKind.MAINTENANCE)
        .where(VisitRow.state.not_in(("closed", "cancelled")))
    )
    if station is not None:
        query = query.where(VisitRow.station == station)
    return {
        (StationId(name), OrganisationKey(owner)): (ticket, visit)
        for name, owner, ticket, visit in await db.execute(query)
    }


async def plan(
    db: AsyncSession, due: YearlyMaintenance, *, by: Actor, now: datetime
) -> tuple[int, bool]:
    """Open the ticket of a maintenance with its visit.

    Returns:
        The ticket's number, and whether it is new: of a station there is one at a time.
    """
    # One after the other: two who plan the same station make one visit.
    await db.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(text(":key"), 0))),
        {"key": f"maintenance/{due.station}"},
    )
    known = (await _planned(db, due.station)).get((due.station, due.organisation))
    if known is not None:
        return known[0], False
    language = (await directory.organisation(db, due.organisation)).language
    made = await tickets.open_ticket(
        db,
        WHOLE,
        title=said("maintenance_title", language).format(station=due.station),
        text=said("maintenance_text", language).format(day=due.due_on.isoformat()),
        station=due.station,
        organisation=due.organisation,
        by=by,
        now=now,
    )
    await visits.plan(db, made, VisitKind.MAINTENANCE, by=by, now=now)
    return made.id, True


def maintaining(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the job that opens the tickets of yearly maintenances that are due soon."""

    async def run() -> None:
        now = clock.now()
        async with database.unit_of_work() as db:
            found = await maintenances(db, WHOLE, now=now)
        wanted = [
            each for each in found if each.state in (MaintenanceState.DUE, MaintenanceState.OVERDUE)
        ]
        for batch in _batches(wanted):
            async with database.unit_of_work() as db:
                for each in batch:
                    await plan(db, each, by=SYSTEM, now=now)

    return run


def _batches(found: Sequence[YearlyMaintenance]) -> list[Sequence[YearlyMaintenance]]:
    return [found[start : start + _AT_ONCE] for start in range(0, len(found), _AT_ONCE)]
