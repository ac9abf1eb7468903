"""Face: dynamic charging profiles of 2.1: what shall hold of them now, pushed and pulled.

Whoever sends UpdateDynamicSchedule says what shall hold from now on; that is kept with the command,
so that a station that asks (PullDynamicScheduleUpdate) is told the same, also where the push never
reached it. A later update replaces only what it names. What the station refuses, and what is taken
back before it left, holds no longer; an older push never leaves after a newer one
(`csms.command_store`). A profile that is set anew, or cleared, begins anew (`csms.records`).

Source: OCPP 2.1 part 2, K28, Q05 and Q06; ChargingScheduleUpdateType.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from csms import profile_rules, records
from csms.operation_modes import objection, objection_to_update, values_of
from csms.queue import STARTS
from csms.record_tables import StationRecordRow
from csms.records import Held
from csms.reports import OcppVersion
from foundation.errors import InvalidInput

UPDATE: Final = "UpdateDynamicSchedule"
_TELL_PROFILES: Final = frozenset({"SetChargingProfile", "RequestStartTransaction"})

Key = tuple[str, str]
"""A station and the number of a profile of its, as a text."""


@dataclass(frozen=True, slots=True)
class Known:
    """A profile that a station has, and what of it was told since it was set."""

    profile: Mapping[str, Any]
    told: Mapping[str, Any]

    @property
    def holds(self) -> dict[str, Any]:
        """What holds of its one period now; empty where the profile is not dynamic."""
        if self.profile.get("chargingProfileKind") != "Dynamic":
            return {}
        period = self.profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]
        return values_of(period) | values_of(self.told)


async def known(db: AsyncSession, keys: Collection[Key]) -> dict[Key, Known]:
    """Return those of the profiles that we know of, by one statement."""
    row = StationRecordRow
    rows = await db.execute(
        select(row.station, row.kind, row.key, row.content)
        .where(row.kind.in_((Held.CHARGING_PROFILE, Held.DYNAMIC_SCHEDULE)))
        .where(tuple_(row.station, row.key).in_(list(keys)))
    )
    profiles: dict[Key, Mapping[str, Any]] = {}
    told: dict[Key, Mapping[str, Any]] = {}
    for station, kind, key, content in rows:
        if kind == Held.CHARGING_PROFILE:
            profiles[station, key] = content["chargingProfile"]
        else:
            told[station, key] = content
    return {key: Known(profile, told.get(key, {})) for key, profile in profiles.items()}


def check(version: OcppVersion, action: str, payload: Mapping[str, Any]) -> None:
    """Make sure that the profile in a command says what goes together; most commands have none.

    Raises:
        InvalidInput: It does not; `field` is where.
    """
    profile = payload.get("chargingProfile")
    if version is OcppVersion.V16 or action not in _TELL_PROFILES or profile is None:
        return
    found = objection(profile) if version is OcppVersion.V21 else None
    if found is not None:
        sentence, place = found
        raise InvalidInput(sentence, field=f"$.chargingProfile{place.removeprefix('$')}")
    found = profile_rules.objection(payload, is_start=action in STARTS)
    if found is not None:
        raise InvalidInput(found[0], field=found[1])


async def expect(
    db: AsyncSession, station: str, action: str, payload: Mapping[str, Any], *, at: datetime
) -> None:
    """Keep what an UpdateDynamicSchedule says shall hold; other commands cost nothing.

    A profile that we do not know of is left to the station.

    Raises:
        InvalidInput: The profile is not dynamic, or cannot be told this; `field` is what.
    """
    if action != UPDATE:
        return
    key: Key = (station, str(payload["chargingProfileId"]))
    update = payload["scheduleUpdate"]
    await _locked(db, key)
    its = (await known(db, [key])).get(key)
    if its is None:
        return
    found = objection_to_update(its.profile, update)
    if found is not None:
        sentence, place = found
        raise InvalidInput(sentence, field=place)
    content = {**its.told, **values_of(update)}
    await records.keep(db, station, Held.DYNAMIC_SCHEDULE, key[1], content, state=None, at=at)


async def _locked(db: AsyncSession, key: Key) -> None:
    """Two who tell it anew at once tell it one after the other: neither undoes the other's word."""
    row = StationRecordRow
    await db.execute(
        select(row.key)
        .where(row.station == key[0], row.key == key[1], row.kind == Held.CHARGING_PROFILE)
        .with_for_update()
    )


_HURRIED: Final = text("""
update commands set priority = :priority
where station = :station and action = :action and state = 'queued' and priority < :priority
    and payload ->> 'chargingProfileId' = :number
""")


async def hurry(
    db: AsyncSession, station: str, action: str, payload: Mapping[str, Any], priority: int
) -> None:
    """Let older pushes to a profile leave before a more urgent one that is asked for now."""
    if action == UPDATE:
        number = str(payload["chargingProfileId"])
        values = {"station": station, "action": UPDATE, "number": number, "priority": priority}
        await db.execute(_HURRIED, values)


_TAKEN: Final = text("""
select c.payload -> 'scheduleUpdate' as told from commands c
where c.station = :station and c.action = :action and c.id <> :refused
    and c.payload ->> 'chargingProfileId' = :number
    and c.state not in ('rejected', 'cancelled')
    and (c.state <> 'failed' or c.failure <> 'call_error')
    and c.id > coalesce((
        select max(s.id) from commands s where s.station = :station
        and s.action = any(:setting) and s.state in ('accepted', 'effective')
        and s.payload -> 'chargingProfile' ->> 'id' = :number), 0)
order by c.id
""")


async def not_taken(
    db: AsyncSession,
    station: str,
    command: int,
    action: str,
    payload: Mapping[str, Any],
    *,
    at: datetime,
) -> None:
    """Let a push that was refused, or taken back, hold no longer: what it told is as without it.

    Commands of other kinds cost nothing.
    """
    if action != UPDATE:
        return
    key: Key = (station, str(payload["chargingProfileId"]))
    await _locked(db, key)
    its = (await known(db, [key])).get(key)
    refused = values_of(payload["scheduleUpdate"])
    if its is None or not refused.keys() & its.told.keys():
        return
    values = {
        "station": station,
        "action": UPDATE,
        "number": key[1],
        "refused": command,
        "setting": sorted(_TELL_PROFILES),
    }
    before: dict[str, Any] = {}
    for row in await db.execute(_TAKEN, values):
        before |= {name: value for name, value in values_of(row.told).items() if name in refused}
    kept = {name: value for name, value in its.told.items() if name not in refused}
    content = kept | before
    await records.keep(db, station, Held.DYNAMIC_SCHEDULE, key[1], content, state=None, at=at)
