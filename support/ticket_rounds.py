"""What happens to tickets by itself: from alerts, at a deactivation, when a time is over.

An alert of a monitored station, or one that somebody escalated, opens a ticket in the provider's
queue, once. When the alert is over a line says so; whoever has the ticket closes it.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import wording
from alerts.given_names import names_of
from csms import stickers
from foundation.clock import Clock
from foundation.database import Database
from foundation.events import AlertChanged
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import Delivery, Subscription
from support import rule_deeds, ticket_clock, tickets, visits
from support.tables import TicketRow
from support.ticket_words import said
from support.tickets import TicketNoteKind, TicketState
from support.visits import VisitState

READER: Final = "tickets"
KINDS: Final = (AlertChanged.kind,)
CRON: Final = "*/5 * * * *"

SYSTEM: Final = Actor("system", "Leitstand", "system", None)
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
        names = await names_of(db, [event.cause])
        if cause := names.get(event.cause) or wording.named(event.cause, language):
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
