"""Takes what was switched: billing keeps when each station was monitored, and for whom.

The events may come in any order; what held at a moment follows from theirs.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from billing import service_store
from billing.services import Switch
from foundation.events import MonitoringActivated, MonitoringDeactivated
from foundation.outbox import Delivery, Subscription

READER: Final = "services"
"""The name under which events are addressed to it; the booking of a month waits for it."""
KINDS: Final = (MonitoringActivated.kind, MonitoringDeactivated.kind)


async def take_switches(db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
    """Write each switch once."""
    found = []
    for each in deliveries:
        event = each.event
        assert isinstance(event, MonitoringActivated | MonitoringDeactivated)
        found.append(
            Switch(
                event.station,
                event.organisation,
                event.happened_at,
                isinstance(event, MonitoringActivated),
                each.event_id,
            )
        )
    await service_store.add_switches(db, found)


def subscription() -> Subscription:
    """Return the reader for the program."""
    return Subscription(READER, KINDS, take_switches)
