"""What a job makes of its facts, check by check."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detection_jobs import (
    Check,
    Group,
    Job,
    NoCheck,
    NothingToCompare,
    Point,
    PointFacts,
    RemarkKind,
    Result,
    checked,
    evaluate,
    findings,
)
from alerts.detections import Detection, Severity
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId

NORTH = OrganisationKey("north")
TEN = datetime(2026, 11, 2, 9, tzinfo=UTC)
START = TEN - timedelta(hours=4)
A, B, C = (StationId(each) for each in ("A", "B", "C"))
ROOF = Group(1, NORTH, "South roof", (Point(A), Point(B), Point(C)))
JOB = Job(
    id=17,
    organisation=NORTH,
    name="Morning",
    execute_at=time(10),
    hours=4,
    checks=frozenset({Check.NO_MESSAGE}),
)


def point(station: StationId = A, evse_id: int | None = 1, **more: Any) -> PointFacts:
    """A charge point of 11 kW that was heard of lately."""
    usual: dict[str, Any] = {
        "organisation": NORTH,
        "location": "yard",
        "rated_power_w": Decimal(11_000),
        "last_heard_at": TEN,
        "known_since": TEN - timedelta(days=365),
    }
    return PointFacts(station=station, evse_id=evse_id, **(usual | more))


def made(*facts: PointFacts, heard_at: datetime | None = TEN, **changes: Any) -> Result:
    """What the job with some changes makes of facts."""
    return evaluate(replace(JOB, **changes), facts, START, heard_at=heard_at)


def comparing(*facts: PointFacts, **changes: Any) -> list[tuple[StationId | None, int | None]]:
    """Whom a comparison finds."""
    settings: dict[str, Any] = {"checks": frozenset({Check.COMPARISON}), "groups": (ROOF,)}
    return [(each.station, each.evse_id) for each in made(*facts, **(settings | changes)).found]


# --------------------------------------------------------------------------------- the job itself


def test_a_job_that_makes_no_sense_is_refused_with_the_reason() -> None:
    assert checked(JOB, {}) == JOB
    with pytest.raises(NoCheck, match="at least one check"):
        checked(replace(JOB, checks=frozenset()), {})
    for changes in (
        {"hours": 0},
        {"hours": 169},
        {"name": " "},
        {"tolerance_percent": 0},
        {"meter_tolerance_percent": 100},
    ):
        with pytest.raises(InvalidInput):
            checked(replace(JOB, **changes), {})


def test_a_comparison_needs_groups_of_two() -> None:
    wanted = replace(JOB, checks=frozenset({Check.COMPARISON}))
    with pytest.raises(NothingToCompare, match="at least one group"):
        checked(wanted, {})
    with pytest.raises(NothingToCompare, match=r"'South roof' has 1 charge point"):
        checked(replace(wanted, groups=(ROOF,)), {1: 1})
    assert checked(replace(wanted, groups=(ROOF,)), {1: 2})


# ----------------------------------------------------------------------------------- no message


def test_a_station_that_said_nothing_is_found_once_whatever_its_charge_points() -> None:
    late = START - timedelta(seconds=1)
    result = made(
        point(A, 1, last_heard_at=late),
        point(A, 2, last_heard_at=late),
        point(B, last_heard_at=START),
        point(C, None, last_heard_at=None),
    )
    assert [(each.station, each.evse_id) for each in result.found] == [(A, None), (C, None)]
    assert result.found[0].evidence["last_heard_at"] == late.isoformat()


def test_a_station_that_is_younger_than_the_hours_is_not_blamed() -> None:
    assert made(point(last_heard_at=None, known_since=START + timedelta(hours=1))).found == ()


def test_if_nobody_was_heard_it_is_our_own_silence() -> None:
    result = made(point(last_heard_at=None), heard_at=START - timedelta(hours=1))
    assert result.found == ()
    assert [each.kind for each in result.remarks] == [RemarkKind.NOTHING_HEARD]


# ------------------------------------------------------------------------------------ no energy


@pytest.mark.parametrize(
    ("facts", "is_found"),
    [
        ({"energy_wh": Decimal(0), "usual_known": 8, "usual_used": 8}, True),
        ({"energy_wh": Decimal("0.9"), "usual_known": 8, "usual_used": 7}, True),
        ({"energy_wh": Decimal(1), "usual_known": 8, "usual_used": 8}, False),
        ({"energy_wh": Decimal(0), "usual_known": 8, "usual_used": 6}, False),
        ({"energy_wh": Decimal(0), "usual_known": 4, "usual_used": 4}, True),
        ({"energy_wh": Decimal(0), "usual_known": 4, "usual_used": 3}, False),
        ({"energy_wh": Decimal(0), "usual_known": 3, "usual_used": 3}, False),
        ({"energy_wh": None, "usual_known": 8, "usual_used": 8}, False),
    ],
)
def test_no_energy_is_an_error_where_it_is_usual(facts: dict[str, Any], is_found: bool) -> None:
    result = made(point(**facts), checks=frozenset({Check.NO_ENERGY}))
    assert bool(result.found) is is_found


# ----------------------------------------------------------------------------------- comparison


def test_energy_is_compared_per_kw_of_rated_power() -> None:
    """22 kW that give as much as 11 kW give half of it per kW: that is not less than half."""
    small = point(A, energy_wh=Decimal(11_000))
    large = point(B, energy_wh=Decimal(11_000), rated_power_w=Decimal(22_000))
    assert comparing(small, large) == []
    assert comparing(small, large, tolerance_percent=49) == [(B, 1)]


def test_the_success_rate_is_compared_from_five_starts_on() -> None:
    good = point(A, starts=10, worked=10)
    bad = point(B, starts=5, worked=1)
    assert comparing(good, bad) == [(B, 1)]
    assert comparing(good, replace(bad, starts=4)) == []


def test_each_group_is_compared_by_itself() -> None:
    south = Group(1, NORTH, "South", (Point(A, 1), Point(A, 2)))
    north = Group(2, NORTH, "North", (Point(B),))
    strong = [point(A, each, energy_wh=Decimal(50_000)) for each in (1, 2)]
    weak = [point(B, each, energy_wh=Decimal(5_000)) for each in (1, 2)]
    assert comparing(*strong, *weak, groups=(south, north)) == []
    both = Group(3, NORTH, "Both", (*south.points, *north.points, Point(C)))
    third = point(C, energy_wh=Decimal(50_000))
    assert comparing(*strong, *weak, third, groups=(both,)) == [(B, 1), (B, 2)]


def test_what_cannot_be_compared_is_said() -> None:
    checks = frozenset({Check.COMPARISON})
    result = made(point(A), point(B, rated_power_w=None), checks=checks, groups=(ROOF,))
    assert [each.kind for each in result.remarks] == [
        RemarkKind.NO_RATED_POWER,
        RemarkKind.TOO_FEW,
    ]


@given(
    energies=st.lists(st.integers(0, 10**6), min_size=2, max_size=8),
    factor=st.integers(2, 50),
    tolerance=st.integers(1, 99),
)
def test_a_comparison_does_not_depend_on_the_unit_nor_blame_the_best(
    energies: list[int], factor: int, tolerance: int
) -> None:
    def found(scale: int) -> list[tuple[StationId | None, int | None]]:
        return comparing(
            *[
                point(A, number + 1, energy_wh=Decimal(each * scale))
                for number, each in enumerate(energies)
            ],
            tolerance_percent=tolerance,
        )

    behind = found(1)
    assert behind == found(factor)
    assert (A, energies.index(max(energies)) + 1) not in behind


# --------------------------------------------------------------------------------------- meters


def test_the_main_meter_of_a_station_is_held_against_its_sessions() -> None:
    checks = frozenset({Check.METER})
    points = [
        point(A, each, energy_wh=Decimal(50_000), main_meter_wh=Decimal(104_000)) for each in (1, 2)
    ]
    assert made(*points, checks=checks).found == ()
    apart = [replace(each, main_meter_wh=Decimal(120_000)) for each in points]
    [found] = made(*apart, checks=checks).found
    assert (found.station, found.evse_id) == (A, None)
    assert found.evidence == {"checks": "meter", "meter_kwh": "120.0", "sessions_kwh": "100.0"}
    running = [replace(apart[0], energy_wh=None), apart[1]]
    assert made(*running, checks=checks).found == ()


def test_where_there_is_no_main_meter_the_register_is_held_against_the_sessions() -> None:
    checks = frozenset({Check.METER})
    off = point(register_wh=Decimal(60_000), sessions_wh=Decimal(50_000))
    [found] = made(off, checks=checks).found
    assert (found.station, found.evse_id) == (A, 1)
    assert made(replace(off, register_wh=Decimal(50_000)), checks=checks).found == ()
    small = point(register_wh=Decimal(900), sessions_wh=Decimal(100))
    assert made(small, checks=checks).found == ()  # less than 1 kWh apart


def test_the_site_meter_is_held_against_all_of_the_site() -> None:
    checks = frozenset({Check.METER})
    meter = point(A, energy_wh=Decimal(50_000), main_meter_wh=Decimal(100_000))
    other = point(B, energy_wh=Decimal(49_000))
    assert made(meter, other, checks=checks, site_meter=A).found == ()
    [found] = made(meter, checks=checks, site_meter=A).found
    assert found.station == A
    result = made(other, checks=checks, site_meter=A)
    assert [each.kind for each in result.remarks] == [RemarkKind.NO_SITE_METER]


# ------------------------------------------------------------------------------------- findings


def test_what_a_job_finds_at_a_place_is_one_finding_whatever_the_checks() -> None:
    every = frozenset({Check.NO_MESSAGE, Check.NO_ENERGY, Check.COMPARISON})
    bad = point(A, last_heard_at=None, usual_known=8, usual_used=8)
    good = point(B, energy_wh=Decimal(30_000))
    result = made(bad, good, checks=every, groups=(ROOF,))
    silent, idle = findings(JOB, result.found, TEN)
    if silent.evse_id is not None:
        silent, idle = idle, silent
    assert {each.cause for each in (silent, idle)} == {"job/17"}
    assert {each.detection for each in (silent, idle)} == {Detection.JOB}
    assert (silent.evse_id, silent.severity) == (None, Severity.FAULT)
    assert (idle.evse_id, idle.severity) == (1, Severity.WARNING)
    assert idle.evidence["checks"] == "no_energy, comparison"
    assert idle.evidence["job"] == "Morning"
