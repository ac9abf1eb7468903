"""What a profile says when: absolute, recurring, relative, dynamic, in local time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from csms.charging_profiles import (
    Hindrance,
    Profile,
    Purpose,
    UncomputableProfile,
    Unit,
    notified_limits,
    profile_of,
    spans,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = 3600


def told(**changes: Any) -> dict[str, Any]:
    """A profile in 2.x's words; what begins with `schedule_` changes its schedule."""
    schedule: dict[str, Any] = {
        "id": 1,
        "chargingRateUnit": "A",
        "startSchedule": "2026-11-20T12:00:00Z",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    }
    profile: dict[str, Any] = {
        "id": 7,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
    }
    for name, value in changes.items():
        if name.startswith("schedule_"):
            schedule[name.removeprefix("schedule_")] = value
        else:
            profile[name] = value
    return {**profile, "chargingSchedule": [schedule]}


def periods(*limits: tuple[int, float]) -> list[dict[str, Any]]:
    return [{"startPeriod": start, "limit": limit} for start, limit in limits]


def said(
    profile: Profile,
    *,
    hours: float = 24,
    begins_at: datetime = NOON,
    since: datetime | None = None,
) -> list[tuple[float, float, float]]:
    """What it says, as hours from the window's beginning: from, to, limit."""
    ends_at = begins_at + timedelta(hours=hours)
    found = spans(profile, begins_at, ends_at, charging_since=since, zone=BERLIN)
    return [
        (
            (each.begins_at - begins_at) / timedelta(hours=1),
            (each.ends_at - begins_at) / timedelta(hours=1),
            float(each.limit),
        )
        for each in found
    ]


def test_an_absolute_schedule_ends_with_its_duration_or_lasts() -> None:
    two = periods((0, 16), (HOUR, 8))
    assert said(profile_of(1, told(schedule_chargingSchedulePeriod=two))) == [
        (0, 1, 16),
        (1, 24, 8),
    ]
    ended = told(schedule_chargingSchedulePeriod=two, schedule_duration=2 * HOUR)
    assert said(profile_of(1, ended)) == [(0, 1, 16), (1, 2, 8)]
    cut = told(schedule_chargingSchedulePeriod=two, schedule_duration=HOUR)
    assert said(profile_of(1, cut)) == [(0, 1, 16)]


def test_validity_cuts_what_a_schedule_says_at_both_ends() -> None:
    profile = profile_of(
        1, told(validFrom="2026-11-20T13:30:00Z", validTo="2026-11-20T15:00:00+01:00")
    )
    assert said(profile) == [(1.5, 2, 16)]


def test_a_daily_schedule_begins_anew_every_day_but_not_before_its_first() -> None:
    words = told(
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
        schedule_startSchedule="2026-11-19T18:00:00Z",
        schedule_duration=4 * HOUR,
        schedule_chargingSchedulePeriod=periods((0, 6), (2 * HOUR, 10)),
    )
    daily = profile_of(1, words)
    assert said(daily, hours=48) == [(6, 8, 6), (8, 10, 10), (30, 32, 6), (32, 34, 10)]
    assert said(daily, begins_at=NOON - timedelta(days=2), hours=31) == [(30, 31, 6)]
    # Longer than a day: the next one takes its place.
    longer = profile_of(
        1, words | {"chargingSchedule": [words["chargingSchedule"][0] | {"duration": 30 * HOUR}]}
    )
    assert said(longer, hours=12) == [(0, 6, 10), (6, 8, 6), (8, 12, 10)]


def test_a_weekly_schedule_begins_anew_every_seven_days() -> None:
    weekly = profile_of(
        1,
        told(
            chargingProfileKind="Recurring",
            recurrencyKind="Weekly",
            schedule_startSchedule="2026-11-06T13:00:00Z",
            schedule_duration=HOUR,
        ),
    )
    assert said(weekly, hours=8 * 24) == [(1, 2, 16), (7 * 24 + 1, 7 * 24 + 2, 16)]


def test_local_time_follows_the_wall_clock_through_a_change_of_the_clocks() -> None:
    """18:00 in Berlin is 16:00 in UTC on 24 October 2026, and 17:00 the day after."""
    daily = told(
        chargingProfileKind="Recurring",
        recurrencyKind="Daily",
        schedule_startSchedule="2026-10-01T18:00:00Z",
        schedule_duration=HOUR,
    )
    day = datetime(2026, 10, 24, tzinfo=UTC)
    assert said(profile_of(1, daily), begins_at=day, hours=48) == [(18, 19, 16), (42, 43, 16)]
    daily["chargingSchedule"][0]["useLocalTime"] = True
    assert said(profile_of(1, daily), begins_at=day, hours=48) == [(16, 17, 16), (41, 42, 16)]
    # The offset is disregarded (ChargingScheduleType).
    daily["chargingSchedule"][0]["startSchedule"] = "2026-10-01T18:00:00+09:00"
    assert said(profile_of(1, daily), begins_at=day, hours=24) == [(16, 17, 16)]


@pytest.mark.parametrize("kind", ["Relative", "Absolute"])
def test_without_a_start_a_schedule_begins_with_the_charging(kind: str) -> None:
    words = told(
        chargingProfileKind=kind, schedule_chargingSchedulePeriod=periods((0, 16), (HOUR, 8))
    )
    del words["chargingSchedule"][0]["startSchedule"]
    profile = profile_of(1, words)
    assert said(profile, hours=3) == [(0, 1, 16), (1, 3, 8)]
    begun = NOON - timedelta(minutes=30)
    assert said(profile, hours=3, since=begun) == [(0, 0.5, 16), (0.5, 3, 8)]


def test_a_dynamic_schedule_holds_since_its_last_update() -> None:
    words = told(
        chargingProfileKind="Dynamic",
        dynUpdateTime="2026-11-20T11:50:00Z",
        schedule_startSchedule=None,
        schedule_duration=HOUR,
    )
    assert said(profile_of(1, words), hours=2) == [(0, 50 / 60, 16)]


def test_old_words_and_limits_of_others_are_read_alike() -> None:
    old = profile_of(0, told(chargingProfilePurpose="ChargePointMaxProfile"))
    assert old.purpose is Purpose.STATION_MAX
    notified = {
        "chargingLimit": {"chargingLimitSource": "EMS"},
        "evseId": 2,
        "chargingSchedule": [
            {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": periods((0, 4200))}
        ],
    }
    [limit] = notified_limits("EMS/2", notified, NOON + timedelta(hours=1))
    assert (limit.number, limit.evse_id, limit.purpose) == ("EMS/2", 2, Purpose.NOTIFIED)
    assert limit.unit is Unit.W
    assert said(limit) == [(1, 24, 4200)]
    nothing = {"chargingLimit": {"chargingLimitSource": "EMS"}}
    assert notified_limits("EMS/0", nothing, NOON) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schedule_limitAtSoC": {"soc": 80, "limit": 6}}, Hindrance.BY_STATE_OF_CHARGE),
        ({"schedule_randomizedDelay": 60}, Hindrance.RANDOM_DELAY),
        (
            {"schedule_chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16, "limit_L2": 8}]},
            Hindrance.EACH_PHASE,
        ),
        (
            {
                "schedule_chargingSchedulePeriod": [
                    {"startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": 5}
                ]
            },
            Hindrance.NOT_CHARGING_ONLY,
        ),
        ({"schedule_chargingSchedulePeriod": periods((0, -5))}, Hindrance.NOT_CHARGING_ONLY),
        ({"schedule_chargingSchedulePeriod": [{"startPeriod": 0}]}, Hindrance.NO_LIMIT),
        ({"schedule_chargingSchedulePeriod": periods((0, 5), (0, 6))}, Hindrance.DISORDERED),
        ({"chargingProfileKind": "Recurring"}, Hindrance.NO_START),
        (
            {
                "chargingProfileKind": "Recurring",
                "recurrencyKind": "Daily",
                "schedule_startSchedule": None,
            },
            Hindrance.NO_START,
        ),
        ({"chargingProfilePurpose": "Other"}, Hindrance.UNKNOWN_WORDS),
        ({"schedule_startSchedule": "0001-01-01T00:00:00Z"}, Hindrance.UNKNOWN_WORDS),
        ({"schedule_startSchedule": "tomorrow"}, Hindrance.UNKNOWN_WORDS),
    ],
)
def test_what_only_the_station_can_turn_into_a_limit_is_noted(
    change: dict[str, Any], why: Hindrance
) -> None:
    assert profile_of(1, told(**change)).hindrance is why
    assert profile_of(1, told()).hindrance is None


def test_several_schedules_are_the_vehicles_choice_and_none_is_no_limit() -> None:
    words = told()
    assert (
        profile_of(1, words | {"chargingSchedule": words["chargingSchedule"] * 2}).hindrance
        is Hindrance.SEVERAL_SCHEDULES
    )
    assert profile_of(1, words | {"chargingSchedule": []}).hindrance is Hindrance.NO_LIMIT


def test_the_whole_station_has_no_start_of_charging_to_count_from() -> None:
    words = told(chargingProfilePurpose="ChargingStationMaxProfile", schedule_startSchedule=None)
    assert said(profile_of(0, words), hours=2) == [(0, 2, 16)]
    for change in ({"duration": HOUR}, {"chargingSchedulePeriod": periods((0, 16), (60, 8))}):
        changing = {**words, "chargingSchedule": [words["chargingSchedule"][0] | change]}
        assert profile_of(0, changing).hindrance is Hindrance.NO_START
        default = changing | {"chargingProfilePurpose": "TxDefaultProfile"}
        assert profile_of(0, default).hindrance is None


def test_an_idle_period_is_a_limit_of_zero() -> None:
    idle = told(schedule_chargingSchedulePeriod=[{"startPeriod": 0, "operationMode": "Idle"}])
    assert said(profile_of(1, idle), hours=1) == [(0, 1, 0)]


def test_the_refusal_names_the_profile_and_what_to_do() -> None:
    error = UncomputableProfile("7", Hindrance.EACH_PHASE)
    assert (error.profile, error.why) == ("7", Hindrance.EACH_PHASE)
    assert "Charging profile 7" in str(error)
    assert "Ask the station" in str(error)
