"""What vehicles need, and the schedules that answer it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.charging_needs import energy_needed, keeps_within, schedule_for

NOW = datetime(2026, 11, 20, 12, 0, 0, 7, tzinfo=UTC)
THREE: dict[str, Any] = {
    "requestedEnergyTransfer": "AC_three_phase",
    "acChargingParameters": {
        "energyAmount": 30_000,
        "evMinCurrent": 6,
        "evMaxCurrent": 32,
        "evMaxVoltage": 400,
    },
}
DC: dict[str, Any] = {
    "requestedEnergyTransfer": "DC",
    "dcChargingParameters": {"evMaxCurrent": 300, "evMaxVoltage": 400},
}


def schedule(*periods: tuple[int, float], unit: str = "A") -> dict[str, Any]:
    return {
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": [
            {"startPeriod": start, "limit": limit} for start, limit in periods
        ],
    }


def within(drawn: dict[str, Any], given: dict[str, Any]) -> bool:
    return keeps_within(drawn, given, begins_at=NOW)


def test_alternating_current_is_limited_for_the_phases_that_are_asked_for() -> None:
    made = schedule_for(THREE, most_a=16, most_w=None, now=NOW)
    assert made == {
        "startSchedule": "2026-11-20T12:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16, "numberPhases": 3}],
    }
    single = THREE | {"requestedEnergyTransfer": "AC_single_phase"}
    made = schedule_for(single, most_a=None, most_w=None, now=NOW)
    assert made is not None
    assert made["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 32, "numberPhases": 1}]


def test_direct_current_is_limited_in_watts() -> None:
    for most_a, most_w, limit in (
        (None, None, 120_000),
        (None, Decimal(50_000), 50_000),
        (32, Decimal(50_000), 22_080),
    ):
        made = schedule_for(DC, most_a=most_a, most_w=most_w, now=NOW)
        assert made is not None
        assert made["chargingRateUnit"] == "W"
        assert made["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": limit}]


@pytest.mark.parametrize(
    "needs",
    [
        {"requestedEnergyTransfer": "AC_BPT"},
        {"requestedEnergyTransfer": "AC_three_phase"},
        {"requestedEnergyTransfer": "DC"},
        {},
    ],
)
def test_what_names_no_limit_or_a_way_nobody_answers_has_no_schedule(needs: Any) -> None:
    assert schedule_for(needs, most_a=None, most_w=None, now=NOW) is None


def test_a_vehicle_that_draws_more_anywhere_is_not_within() -> None:
    given = schedule((0, 16), (3600, 8))
    assert within(schedule((0, 16)), schedule((0, 16)))
    assert within(schedule((0, 10), (3600, 8)), given)
    assert not within(schedule((0, 10)), given)
    assert not within(schedule((0, 17)), given)
    assert within(schedule((1800, 16), (3600, 7.9)), given)
    assert not within(schedule((0, 10), unit="W"), given)


def test_both_count_from_the_same_moment() -> None:
    later = NOW + timedelta(hours=1)
    limits = schedule((0, 16), (3600, 8)) | {"startSchedule": NOW.isoformat()}
    assert within(schedule((0, 16), (3600, 8)), limits)
    assert not keeps_within(schedule((0, 16)), limits, begins_at=later)
    assert keeps_within(schedule((0, 8)), limits, begins_at=later)
    assert within(schedule((0, 16), (3600, 8)), limits | {"startSchedule": "soon"})


def test_what_says_nothing_of_a_limit_is_within_nothing_and_limits_nothing() -> None:
    without = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0}]}
    assert not within(without, schedule((0, 16)))
    assert within(schedule((0, 16)), without)


@given(
    drawn=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 40)), min_size=1, max_size=5),
    limit=st.integers(0, 40),
)
def test_within_one_limit_is_what_is_nowhere_above_it(
    drawn: list[tuple[int, int]], limit: int
) -> None:
    by_start = dict(drawn)
    is_within = within(schedule(*by_start.items()), schedule((0, limit)))
    assert is_within == all(each <= limit for each in by_start.values())


# ---------------------------------------------------------------------------------- departure


def leaving(needs: dict[str, Any], hours: float) -> dict[str, Any]:
    return needs | {"departureTime": (NOW + timedelta(hours=hours)).isoformat()}


def limits(needs: dict[str, Any], *, tuples: int = 1) -> list[tuple[int, Any]]:
    made = schedule_for(needs, most_a=16, most_w=Decimal(50_000), now=NOW, tuples=tuples)
    assert made is not None
    return [(each["startPeriod"], each["limit"]) for each in made["chargingSchedulePeriod"]]


def newer(**more: Any) -> dict[str, Any]:
    parameters = {"maxChargePower": 11_000} | more
    return {"requestedEnergyTransfer": "DC", "v2xChargingParameters": parameters}


def test_a_vehicle_that_stays_is_charged_as_steadily_as_it_needs() -> None:
    # 30 kWh and a tenth over eight hours: 4125 W, 5.98 A of each of three phases, but no less
    # than a vehicle takes.
    assert limits(leaving(THREE, 8)) == [(0, 6)]
    assert limits(leaving(THREE, 4)) == [(0, 12)]
    assert limits(leaving(THREE, 1)) == [(0, 16)]
    assert limits(THREE) == [(0, 16)]
    assert limits(leaving(newer(evTargetEnergyRequest=30_000), 8)) == [(0, 4125)]
    assert limits(leaving(newer(evTargetEnergyRequest=30_000), 6)) == [(0, 5500)]
    assert limits(leaving(newer(evTargetEnergyRequest=15_000), 6)) == [(0, 2750)]
    battery = {"evEnergyCapacity": 80_000, "stateOfCharge": 50, "fullSoC": 90}
    told = DC | {"dcChargingParameters": DC["dcChargingParameters"] | battery}
    assert limits(leaving(told, 8)) == [(0, 4400)]


def test_a_vehicle_that_stays_longer_than_it_said_has_all_that_is_there() -> None:
    later = leaving(newer(evTargetEnergyRequest=16_000), 4)
    assert limits(later, tuples=2) == [(0, 4400), (4 * 3600 + 1, 11_000)]
    assert limits(leaving(THREE, 1), tuples=2) == [(0, 16)]


@pytest.mark.parametrize(
    "needs",
    [
        leaving(newer(), 8),
        leaving(newer(evTargetEnergyRequest=30_000), -1),
        newer(evTargetEnergyRequest=30_000) | {"departureTime": "tomorrow"},
    ],
)
def test_without_an_energy_or_a_time_to_come_all_that_is_there_is_given(needs: Any) -> None:
    assert limits(needs) == [(0, 11_000)]


def test_what_must_be_in_the_battery_at_least_is_needed_too() -> None:
    assert energy_needed(newer(evTargetEnergyRequest=5000, evMinEnergyRequest=7000)) == 7000
    assert energy_needed(newer(evTargetEnergyRequest=-5000)) == 0
    assert energy_needed(newer()) is None


@given(
    energy=st.integers(0, 100_000),
    more=st.integers(0, 50_000),
    minutes=st.integers(1, 3000),
    earlier=st.integers(0, 1500),
)
def test_the_energy_is_there_at_departure_or_all_is_given_until_then(
    energy: int, more: int, minutes: int, earlier: int
) -> None:
    def limit(energy_wh: int, in_minutes: int) -> Decimal:
        for needs in (
            newer(evTargetEnergyRequest=energy_wh),
            DC | {"dcChargingParameters": DC["dcChargingParameters"] | {"energyAmount": energy_wh}},
        ):
            [(_, found)] = limits(leaving(needs, in_minutes / 60))
            most = 11_000 if "v2xChargingParameters" in needs else 11_040
            drawn_wh = Decimal(str(found)) * in_minutes / 60
            assert found <= most
            assert found == most or drawn_wh >= energy_wh
        return Decimal(str(found))

    usual = limit(energy, minutes)
    assert limit(energy + more, minutes) >= usual, "more energy is never charged more slowly"
    sooner = limit(energy, max(1, minutes - earlier))
    assert sooner >= usual, "who leaves sooner is never charged more slowly"


def test_an_energy_that_no_battery_holds_is_charged_with_all_that_is_there() -> None:
    now = datetime(2026, 10, 15, 12, tzinfo=UTC)
    needs = {
        "requestedEnergyTransfer": "AC_three_phase",
        "departureTime": "2026-10-15T18:00:00Z",
        "acChargingParameters": {"energyAmount": 10**40, "evMaxCurrent": 32},
    }
    found = schedule_for(needs, most_a=16, most_w=None, now=now)
    assert found is not None
    assert [each["limit"] for each in found["chargingSchedulePeriod"]] == [16]
