"""Maintenance windows: what may be planned and changed, what is silenced, who is let in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId
from support import maintenance
from support.maintenance import (
    Lock,
    NoSuchTime,
    Plan,
    Window,
    WindowIsPast,
    WindowsContradict,
    WindowState,
)

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVSES = (1, 2)


def plan(**said: Any) -> Plan:
    return Plan(**({"starts_at": NOW + HOUR, "ends_at": NOW + 2 * HOUR} | said))


def window(number: int = 1, **said: Any) -> Window:
    return Window(
        id=number,
        station=StationId("N-1"),
        organisation=OrganisationKey("north"),
        plan=plan(**said),
        created_at=NOW,
        created_by="person/1",
        created_by_name="Lea",
    )


def checked(**said: Any) -> Plan:
    return maintenance.checked(plan(**said), evses=EVSES, now=NOW)


def test_a_plan_is_put_in_order() -> None:
    found = checked(evses=(2, 1, 2), comment="  cable ")
    assert (found.evses, found.comment) == ((1, 2), "cable")


@pytest.mark.parametrize(
    ("wrong", "field", "right"),
    [
        ({"starts_at": NOW - timedelta(minutes=3)}, "starts_at", {"starts_at": NOW}),
        ({"ends_at": NOW + HOUR}, "ends_at", {"ends_at": NOW + HOUR + timedelta(minutes=1)}),
        ({"ends_at": NOW + 368 * DAY}, "ends_at", {"ends_at": NOW + 366 * DAY}),
        (
            {"ends_at": NOW + 8 * DAY, "locks": True},
            "ends_at",
            {"ends_at": NOW + 7 * DAY, "locks": True},
        ),
        ({"evses": (3,)}, "evses", {"evses": (2,)}),
        ({"test_tokens": ("A",)}, "test_tokens", {"test_tokens": ("A",), "locks": True}),
        (
            {"test_tokens": ("A",), "locks": True, "evses": (1,)},
            "test_tokens",
            {"locks": True, "evses": (1,)},
        ),
        (
            {"test_tokens": tuple(map(str, range(21))), "locks": True},
            "test_tokens",
            {"test_tokens": tuple(map(str, range(20))), "locks": True},
        ),
        ({"test_tokens": ("",), "locks": True}, "test_tokens", {"locks": True}),
        ({"comment": "x" * 1001}, "comment", {"comment": "x" * 1000}),
    ],
)
def test_what_is_no_window_is_refused_beside_what_is(
    wrong: dict[str, Any], field: str, right: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(**wrong)
    assert refused.value.field == field
    checked(**right)


def test_a_window_is_coming_runs_and_is_past_or_was_taken_back() -> None:
    found = window()
    assert [found.state(NOW + hours * HOUR) for hours in (0, 1, 2)] == [
        WindowState.COMING,
        WindowState.RUNNING,
        WindowState.PAST,
    ]
    assert replace(found, withdrawn_at=NOW).state(NOW + HOUR) is WindowState.WITHDRAWN


def test_of_one_that_runs_only_what_has_not_begun_changes() -> None:
    running = window(locks=True, test_tokens=("A",))
    now = NOW + HOUR + timedelta(minutes=30)

    def change(**said: Any) -> Plan:
        wanted = replace(running.plan, **said)
        return maintenance.changed(running, wanted, evses=EVSES, now=now).plan

    assert change(ends_at=NOW + 3 * HOUR).ends_at == NOW + 3 * HOUR
    assert change(test_tokens=("B",), comment="later").test_tokens == ("B",)
    for wrong in (
        {"starts_at": now},
        {"ends_at": now - timedelta(seconds=1)},
        {"evses": (1,), "test_tokens": ()},
        {"locks": False, "test_tokens": ()},
        {"test_tokens": ()},
    ):
        with pytest.raises(InvalidInput):
            change(**wrong)


def test_before_it_begins_all_of_it_changes_but_not_into_the_past() -> None:
    coming = window()
    moved = plan(starts_at=NOW, evses=(1,), locks=True)
    assert maintenance.changed(coming, moved, evses=EVSES, now=NOW).plan == moved
    with pytest.raises(InvalidInput):
        maintenance.changed(coming, plan(starts_at=NOW - HOUR), evses=EVSES, now=NOW)


def test_what_is_past_or_taken_back_neither_changes_nor_ends() -> None:
    past, taken_back = window(), replace(window(), withdrawn_at=NOW)
    for each, now in ((past, NOW + 2 * HOUR), (taken_back, NOW)):
        with pytest.raises(WindowIsPast):
            maintenance.changed(each, each.plan, evses=EVSES, now=now)
        with pytest.raises(WindowIsPast):
            maintenance.ended(each, now)


def test_one_that_runs_ends_now_and_one_to_come_is_taken_back() -> None:
    assert maintenance.ended(window(), NOW).withdrawn_at == NOW
    at = NOW + HOUR
    for now in (at, at + HOUR / 2):
        after = maintenance.ended(window(), now)
        assert after.plan.starts_at < after.plan.ends_at <= now + timedelta(microseconds=1)
        assert after.withdrawn_at is None


def test_windows_of_one_time_and_place_contradict_and_neighbours_do_not() -> None:
    first = window(1, evses=(1,))
    for other in (window(2), window(2, evses=(1, 2)), window(2, ends_at=NOW + 5 * HOUR)):
        with pytest.raises(WindowsContradict):
            maintenance.must_not_contradict(other, [first])
    for other in (
        window(2, evses=(2,)),
        window(2, starts_at=NOW + 2 * HOUR, ends_at=NOW + 3 * HOUR),
        window(1),
    ):
        maintenance.must_not_contradict(other, [first])
    maintenance.must_not_contradict(window(2), [replace(first, withdrawn_at=NOW)])


def test_a_time_that_the_clocks_leave_out_is_refused_and_a_doubled_one_is_the_first() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    with pytest.raises(NoSuchTime):
        maintenance.moment_of(datetime(2026, 3, 29, 2, 30), berlin, field="starts_at")  # noqa: DTZ001
    after = maintenance.moment_of(datetime(2026, 3, 29, 3, 0), berlin, field="starts_at")  # noqa: DTZ001
    assert after == datetime(2026, 3, 29, 1, tzinfo=UTC)
    twice = maintenance.moment_of(datetime(2026, 10, 25, 2, 30), berlin, field="starts_at")  # noqa: DTZ001
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_what_runs_is_silenced_until_its_end_at_its_evses_or_the_whole_station() -> None:
    windows = [window(1, evses=(1, 2)), replace(window(2), station=StationId("N-2"))]
    assert maintenance.silenced(windows, NOW) == {}
    assert maintenance.silenced(windows, NOW + HOUR) == {
        ("N-1", 1): NOW + 2 * HOUR,
        ("N-1", 2): NOW + 2 * HOUR,
        ("N-2", None): NOW + 2 * HOUR,
    }


@given(st.integers(-60, 180))
def test_nothing_is_silenced_outside_of_its_window(minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    assert bool(maintenance.silenced([window()], now)) == (60 <= minutes < 120)


def test_a_lock_lets_its_test_cards_in_and_says_nothing_of_other_times() -> None:
    locks = {"N-1": [Lock(NOW, NOW + HOUR, ("A",))]}
    assert maintenance.verdict(locks, "N-1", "A", NOW) is True
    assert maintenance.verdict(locks, "N-1", "B", NOW) is False
    assert maintenance.verdict(locks, "N-1", "B", NOW + HOUR) is None
    assert maintenance.verdict(locks, "N-2", "B", NOW) is None
