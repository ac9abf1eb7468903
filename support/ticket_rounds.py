"""What happens to tickets by itself: from alerts, at a deactivation, when a time is over.

An alert of a monitored station, or one that somebody escalated, opens a ticket in the provider's
queue, once. When the alert is over a line says so; whoever has the ticket closes it.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import wording
from billing import service_packages
from billing.packages import Maintenance, maintenance_due_on
from csms import registry, stickers
from csms.connectivity import SilenceLimits
from foundation.clock import Clock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import Delivery, Subscription
from support import rule_deeds, ticket_clock, tickets, visits
from support.tables import TicketRow
from support.ticket_words import said
from support.tickets import TicketNoteKind, TicketState
from support.visits import VisitKind, VisitState

READER: Final = "tickets"
KINDS: Final = (AlertChanged.kind,)
CRON: Final = "*/5 * * * *"
MAINTENANCE_CRON: Final = "23 4 * * *"
AHEAD: Final = timedelta(days=30)
"""How long before its day a yearly maintenance becomes a ticket."""

SYSTEM: Final = Actor("system", "Leitstand", "system", None)
_AT_ONCE: Final = 200
_OVER: Final = ("recovered", "closed")
_FOR_INFORMATION: Final = "info"


# --------------------------------------------------------------------------------- from alerts


@dataclass(frozen=True, slots=True)
class AlertsToTickets:
    """Opens a ticket for each alert that is the provider's, was escalated, or whose rule asks."""

    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Take what happened to alerts, in its order."""
        for each in deliveries:
            if isinstance(each.event, AlertChanged):
                await self._take(db, each.event)

    async def _take(self, db: AsyncSession, event: AlertChanged) -> None:
        now = self.clock.now()
        known = await open_ticket_of(db, event.alert_id)
        language = (await directory.organisation(db, event.organisation)).language
        if event.change in _OVER:
            if known is not None:
                word = "alert_recovered" if event.change == "recovered" else "alert_closed"
                await tickets.note(db, known, said(word, language), by=SYSTEM, now=now)
            return
        is_wanted = event.change == "escalated" or (
            event.monitored
            and event.change in ("raised", "grown")
            and event.severity != _FOR_INFORMATION
        )
        if known is None and (is_wanted or await rule_deeds.wants_ticket(db, event)):
            await self._open(db, event, language, now)
        elif known is not None and event.change == "grown":
            text = said("alert_grown", language).format(stations=", ".join(event.stations))
            await tickets.note(db, known, text, by=SYSTEM, now=now)

    async def _open(
        self, db: AsyncSession, event: AlertChanged, language: str, now: datetime
    ) -> None:
        by = SYSTEM
        if event.by is not None:
            by = Actor(event.by, event.by_name or event.by, "system", None)
        owners = await stickers.owners(db, list(event.stations))
        own = [each for each in event.stations if owners.get(each) == event.organisation]
        title = said(f"detection_{event.detection}", language)
        if cause := wording.named(event.cause, language):
            title = said("alert_title", language).format(what=title, cause=cause)
        lines = [said("alert_text", language).format(number=event.alert_id)]
        if event.stations:
            lines.append(", ".join(event.stations))
        if event.note:
            lines.append(event.note)
        await tickets.open_ticket(
            db,
            WHOLE,
            title=title[: tickets.LONGEST_TITLE],
            text="\n".join(lines)[: tickets.LONGEST_TEXT],
            station=own[0] if own else None,
            organisation=event.organisation,
            alert_id=event.alert_id,
            by=by,
            now=now,
        )


async def open_ticket_of(db: AsyncSession, alert_id: int) -> int | None:
    """Return the number of the open ticket that came from an alert, if there is one."""
    return await db.scalar(
        select(TicketRow.id)
        .where(TicketRow.alert_id == alert_id)
        .where(TicketRow.state == TicketState.OPEN)
    )


def subscription(clock: Clock) -> Subscription:
    """Return the reader for the program."""
    return Subscription(READER, KINDS, AlertsToTickets(clock))


# --------------------------------------------------------------------------------- given back


class ServiceTickets:
    """The tickets that the provider has; fulfils `alerts.open_tickets.OpenTickets`."""

    async def hand_back(
        self, db: AsyncSession, station: StationId, *, by: Actor, now: datetime
    ) -> None:
        """Give the open tickets of the service back to the station's operator, with a note.

        Nothing is promised for them any more, and visits to which nobody was sent are called off.
        Who was sent already finishes and documents his visit.
        """
        rows = await db.scalars(
            select(TicketRow)
            .where(TicketRow.station == station)
            .where(TicketRow.state == TicketState.OPEN, TicketRow.of_service)
            .order_by(TicketRow.id)
            .with_for_update()
        )
        for row in list(rows):
            row.of_service, row.assigned_to = False, None
            row.remote_due_at = row.answer_due_at = row.on_site_due_at = None
            for each in await visits.of_ticket(db, row.id):
                if each.state is VisitState.PLANNED:
                    await visits.cancel(db, each.id, by=by, now=now, is_former=True)
            owner = await directory.organisation(db, OrganisationKey(row.organisation))
            await tickets.note(
                db,
                row.id,
                said("handed_back", owner.language),
                by=by,
                now=now,
                kind=TicketNoteKind.HANDED_BACK,
            )


# --------------------------------------------------------------------------------- by the clock


def watching(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the job that notes which promised times are over."""

    async def run() -> None:
        async with database.unit_of_work() as db:
            now = clock.now()
            for number in await ticket_clock.newly_missed(db, now):
                found = await tickets.ticket(db, WHOLE, number)
                owner = await directory.organisation(db, found.organisation)
                text = said("missed", owner.language)
                await tickets.note(db, number, text, by=SYSTEM, now=now)

    return run


@dataclass(frozen=True, slots=True)
class MaintenanceDue:
    """When the yearly maintenance of a station is due; without `last_on` it never had one."""

    station: StationId
    organisation: OrganisationKey
    package: str
    last_on: date | None
    due_on: date


async def maintenances_due(
    db: AsyncSession, stations: Sequence[tuple[StationId, datetime]], *, now: datetime
) -> list[MaintenanceDue]:
    """Return when the yearly maintenance of each station is due by its package, soonest first.

    Due is the last one plus 12 months; where there was none, the day on which the station was
    entered plus 12 months.

    Args:
        db: A unit of work.
        stations: Which, with the moment at which each was entered.
        now: The moment whose packages count.
    """
    names = [station for station, _ in stations]
    owners = await stickers.owners(db, names)
    nexts = await service_packages.due_on(db, names)
    found = []
    for station, entered_at in stations:
        owner = owners.get(station)
        if owner is None:
            continue
        package = await service_packages.package_of(db, station, owner, at=now)
        if package is None or package.maintenance is Maintenance.NONE:
            continue
        last = None
        due_on = nexts.get(station)
        if due_on is None:
            zone = ZoneInfo((await directory.organisation(db, owner)).time_zone)
            due_on = maintenance_due_on(entered_at.astimezone(zone).date())
        else:
            done = await service_packages.maintenances(db, station)
            last = done[-1].done_on
        found.append(MaintenanceDue(station, owner, package.key, last, due_on))
    return sorted(found, key=lambda each: (each.due_on, each.station))


async def open_maintenance(db: AsyncSession, due: MaintenanceDue, *, now: datetime) -> int | None:
    """Open the ticket of a maintenance with its visit; None while another one is open."""
    for each in await visits.of_station(db, WHOLE, due.station):
        if each.kind is VisitKind.MAINTENANCE and each.is_open:
            return None
    language = (await directory.organisation(db, due.organisation)).language
    made = await tickets.open_ticket(
        db,
        WHOLE,
        title=said("maintenance_title", language).format(station=due.station),
        text=said("maintenance_text", language).format(day=due.due_on.isoformat()),
        station=due.station,
        organisation=due.organisation,
        by=SYSTEM,
        now=now,
    )
    await visits.plan(db, made, VisitKind.MAINTENANCE, by=SYSTEM, now=now)
    return made.id


def maintaining(database: Database, clock: Clock) -> Callable[[], Coroutine[Any, Any, None]]:
    """Return the job that opens the tickets of yearly maintenances that are due soon."""

    async def run() -> None:
        now = clock.now()
        async with database.unit_of_work() as db:
            known = await service_packages.packages(db, at=now)
        if all(each.maintenance is Maintenance.NONE for each in known):
            return
        after: str | None = None
        while True:
            async with database.unit_of_work() as db:
                found = await registry.stations(
                    db,
                    WHOLE,
                    now,
                    limits=SilenceLimits(),
                    admission="accepted",
                    after=after,
                    limit=_AT_ONCE,
                )
                entered = [(each.identity, each.created_at) for each in found]
                for each in await maintenances_due(db, entered, now=now):
                    if each.due_on <= (now + AHEAD).date():
                        await open_maintenance(db, each, now=now)
            if len(found) < _AT_ONCE:
                return
            after = found[-1].identity

    return run
