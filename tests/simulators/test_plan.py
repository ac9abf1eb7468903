"""Plans are read strictly, and drawn up the same way every time."""

import itertools
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.agenda import Act, Visit
from simulators.plan import BadPlan, draw_up, read_plan


def plan_facts() -> dict[str, Any]:
    """A plan of eight stations of two owners in two time zones."""
    return {
        "month": "2026-10",
        "now": "2026-11-04T10:00:00Z",
        "seed": 3,
        "sessions": 40,
        "heartbeat_hours": 24,
        "stations": [
            {
                "identity": f"CS-{number:03d}",
                "version": ["1.6", "2.0.1", "2.1"][number % 3],
                "owner": f"owner-{number % 2}",
                "time_zone": ["Europe/Berlin", "Europe/Lisbon"][number % 2],
                "evses": [
                    {"evse_id": 1, "max_power_w": 22_000},
                    {"evse_id": 2, "max_power_w": 150_000 if number == 1 else 11_000},
                ],
            }
            for number in range(8)
        ],
        "tokens": [
            *({"id_token": f"OWN{n}", "owner": f"owner-{n % 2}"} for n in range(12)),
            *({"id_token": f"EMP{n}", "provider": "DE*XYZ"} for n in range(6)),
            {"id_token": "BLOCKED1", "owner": "owner-0", "refused": True},
        ],
    }


def test_the_same_plan_is_drawn_up_the_same() -> None:
    first, second = draw_up(read_plan(plan_facts())), draw_up(read_plan(plan_facts()))
    assert [(s.at, s.station, s.act) for s in first.steps] == [
        (s.at, s.station, s.act) for s in second.steps
    ]
    other = draw_up(read_plan({**plan_facts(), "seed": 4}))
    assert [s.at for s in other.steps] != [s.at for s in first.steps]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_evse_has_two_cars_and_no_token_charges_twice_at_once(seed: int) -> None:
    agenda = draw_up(read_plan({**plan_facts(), "seed": seed}))
    for key in (_place_of, _token_of):
        taken = defaultdict(list)
        for visit in agenda.visits:
            taken[key(visit)].append((visit.start_at, visit.finish_at))
        for spans in taken.values():
            spans.sort()
            for (_, end), (begin, _) in itertools.pairwise(spans):
                assert begin - end >= timedelta(minutes=10)


def _place_of(visit: Visit) -> object:
    return visit.station, visit.evse_id


def _token_of(visit: Visit) -> object:
    return visit.id_token


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_month_has_about_as_many_sessions_as_asked_for(seed: int) -> None:
    plan = read_plan({**plan_facts(), "seed": seed, "sessions": 100})
    ended = 0
    agenda = draw_up(plan)
    for visit in agenda.visits:
        first, after = plan.bounds(plan.stations[visit.station].time_zone)
        ended += first <= visit.finish_at < after
    assert 95 <= ended <= 130


def test_one_of_everything_that_goes_wrong_is_planned() -> None:
    agenda = draw_up(read_plan(plan_facts()))
    acts = {step.act for step in agenda.steps}
    assert acts == set(Act)
    assert len(agenda.late) == 1
    assert {quirk for quirks in agenda.quirks.values() for quirk in quirks} == {
        "kwh_as_wh",
        "runs_on",
    }


def test_a_late_station_does_not_come_back_by_itself() -> None:
    agenda = draw_up(read_plan(plan_facts()))
    [late] = agenda.late
    line = [
        step.act
        for step in agenda.steps
        if step.station == late and step.act in {Act.GO_OFFLINE, Act.COME_BACK}
    ]
    assert line[-1] is Act.GO_OFFLINE


def test_borders_are_those_of_the_stations_own_zone() -> None:
    plan = read_plan(plan_facts())
    first, after = plan.bounds("Europe/Berlin")
    assert first == datetime.fromisoformat("2026-09-30T22:00:00Z")
    assert after == datetime.fromisoformat("2026-10-31T23:00:00Z")
    december = read_plan({**plan_facts(), "month": "2026-12"})
    assert december.bounds("UTC")[1] == datetime.fromisoformat("2027-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"stations": []}, "stations"),
        ({"tokens": [{"id_token": "X", "refused": True}]}, "tokens"),
        ({"month": "2026-13"}, "month"),
        ({"now": "2026-11-04T10:00:00"}, "time zone"),
        ({"sessions": 0}, "sessions"),
        ({"tokens": [{"id_tag": "X"}]}, "id_tag"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_the_reason(
    change: dict[str, Any], says: str
) -> None:
    assert read_plan(plan_facts()).month == "2026-10"
    with pytest.raises(BadPlan, match=says):
        read_plan({**plan_facts(), **change})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": "1.5"}, "version"),
        ({"failings": {"Reset": "badly"}}, "failings"),
        ({"time_zone": "Mars/Olympus"}, "time zone"),
        ({"evses": []}, "no EVSE"),
    ],
)
def test_a_station_that_cannot_be_is_refused_with_the_reason(
    change: dict[str, Any], says: str
) -> None:
    facts = plan_facts()
    facts["stations"][0] |= change
    with pytest.raises(BadPlan, match=says):
        read_plan(facts)


def test_a_plan_that_lacks_something_is_refused_by_its_name() -> None:
    facts = plan_facts()
    del facts["month"]
    with pytest.raises(BadPlan, match="month"):
        read_plan(facts)


def test_two_stations_of_those_that_may_break_and_one_is_not_mended() -> None:
    plan = read_plan({**plan_facts(), "breakable": ["CS-002", "CS-003", "CS-004"]})
    steps = draw_up(plan).steps
    lately = [each for each in steps if each.at >= plan.now - timedelta(days=2)]
    mended, broken = (
        next(each for each in lately if each.code == code)
        for code in ("GroundFailure", "ConnectorLockFailure")
    )
    assert plan.stations[mended.station].version == "1.6"
    assert (broken.at, broken.station) != (mended.at, mended.station)
    assert broken.at == plan.now - timedelta(hours=3)
    later = [
        each.act
        for each in steps
        if (each.station, each.evse_id) == (broken.station, broken.evse_id) and each.at > broken.at
    ]
    assert not set(later) & {Act.CLEAR_FAULT, Act.PLUG_IN, Act.START}
    plain = draw_up(read_plan(plan_facts())).steps
    assert "ConnectorLockFailure" not in {each.code for each in plain}
