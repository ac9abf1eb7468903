"""The ghost guard: a transaction that takes no energy is stopped, where its station is set so.

A broken plug, a relay that does not close, an end that was lost: such a transaction runs for days
and becomes a bill. The guard only asks the station to stop it, as a person would; that it costs
nothing is for billing. It asks only where readings show that no energy flows: a station that sends
none in between is left alone, and so is a transaction whose start was not seen, which may have
charged before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms import remote
from csms.queue import Request
from csms.reports import OcppVersion
from csms.signed_value_tables import GhostGuardRow
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey, StationId

log = structlog.get_logger(__name__)

CRON: Final = "* * * * *"
"""The guard looks round every minute."""

MINUTES: Final = 15
"""After how many minutes without energy, unless set otherwise."""

_MINUTES_MIN, _MINUTES_MAX = 2, 24 * 60
_NO_ENERGY_WH: Final = Decimal(10)
_STOP_EXPIRES_IN_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Ghost:
    """A running transaction that takes no energy."""

    transaction_id: int
    station: StationId
    version: OcppVersion
    ref: str
    owner: OrganisationKey
    minutes: int


async def set_guard(
    db: AsyncSession, station: StationId, minutes: int | None, *, by: str, now: datetime
) -> None:
    """Set after how many minutes without energy a station's transactions are stopped; None: never.

    Raises:
        InvalidInput: The minutes are out of range.
    """
    row = await db.get(GhostGuardRow, station)
    if minutes is None:
        if row is not None:
            await db.delete(row)
        await db.flush()
        return
    if not _MINUTES_MIN <= minutes <= _MINUTES_MAX:
        raise InvalidInput("minutes must be 2 to 1440.", field="minutes")
    if row is None:
        db.add(GhostGuardRow(station=station, minutes=minutes, set_at=now, set_by=by))
    else:
        row.minutes, row.set_at, row.set_by = minutes, now, by
    await db.flush()


async def guard_of(db: AsyncSession, station: StationId) -> int | None:
    """Return the minutes of a station's guard; None where it is off."""
    row = await db.get(GhostGuardRow, station)
    return None if row is None else row.minutes


async def ghosts(db: AsyncSession, now: datetime) -> Sequence[Ghost]:
    """Return the running transactions at guarded stations that took no energy for long."""
    found = await db.execute(_GHOSTS, {"now": now, "none_wh": _NO_ENERGY_WH})
    return [
        Ghost(
            row.id,
            StationId(row.station),
            OcppVersion(row.version),
            row.ref.partition("|")[2],
            OrganisationKey(row.owner),
            row.minutes,
        )
        for row in found
    ]


_GHOSTS = text("""
select t.id, t.station, t.version, t.ref, t.owner, g.minutes
from ghost_guards g
join transactions t on t.station = g.station and t.state = 'active' and t.start_seen
  and t.started_at < cast(:now as timestamptz) - g.minutes * interval '1 minute'
cross join lateral (
    select max(r.energy_register_wh) - coalesce(t.meter_start_wh, min(r.energy_register_wh))
             as risen_wh, max(r.measured_at) as last_at
    from readings r
    where r.transaction_id = t.id and r.measured_at >= t.started_at
      and r.energy_register_wh is not null) r
where r.risen_wh between 0 and :none_wh
  and r.last_at >= t.started_at + g.minutes * interval '1 minute'
order by t.id
""")


def stop_of(ghost: Ghost) -> Request:
    """Return how a station is asked to stop a ghost: once for each, again until it ended."""
    payload: dict[str, Any]
    if ghost.version is OcppVersion.V16:
        action, payload = "RemoteStopTransaction", {"transactionId": ghost.transaction_id}
    else:
        action, payload = "RequestStopTransaction", {"transactionId": ghost.ref}
    return Request(
        station=ghost.station,
        action=action,
        payload=payload,
        asked_by="ghost guard",
        asked_by_name="Ghost guard",
        door="system",
        asker_organisation=ghost.owner,
        reason="system",
        reference=f"no energy for {ghost.minutes} min",
        expires_in_s=_STOP_EXPIRES_IN_S,
        idempotency_key=f"ghost-{ghost.transaction_id}",
        until_ended=True,
    )


async def stop_ghosts(database: Database, clock: Clock) -> None:
    """Ask stations to stop their ghosts, each in a unit of work of its own."""
    now = clock.now()
    async with database.unit_of_work() as db:
        found = await ghosts(db, now)
    for ghost in found:
        try:
            async with database.unit_of_work() as db:
                await remote.ask(db, stop_of(ghost), now=now)
        except ExpectedError as error:  # not connected, say: asked again in a minute
            log.info("ghost.not_stopped", station_id=ghost.station, reason=str(error))
