"""Metering: readings outside TransactionEvents, also those that belong to no transaction.

Source: OCPP 1.6 edition 2, section 4.7; OCPP 2.0.1 part 2, block J.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms.handlers.context import HandlerContext
from csms.handlers.transactions import meter_values_reported
from csms.reports import Acknowledged, MeterReport


async def meter_values(
    db: AsyncSession, context: HandlerContext, reports: Sequence[MeterReport]
) -> list[Acknowledged]:
    """Keep the readings; a repeated one changes nothing."""
    await meter_values_reported(db, context, reports)
    return [Acknowledged() for _ in reports]
