"""Books what an organisation's services cost in a month, each once.

Charges have natural keys: booking again books nothing. What an invoice says is never changed; a
correction is a further charge (`billing.corrections`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from billing import charges, subscriptions
from billing.charges import Charge
from billing.months import Month
from billing.service_facts import (
    ServiceLine,
    bounds_of,
    facts,
    provider_facts,
    service_lines,
)
from billing.switch_reader import READER
from foundation import outbox
from foundation.errors import Conflict
from foundation.identifiers import OrganisationKey, PartyId
from foundation.money import Money


class ServicesRunOn(Conflict):
    """The month still runs in the organisation's zone: its services can be booked afterwards."""

    code = "month_not_over"

    def __init__(self, organisation: OrganisationKey, month: Month, ends_at: datetime) -> None:
        self.ends_at = ends_at
        super().__init__(f"{month} is not over for {organisation}: it ends at {ends_at}.")


class SwitchesPending(Conflict):
    """Monitoring was switched in the month, and billing has not heard of it yet; try again."""

    code = "deliveries_pending"

    def __init__(self, month: Month, count: int) -> None:
        self.count = count
        super().__init__(
            f"{count} events of monitoring from before the end of {month} have not reached billing"
            " yet. Try again in a moment; parked events need a decision first."
        )


@dataclass(frozen=True, slots=True)
class BookedMonth:
    """What a month's services were booked as.

    Attributes:
        month: Which.
        lines: All that was active, charged or waived.
        booked: The ids of the charges that were not booked before.
        net: The sum of what is charged, by currency.
    """

    month: Month
    lines: tuple[ServiceLine, ...]
    booked: tuple[int, ...]
    net: tuple[Money, ...]


async def book_month(
    db: AsyncSession, organisation: OrganisationKey, month: Month | str, *, now: datetime
) -> BookedMonth:
    """Book what an organisation's services cost in a month, each once.

    With the operator's own month the fees of the providers are booked, too.

    Args:
        db: The unit of work.
        organisation: Who pays.
        month: One that is over in its zone.
        now: When it is booked.

    Raises:
        NotFound: If there is no such organisation.
        InvalidInput: If the month is none.
        ServicesRunOn: If the month is not over.
        SwitchesPending: If billing has not heard of all that was switched in it.
    """
    wanted = Month.parse(month) if isinstance(month, str) else month
    bounds = await bounds_of(db, organisation, wanted)
    if now < bounds.end:
        raise ServicesRunOn(organisation, wanted, bounds.end)
    pending = await outbox.pending(db, READER, bounds.end)
    if pending:
        raise SwitchesPending(wanted, pending)
    known = [await facts(db, organisation, wanted)]
    operator = await directory.root(db)
    if operator.key == organisation:
        known += [
            await provider_facts(db, each, operator.key, wanted)
            for each in await _roaming_providers(db, bounds.end)
        ]
    lines: list[ServiceLine] = []
    wanted_charges: list[Charge] = []
    for each in known:
        own = service_lines(each)
        lines += own
        wanted_charges += [
            charge for line in own if (charge := line.charge(each.debtor)) is not None
        ]
    booked = await charges.book(db, wanted_charges, now=now)
    return BookedMonth(wanted, tuple(lines), tuple(booked), _sums(wanted_charges))


async def _roaming_providers(db: AsyncSession, before: datetime) -> list[PartyId]:
    found = await subscriptions.subscriptions(db, None, before=before)
    prefix = charges.provider(PartyId(""))
    return sorted(
        {
            PartyId(each.debtor.removeprefix(prefix))
            for each in found
            if each.debtor.startswith(prefix)
        }
    )


def _sums(booked: Sequence[Charge]) -> tuple[Money, ...]:
    sums: dict[str, Decimal] = {}
    for each in booked:
        sums[each.net.currency] = sums.get(each.net.currency, Decimal(0)) + each.net.amount
    return tuple(Money(amount, currency) for currency, amount in sorted(sums.items()))
