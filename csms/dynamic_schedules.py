"""Face: dynamic charging profiles of 2.1: what shall hold of them now, pushed and pulled.

Whoever sends UpdateDynamicSchedule says what shall hold from now on; that is kept with the command,
so that a station that asks (PullDynamicScheduleUpdate) is told the same, also where the push never
reached it. A later update replaces only what it names. A profile that is set anew, or cleared,
begins anew (`csms.records`).

Source: OCPP 2.1 part 2, K28, Q05 and Q06; ChargingScheduleUpdateType.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from csms import records
from csms.operation_modes import objection, objection_to_update, values_of
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
    if version is not OcppVersion.V21 or action not in _TELL_PROFILES:
        return
    profile = payload.get("chargingProfile")
    found = None if profile is None else objection(profile)
    if found is not None:
        sentence, place = found
        raise InvalidInput(sentence, field=f"$.chargingProfile{place.removeprefix('$')}")


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
    # Two who tell it anew at once tell it one after the other: neither undoes what the other said.
    row = StationRecordRow
    await db.execute(
        select(row.key)
        .where(row.station == station, row.key == key[1], row.kind == Held.CHARGING_PROFILE)
        .with_for_update()
    )
    its = (await known(db, [key])).get(key)
    if its is None:
        return
    found = objection_to_update(its.profile, update)
    if found is not None:
        sentence, place = found
        raise InvalidInput(sentence, field=place)
    content = {**its.told, **values_of(update)}
    await records.keep(db, station, Held.DYNAMIC_SCHEDULE, key[1], content, state=None, at=at)
