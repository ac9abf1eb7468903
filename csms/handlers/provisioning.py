"""Provisioning: a station boots, and shows that it is alive.

Source: OCPP 1.6 edition 2, sections 4.2 and 4.6; OCPP 2.0.1 part 2, B01 to B03.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms import store
from csms.handlers.context import HandlerContext
from csms.reports import (
    BootAnswer,
    BootReport,
    HeartbeatAnswer,
    HeartbeatReport,
    RegistrationStatus,
)
from foundation import outbox
from foundation.events import StationBooted

_BY_POLICY = {
    "accept": RegistrationStatus.ACCEPTED,
    "pending": RegistrationStatus.PENDING,
    "reject": RegistrationStatus.REJECTED,
}


def registration(admission: str, boot_policy: str) -> RegistrationStatus:
    """Return how a boot is answered, from the station's admission and its boot policy."""
    if admission == "waiting":
        return RegistrationStatus.PENDING
    if admission == "refused":
        return RegistrationStatus.REJECTED
    return _BY_POLICY[boot_policy]


async def stations_booted(
    db: AsyncSession, context: HandlerContext, reports: Sequence[BootReport]
) -> list[BootAnswer]:
    """Note what stations say of themselves, and take them in if they may.

    A boot never ends a transaction: many survive it, and those that do not are reported later.
    """
    saved = await store.save_boots(db, reports)
    await outbox.append(
        db,
        [
            StationBooted(
                happened_at=report.origin.received_at,
                station=report.origin.station,
                vendor=report.vendor,
                model=report.model,
                firmware=report.firmware,
                reason=report.reason,
            )
            for report in reports
        ],
        recorded_at=context.clock.now(),
    )
    answers = []
    for report in reports:
        row = saved[report.origin.station]
        status = registration(row["admission"], row["boot_policy"])
        answers.append(
            BootAnswer(
                status,
                context.clock.now(),
                context.heartbeat_interval_s
                if status is RegistrationStatus.ACCEPTED
                else context.pending_interval_s,
            )
        )
    return answers


def heartbeat(context: HandlerContext, report: HeartbeatReport) -> HeartbeatAnswer:
    """Answer a heartbeat; that the station was heard is noted for every frame, in batches."""
    return HeartbeatAnswer(context.clock.now())
