"""The rules of error detection, each a test named after its row (docs/rules.md)."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from alerts.detection_jobs import Check, Group, NothingToCompare, Point
from tests.alerts.test_detecting import (
    BERLIN,
    LONDON,
    A,
    B,
    Desk,
    desk,
    job,
    silent,
)
from tests.alerts.test_detection_jobs import C, made, point
from tests.alerts.watch import NORTH, watch

__all__ = ["desk", "watch"]  # fixtures, taken by their names

TEN = datetime(2026, 10, 16, 8, tzinfo=UTC)
"""Ten o'clock in Berlin."""


# ------------------------------------------------------------------------------------------- 5


async def test_5_error_detection_jobs_any_number_each_with_time_hours_and_checks(
    desk: Desk,
) -> None:
    """Two jobs that find something at one place are two detections: two alerts, two SMS."""
    first = await desk.set(job(hours=4))
    second = await desk.set(job(name="Night", hours=16))
    third = await desk.set(job(name="Off", execute_at=time(22), is_active=False))
    assert await desk.at(TEN) == ["raised", "raised"]
    spans = [end - start for _, (start, end) in desk.yard.asked]
    assert spans == [timedelta(hours=4), timedelta(hours=16)]
    for each, runs in ((first, 1), (second, 1), (third, 0)):
        assert len(await desk.ran(each.id)) == runs


async def test_5_changes_are_saved_and_count_from_the_next_time(desk: Desk) -> None:
    made_ = await desk.set(job())
    await desk.set(replace(made_, execute_at=time(22), hours=16))
    evening = TEN - timedelta(hours=12)
    assert await desk.at(evening) == ["raised"]
    assert await desk.at(TEN) == []
    assert desk.yard.asked == [(BERLIN, (evening - timedelta(hours=16), evening))]


def test_5_check_no_data_an_error_unless_there_was_at_least_1_wh() -> None:
    checks = frozenset({Check.NO_ENERGY})
    used = point(energy_wh=Decimal(1), usual_known=8, usual_used=8)
    assert made(replace(used, energy_wh=Decimal("0.99")), checks=checks).found
    assert not made(used, checks=checks).found


def test_5_check_comparison_normalised_to_1_kw_and_each_group_by_itself() -> None:
    checks = frozenset({Check.COMPARISON})
    south = Group(1, NORTH, "South", (Point(A), Point(B)))
    west = Group(2, NORTH, "West", (Point(C),))
    facts = [
        point(A, energy_wh=Decimal(22_000), rated_power_w=Decimal(22_000)),
        point(B, energy_wh=Decimal(5_500), rated_power_w=Decimal(5_500)),
        point(C, 1, energy_wh=Decimal(1_000), rated_power_w=Decimal(11_000)),
        point(C, 2, energy_wh=Decimal(1_000), rated_power_w=Decimal(11_000)),
    ]
    assert made(*facts, checks=checks, groups=(south, west)).found == ()
    weak = replace(facts[1], energy_wh=Decimal(2_000))
    [found] = made(facts[0], weak, *facts[2:], checks=checks, groups=(south, west)).found
    assert (found.station, found.evidence["group"]) == (B, "South")


async def test_5_check_comparison_needs_at_least_two(desk: Desk) -> None:
    one = await desk.group(Point(A))
    with pytest.raises(NothingToCompare):
        await desk.set(job(checks=frozenset({Check.COMPARISON}), groups=(one,)))
    two = await desk.group(Point(A), Point(B), number=one.id)
    assert (await desk.set(job(checks=frozenset({Check.COMPARISON}), groups=(two,)))).id


async def test_5_tolerance_and_repeat_are_settings_and_the_same_error_is_not_told_anew(
    desk: Desk,
) -> None:
    await desk.set(job())
    assert await desk.at(TEN) == ["raised"]
    assert set(await desk.at(TEN + timedelta(days=1))) <= {"repeated"}
    far = point(A, energy_wh=Decimal(10_000)), point(B, energy_wh=Decimal(6_000))
    roof = Group(1, NORTH, "Roof", (Point(A), Point(B)))
    checks = frozenset({Check.COMPARISON})
    assert not made(*far, checks=checks, groups=(roof,), tolerance_percent=50).found
    assert made(*far, checks=checks, groups=(roof,), tolerance_percent=30).found


# ----------------------------------------------------------------------------------------- 7.8


def test_7_8_no_message_at_all_in_n_hours() -> None:
    start = point().last_heard_at
    assert start is not None
    begin = start - timedelta(hours=4)
    assert made(point(last_heard_at=begin - timedelta(seconds=1))).found
    assert not made(point(last_heard_at=begin)).found


def test_7_8_no_energy_on_a_connector_that_is_usually_used_in_that_window() -> None:
    checks = frozenset({Check.NO_ENERGY})
    assert made(point(usual_known=8, usual_used=7), checks=checks).found
    assert not made(point(usual_known=8, usual_used=3), checks=checks).found


def test_7_8_comparison_of_charge_points_on_success_rate_and_energy_per_kw() -> None:
    checks = frozenset({Check.COMPARISON})
    roof = Group(1, NORTH, "Roof", (Point(A), Point(B)))
    good = point(A, starts=10, worked=10, energy_wh=Decimal(50_000))
    for bad in (
        point(B, starts=10, worked=2, energy_wh=Decimal(50_000)),
        point(B, starts=10, worked=10, energy_wh=Decimal(10_000)),
    ):
        found = made(good, bad, checks=checks, groups=(roof,)).found
        assert [each.station for each in found] == [B]


def test_7_8_comparison_with_the_site_meter_or_with_the_sum_of_the_session_meters() -> None:
    checks = frozenset({Check.METER})
    by_site = point(A, energy_wh=Decimal(40_000), main_meter_wh=Decimal(80_000))
    assert made(by_site, checks=checks, site_meter=A).found
    by_sessions = point(A, register_wh=Decimal(80_000), sessions_wh=Decimal(40_000))
    assert made(by_sessions, checks=checks).found
    same = point(A, register_wh=Decimal(40_000), sessions_wh=Decimal(40_000))
    assert not made(same, checks=checks).found


async def test_7_8_execute_at_is_local_time_of_the_site(desk: Desk) -> None:
    desk.yard.points[LONDON] = [silent(B)]
    number = (await desk.set(job())).id
    await desk.at(TEN)
    await desk.at(TEN + timedelta(hours=1))
    assert {each.time_zone: each.due_at for each in await desk.ran(number)} == {
        BERLIN: TEN,
        LONDON: TEN + timedelta(hours=1),
    }


async def test_7_8_a_job_skipped_by_downtime_runs_once_on_return(desk: Desk) -> None:
    number = (await desk.set(job())).id
    await desk.at(TEN + timedelta(days=5, hours=3))
    await desk.at(TEN + timedelta(days=5, hours=4))
    assert [each.due_at for each in await desk.ran(number)] == [TEN + timedelta(days=5)]


@pytest.mark.parametrize(
    ("night", "due"),
    [
        # The night to summer time has no 02:30: it runs at the next valid time, 03:00.
        (datetime(2027, 3, 28, tzinfo=UTC), datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        # The night to winter time has 02:30 twice: it runs once, the first time.
        (datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
async def test_7_8_missing_and_doubled_hours_run_once_at_both_changes_of_the_clock(
    desk: Desk, night: datetime, due: datetime
) -> None:
    desk.clock.at = night - timedelta(hours=4)
    number = (await desk.set(job(execute_at=time(2, 30), hours=4))).id
    at = night - timedelta(hours=2)
    while at <= night + timedelta(hours=6):
        await desk.at(at)
        at += timedelta(minutes=30)
    [run] = await desk.ran(number)
    assert (run.due_at, run.ran_at) == (due, due)
    assert run.looked_to - run.looked_from == timedelta(hours=4)
