"""What a charging profile of 2.x must say, and must not, before it is sent. Pure.

A station answers such a profile with Rejected and a word; here it is refused before it leaves, with
what to change. What goes together within a period is `csms.operation_modes`'s.

Sources: OCPP 2.0.1 edition 3 and 2.1, part 2, K01, F01 and F02; OCPP 2.1, ChargingProfileType and
ChargingScheduleType.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from csms.charging_profiles import Kind, Purpose

_OF_A_VEHICLE: Final = frozenset({Purpose.TX, Purpose.TX_DEFAULT, Purpose.PRIORITY})
_MAY_BE_DELAYED: Final = frozenset({Purpose.TX, Purpose.TX_DEFAULT})
_OF_THE_CLOCK: Final = frozenset({Kind.ABSOLUTE, Kind.RECURRING})


def objection(payload: Mapping[str, Any], *, is_start: bool) -> tuple[str, str] | None:
    """Return what of a profile a station would refuse: a sentence and where; None: nothing.

    Args:
        payload: SetChargingProfile of 2.x, or RequestStartTransaction with a profile, that keeps
            to its schema.
        is_start: It is the latter.
    """
    profile = payload["chargingProfile"]
    found = _of_place(profile, payload.get("evseId"), is_start=is_start)
    for each in (*found, *_of_profile(profile)):
        return each
    for place, schedule in enumerate(profile["chargingSchedule"]):
        for sentence, name in _of_schedule(profile, schedule):
            return sentence, f"$.chargingProfile.chargingSchedule[{place}].{name}"
    return None


def _of_place(
    profile: Mapping[str, Any], evse_id: int | None, *, is_start: bool
) -> Iterator[tuple[str, str]]:
    """For whom a profile is, and where it stands."""
    purpose, names_one = profile["chargingProfilePurpose"], "transactionId" in profile
    at = "$.chargingProfile"
    if is_start:
        if purpose != Purpose.TX:
            yield "A start takes a TxProfile only: name that.", f"{at}.chargingProfilePurpose"
        if names_one:
            sentence = "The transaction has no id before it starts: leave it out."
            yield sentence, f"{at}.transactionId"
        return
    if purpose == Purpose.EXTERNAL:  # K01.FR.22
        yield (
            "Limits of others are theirs to set: name another purpose.",
            f"{at}.chargingProfilePurpose",
        )
    if purpose == Purpose.TX and not names_one:  # K01.FR.03
        yield "A TxProfile needs the transactionId that it is for.", f"{at}.transactionId"
    if purpose == Purpose.TX and not evse_id:  # K01.FR.16
        yield "A TxProfile is for one EVSE: name it.", "$.evseId"
    if purpose != Purpose.TX and names_one:
        yield "Only a TxProfile has a transactionId: leave it out.", f"{at}.transactionId"
    if purpose == Purpose.STATION_MAX and evse_id:
        yield "A ChargingStationMaxProfile is for the whole station: name EVSE 0.", "$.evseId"


def _of_profile(profile: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind, at = profile["chargingProfileKind"], "$.chargingProfile"
    if kind == Kind.RECURRING and "recurrencyKind" not in profile:
        yield "A recurring profile needs a recurrencyKind: Daily or Weekly.", f"{at}.recurrencyKind"
    if kind != Kind.RECURRING and "recurrencyKind" in profile:
        yield "Only a profile of kind Recurring has a recurrencyKind.", f"{at}.recurrencyKind"
    if profile.get("invalidAfterOfflineDuration") and "maxOfflineDuration" not in profile:
        yield (
            "invalidAfterOfflineDuration needs a maxOfflineDuration, after which it holds.",
            f"{at}.maxOfflineDuration",
        )
    if profile.get("maxOfflineDuration", 0) < 0:
        yield "A maxOfflineDuration is 0 seconds or more.", f"{at}.maxOfflineDuration"
    if profile.get("dynUpdateInterval", 0) < 0:
        yield "A dynUpdateInterval is 0 seconds or more.", f"{at}.dynUpdateInterval"
    if kind == Kind.DYNAMIC and len(profile["chargingSchedule"]) > 1:
        yield "A dynamic profile has one schedule: name one.", f"{at}.chargingSchedule"


def _of_schedule(
    profile: Mapping[str, Any], schedule: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    purpose, kind = profile["chargingProfilePurpose"], profile["chargingProfileKind"]
    starts = [each["startPeriod"] for each in schedule["chargingSchedulePeriod"]]
    if starts[0] != 0:  # K01.FR.31
        yield "The first period starts at 0.", "chargingSchedulePeriod[0].startPeriod"
    for place in range(1, len(starts)):
        if starts[place] <= starts[place - 1]:
            name = f"chargingSchedulePeriod[{place}].startPeriod"
            yield "Each period starts after the one before it: put them in order.", name
    if kind == Kind.RELATIVE and "startSchedule" in schedule:  # K01.FR.41
        yield "A relative profile starts with the charging: leave it out.", "startSchedule"
    if schedule.get("randomizedDelay") and purpose not in _MAY_BE_DELAYED:
        yield "Only a TxProfile or TxDefaultProfile has a randomizedDelay.", "randomizedDelay"
    if schedule.get("useLocalTime") and kind not in _OF_THE_CLOCK:
        yield "Only an Absolute or Recurring profile goes by local time.", "useLocalTime"
    if schedule.get("useLocalTime") and "startSchedule" not in schedule:
        yield "useLocalTime needs the startSchedule that it is about.", "startSchedule"
    limit = schedule.get("limitAtSoC")
    if limit is not None:
        if purpose not in _OF_A_VEHICLE:
            yield "Only a vehicle has a state of charge: leave limitAtSoC out.", "limitAtSoC"
        if not 0 <= limit["soc"] <= 100:
            yield "A state of charge is 0 to 100 per cent.", "limitAtSoC.soc"
        if limit["limit"] < 0:
            yield "A limit is 0 or more.", "limitAtSoC.limit"
