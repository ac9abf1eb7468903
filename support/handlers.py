"""What support does by itself: orders end by what came of their commands, or with their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from csms import outcomes
from csms.ordered import orders_of
from foundation.clock import Clock
from foundation.database import Database
from foundation.events import CommandChanged
from foundation.outbox import Delivery, Subscription
from support import change_orders
from support.correspondence import Correspondence

READER: Final = "support"
KINDS: Final = (CommandChanged.kind,)

EXPIRY_CRON: Final = "*/5 * * * *"
"""How often we look for orders whose validity is over."""


@dataclass(frozen=True, slots=True)
class OrderReader:
    """Takes what became of commands, and tells customers when their orders have ended."""

    correspondence: Correspondence
    clock: Clock

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Note each command's state with the order that it rests on, if any."""
        changes = [each.event for each in deliveries if isinstance(each.event, CommandChanged)]
        # One look for the batch: hardly any command rests on an order.
        ordered = await orders_of(db, {each.command_id for each in changes})
        for event in changes:
            if event.command_id not in ordered:
                continue
            command = await outcomes.command(db, event.command_id, WHOLE)
            assert command.change_order is not None
            now = self.clock.now()
            ended = await change_orders.note_command(
                db,
                command.change_order,
                command_id=command.id,
                station=command.station,
                action=command.action,
                payload=command.payload,
                state=event.state,
                note=event.note or event.failure,
                now=now,
            )
            if ended is not None:
                await self.correspondence.tell_result(db, ended, now=now)


def subscription(correspondence: Correspondence, clock: Clock) -> Subscription:
    """Return support's reader for the program."""
    return Subscription(READER, KINDS, OrderReader(correspondence, clock))


async def expire_orders(database: Database, correspondence: Correspondence, clock: Clock) -> None:
    """End orders whose validity is over, and tell their owners."""
    now = clock.now()
    async with database.unit_of_work() as db:
        for order in await change_orders.expire_due(db, now):
            await correspondence.tell_result(db, order, now=now)
