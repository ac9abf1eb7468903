"""Doors of a station's limits of silence that the API and the page share, and what probes did."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from csms import silence, silence_limits
from csms.connectivity import SilenceLimits
from csms.registry import Station
from csms.silence import ProbeCounts
from portal.context import PortalContext
from portal.guard import Caller

PROBES_OF: Final = timedelta(days=30)
"""Of how long the probes are counted."""


@dataclass(frozen=True, slots=True)
class Reachability:
    """When a station counts as pending and offline, and what probes did lately.

    Attributes:
        limits: Those that hold.
        is_own: Whether they are the station's own.
        heartbeat_interval_s: What the station told of itself, or else what stations are told.
        probes: Of the past thirty days.
    """

    limits: SilenceLimits
    is_own: bool
    heartbeat_interval_s: int
    probes: ProbeCounts


async def reachability(
    db: AsyncSession, now: datetime, context: PortalContext, caller: Caller, station: Station
) -> Reachability:
    """Return what holds for a station that the caller sees."""
    own = (await silence_limits.limits_of(db, [station.identity])).get(station.identity)
    settings = context.settings
    usual = SilenceLimits(
        timedelta(seconds=settings.pending_after_s), timedelta(seconds=settings.offline_after_s)
    )
    told = await silence_limits.heartbeat_interval_of(db, station.identity)
    return Reachability(
        own or usual,
        own is not None,
        told or int(settings.heartbeat_interval_s),
        await silence.probe_counts(
            db, caller.scope, start=now - PROBES_OF, end=now, station=station.identity
        ),
    )


async def set_limits(
    db: AsyncSession,
    now: datetime,
    context: PortalContext,
    caller: Caller,
    station: Station,
    limits: SilenceLimits | None,
) -> None:
    """Set a station's own limits, or take them back, and note it.

    Raises:
        InvalidInput: No healthy station could keep them.
    """
    before = (await silence_limits.limits_of(db, [station.identity])).get(station.identity)
    await silence_limits.set_limits(
        db,
        station.identity,
        limits,
        heartbeat_interval_s=context.settings.heartbeat_interval_s,
        by=caller.principal.id,
        now=now,
    )
    await caller.note(
        db,
        "silence_limits.set",
        f"station/{station.identity}",
        organisation=station.organisation,
        before=_told(before),
        after=_told(limits),
        now=now,
    )


def _told(limits: SilenceLimits | None) -> dict[str, int | None]:
    if limits is None:
        return {"pending_after_s": None, "offline_after_s": None}
    return {
        "pending_after_s": int(limits.pending_after.total_seconds()),
        "offline_after_s": int(limits.offline_after.total_seconds()),
    }
