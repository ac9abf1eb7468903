"""Reservations: a station lets one go by itself.

That somebody came and charged is told by the transaction's start, which names the reservation.

Source: OCPP 2.0.1 part 2, H03 and H04.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms import equipment_store
from csms.equipment_store import Ending
from csms.handlers.context import HandlerContext
from csms.reports import Acknowledged, ReservationReport
from foundation import outbox
from foundation.events import ReservationEnded
from foundation.identifiers import StationId


def ended_event(ending: Ending) -> ReservationEnded:
    """Return what the outside is told of a reservation's end."""
    return ReservationEnded(
        happened_at=ending.at,
        station=StationId(ending.station),
        reservation_id=ending.reservation_id,
        ending=ending.ending,
    )


async def reservations_ended(
    db: AsyncSession, context: HandlerContext, reports: Sequence[ReservationReport]
) -> list[Acknowledged]:
    """End reservations, and tell each once; one that nobody here made is kept as ended."""
    ended = await equipment_store.end_reservations(
        db,
        [
            Ending(each.origin.station, each.reservation_id, each.status, each.origin.received_at)
            for each in reports
        ],
    )
    await outbox.append(db, [ended_event(each) for each in ended], recorded_at=context.clock.now())
    return [Acknowledged() for _ in reports]
