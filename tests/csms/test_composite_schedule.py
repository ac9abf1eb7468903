"""What profiles come to together, by the standard's rules; and where the station differs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.charging_profiles import (
    Hindrance,
    Kind,
    Period,
    Profile,
    Purpose,
    UncomputableProfile,
    Unit,
)
from csms.composite_schedule import (
    Charging,
    Composite,
    Difference,
    Station,
    Step,
    answered_schedule,
    composite,
    differences,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = 3600
ZONE = ZoneInfo("Europe/Berlin")
RUNNING = Charging("tx-1", NOON - timedelta(hours=1))
FREE = Station(evses={1: None, 2: None}, zone=ZONE)
BUSY = Station(evses={1: RUNNING, 2: None}, zone=ZONE)


def profile(
    purpose: Purpose, *periods: tuple[int, int] | tuple[int, int, int], **more: Any
) -> Profile:
    """A profile of EVSE 1 from noon on: (seconds, limit) or (seconds, limit, phases)."""
    values: dict[str, Any] = {
        "number": purpose.value,
        "evse_id": 0 if purpose in (Purpose.STATION_MAX, Purpose.EXTERNAL) else 1,
        "purpose": purpose,
        "starts_at": NOON,
        "periods": tuple(
            Period(each[0], Decimal(each[1]), each[2] if len(each) == 3 else None)
            for each in periods
        ),
    }
    return Profile(**(values | more))


def of(
    *profiles: Profile,
    station: Station = BUSY,
    evse_id: int = 1,
    unit: Unit = Unit.A,
    hours: float = 4,
) -> Composite:
    return composite(
        profiles,
        station,
        evse_id,
        starts_at=NOON,
        duration_s=int(hours * HOUR),
        unit=unit,
    )


def steps(found: Composite) -> list[tuple[int, float | None]]:
    return [
        (each.start_s, None if each.limit is None else float(each.limit)) for each in found.steps
    ]


# ------------------------------------------------------------------------------------ stacking


def test_the_highest_stack_level_that_says_something_leads() -> None:
    """The standard's own example: a default for every day, and another one for a special day."""
    every_day = profile(Purpose.TX_DEFAULT, (0, 10), (2 * HOUR, 12), number="every day")
    special = profile(
        Purpose.TX_DEFAULT, (0, 6), number="special", level=1, starts_at=NOON + timedelta(hours=1)
    )
    assert steps(of(every_day, special)) == [(0, 10), (HOUR, 6)]
    for an_hour in (
        replace(special, duration_s=HOUR),
        replace(special, valid_to=NOON + timedelta(hours=2)),
    ):
        assert steps(of(every_day, an_hour)) == [(0, 10), (HOUR, 6), (2 * HOUR, 12)]
    # A higher level leads though its limit is higher: stacking is no minimum.
    higher = replace(special, periods=(Period(0, Decimal(32)),))
    assert steps(of(every_day, higher)) == [(0, 10), (HOUR, 32)]


def test_the_default_of_an_evse_takes_the_place_of_the_stations_on_the_same_level() -> None:
    for_all = profile(Purpose.TX_DEFAULT, (0, 16), evse_id=0, number="all")
    for_one = profile(Purpose.TX_DEFAULT, (0, 20), evse_id=1, number="one")
    assert steps(of(for_all, for_one)) == [(0, 20)]
    assert steps(of(for_all, for_one, evse_id=2)) == [(0, 16)]
    assert steps(of(replace(for_all, level=1), for_one)) == [(0, 16)]


# ----------------------------------------------------------------------------------- combining


def test_a_transactions_profile_takes_the_place_of_the_default_even_where_it_is_higher() -> None:
    default = profile(Purpose.TX_DEFAULT, (0, 6), level=5)
    own = profile(Purpose.TX, (0, 16), transaction="tx-1", duration_s=2 * HOUR)
    assert steps(of(default, own)) == [(0, 16), (2 * HOUR, 6)]
    assert steps(of(default, own, station=FREE)) == [(0, 6)]
    assert steps(of(default, replace(own, transaction="tx-0"))) == [(0, 6)]
    assert steps(of(default, replace(own, transaction=None))) == [(0, 16), (2 * HOUR, 6)]


def test_priority_charging_takes_the_place_of_both_only_while_it_is_on() -> None:
    own = profile(Purpose.TX, (0, 8))
    first = profile(Purpose.PRIORITY, (0, 32))
    assert steps(of(own, first)) == [(0, 8)]
    hurried = Station(evses={1: replace(RUNNING, is_priority=True)}, zone=ZONE)
    assert steps(of(own, first, station=hurried)) == [(0, 32)]


def test_the_stations_limit_and_those_of_others_are_upper_borders_moment_by_moment() -> None:
    own = profile(Purpose.TX, (0, 16), (2 * HOUR, 10))
    whole = profile(Purpose.STATION_MAX, (0, 32), (HOUR, 12))
    others = profile(Purpose.EXTERNAL, (0, 20), (3 * HOUR, 6))
    found = of(own, whole, others)
    assert steps(found) == [(0, 16), (HOUR, 12), (2 * HOUR, 10), (3 * HOUR, 6)]
    assert [each.profiles for each in found.steps] == [
        ("TxProfile",),
        ("ChargingStationMaxProfile",),
        ("TxProfile",),
        ("ChargingStationExternalConstraints",),
    ]


def test_limits_of_others_bind_whatever_else_of_them_stands_higher() -> None:
    grid = profile(Purpose.NOTIFIED, (0, 10), evse_id=0, number="SO/0")
    building = profile(Purpose.NOTIFIED, (0, 8), evse_id=1, number="EMS/1", level=0)
    own = profile(Purpose.TX_DEFAULT, (0, 16), level=9)
    assert steps(of(own, grid, building)) == [(0, 8)]
    assert steps(of(own, grid, building, evse_id=2)) == [(0, 10)]


def test_local_generation_raises_the_stations_limits_and_nothing_else() -> None:
    sun = profile(Purpose.LOCAL_GENERATION, (HOUR, 6), evse_id=0)
    whole = profile(Purpose.STATION_MAX, (0, 10))
    own = profile(Purpose.TX_DEFAULT, (0, 14))
    assert steps(of(whole, sun)) == [(0, 10), (HOUR, 16)]
    assert steps(of(whole, sun, own)) == [(0, 10), (HOUR, 14)]
    assert steps(of(sun)) == [(0, None)]


def test_evse_0_is_all_together_below_the_stations_limit() -> None:
    default = profile(Purpose.TX_DEFAULT, (0, 16), evse_id=0)
    whole = profile(Purpose.STATION_MAX, (0, 40), (HOUR, 20))
    assert steps(of(default, whole, evse_id=0)) == [(0, 32), (HOUR, 20)]
    # Who has no limit may draw whatever the station may.
    alone = replace(default, evse_id=1)
    assert steps(of(alone, whole, evse_id=0)) == [(0, 40), (HOUR, 20)]
    assert steps(of(alone, evse_id=0)) == [(0, None)]


# -------------------------------------------------------------------------------------- relative


def test_a_relative_profile_counts_from_the_transactions_start() -> None:
    relative = profile(
        Purpose.TX_DEFAULT, (0, 16), (90 * 60, 8), kind=Kind.RELATIVE, starts_at=None
    )
    assert steps(of(relative)) == [(0, 16), (HOUR // 2, 8)]
    assert steps(of(relative, station=FREE)) == [(0, 16), (90 * 60, 8)]


# ----------------------------------------------------------------------------------------- units


def test_units_become_each_other_at_230_volts_and_the_periods_phases() -> None:
    watts = profile(Purpose.STATION_MAX, (0, 11040), unit=Unit.W)
    amperes = profile(Purpose.TX_DEFAULT, (0, 20), (HOUR, 10, 1))
    assert steps(of(watts, amperes)) == [(0, 16), (HOUR, 10)]
    assert steps(of(watts, amperes, unit=Unit.W)) == [(0, 11040), (HOUR, 2300)]
    assert [each.phases for each in of(watts, amperes).steps] == [None, 1]
    assert steps(of(profile(Purpose.STATION_MAX, (0, 10_000), unit=Unit.W))) == [(0, 14.5)]


def test_where_the_current_is_direct_units_are_not_mixed() -> None:
    station = replace(BUSY, direct=frozenset({1}))
    amperes = profile(Purpose.TX_DEFAULT, (0, 100), number="7")
    assert steps(of(amperes, station=station)) == [(0, 100)]
    with pytest.raises(UncomputableProfile) as refused:
        of(amperes, station=station, unit=Unit.W)
    assert (refused.value.profile, refused.value.why) == ("7", Hindrance.OTHER_UNIT)
    assert steps(of(amperes, station=station, evse_id=2, unit=Unit.W)) == [(0, None)]


def test_the_least_rate_is_the_highest_of_those_that_lead() -> None:
    own = profile(Purpose.TX_DEFAULT, (0, 16), minimum=Decimal(6))
    hidden = profile(Purpose.STATION_MAX, (0, 32), minimum=Decimal(8))
    assert of(own, hidden).minimum == Decimal(6)
    assert of().minimum is None


# -------------------------------------------------------------------------------------- refusals


def test_what_cannot_be_computed_is_refused_only_where_it_counts() -> None:
    odd = Profile(
        number="9",
        evse_id=1,
        purpose=Purpose.TX,
        transaction="tx-1",
        hindrance=Hindrance.EACH_PHASE,
    )
    default = profile(Purpose.TX_DEFAULT, (0, 16), evse_id=0)
    with pytest.raises(UncomputableProfile) as refused:
        of(default, odd)
    assert (refused.value.profile, refused.value.why) == ("9", Hindrance.EACH_PHASE)
    for harmless in (
        replace(odd, transaction="tx-0"),
        replace(odd, evse_id=2),
        replace(odd, valid_to=NOON),
        replace(odd, valid_from=NOON + timedelta(hours=4)),
    ):
        assert steps(of(default, harmless)) == [(0, 16)]
    with pytest.raises(UncomputableProfile):
        of(default, odd, evse_id=0)


# ------------------------------------------------------------------------------------------ laws

_PURPOSES = st.sampled_from([each for each in Purpose if each is not Purpose.NOTIFIED])


@st.composite
def some_profiles(draw: st.DrawFn) -> list[Profile]:
    made = []
    for number in range(draw(st.integers(0, 6))):
        purpose = draw(_PURPOSES)
        starts = sorted(draw(st.sets(st.integers(1, 300), max_size=3)))
        kinds = [Kind.ABSOLUTE, Kind.RECURRING]
        if purpose in (Purpose.TX, Purpose.TX_DEFAULT, Purpose.PRIORITY):
            kinds.append(Kind.RELATIVE)  # of what has a start of charging
        kind = draw(st.sampled_from(kinds))
        made.append(
            Profile(
                number=str(number),
                evse_id=0 if purpose is Purpose.STATION_MAX else draw(st.integers(0, 2)),
                purpose=purpose,
                kind=kind,
                level=number,  # no two alike: one purpose and level stand once at a station
                recurs_every=timedelta(days=1) if kind is Kind.RECURRING else None,
                starts_at=NOON + timedelta(minutes=draw(st.integers(-3000, 300))),
                duration_s=draw(st.none() | st.integers(60, 30000)),
                valid_to=draw(st.none() | st.just(NOON + timedelta(minutes=90))),
                unit=draw(st.sampled_from(list(Unit))),
                periods=tuple(
                    Period(60 * start, Decimal(draw(st.integers(0, 40)))) for start in [0, *starts]
                ),
            )
        )
    return made


HURRIED = Station(evses={1: replace(RUNNING, is_priority=True), 2: None}, zone=ZONE)


@settings(max_examples=40, deadline=None)
@given(some_profiles(), st.randoms(use_true_random=False), st.integers(0, 2))
def test_the_order_of_the_profiles_does_not_matter(
    profiles: list[Profile], random: Any, evse_id: int
) -> None:
    mixed = list(profiles)
    random.shuffle(mixed)
    assert of(*profiles, station=HURRIED, evse_id=evse_id) == of(
        *mixed, station=HURRIED, evse_id=evse_id
    )


@settings(max_examples=40, deadline=None)
@given(some_profiles(), st.integers(1, 239), st.integers(0, 2))
def test_a_part_of_a_schedule_is_the_schedule_of_that_part(
    profiles: list[Profile], minutes: int, evse_id: int
) -> None:
    """With a transaction, from which on relative schedules count, at every EVSE."""
    station = Station(evses={1: RUNNING, 2: RUNNING}, zone=ZONE)
    whole = of(*profiles, station=station, evse_id=evse_id)
    later = composite(
        profiles,
        station,
        evse_id,
        starts_at=NOON + timedelta(minutes=minutes),
        duration_s=(240 - minutes) * 60,
        unit=Unit.A,
    )
    for minute in range(minutes, 240, 7):
        moment = NOON + timedelta(minutes=minute)
        one, other = whole.at(moment), later.at(moment)
        assert one is not None
        assert other is not None
        assert (one.limit, one.profiles) == (other.limit, other.profiles)


@settings(max_examples=40, deadline=None)
@given(some_profiles(), st.integers(0, 40))
def test_a_limit_of_the_station_is_never_exceeded_without_generation_of_its_own(
    profiles: list[Profile], limit: int
) -> None:
    whole = profile(Purpose.STATION_MAX, (0, limit), level=99)
    others = [each for each in profiles if each.purpose is not Purpose.LOCAL_GENERATION]
    for evse_id in range(3):
        found = of(whole, *others, station=HURRIED, evse_id=evse_id)
        assert all(each.limit is not None and each.limit <= limit for each in found.steps)


@settings(max_examples=40, deadline=None)
@given(some_profiles(), st.integers(1, 2))
def test_every_moment_is_what_a_look_at_that_moment_alone_gives(
    profiles: list[Profile], evse_id: int
) -> None:
    """Against the rules written down once more, without unfolding anything."""
    found = of(*profiles, station=BUSY, evse_id=evse_id)
    for minute in range(0, 240, 11):
        moment = NOON + timedelta(minutes=minute)
        step = found.at(moment)
        assert step is not None
        expected = _looked_up(profiles, moment, evse_id, BUSY.evses[evse_id])
        assert step.limit == expected, (moment, profiles)


def _looked_up(
    profiles: list[Profile], moment: datetime, evse_id: int, charging: Charging | None
) -> Decimal | None:
    def says(each: Profile) -> Decimal | None:
        if each.valid_to is not None and moment >= each.valid_to:
            return None
        since = each.starts_at
        if each.kind is Kind.RELATIVE:
            since = charging.started_at if charging else NOON
        assert since is not None
        if moment < since:
            return None
        gone = moment - since
        if each.kind is Kind.RECURRING:
            gone %= timedelta(days=1)
        seconds = gone.total_seconds()
        if each.duration_s is not None and seconds >= each.duration_s:
            return None
        limit = [period.limit for period in each.periods if period.start_s <= seconds][-1]
        return limit if each.unit is Unit.A else limit / 690

    def leads(purpose: Purpose, evses: set[int]) -> Decimal | None:
        for each in sorted(profiles, key=lambda each: -each.level):
            if each.purpose is purpose and each.evse_id in evses:
                limit = says(each)
                if limit is not None:
                    return limit
        return None

    def lowest(*limits: Decimal | None) -> Decimal | None:
        return min((each for each in limits if each is not None), default=None)

    both = {0, evse_id}
    own = leads(Purpose.TX, both) if charging else None
    own = leads(Purpose.TX_DEFAULT, both) if own is None else own
    whole = lowest(leads(Purpose.STATION_MAX, {0}), leads(Purpose.EXTERNAL, {0}))
    more = leads(Purpose.LOCAL_GENERATION, both)
    if whole is not None and more is not None:
        whole += more
    limit = lowest(own, leads(Purpose.EXTERNAL, {evse_id}), whole)
    return None if limit is None else limit.quantize(Decimal("0.1"), "ROUND_HALF_UP")


# ------------------------------------------------------------------------------------- comparing


def answer(*limits: tuple[int, float], **more: Any) -> dict[str, Any]:
    schedule = {
        "evseId": 1,
        "duration": 4 * HOUR,
        "scheduleStart": "2026-11-20T12:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": start, "limit": limit} for start, limit in limits
        ],
    }
    return {"status": "Accepted", "schedule": schedule | more}


def theirs(said: dict[str, Any]) -> Composite | None:
    return answered_schedule(said, evse_id=1, duration_s=4 * HOUR, at=NOON)


def differing(*limits: tuple[int, float], ours: Composite, **more: Any) -> list[Difference]:
    found = theirs(answer(*limits, **more))
    assert found is not None
    return differences(found, ours)


OURS = of(profile(Purpose.TX_DEFAULT, (0, 16), (HOUR, 8)))


def test_what_is_alike_but_for_roundings_and_seconds_does_not_differ() -> None:
    assert differing((0, 16), (HOUR, 8), ours=OURS) == []
    assert differing((0, 16.1), (HOUR, 7.9), ours=OURS) == []
    assert differing((0, 16), (HOUR + 9, 8), ours=OURS) == []
    assert differing((0, 16), (HOUR, 8), ours=OURS, scheduleStart="2026-11-20T12:00:04Z") == []


def test_a_difference_tells_both_and_how_long_it_lasts() -> None:
    at = [NOON + timedelta(hours=hours) for hours in range(5)]
    assert differing((0, 16), ours=OURS) == [Difference(at[1], at[4], Decimal(16), Decimal(8))]
    assert differing((0, 10), (HOUR, 8), (3 * HOUR, 6), ours=OURS) == [
        Difference(at[0], at[1], Decimal(10), Decimal(16)),
        Difference(at[3], at[4], Decimal(6), Decimal(8)),
    ]
    assert differing((0, 16), (HOUR + 11, 8), ours=OURS) == [
        Difference(at[1], at[1] + timedelta(seconds=11), Decimal(16), Decimal(8))
    ]
    # Where nothing limits by our figures, the station names what it can.
    assert differing((0, 32), ours=of()) == []


def test_answers_of_both_versions_are_read_and_refusals_are_none() -> None:
    old = {
        "status": "Accepted",
        "connectorId": 1,
        "scheduleStart": "2026-11-20T13:00:00+01:00",
        "chargingSchedule": {
            "duration": HOUR,
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11040, "numberPhases": 3}],
        },
    }
    found = theirs(old)
    assert found is not None
    assert (found.starts_at, found.duration_s, found.unit) == (NOON, HOUR, Unit.W)
    assert found.steps == (Step(0, Decimal(11040), 3),)
    assert theirs({"status": "Rejected"}) is None
    assert theirs({"status": "Accepted"}) is None
    assert theirs(answer((0, -5))) is None
    bare = dict(old["chargingSchedule"])  # type: ignore[call-overload]
    del bare["duration"]
    found = theirs({"status": "Accepted", "chargingSchedule": bare})
    assert found is not None
    assert (found.starts_at, found.duration_s) == (NOON, 4 * HOUR)
