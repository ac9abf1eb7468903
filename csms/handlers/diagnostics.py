"""Diagnostics: how far the upload of a log is.

Source: OCPP 1.6 edition 2, section 4.4; security whitepaper, section 4.4; OCPP 2.0.1, N01.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms import equipment_store
from csms.handlers.context import HandlerContext
from csms.handlers.firmware import progress_of
from csms.reports import Acknowledged, LogStatusReport
from foundation import outbox
from foundation.events import LogStatusChanged
from foundation.identifiers import StationId


async def log_statuses_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[LogStatusReport]
) -> list[Acknowledged]:
    """Keep how far uploads are, and tell what changed; the same told again changes nothing."""
    changed = await equipment_store.save_progress(db, progress_of("log", reports))
    told = [
        LogStatusChanged(
            happened_at=each.at,
            station=StationId(each.station),
            status=each.status,
            request_id=each.request_id,
        )
        for each in changed
    ]
    await outbox.append(db, told, recorded_at=context.clock.now())
    return [Acknowledged() for _ in reports]
