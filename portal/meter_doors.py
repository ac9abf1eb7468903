"""Doors of a station's meters that the API and the pages share: keys, and the ghost guard."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from billing import validity
from csms import ghosts, meters, registry
from csms.connectivity import SilenceLimits
from csms.meters import NewKey, RegisteredKey
from csms.registry import Station
from csms.witness import Witness
from foundation.identifiers import TransactionId
from portal.context import PortalContext
from portal.guard import Caller


async def seen(
    db: AsyncSession, now: datetime, context: PortalContext, caller: Caller, identity: str
) -> Station:
    return await registry.station(db, caller.scope, identity, now, limits=_limits(context))


async def own(
    db: AsyncSession, now: datetime, context: PortalContext, caller: Caller, identity: str
) -> Station:
    """Return a station of the caller's: one that is only shared with him is not his to set.

    Raises:
        NotFound: As if the station were not there.
    """
    station = await seen(db, now, context, caller, identity)
    caller.must_see(station.organisation, "station", identity)
    return station


def _limits(context: PortalContext) -> SilenceLimits:
    return SilenceLimits(
        timedelta(seconds=context.settings.pending_after_s),
        timedelta(seconds=context.settings.offline_after_s),
    )


async def register(
    db: AsyncSession,
    now: datetime,
    context: PortalContext,
    caller: Caller,
    station: Station,
    new: NewKey,
) -> RegisteredKey:
    """Register a key, look again at what waited for it, and note it."""
    key, waiting = await meters.register_key(
        db, station.identity, new, by=caller.principal.id, now=now
    )
    freed = await _look_again(db, now, context, waiting)
    shown = _told(key)
    await caller.note(
        db,
        "meter_key.register",
        f"station/{station.identity}",
        organisation=station.organisation,
        after=shown | {"billed": [str(each) for each in freed]},
        now=now,
    )
    return key


async def take_over(
    db: AsyncSession,
    now: datetime,
    context: PortalContext,
    caller: Caller,
    station: Station,
    *,
    evse_id: int,
    reported: str,
    typed: str,
) -> RegisteredKey:
    """Register a key that the station reported, once it was compared, and note who compared it.

    Raises:
        KeyDiffers: The type plate has another one; nothing was registered.
    """
    key, how, waiting = await meters.take_over_key(
        db,
        station.identity,
        evse_id=evse_id,
        reported=reported,
        typed=typed,
        by=caller.principal.id,
        now=now,
    )
    freed = await _look_again(db, now, context, waiting)
    await caller.note(
        db,
        "meter_key.take_over",
        f"station/{station.identity}",
        organisation=station.organisation,
        after=_told(key)
        | {"fingerprint": reported, "compared_by": how.value}
        | {"checked_again": [str(each) for each in waiting], "billed": [str(e) for e in freed]},
        now=now,
    )
    return key


async def _look_again(
    db: AsyncSession, now: datetime, context: PortalContext, waiting: Sequence[int]
) -> Sequence[TransactionId]:
    return await validity.look_again(
        db,
        [TransactionId(each) for each in waiting],
        context.closing.sharing,
        Witness(),
        limits=context.closing.limits,
        now=now,
    )


async def end(
    db: AsyncSession,
    now: datetime,
    context: PortalContext,
    caller: Caller,
    station: Station,
    key_id: int,
    *,
    at: datetime | None = None,
) -> RegisteredKey:
    """End a key, and note it."""
    key = await meters.end_key(db, station.identity, key_id, at=at or now, now=now)
    await caller.note(
        db,
        "meter_key.end",
        f"station/{station.identity}",
        organisation=station.organisation,
        after=_told(key),
        now=now,
    )
    return key


async def set_guard(
    db: AsyncSession,
    now: datetime,
    context: PortalContext,
    caller: Caller,
    station: Station,
    minutes: int | None,
) -> None:
    """Set the guard, and note it."""
    before = await ghosts.guard_of(db, station.identity)
    await ghosts.set_guard(db, station.identity, minutes, by=caller.principal.id, now=now)
    await caller.note(
        db,
        "ghost_guard.set",
        f"station/{station.identity}",
        organisation=station.organisation,
        before={"minutes": before},
        after={"minutes": minutes},
        now=now,
    )


def _told(key: RegisteredKey) -> dict[str, Any]:
    return {
        "key_id": key.id,
        "evse_id": key.evse_id,
        "public_key": key.public_key,
        "curve": key.curve,
        "meter_serial": key.meter_serial,
        "valid_from": key.valid_from,
        "valid_to": key.valid_to,
    }
