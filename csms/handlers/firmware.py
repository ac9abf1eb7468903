"""Firmware: how far an update, or its publication in a station's neighbourhood, is.

Statuses are kept as they come, since stations skip some and repeat others; the same status told
again changes nothing. Whether an update took effect is decided by the version at the next boot.

Source: OCPP 1.6 edition 2, section 4.5; security whitepaper, section 4.5; OCPP 2.0.1, L01 to L03.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms import equipment_store
from csms.equipment_store import Progress
from csms.handlers.context import HandlerContext
from csms.reports import Acknowledged, FirmwareStatusReport, ProgressReport, PublicationStatusReport
from foundation import outbox
from foundation.events import FirmwareStatusChanged
from foundation.identifiers import StationId


def progress_of(kind: str, reports: Sequence[ProgressReport]) -> list[Progress]:
    """Return what reports say of a kind of work, dated by their receipt: they name no moment."""
    return [
        Progress(
            each.origin.station,
            kind,
            each.request_id,
            each.status,
            each.note,
            each.origin.received_at,
        )
        for each in reports
    ]


async def firmware_statuses_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[FirmwareStatusReport]
) -> list[Acknowledged]:
    """Keep how far updates are, and tell what changed."""
    changed = await equipment_store.save_progress(db, progress_of("firmware", reports))
    told = [
        FirmwareStatusChanged(
            happened_at=each.at,
            station=StationId(each.station),
            status=each.status,
            request_id=each.request_id,
        )
        for each in changed
    ]
    await outbox.append(db, told, recorded_at=context.clock.now())
    return [Acknowledged() for _ in reports]


async def publications_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[PublicationStatusReport]
) -> list[Acknowledged]:
    """Keep how far local controllers are with publishing firmware to others."""
    await equipment_store.save_progress(db, progress_of("publication", reports))
    return [Acknowledged() for _ in reports]
