"""What vehicles need, and the schedules that answer it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.charging_needs import keeps_within, schedule_for

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
