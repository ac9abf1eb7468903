"""Charges for accounts and licences: what was approved, and the months of monthly licences.

Books what the events say, each line under the key of its application or month, so that an event
that comes again books nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from billing import charges
from billing.charges import Charge, ChargeKind
from foundation.clock import Clock
from foundation.events import AccountApproved, LicenceCharge, LicenceMonthBegan
from foundation.money import Money
from foundation.outbox import Delivery, Subscription

READER: Final = "licence charges"

_KINDS: Final = {
    "account": ChargeKind.LICENCE,
    "datapoints": ChargeKind.DATAPOINTS,
    "metering_points": ChargeKind.METERING_POINTS,
}
_MONTH: Final = "MON"
"""A month, in the units of UN/ECE recommendation 20."""


@dataclass(frozen=True, slots=True)
class LicenceReader:
    """Takes what was approved for accounts, and books it."""

    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Book the lines of each event, once."""
        found = [
            charge
            for delivery in deliveries
            if isinstance(delivery.event, AccountApproved | LicenceMonthBegan)
            for charge in charges_of(delivery.event)
        ]
        await charges.book(db, found, now=self.clock.now())


def charges_of(event: AccountApproved | LicenceMonthBegan) -> list[Charge]:
    """Return what an event costs its organisation; the quantity is in months."""
    if isinstance(event, AccountApproved):
        origin = f"account_application/{event.application_id}"
    else:
        origin = f"point_licence/{event.licence_id}"
    debtor = charges.organisation(event.organisation)
    return [
        Charge(
            key=f"{origin}/{each.item}/{each.first_day.isoformat()}",
            kind=_KINDS[each.item],
            debtor=debtor,
            quantity=Decimal(each.count * each.months),
            unit=_MONTH,
            net=Money(each.net, each.currency),
            first_day=each.first_day,
            last_day=each.last_day,
            about=f"account/{event.organisation}",
            details=_details(each),
        )
        for each in event.charges
    ]


def _details(line: LicenceCharge) -> dict[str, str | int]:
    return {
        "name": line.about,
        "licence": line.about,
        "count": line.count,
        "months": line.months,
        "unit_price": str(line.unit_price),
    }


def subscription(clock: Clock) -> Subscription:
    """Return the reader for the program."""
    return Subscription(
        READER, (AccountApproved.kind, LicenceMonthBegan.kind), LicenceReader(clock)
    )
