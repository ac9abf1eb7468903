"""What billing does when transactions start and end.

At the start the terms are frozen: the tariff, whose token it is, who pays, the owner's share. At
the end, and again with every revision of it, the transaction is rated, recorded and booked. All
of it is looked up as of the start, so a start that arrives late is priced as of then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from sqlalchemy.ext.asyncio import AsyncSession

from billing import booking
from billing.monitor import Witness
from billing.plausibility import DEFAULT_LIMITS, Limits
from billing.pricing import SharingTerms
from foundation.clock import Clock
from foundation.events import TransactionEnded, TransactionEvent, TransactionStarted
from foundation.outbox import Delivery, Subscription

READER: Final = "billing"
"""The name under which events are addressed to billing; the month close waits for it."""

_KINDS: Final = (TransactionStarted.kind, TransactionEnded.kind)


@dataclass(frozen=True, slots=True)
class TransactionReader:
    """Takes deliveries of transactions that started or ended."""

    sharing: SharingTerms
    clock: Clock
    limits: Limits = DEFAULT_LIMITS
    witness: Witness | None = None

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Freeze, rate and book in a few statements per round.

        A round holds at most one event of each transaction, so that a batch with several
        revisions of one leaves the same records as one event at a time.
        """
        now = self.clock.now()
        for events in rounds(deliveries):
            await booking.freeze_and_bill(
                db, events, self.sharing, limits=self.limits, now=now, witness=self.witness
            )


def rounds(deliveries: Sequence[Delivery]) -> Iterator[list[TransactionEvent]]:
    """Yield the events so that each list has one transaction at most once, in order.

    A start whose end follows it here is left out: the end tells all that the start did, and its
    terms are looked up as of the start as well.
    """
    waiting = [cast("TransactionEvent", each.event) for each in deliveries]
    assert {event.kind for event in waiting} <= {*_KINDS}, "an event that billing never asked for"
    while waiting:
        now: dict[int, TransactionEvent] = {}
        later: list[TransactionEvent] = []
        for event in waiting:
            known = now.get(event.transaction_id)
            if known is None or type(known) is TransactionStarted:
                now[event.transaction_id] = event
            else:
                later.append(event)
        yield list(now.values())
        waiting = later


def subscription(
    sharing: SharingTerms,
    clock: Clock,
    limits: Limits = DEFAULT_LIMITS,
    witness: Witness | None = None,
) -> Subscription:
    """Return what billing wants from the outbox."""
    return Subscription(
        reader=READER,
        kinds=_KINDS,
        handle=TransactionReader(sharing, clock, limits, witness),
    )
