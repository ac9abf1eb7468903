"""Uptime by figures that were worked by hand, and by laws that hold for any record."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.uptime import (
    EvseRecord,
    Span,
    StatusSpan,
    Uptime,
    both,
    length,
    merged,
    records_of,
    uptime,
    uptime_of,
    week_of,
)

MARCH = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
"""31 days: 44,640 minutes."""


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def record(
    *,
    since: datetime = MARCH.start - timedelta(days=400),
    unusable: dict[int, list[Span]] | None = None,
    station_down: list[Span] | None = None,
    planned: list[Span] | None = None,
) -> EvseRecord:
    return EvseRecord(
        station="S",
        evse_id=1,
        since=since,
        unusable={1: []} if unusable is None else unusable,
        station_down=station_down or [],
        planned=planned or [],
    )


def test_a_month_with_one_long_outage() -> None:
    """31 h of 744 h: (744 - 31) / 744 = 95.8333… %."""
    counted = uptime_of(record(unusable={1: [Span(at(3, 8), at(4, 15))]}), MARCH)
    assert counted == Uptime(timedelta(hours=744), timedelta(hours=31), timedelta(0))
    assert counted.basis_points == 9583


def test_a_year_as_the_published_formula_counts_it() -> None:
    """525,600 min, outage 20,000, excluded 5,000: (525600 - 15000) / 525600 = 97.1461… %."""
    year = Uptime(timedelta(minutes=525_600), timedelta(minutes=20_000), timedelta(minutes=5_000))
    assert year.basis_points == 9714


def test_planned_work_does_not_count_and_what_goes_beyond_it_does() -> None:
    """Down 8:00 to 14:00, planned 7:00 to 12:00: 2 h count; (744 - 2) / 744 = 99.7311… %."""
    counted = uptime_of(
        record(unusable={1: [Span(at(10, 8), at(10, 14))]}, planned=[Span(at(10, 7), at(10, 12))]),
        MARCH,
    )
    assert (counted.outage, counted.excluded) == (timedelta(hours=6), timedelta(hours=4))
    assert counted.basis_points == 9973


def test_offline_and_faulted_at_once_is_one_outage() -> None:
    """Faulted 8 to 12, offline 10 to 15: 7 h, not 9."""
    counted = uptime_of(
        record(
            unusable={1: [Span(at(5, 8), at(5, 12))]}, station_down=[Span(at(5, 10), at(5, 15))]
        ),
        MARCH,
    )
    assert counted.outage == timedelta(hours=7)


def test_one_usable_connector_is_enough() -> None:
    """CCS down 8 to 12, CHAdeMO down 11 to 13: nobody can charge from 11 to 12."""
    counted = uptime_of(
        record(unusable={1: [Span(at(5, 8), at(5, 12))], 2: [Span(at(5, 11), at(5, 13))]}), MARCH
    )
    assert counted.outage == timedelta(hours=1)


def test_an_outage_over_the_border_counts_in_each_period_for_its_part() -> None:
    over = Span(MARCH.start - timedelta(hours=5), MARCH.start + timedelta(hours=3))
    assert uptime_of(record(unusable={1: [over]}), MARCH).outage == timedelta(hours=3)


def test_a_new_evse_is_measured_from_its_first_status_and_an_unheard_one_not_at_all() -> None:
    """New on the 31st, 0:00, down for 6 of its 24 h: 75 %."""
    young = uptime_of(record(since=at(31), unusable={1: [Span(at(30), at(31, 6))]}), MARCH)
    assert (young.measured, young.basis_points) == (timedelta(days=1), 7500)
    assert uptime_of(record(since=MARCH.end), MARCH).basis_points is None
    assert uptime([], MARCH).basis_points is None


def test_several_are_counted_by_their_times() -> None:
    """744 h without an outage and 24 h with 6 h of it: (768 - 6) / 768 = 99.21875 %."""
    young = record(since=at(31), unusable={1: [Span(at(31), at(31, 6))]})
    assert uptime([record(), young], MARCH).basis_points == 9921


def test_nothing_reads_as_whole_that_was_not() -> None:
    minute = uptime_of(record(unusable={1: [Span(at(5, 8), at(5, 8, 1))]}), MARCH)
    assert minute.basis_points == 9999
    assert uptime_of(record(), MARCH).basis_points == 10_000


def test_what_the_station_says_of_itself_counts_for_each_evse() -> None:
    made = records_of(
        "S",
        {(0, 0): at(1), (1, 1): at(1), (2, 1): at(2)},
        [
            StatusSpan(0, 0, Span(at(5, 8), at(5, 9))),
            StatusSpan(2, 1, Span(at(6, 8), at(6, 9))),
        ],
        offline=[Span(at(7, 8), at(7, 9))],
        planned=[(None, Span(at(7, 8), at(7, 9))), (2, Span(at(6, 8), at(6, 9)))],
    )
    assert [each.evse_id for each in made] == [1, 2]
    assert [each.since for each in made] == [at(1), at(2)]
    counted = [uptime_of(each, MARCH) for each in made]
    assert [each.outage for each in counted] == [timedelta(hours=2), timedelta(hours=3)]
    assert [each.down for each in counted] == [timedelta(hours=1), timedelta(hours=1)]


# ---------------------------------------------------------------------------------------- laws


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    pairs = draw(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 300)), max_size=8))
    return [
        Span(MARCH.start + timedelta(hours=start), MARCH.start + timedelta(hours=start + lasts))
        for start, lasts in pairs
    ]


@given(spans(), spans())
def test_together_and_apart_make_the_whole(one: list[Span], other: list[Span]) -> None:
    assert length([*one, *other]) == length(one) + length(other) - length(both(one, other))
    assert both(one, other) == both(other, one)
    assert merged(merged(one)) == merged(one)


@given(spans(), spans(), spans())
def test_uptime_lies_between_nothing_and_all(
    unusable: list[Span], station_down: list[Span], planned: list[Span]
) -> None:
    counted = uptime_of(
        record(unusable={1: unusable}, station_down=station_down, planned=planned), MARCH
    )
    assert timedelta(0) <= counted.excluded <= counted.outage <= counted.measured
    share = counted.basis_points
    assert share is not None
    assert 0 <= share <= 10_000


@given(spans(), spans(), st.integers(1, 743))
def test_two_halves_add_up(unusable: list[Span], planned: list[Span], hours: int) -> None:
    border = MARCH.start + timedelta(hours=hours)
    kept = record(unusable={1: unusable}, planned=planned)
    halves = [Span(MARCH.start, border), Span(border, MARCH.end)]
    assert sum((uptime_of(kept, each) for each in halves), Uptime()) == uptime_of(kept, MARCH)


# ---------------------------------------------------------------------------------------- week


def _hours(days: int) -> list[tuple[int, Span]]:
    """Of days that begin on a Monday."""
    monday = datetime(2026, 3, 2, tzinfo=UTC)
    return [
        (
            number % 168,
            Span(monday + timedelta(hours=number), monday + timedelta(hours=number + 1)),
        )
        for number in range(24 * days)
    ]


@pytest.mark.parametrize(
    ("sessions", "place", "per_mille"),
    [
        ([Span(at(2, 8), at(2, 9))], 8, 500),  # One of two Mondays.
        ([Span(at(2, 8), at(2, 9)), Span(at(2, 8), at(2, 9))], 8, 1000),  # Two at once.
        ([Span(at(2, 8, 30), at(2, 9, 45))], 8, 250),
        ([Span(at(2, 8, 30), at(2, 9, 45))], 9, 375),
        ([Span(at(1), at(30))], 100, 1000),
        ([], 8, 0),
    ],
)
def test_how_busy_an_hour_of_the_week_was(sessions: list[Span], place: int, per_mille: int) -> None:
    assert week_of(sessions, _hours(14))[place] == per_mille


def test_an_hour_that_the_period_lacks_is_not_known() -> None:
    assert week_of([], _hours(1))[24] is None
