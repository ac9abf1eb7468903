"""Charging profiles for page and API: what a station has, what that comes to, and a plain limit.

Asking, clearing and setting go through the command queue, and so into the audit, as any command.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.permissions import Permission
from csms import known_profiles
from csms.charging_profiles import Purpose, UncomputableProfile, Unit
from csms.composite_schedule import LONGEST_S, Composite
from csms.known_profiles import KnownProfile, OwnAnswer, Source
from csms.profile_numbers import numbers_from
from csms.queue import Command, StationUnreachable
from csms.registry import Station
from foundation.errors import InvalidInput, NotFound
from portal import asking
from portal.guard import Caller

DAY_S: Final = 24 * 3600
_LARGEST_LIMIT: Final = Decimal(1_000_000)
_LONGEST: Final = timedelta(days=366)
_FIRST_NUMBER: Final = 1001
"""Profiles of load balancing and charging needs have smaller numbers; all count from what an
energy manager has."""
_LARGEST_ID: Final = 2**31 - 1
_HIGHEST_LEVEL: Final = 9


@dataclass(frozen=True, slots=True)
class Shown:
    """What a station has, and what it comes to at one of its EVSEs, or at all of it (0).

    `ours` is None where it cannot be computed: `refused` says why.
    """

    profiles: Sequence[KnownProfile]
    evse_id: int
    ours: Composite | None
    refused: UncomputableProfile | None
    answer: OwnAnswer | None


async def shown(
    db: AsyncSession, now: datetime, station: Station, evse_id: int, unit: Unit, duration_s: int
) -> Shown:
    """Return the profiles of a station and what they come to from now on.

    Raises:
        InvalidInput: It has no such EVSE.
    """
    _must_have(station, evse_id)
    ours, refused = None, None
    try:
        ours = await known_profiles.composite_of(
            db,
            station.identity,
            evse_id,
            starts_at=now.replace(microsecond=0),
            duration_s=min(max(duration_s, 1), LONGEST_S),
            unit=unit,
        )
    except UncomputableProfile as error:
        refused = error
    answers = await known_profiles.own_answers(db, station.identity)
    return Shown(
        await known_profiles.known(db, station.identity),
        evse_id,
        ours,
        refused,
        answers.get(evse_id),
    )


def _must_have(station: Station, evse_id: int) -> None:
    if evse_id != 0 and evse_id not in {each.evse_id for each in station.evses}:
        raise InvalidInput("The station has no such charge point.", field="evse_id")


def may_be_cleared(found: KnownProfile) -> bool:
    """Tell whether a profile is ours to take back: limits of others are not (K10)."""
    number = found.profile.number
    return (
        found.source is not Source.NOTIFIED
        and found.profile.purpose is not Purpose.EXTERNAL
        and number.isascii()
        and number.lstrip("-").isdecimal()
    )


# ------------------------------------------------------------------------------------ commands


async def read_profiles(
    db: AsyncSession, now: datetime, caller: Caller, station: Station, **more: Any
) -> Command:
    """Ask a station for all its profiles; 1.6 has no question for them.

    Raises:
        InvalidInput: It speaks 1.6.
        ExpectedError: As `asking.ask` says.
    """
    if _is_old(station):
        raise InvalidInput("OCPP 1.6 has no question for charging profiles.")
    number = 1 + secrets.randbelow(_LARGEST_ID)
    payload = {"requestId": number, "chargingProfile": {}}
    return await _ask(db, now, caller, station, "GetChargingProfiles", payload, **more)


async def read_composite(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    evse_id: int,
    unit: Unit,
    duration_s: int,
    **more: Any,
) -> Command:
    """Ask a station what it would charge with; its answer is held against ours.

    Raises:
        InvalidInput: It has no such EVSE.
        ExpectedError: As `asking.ask` says.
    """
    _must_have(station, evse_id)
    place = "connectorId" if _is_old(station) else "evseId"
    payload = {place: evse_id, "duration": duration_s, "chargingRateUnit": unit.value}
    return await _ask(db, now, caller, station, known_profiles.ASK, payload, **more)


async def clear(
    db: AsyncSession, now: datetime, caller: Caller, station: Station, number: str, **more: Any
) -> Command:
    """Have a profile that is known taken away.

    Raises:
        NotPermitted: He may not configure stations.
        NotFound: No such profile is known, or it is not ours to take back.
        ExpectedError: As `asking.ask` says.
    """
    caller.must_have(Permission.COMMANDS_CONFIGURE)
    known = await known_profiles.known(db, station.identity)
    if not any(each.profile.number == number and may_be_cleared(each) for each in known):
        raise NotFound("charging profile", number)
    name = "id" if _is_old(station) else "chargingProfileId"
    payload = {name: int(number)}
    return await _ask(db, now, caller, station, "ClearChargingProfile", payload, **more)


async def set_limit(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    *,
    evse_id: int,
    unit: Unit,
    limit: Decimal,
    starts_at: datetime | None,
    ends_at: datetime,
    level: int,
    **more: Any,
) -> Command:
    """Set a plain limit for a time: of the station as a whole (EVSE 0), or of one EVSE's sessions.

    Args:
        db: The unit of work.
        now: By the Clock.
        caller: Who sets it.
        station: Of his scope.
        evse_id: 0: ChargingStationMaxProfile; else TxDefaultProfile.
        unit: Amperes of each phase, or watts of all together.
        limit: 0 to 1000000, to a tenth.
        starts_at: None: now.
        ends_at: When it lapses.
        level: The stack level, 0 to 9; the higher goes before.
        more: For `asking.ask`.

    Raises:
        NotPermitted: He may not configure stations.
        InvalidInput: With the field that is wrong.
        ExpectedError: As `asking.ask` says.
    """
    caller.must_have(Permission.COMMANDS_CONFIGURE)
    _must_have(station, evse_id)
    starts_at = starts_at or now
    if not 0 <= limit <= _LARGEST_LIMIT or limit != limit.quantize(Decimal("0.1")):
        raise InvalidInput("A limit is 0 to 1000000, to a tenth.", field="limit")
    if ends_at <= max(starts_at, now):
        raise InvalidInput("It ends before it begins, or is over.", field="ends_at")
    if ends_at - starts_at > _LONGEST:
        raise InvalidInput("A limit holds for 366 days at most.", field="ends_at")
    if not 0 <= level <= _HIGHEST_LEVEL:
        raise InvalidInput("A stack level is 0 to 9.", field="level")
    known = await known_profiles.known(db, station.identity)
    taken = {each.profile.number for each in known}
    first = _FIRST_NUMBER + await numbers_from(db, station.identity)
    number = next(each for each in range(first, _LARGEST_ID) if str(each) not in taken)
    payload = limit_profile(
        is_old=_is_old(station),
        number=number,
        evse_id=evse_id,
        unit=unit,
        limit=limit,
        starts_at=starts_at,
        ends_at=ends_at,
        level=level,
    )
    return await _ask(db, now, caller, station, "SetChargingProfile", payload, **more)


def limit_profile(
    *,
    is_old: bool,
    number: int,
    evse_id: int,
    unit: Unit,
    limit: Decimal,
    starts_at: datetime,
    ends_at: datetime,
    level: int,
) -> Mapping[str, Any]:
    """Return the SetChargingProfile of a plain limit; `is_old`: in 1.6's words."""
    whole = "ChargePointMaxProfile" if is_old else Purpose.STATION_MAX.value
    profile = {
        "stackLevel": level,
        "chargingProfilePurpose": Purpose.TX_DEFAULT.value if evse_id else whole,
        "chargingProfileKind": "Absolute",
        "validFrom": _moment(starts_at),
        "validTo": _moment(ends_at),
    }
    schedule = {
        "startSchedule": _moment(starts_at),
        "duration": int((ends_at - starts_at).total_seconds()),
        "chargingRateUnit": unit.value,
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": float(limit)}],
    }
    if is_old:
        told = {"chargingProfileId": number, **profile, "chargingSchedule": schedule}
        return {"connectorId": evse_id, "csChargingProfiles": told}
    told = {"id": number, **profile, "chargingSchedule": [{"id": 1, **schedule}]}
    return {"evseId": evse_id, "chargingProfile": told}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _is_old(station: Station) -> bool:
    if station.ocpp_version is None:
        raise StationUnreachable(station.identity)
    return station.ocpp_version == "1.6"


async def _ask(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    action: str,
    payload: Mapping[str, Any],
    **more: Any,
) -> Command:
    return await asking.ask(
        db, caller, station, action, payload, now=now, reference="charging-profiles", **more
    )
