"""What is watched in the demo, and what people do about it: monitoring, jobs, tickets, visits.

The faults are those that the fleet reports. Before the month two of the three owners switch
monitoring on; after it, an agent and two technicians have seen to two of the tickets.
"""

import struct
import zlib
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.audit import Actor
from accounts.directory import WHOLE
from alerts import alerting, detecting, monitoring, recipients
from alerts.alerting import OPEN
from alerts.detection_jobs import Check, Job
from alerts.detections import Severity
from alerts.monitoring import Technician
from alerts.notices import Channel
from alerts.recipients import Rules, Wish
from billing import service_prices
from billing.services import Service
from csms import registry
from csms.connectivity import SilenceLimits
from foundation.identifiers import OrganisationKey, StationId
from foundation.sealing import Sealer
from portal import monitoring as switching
from support import tickets, visit_ends, visit_papers, visits
from support.interventions import Cover, DispatchPackage, MainOutcome
from support.tickets import Ticket, TicketState
from support.visits import TechnicianOnWay, Visit, VisitKind

AGENT: Final = Actor("system", "Sam Support", "system", None)
MONITORED: Final = ("stadtwerke-auental", "hotel-seeblick")
"""The owners whose stations are monitored; the third looks after his own."""
_CITY: Final = OrganisationKey("stadtwerke-auental")
_TOM: Final = TechnicianOnWay("Tom Technik", "+49 171 5550000", "tom@technik.example")
_ANSWERS_IN: Final = timedelta(hours=2)


async def prepare(db: AsyncSession, operator: str, now: datetime) -> None:
    """Agree on prices, switch monitoring on, and say who hears of alerts.

    Args:
        db: A unit of work of the demo's world.
        operator: The root organisation's key.
        now: Before anything happens.
    """
    await service_prices.create(db, "standard", "Standard", "EUR", by=AGENT.id, now=now)
    for service, price in ((Service.MONITORING, "9.90"), (Service.INTERVENTION, "129")):
        await service_prices.add_price(
            db, "standard", service, Decimal(price), valid_from=None, by=AGENT.id, now=now
        )
    await service_prices.assign(
        db, f"organisation/{operator}", "standard", valid_from=None, by=AGENT.id, now=now
    )
    known = await registry.stations(db, WHOLE, now, limits=SilenceLimits(), limit=10_000)
    for station in known:
        if station.organisation in MONITORED:
            await monitoring.set_technician(
                db,
                station.identity,
                station.organisation,
                Technician(_TOM.name, _TOM.phone, _TOM.email),
                by=AGENT,
                now=now,
            )
            await switching.switch_on(db, station, by=AGENT, now=now)
    for owner in MONITORED:
        await recipients.add(
            db,
            OrganisationKey(owner),
            Wish(channel=Channel.MAIL, target=f"technik@{owner}.example", least=Severity.FAULT),
            by=AGENT,
            account=OrganisationKey(owner),
            person=None,
            language="de",
            rules=Rules(sealer=Sealer(bytes(32)), allowed=(), has_gateway=False),
            now=now,
        )


async def see_to(db: AsyncSession, now: datetime) -> int:
    """See to what the month left: a job that looks back, and two visits, one of them charged.

    Args:
        db: A unit of work, once the month is over and all events were read.
        now: The moment.

    Returns:
        How many visits there are.
    """
    await _look_back(db, now)
    found = await tickets.tickets(db, WHOLE, state=TicketState.OPEN, limit=1000)
    ours = [each for each in found if each.alert_id is not None and each.station is not None]
    ours.sort(key=lambda each: ("Erdschluss" not in each.title, each.id))
    for place, ticket in enumerate(ours[:2]):
        await _visit(db, ticket, now, is_over=place == 0)
    open_alerts = await alerting.alerts(db, WHOLE, OPEN)
    for each in open_alerts[-1:]:
        await alerting.acknowledge(
            db, each.alert.id, by=AGENT, note="Grid operator asked.", now=now
        )
    return len(ours[:2])


async def _look_back(db: AsyncSession, now: datetime) -> None:
    """A job of error detection that has run once: it finds the station that was lost."""
    yesterday = now - timedelta(days=1)
    job = Job(
        organisation=_CITY,
        name="Nothing heard for a day",
        execute_at=time(8),
        hours=24,
        checks=frozenset({Check.NO_MESSAGE}),
    )
    sheet = await detecting.set_job(db, job, by=AGENT, now=yesterday)
    for turn in sheet.turns:
        await detecting.run(db, turn, now=now)


async def _visit(db: AsyncSession, ticket: Ticket, now: datetime, *, is_over: bool) -> Visit:
    """Send a technician, who documents; an agent closes the visit, or it waits for him."""
    assert ticket.station is not None
    begin = max(ticket.opened_at, now - timedelta(days=3))
    arrived = min(begin + _ANSWERS_IN, now)
    made = await visits.plan(db, ticket, VisitKind.REPAIR, by=AGENT, now=begin)
    await visits.decide(
        db,
        made.id,
        Cover.CHARGEABLE if is_over else Cover.GUARANTEE,
        "Torn by a car." if is_over else "Bought a year ago.",
        by=AGENT,
        now=begin,
    )
    latitude, longitude = await _where(db, ticket.station, now)
    await visits.dispatch(
        db,
        made.id,
        DispatchPackage(
            latitude, longitude, "Restarted twice from afar; comes back.", "Caretaker, +49 7131 555"
        ),
        _TOM,
        by=AGENT,
        now=begin,
    )
    await visits.arrive(db, made.id, arrived)
    await visit_papers.add_part(
        db, made.id, "Cable type 2, 5 m", 1, f"K-{made.id}7", by_name=_TOM.name, now=arrived
    )
    for caption, colour in (("Before", "8a3b2e"), ("After", "2e6b57")):
        content = plain_picture(bytes.fromhex(colour))
        await visit_papers.add_photo(db, made.id, content, caption, by_name=_TOM.name, now=arrived)
    documented = await visits.document(
        db,
        made.id,
        [MainOutcome.PARTS_REPLACED],
        text="Cable replaced, tested with a car.",
        by_name=_TOM.name,
        now=arrived,
    )
    if is_over:
        await visit_ends.close(
            db, documented, "Asked back: it works.", parts=Decimal("240.50"), by=AGENT, now=now
        )
        await tickets.close(db, ticket.id, "The cable was replaced.", by=AGENT, now=now)
    return documented


async def _where(db: AsyncSession, station: StationId, now: datetime) -> tuple[Decimal, Decimal]:
    known = await registry.station(db, WHOLE, station, now, limits=SilenceLimits())
    places = await registry.locations(db, WHOLE, key=known.location) if known.location else []
    for place in places:
        if place.latitude is not None and place.longitude is not None:
            return place.latitude, place.longitude
    return Decimal("49.1427"), Decimal("9.2109")


def plain_picture(colour: bytes, width: int = 240, height: int = 160) -> bytes:
    """Return a PNG of one colour (red, green, blue), where a photo would be."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * width) * height
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
