"""Face: how long a station may be silent, where that is not as the installation has it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from csms.connectivity import SilenceLimits
from csms.equipment_tables import StationVariableRow
from csms.silence_tables import StationLimitsRow
from foundation.errors import InvalidInput
from foundation.identifiers import StationId

LONGEST: Final = timedelta(days=7)
"""Longer than this nobody should be silent unnoticed."""


async def limits_of(
    db: AsyncSession, stations: Collection[StationId]
) -> Mapping[StationId, SilenceLimits]:
    """Return the limits of stations that have their own; others are missing."""
    found = await db.scalars(
        select(StationLimitsRow).where(StationLimitsRow.station == func.any(sorted(stations)))
    )
    return {StationId(row.station): _limits(row) for row in found}


def _limits(row: StationLimitsRow) -> SilenceLimits:
    return SilenceLimits(
        timedelta(seconds=row.pending_after_s), timedelta(seconds=row.offline_after_s)
    )


async def set_limits(
    db: AsyncSession,
    station: StationId,
    limits: SilenceLimits | None,
    *,
    heartbeat_interval_s: float,
    by: str,
    now: datetime,
) -> None:
    """Give a station limits of its own; None: those of the installation hold again.

    The caller checked that there is such a station, and that he may.

    Args:
        db: The unit of work.
        station: Which.
        limits: In whole seconds.
        heartbeat_interval_s: What stations are told at boot; what this one told of itself decides.
        by: Who sets it.
        now: When.

    Raises:
        InvalidInput: Offline would come before pending, or either before the heartbeat.
    """
    row = await db.get(StationLimitsRow, station)
    if limits is None:
        if row is not None:
            await db.delete(row)
        await db.flush()
        return
    told = await heartbeat_interval_of(db, station)
    must_be_possible(
        limits, timedelta(seconds=heartbeat_interval_s if told is None else float(told))
    )
    pending_s = int(limits.pending_after.total_seconds())
    offline_s = int(limits.offline_after.total_seconds())
    if row is None:
        db.add(
            StationLimitsRow(
                station=station,
                pending_after_s=pending_s,
                offline_after_s=offline_s,
                set_at=now,
                set_by=by,
            )
        )
    else:
        row.pending_after_s, row.offline_after_s = pending_s, offline_s
        row.set_at, row.set_by = now, by
    await db.flush()


def must_be_possible(limits: SilenceLimits, heartbeat: timedelta) -> None:
    """Refuse limits at which a healthy station would be pending, or offline before that.

    Raises:
        InvalidInput: With the field that must be another.
    """
    if limits.pending_after <= heartbeat:
        raise InvalidInput(
            "It must be longer than the station's heartbeat interval.", field="pending_after_s"
        )
    if limits.offline_after <= limits.pending_after:
        raise InvalidInput("Offline must come after pending.", field="offline_after_s")
    if limits.offline_after > LONGEST:
        raise InvalidInput("A week is the longest silence.", field="offline_after_s")


async def heartbeat_interval_of(db: AsyncSession, station: StationId) -> int | None:
    """Return the heartbeat interval that a station last told, in seconds; None if it did not."""
    value = await db.scalar(
        select(StationVariableRow.value).where(
            and_(
                StationVariableRow.station == station,
                StationVariableRow.component.in_(["", "OCPPCommCtrlr"]),
                func.lower(StationVariableRow.variable) == "heartbeatinterval",
                StationVariableRow.attribute == "Actual",
                StationVariableRow.value.is_not(None),
            )
        )
    )
    if value is None or not value.isascii() or not value.isdigit():
        return None
    return int(value) or None
