"""What people do with maintenance windows, as every door does it: permitted, done, audited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from csms.registry import Station
from portal.guard import Caller
from support import maintenance_store
from support.maintenance import Plan, Window


def _must(caller: Caller, *, locks: bool) -> None:
    """Ask for the rights: who takes EVSEs out of service may send commands, too."""
    caller.must_have(Permission.ALERTS_WRITE)
    if locks:
        caller.must_have(Permission.COMMANDS_SEND)


async def plan(
    db: AsyncSession, caller: Caller, station: Station, wanted: Plan, *, now: datetime
) -> Window:
    """Make a window at a station of the caller's own side.

    Raises:
        NotFound: If the station is not.
        NotPermitted: If he may not.
        ExpectedError: As `maintenance_store.plan_window` says.
    """
    caller.must_see(station.organisation, "station", station.identity)
    _must(caller, locks=wanted.locks)
    made = await maintenance_store.plan_window(
        db,
        station.identity,
        station.organisation,
        wanted,
        evses=_evses(station),
        by=caller.actor,
        now=now,
    )
    await _note(db, caller, "maintenance.plan", made, now, before=None, after=_written(made))
    return made


async def change(
    db: AsyncSession,
    caller: Caller,
    station: Station,
    before: Window,
    wanted: Plan,
    *,
    now: datetime,
) -> Window:
    """Give a window another plan.

    Raises:
        NotPermitted: If he may not.
        ExpectedError: As `maintenance_store.change_window` says.
    """
    _must(caller, locks=wanted.locks or before.plan.locks)
    made = await maintenance_store.change_window(
        db, caller.scope, before.id, wanted, evses=_evses(station), now=now
    )
    await _note(
        db, caller, "maintenance.change", made, now, before=_written(before), after=_written(made)
    )
    return made


async def end(db: AsyncSession, caller: Caller, before: Window, *, now: datetime) -> Window:
    """End a window now, or take it back before it begins.

    Raises:
        NotPermitted: If he may not.
        WindowIsPast: If it is over.
    """
    _must(caller, locks=before.plan.locks)
    made = await maintenance_store.end_window(db, caller.scope, before.id, now=now)
    await _note(
        db, caller, "maintenance.end", made, now, before=_written(before), after=_written(made)
    )
    return made


def _evses(station: Station) -> set[int]:
    return {each.evse_id for each in station.evses if each.evse_id > 0}


def _written(window: Window) -> Mapping[str, Any]:
    found = window.plan
    return {
        "window": window.id,
        "evses": list(found.evses),
        "starts_at": found.starts_at.isoformat(),
        "ends_at": found.ends_at.isoformat(),
        "locks": found.locks,
        "test_tokens": list(found.test_tokens),
        "comment": found.comment,
        "withdrawn": window.withdrawn_at is not None,
    }


async def _note(
    db: AsyncSession,
    caller: Caller,
    deed: str,
    window: Window,
    now: datetime,
    *,
    before: object,
    after: object,
) -> None:
    await caller.note(
        db,
        deed,
        f"station/{window.station}",
        organisation=window.organisation,
        before=before,
        after=after,
        now=now,
    )
