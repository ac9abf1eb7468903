"""What charging profiles are, and over which spans of time each of them says what. Pure.

Profiles of all versions in 2.x's words, as `csms.records` keeps them. What they say together is
`csms.composite_schedule`'s.

Sources: OCPP 1.6 edition 2, sections 3.13 and 7.8 to 7.13; OCPP 2.0.1 edition 3 and 2.1, part 2,
block K and ChargingProfileType.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from csms.ocpp.moments import parse
from foundation.errors import ExpectedError


class Purpose(StrEnum):
    """What a profile is for: `ChargingProfilePurposeEnumType`, and what is none."""

    STATION_MAX = "ChargingStationMaxProfile"
    """1.6: ChargePointMaxProfile."""
    EXTERNAL = "ChargingStationExternalConstraints"
    TX_DEFAULT = "TxDefaultProfile"
    TX = "TxProfile"
    PRIORITY = "PriorityCharging"
    LOCAL_GENERATION = "LocalGeneration"
    NOTIFIED = "NotifyChargingLimit"
    """No profile: a limit of others that the station told of, which holds as a profile would."""


class Unit(StrEnum):
    """`ChargingRateUnitEnumType`: amperes of each phase, or watts of all together."""

    A = "A"
    W = "W"


class Hindrance(StrEnum):
    """Why nobody but the station can say what a profile comes to."""

    SEVERAL_SCHEDULES = "several_schedules"
    """The vehicle chooses one of them."""
    EACH_PHASE = "each_phase"
    """Its phases have limits of their own."""
    NOT_CHARGING_ONLY = "not_charging_only"
    """It discharges, or follows a set point or the grid's frequency."""
    BY_STATE_OF_CHARGE = "by_state_of_charge"
    RANDOM_DELAY = "random_delay"
    NO_LIMIT = "no_limit"
    NO_START = "no_start"
    """It recurs, or changes for the whole station, but from when on or how often is not said."""
    DISORDERED = "disordered"
    """Its periods are not in their order."""
    UNKNOWN_WORDS = "unknown_words"
    OTHER_UNIT = "other_unit"
    """Watts are no amperes where the current is direct."""


class UncomputableProfile(ExpectedError):
    """A profile that counts here says what only the station can turn into a limit.

    `profile` is its number, `why` what stands in the way.
    """

    code = "profile_not_computable"

    def __init__(self, profile: str, why: Hindrance) -> None:
        self.profile = profile
        self.why = why
        super().__init__(
            f"Charging profile {profile} cannot be computed ({why}). Ask the station for its"
            " composite schedule, or replace the profile."
        )


class Kind(StrEnum):
    """`ChargingProfileKindEnumType`."""

    ABSOLUTE = "Absolute"
    RECURRING = "Recurring"
    RELATIVE = "Relative"
    DYNAMIC = "Dynamic"


_RECURRENCES: Final = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}
_OLD_PURPOSES: Final = {"ChargePointMaxProfile": Purpose.STATION_MAX}
_OF_CHARGING: Final = frozenset({Purpose.TX, Purpose.TX_DEFAULT, Purpose.PRIORITY})
_CHARGING_ALONE: Final = frozenset({None, "ChargingOnly", "Idle"})
_LONGEST_S: Final = 200 * 366 * 24 * 3600
"""What lasts longer lasts on."""
_YEARS: Final = range(1971, 2200)
"""In which a schedule may start: others are clocks that were not set."""
_ZONE: Final = re.compile(r"(?<=\d)\s*(?:[Zz]|UTC|GMT|[+-]\d{1,2}:?(?:\d{2})?)\s*$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A limit from so many seconds after the schedule's start on.

    `phases` is None where the standard's default (three) holds, or the current is direct.
    """

    start_s: int
    limit: Decimal
    phases: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A charging profile with its one schedule.

    Times are aware; where `is_local`, `starts_at` is naive, the station's wall clock. `hindrance`
    is what stands in the way of computing it: then `periods` are empty.
    """

    number: str
    evse_id: int
    purpose: Purpose | None
    kind: Kind = Kind.ABSOLUTE
    level: int = 0
    recurs_every: timedelta | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction: str | None = None
    starts_at: datetime | None = None
    is_local: bool = False
    duration_s: int | None = None
    unit: Unit = Unit.A
    minimum: Decimal | None = None
    periods: tuple[Period, ...] = ()
    hindrance: Hindrance | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """What a profile says in [begins_at, ends_at)."""

    begins_at: datetime
    ends_at: datetime
    limit: Decimal
    phases: int | None


# ------------------------------------------------------------------------------------- reading


def profile_of(evse_id: int, told: Mapping[str, Any]) -> Profile:
    """Return a profile from 2.x's words; what stands in the way of computing it is noted in it."""
    purpose = _purpose(str(told.get("chargingProfilePurpose")))
    schedules = told.get("chargingSchedule") or ()
    kind = str(told.get("chargingProfileKind"))
    named = told.get("transactionId")
    schedule = schedules[0] if schedules else {}
    hindrance = _hindrance(told, schedules)
    is_local = bool(schedule.get("useLocalTime"))
    starts_at = _moment(schedule.get("startSchedule"), is_local=is_local)
    is_wrong = bool(schedule.get("startSchedule")) and starts_at is None
    if kind == Kind.DYNAMIC and starts_at is None:
        starts_at = _moment(told.get("dynUpdateTime"), is_local=False)
    is_wrong |= starts_at is not None and starts_at.year not in _YEARS
    if purpose is None or kind not in set(Kind) or is_wrong:
        hindrance = Hindrance.UNKNOWN_WORDS
    return Profile(
        number=str(told.get("id")),
        evse_id=evse_id,
        purpose=purpose,
        kind=Kind(kind) if kind in set(Kind) else Kind.ABSOLUTE,
        level=int(told.get("stackLevel") or 0),
        recurs_every=_RECURRENCES.get(str(told.get("recurrencyKind"))),
        valid_from=_moment(told.get("validFrom"), is_local=False),
        valid_to=_moment(told.get("validTo"), is_local=False),
        transaction=None if named is None else str(named),
        starts_at=starts_at,
        is_local=is_local and starts_at is not None and starts_at.tzinfo is None,
        duration_s=schedule.get("duration"),
        unit=Unit.W if schedule.get("chargingRateUnit") == Unit.W else Unit.A,
        minimum=_number(schedule.get("minChargingRate")),
        periods=() if hindrance else periods_of(schedule),
        hindrance=hindrance,
    )


def notified_limits(key: str, told: Mapping[str, Any], told_at: datetime) -> list[Profile]:
    """Return the limits of a NotifyChargingLimit; none where it names no schedule.

    A schedule without a start holds since it was told.
    """
    evse_id = int(told.get("evseId") or 0)
    found = []
    for schedule in told.get("chargingSchedule") or ():
        words = {
            "id": key,
            "chargingProfilePurpose": Purpose.NOTIFIED,
            "chargingProfileKind": Kind.ABSOLUTE,
            "chargingSchedule": [{"startSchedule": told_at.isoformat(), **schedule}],
        }
        found.append(profile_of(evse_id, words))
    return found


def periods_of(schedule: Mapping[str, Any]) -> tuple[Period, ...]:
    """Return the periods of a schedule that has limits."""
    return tuple(
        Period(
            int(each["startPeriod"]),
            _number(each.get("limit")) or Decimal(0),
            each.get("numberPhases"),
        )
        for each in schedule.get("chargingSchedulePeriod") or ()
    )


def _purpose(word: str) -> Purpose | None:
    if word in set(Purpose):
        return Purpose(word)
    return _OLD_PURPOSES.get(word)


def _hindrance(told: Mapping[str, Any], schedules: Sequence[Mapping[str, Any]]) -> Hindrance | None:
    """Return what stands in the way of computing a profile; None: nothing does."""
    if len(schedules) != 1:
        return Hindrance.SEVERAL_SCHEDULES if schedules else Hindrance.NO_LIMIT
    [schedule] = schedules
    if told.get("chargingProfileKind") == Kind.RECURRING and (
        told.get("recurrencyKind") not in _RECURRENCES or not schedule.get("startSchedule")
    ):
        return Hindrance.NO_START
    # K01.FR.38: the station as a whole has no start of charging to be relative to.
    is_steady = len(schedule.get("chargingSchedulePeriod") or ()) < 2 and not (
        schedule.get("duration")
    )
    is_relative = told.get("chargingProfileKind") == Kind.RELATIVE or not (
        schedule.get("startSchedule") or told.get("dynUpdateTime")
    )
    if is_relative and not is_steady and told.get("chargingProfilePurpose") not in _OF_CHARGING:
        return Hindrance.NO_START
    if schedule.get("limitAtSoC"):
        return Hindrance.BY_STATE_OF_CHARGE
    if schedule.get("randomizedDelay"):
        return Hindrance.RANDOM_DELAY
    return hindrance_of(schedule)


def hindrance_of(schedule: Mapping[str, Any]) -> Hindrance | None:
    """Return why the periods of a schedule are no plain limits; None: they are."""
    before = -1
    for each in schedule.get("chargingSchedulePeriod") or ():
        # Decimals of reports are kept as texts.
        limit, mode = _number(each.get("limit")), each.get("operationMode")
        if mode not in _CHARGING_ALONE or (limit is not None and limit < 0):
            return Hindrance.NOT_CHARGING_ONLY
        if any(each.get(name) is not None for name in ("limit_L2", "limit_L3")):
            return Hindrance.EACH_PHASE
        if limit is None and mode != "Idle":
            return Hindrance.NO_LIMIT
        if each["startPeriod"] <= before:
            return Hindrance.DISORDERED
        before = each["startPeriod"]
    return Hindrance.NO_LIMIT if before < 0 else None


def _number(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _moment(value: Any, *, is_local: bool) -> datetime | None:
    """Return a moment; where it is local, without the offset that is to be disregarded."""
    if not value:
        return None
    found = parse(_ZONE.sub("", str(value)) if is_local else str(value))
    if found is None:
        return None
    return found.at.replace(tzinfo=None) if is_local else found.at


# ----------------------------------------------------------------------------------- unfolding


def spans(
    profile: Profile,
    begins_at: datetime,
    ends_at: datetime,
    *,
    charging_since: datetime | None,
    zone: ZoneInfo,
) -> list[Span]:
    """Return what a profile says in [begins_at, ends_at), in order; where it says nothing, gaps.

    Args:
        profile: Without a hindrance.
        begins_at: Of the window.
        ends_at: Of the window.
        charging_since: When the transaction began; None: as if one began with the window.
        zone: The station's, for profiles in its local time.
    """
    since = begins_at if charging_since is None else charging_since
    earliest = max(begins_at, profile.valid_from or begins_at)
    latest = min(ends_at, profile.valid_to or ends_at)
    found = []
    for starts_at, next_at in _starts(profile, earliest, latest, since, zone):
        if starts_at >= latest:
            break
        over_at = min(latest, next_at or latest)
        if profile.duration_s is not None:
            over_at = min(over_at, _later(starts_at, profile.duration_s))
        for place, each in enumerate(profile.periods):
            is_last = place + 1 == len(profile.periods)
            until = over_at
            if not is_last:
                until = min(over_at, _later(starts_at, profile.periods[place + 1].start_s))
            since_then = max(earliest, _later(starts_at, each.start_s))
            if since_then < until:
                found.append(Span(since_then, until, each.limit, each.phases))
    return found


def _later(moment: datetime, seconds: int) -> datetime:
    return moment + timedelta(seconds=min(max(seconds, 0), _LONGEST_S))


def _starts(
    profile: Profile, earliest: datetime, latest: datetime, since: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime | None]]:
    """Yield when the schedule starts, and when it starts anew, as far as it is seen."""
    if profile.kind is Kind.RELATIVE or profile.starts_at is None:
        # Without a start the schedule is relative to the start of charging (ChargingSchedule).
        yield since, None
        return

    every = profile.recurs_every if profile.kind is Kind.RECURRING else None
    step, first = every or timedelta(0), profile.starts_at

    def moment(number: int) -> datetime:
        found = first + number * step
        return found.replace(tzinfo=zone).astimezone(UTC) if profile.is_local else found

    if every is None:
        yield moment(0), None
        return
    # By the wall clock a day has 23 to 25 hours: one more is looked at than the division says.
    number = max(0, (earliest - moment(0)) // every - 1)
    while moment(number) < latest:
        yield moment(number), moment(number + 1)
        number += 1
