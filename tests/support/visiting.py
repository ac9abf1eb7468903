"""What the tests of visits share: a monitored station, a ticket about it, a visit on its way."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import monitoring
from foundation.clock import SetClock
from foundation.identifiers import StationId
from support import tickets, visits
from support.interventions import Cover, DispatchPackage, MainOutcome
from support.tickets import Ticket
from support.visits import TechnicianOnWay, Visit, VisitKind
from tests.support.conftest import HELEN, N1, NORTH

PACKAGE = DispatchPackage(
    Decimal("49.14"), Decimal("9.21"), "Cable torn, no short circuit", "Caretaker +49 7131 555"
)
TOM = TechnicianOnWay("Tom Technik", "+49 170 1", "tom@technik.example")
OTTO = Actor("person/9", "Otto", "portal", None)
"""A second person."""


async def watched(db: AsyncSession, now: datetime, station: StationId = N1) -> None:
    """Switch a station's monitoring on."""
    await monitoring.switch_on(db, station, NORTH, by=HELEN, per_month=None, now=now)


async def ticket_about(db: AsyncSession, now: datetime, station: StationId = N1) -> Ticket:
    """Open a ticket about a station."""
    return await tickets.open_ticket(
        db, WHOLE, title="Dark", station=station, organisation=NORTH, by=HELEN, now=now
    )


async def planned(db: AsyncSession, now: datetime, kind: VisitKind = VisitKind.REPAIR) -> Visit:
    """Plan a visit to a monitored station."""
    await watched(db, now)
    return await visits.plan(db, await ticket_about(db, now), kind, by=HELEN, now=now)


async def sent(
    db: AsyncSession,
    now: datetime,
    cover: Cover = Cover.CHARGEABLE,
    kind: VisitKind = VisitKind.REPAIR,
) -> tuple[Visit, str]:
    """Plan, decide and dispatch; return the visit with the secret of its link."""
    visit = await planned(db, now, kind)
    await visits.decide(db, visit.id, cover, "Torn by a car", by=HELEN, now=now)
    return await visits.dispatch(db, visit.id, PACKAGE, TOM, by=HELEN, now=now)


async def documented(
    db: AsyncSession,
    clock: SetClock,
    cover: Cover = Cover.CHARGEABLE,
    kind: VisitKind = VisitKind.REPAIR,
) -> Visit:
    """Let the technician come an hour later, and document."""
    visit, _ = await sent(db, clock.now(), cover, kind)
    clock.advance(timedelta(hours=1))
    await visits.arrive(db, visit.id, clock.now())
    return await visits.document(
        db,
        visit.id,
        [MainOutcome.PARTS_REPLACED],
        text="Cable replaced",
        by_name="Tom Technik",
        now=clock.now(),
    )
