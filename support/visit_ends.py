"""What the end of a visit brings about: the charge, the exchanged meters, the yearly maintenance.

Chargeable work is charged unless it is warranty or guarantee. A yearly maintenance costs what the
package of its day says. All of it is of the unit of work that closes the visit.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.audit import Actor
from billing import charges, service_packages, service_prices
from billing.charges import Charge, ChargeKind
from billing.services import Service
from csms import exchanges
from csms.exchanges import MeterExchange
from foundation.errors import InvalidInput
from foundation.identifiers import EvseId
from foundation.money import Money
from support import visits
from support.interventions import Cover
from support.visits import Visit, VisitKind

MOST: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a visit will cost the customer; `work` None: nothing was agreed for it."""

    is_chargeable: bool
    work: Money | None
    currency: str
    day: date


async def expected(db: AsyncSession, visit: Visit, now: datetime) -> Expected:
    """Return what closing a visit will charge, by the price list of its day."""
    owner = await directory.organisation(db, visit.organisation)
    at = visit.arrived_at or now
    book = await service_prices.price_book(db, visit.organisation)
    price = book.price(Service.INTERVENTION, at)
    cover = None if visit.cover is None else visit.cover.cover
    return Expected(
        is_chargeable=visit.kind is VisitKind.REPAIR and cover is Cover.CHARGEABLE,
        work=None if price is None else price.price.rounded(),
        currency=owner.currency if price is None else price.price.currency,
        day=at.astimezone(ZoneInfo(owner.time_zone)).date(),
    )


async def close(
    db: AsyncSession,
    visit: Visit,
    text: str,
    *,
    work: Decimal | None = None,
    parts: Decimal | None = None,
    by: Actor,
    now: datetime,
) -> Visit:
    """Close a visit with what the agent wrote, and book what follows from it.

    Args:
        db: The unit of work.
        visit: Which.
        text: What the agent writes down.
        work: What the work costs, net, where no price was agreed.
        parts: What the parts cost, net; none, if there are none to pay.
        by: The agent.
        now: The moment.

    Raises:
        InvalidInput: If an amount is missing or is none, or the text is missing.
        NotDocumented: If the technician has not documented it.
        SecondPersonNeeded: If a change of who pays still waits.
        WrongVisitState: If it is over, or nobody was sent.
    """
    closed, row = await visits.close(db, visit.id, text, by=by, now=now)
    will = await expected(db, closed, now)
    if will.is_chargeable:
        agreed = will.work if will.work is not None else _amount(work, will.currency, "work")
        for_parts = None if not parts else _amount(parts, will.currency, "parts")
        row.work_minor, row.currency = agreed.minor, agreed.currency
        row.parts_minor = None if for_parts is None else for_parts.minor
        await charges.book(db, _charges(closed, will.day, agreed, for_parts), now=now)
    if closed.kind is VisitKind.MAINTENANCE:
        await service_packages.record_maintenance(
            db,
            closed.station,
            closed.organisation,
            done_on=will.day,
            note=f"visit/{closed.id}",
            by=by.id,
            now=now,
        )
    await exchanges.record(
        db,
        [
            MeterExchange(
                closed.station,
                EvseId(each.evse_id),
                each.exchanged_at,
                each.last_wh,
                each.first_wh,
                each.serial_number,
                f"visit/{closed.id}",
            )
            for each in closed.exchanges
        ],
        by=by.id,
        now=now,
    )
    await db.flush()
    return closed


def _charges(visit: Visit, day: date, work: Money, parts: Money | None) -> list[Charge]:
    made = []
    for what, net in (("work", work), ("parts", parts)):
        if net is not None and net.amount:
            made.append(
                Charge(
                    key=f"intervention/{visit.id}/{what}",
                    kind=ChargeKind.INTERVENTION,
                    debtor=charges.organisation(visit.organisation),
                    quantity=Decimal(1),
                    unit="C62",
                    net=net,
                    first_day=day,
                    last_day=day,
                    about=f"station/{visit.station}",
                    details={"visit": visit.id, "ticket": visit.ticket_id, "what": what},
                )
            )
    return made


def _amount(amount: Decimal | None, currency: str, field: str) -> Money:
    if amount is None:
        raise InvalidInput("No price was agreed: say what it costs.", field=field)
    if not amount.is_finite() or not 0 <= amount <= MOST:
        raise InvalidInput("This is no amount of money.", field=field)
    return Money(amount, currency).rounded()
