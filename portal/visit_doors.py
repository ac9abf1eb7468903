"""What people do with visits, for API and pages alike: the deed, its mail, and the audit of it."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE
from foundation.errors import NotFound
from foundation.identifiers import StationId
from portal.context import PortalContext
from portal.guard import Caller
from portal.support_deeds import ticket_changed, visit_changed
from support import tickets, visit_ends, visit_reporting, visits, yearly_maintenance
from support.interventions import DispatchPackage
from support.visit_letters import dispatch_mail
from support.visits import TechnicianOnWay, Visit


async def dispatch(
    db: AsyncSession,
    caller: Caller,
    context: PortalContext,
    found: Visit,
    package: DispatchPackage,
    technician: TechnicianOnWay,
    *,
    word: str = "",
    now: datetime,
) -> tuple[Visit, str]:
    """Send a technician; return the visit, and the link that is shown this once and mailed.

    Raises:
        Barred, CoverUndecided, InvalidInput, WrongVisitState: As `visits.dispatch` says.
    """
    made, secret = await visits.dispatch(
        db,
        found.id,
        package,
        technician,
        is_own=caller.principal.organisation == found.organisation,
        word=word,
        by=caller.actor,
        now=now,
    )
    await visit_changed(db, caller, "visit.dispatch", made, now, found, word=word.strip())
    link = f"{context.public_url}/visit/{secret}"
    operator = await directory.root(db)
    mail = dispatch_mail(
        made, link, language=operator.language, signature=f"{caller.actor.name}, {operator.name}"
    )
    if mail is not None and context.mails is not None:
        await context.mails.post(db, mail, key=f"visit/{made.id}/{now.isoformat()}")
    return made, link


async def close(
    db: AsyncSession,
    caller: Caller,
    context: PortalContext,
    found: Visit,
    text: str,
    *,
    work: Decimal | None,
    parts: Decimal | None,
    now: datetime,
) -> Visit:
    """Document as the agent, close the visit, book what it costs, and report to the owner.

    Raises:
        InvalidInput, NotDocumented, SecondPersonNeeded, WrongVisitState: As `visit_ends.close`
            says.
    """
    await visit_ends.close(db, found, text, work=work, parts=parts, by=caller.actor, now=now)
    made = await visits.visit(db, WHOLE, found.id)
    await visit_changed(db, caller, "visit.close", made, now, found)
    if context.mails is not None:
        link = f"{context.public_url}/support/visits/{made.id}"
        await visit_reporting.send(db, context.mails, made, link=link)
    return made


async def plan_maintenances(
    db: AsyncSession, caller: Caller, stations: Collection[str], *, now: datetime
) -> list[tuple[StationId, int, bool]]:
    """Make tickets with visits of yearly maintenances, also before they are due.

    Returns:
        By station: the ticket, and whether it is new; what is planned already keeps its own.

    Raises:
        NotFound: If the caller does not see one of the stations, or its package has none.
    """
    found = await yearly_maintenance.maintenances(db, caller.scope, now=now, stations=stations)
    known = {each.station: each for each in found}
    for station in stations:
        if station not in known:
            raise NotFound("yearly maintenance", station)
    made = []
    for each in found:
        ticket, is_new = await yearly_maintenance.plan(db, each, by=caller.actor, now=now)
        if is_new:
            opened = await tickets.ticket(db, WHOLE, ticket)
            await ticket_changed(db, caller, "ticket.open", opened, now)
            [visit] = await visits.of_ticket(db, ticket)
            await visit_changed(db, caller, "visit.plan", visit, now)
        made.append((each.station, ticket, is_new))
    return made
