"""The report of a closed visit: gathered, made a paper, and sent to the owner once."""

import asyncio
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import Scope
from billing import service_packages
from foundation.mail import Mails
from foundation.money import Money
from support import first_aid_store, ticket_clock, tickets, visit_papers
from support.visit_pictures import Picture, small_picture
from support.visit_report_pdf import report_pdf
from support.visit_reports import VisitReport, report_mail
from support.visits import Visit, VisitKind, VisitState, WrongVisitState

PICTURES_AT_MOST: Final = 8
"""In the paper; the rest is on the page. So it stays below 2 MB, and can be mailed."""


async def report_of(db: AsyncSession, visit: Visit, *, language: str | None = None) -> VisitReport:
    """Return the report of a closed visit.

    Args:
        db: The unit of work.
        visit: With its parts and photos.
        language: As in `de`; the owner's unless given.

    Raises:
        WrongVisitState: If it is not closed: only then both have documented.
    """
    if visit.state is not VisitState.CLOSED:
        raise WrongVisitState(visit.state)
    assert visit.ended_at is not None
    scope = Scope(frozenset({visit.organisation}))
    owner = await directory.organisation(db, visit.organisation)
    ticket = await tickets.ticket(db, scope, visit.ticket_id)
    runs = []
    if ticket.alert_id is not None:
        runs = await first_aid_store.runs_of(
            db, scope, alerts=[ticket.alert_id], station=visit.station
        )
    tried = [each for run in runs for each in run.tried if each.asked_at <= visit.ended_at]
    clock = await ticket_clock.read(db, ticket.id, visit.ended_at)
    work, parts = await _charged(db, visit)
    pictures: list[tuple[Picture, str]] = []
    for each in visit.photos[:PICTURES_AT_MOST]:
        _, content = await visit_papers.photo(db, visit.id, each.id)
        picture = await asyncio.to_thread(small_picture, content)
        if picture is not None:
            pictures.append((picture, each.caption or ""))
    return VisitReport(
        owner=owner,
        language=owner.language if language not in ("en", "de") else language,
        zone=ZoneInfo(owner.time_zone),
        visit=visit,
        ticket=ticket,
        aid=sorted(tried, key=lambda each: each.asked_at),
        promises=clock.promises,
        work=work,
        parts=parts,
        pictures=pictures,
        more_pictures=len(visit.photos) - len(pictures),
    )


async def paper_of(db: AsyncSession, visit: Visit, *, language: str | None = None) -> bytes:
    """Return the report of a closed visit as a PDF.

    Raises:
        WrongVisitState: If it is not closed.
    """
    report = await report_of(db, visit, language=language)
    return await asyncio.to_thread(report_pdf, report)


async def send(db: AsyncSession, mails: Mails, visit: Visit, *, link: str) -> None:
    """Write the mail about a closed visit to the owner, if he has an address; one ever.

    Args:
        db: The unit of work that closed it.
        mails: Where mails are written.
        visit: The closed one.
        link: Its page.
    """
    report = await report_of(db, visit)
    if not report.owner.email:
        return
    paper = await asyncio.to_thread(report_pdf, report)
    mail = report_mail(report, report.owner.email, link=link, paper=paper)
    await mails.post(db, mail, key=f"visit-report/{visit.id}")


async def _charged(db: AsyncSession, visit: Visit) -> tuple[Money | None, Money | None]:
    """Return what was charged for work and for parts, as it was booked."""
    if visit.kind is VisitKind.MAINTENANCE:
        for each in await service_packages.maintenances(db, visit.station):
            if each.note == f"visit/{visit.id}":
                return each.cost, None
        return None, None
    if visit.currency is None or visit.work_minor is None:
        return None, None
    parts = visit.parts_minor
    return (
        Money.from_minor(visit.work_minor, visit.currency),
        None if parts is None else Money.from_minor(parts, visit.currency),
    )
