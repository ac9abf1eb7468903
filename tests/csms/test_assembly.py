"""What transactions come to: figures by hand, and laws that hold for any readings."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from csms.assembly import USAGE_SPACING, Assembled, Claims, RegisterReading, assemble
from foundation.events import Doubt, EnergyBasis

BEGUN = datetime(2026, 10, 15, 12, tzinfo=UTC)
END = "Transaction.End"


def after(minutes: float) -> datetime:
    return BEGUN + timedelta(minutes=minutes)


def reading(minutes: float, register: float, context: str = "Sample.Periodic") -> RegisterReading:
    return RegisterReading(after(minutes), context, Decimal(str(register)))


def claims(
    start_wh: float | None = 1000,
    stop_wh: float | None = 9000,
    *curve: float | RegisterReading,
    minutes: float | None = 60,
    start_seen: bool = True,
) -> Claims:
    """An hour's transaction; numbers in the curve are registers ten minutes apart."""
    readings = [
        each if isinstance(each, RegisterReading) else reading(10 * (place + 1), each)
        for place, each in enumerate(curve)
    ]
    return Claims(
        started_at=BEGUN,
        ended_at=None if minutes is None else after(minutes),
        start_wh=None if start_wh is None else Decimal(str(start_wh)),
        stop_wh=None if stop_wh is None else Decimal(str(stop_wh)),
        start_seen=start_seen,
        inferred=False,
        clock_wrong=False,
        station_waiting=False,
        readings=readings,
    )


def energy(*given: float | RegisterReading | None, start_seen: bool = True) -> Assembled:
    start_wh, stop_wh, *curve = given
    assert not isinstance(start_wh, RegisterReading)
    assert not isinstance(stop_wh, RegisterReading)
    return assemble(
        claims(
            start_wh, stop_wh, *[each for each in curve if each is not None], start_seen=start_seen
        )
    )


# -------------------------------------------------------------------------------- by registers


def test_energy_is_the_stop_register_minus_the_start_register() -> None:
    found = energy(1000, 9000, 2000, 5000)
    assert (found.energy_wh, found.energy_basis) == (Decimal(8000), EnergyBasis.REGISTERS)
    assert (found.meter_start_wh, found.meter_stop_wh) == (Decimal(1000), Decimal(9000))
    assert found.doubts == ()


def test_energy_of_a_running_transaction_is_what_the_readings_show() -> None:
    found = assemble(claims(1000, None, 2000, 5000, minutes=None))
    assert found.energy_wh == 4000
    assert [point.at for point in found.usage] == [after(0), after(10), after(20)]


def test_a_running_transaction_without_readings_has_no_energy_yet() -> None:
    found = assemble(claims(1000, None, minutes=None))
    assert (found.energy_wh, found.doubts) == (Decimal(0), ())
    assert [point.energy_wh for point in found.usage] == [0]


def test_fractions_of_a_wh_are_kept_exactly() -> None:
    assert energy(0.1, 0.3).energy_wh == Decimal("0.2")


def test_a_missing_stop_register_is_the_last_reading() -> None:
    found = energy(1000, None, 2000, 5000)
    assert (found.meter_stop_wh, found.energy_wh) == (Decimal(5000), Decimal(4000))
    assert found.doubts == ()


def test_a_missing_start_register_is_the_first_reading() -> None:
    found = energy(None, 9000, 2000, 5000)
    assert (found.meter_start_wh, found.energy_wh) == (Decimal(2000), Decimal(7000))
    assert found.doubts == ()


def test_an_opening_reading_is_the_start_although_it_is_older_or_told_later() -> None:
    opening = reading(-1, 1000, "Transaction.Begin")
    whole = energy(None, None, opening, 3000, reading(60, 5000, END))
    assert whole.meter_start_wh == 1000
    assert whole.energy_wh == 4000
    assert whole.doubts == ()
    first = energy(None, None, 900, reading(20, 1000, "Transaction.Begin"), reading(60, 5000, END))
    assert first.meter_start_wh == 1000


def test_of_several_older_opening_readings_the_last_counts() -> None:
    stale, own = reading(-600, 200, "Transaction.Begin"), reading(-1, 1000, "Transaction.Begin")
    again = reading(30, 4000, "Transaction.Begin")
    whole = energy(None, 9000, stale, own, again)
    assert whole.meter_start_wh == 1000
    assert whole.energy_wh == 8000


def test_a_closing_reading_alone_does_not_say_from_where_it_counts() -> None:
    whole = energy(None, None, reading(60, 5000, END))
    assert whole.meter_start_wh is None
    assert whole.energy_wh == 0
    assert whole.doubts == (Doubt.MISSING_START,)
    periodic = energy(None, None, reading(50, 4000), reading(60, 5000, END))
    assert periodic.meter_start_wh == 4000
    assert periodic.energy_wh == 1000
    assert periodic.doubts == ()


def test_a_start_register_that_nobody_knows_is_no_energy_and_a_doubt() -> None:
    found = energy(None, 9000)
    assert (found.energy_wh, found.doubts) == (Decimal(0), (Doubt.MISSING_START,))


def test_without_any_register_there_is_no_energy_and_no_doubt_about_it() -> None:
    found = energy(None, None)
    assert (found.energy_wh, found.doubts) == (Decimal(0), ())


# ------------------------------------------------------------------------ closing readings


@pytest.mark.parametrize(
    ("closing", "stop"),
    [
        pytest.param(9004, 9004, id="4 Wh later"),
        pytest.param(9100, 9100, id="the tolerance itself"),
        pytest.param(9101, 9000, id="too far away"),
        pytest.param(8990, 9000, id="before the stop"),
    ],
)
def test_a_closing_reading_counts_if_it_is_just_above_the_stop(closing: int, stop: int) -> None:
    found = energy(1000, 9000, reading(60.1, closing, END))
    assert found.meter_stop_wh == stop


def test_a_closing_reading_is_the_stop_where_the_end_named_none() -> None:
    found = energy(1000, None, reading(60, 9000, END))
    assert (found.energy_wh, found.doubts) == (Decimal(8000), ())


# ------------------------------------------------------------------------ unknown as -1


def test_a_stop_of_minus_one_is_estimated_from_the_readings_and_held() -> None:
    found = energy(1000, -1, 2000, 5000)
    assert (found.energy_wh, found.doubts) == (Decimal(4000), (Doubt.NEGATIVE_ENERGY,))


def test_a_stop_of_minus_one_with_a_closing_reading_needs_no_hold() -> None:
    found = energy(1000, -1, 2000, reading(60, 5000, END))
    assert (found.energy_wh, found.doubts) == (Decimal(4000), ())


def test_a_start_of_minus_one_is_estimated_from_the_readings_and_held() -> None:
    found = energy(-1, 9000, 2000, 5000)
    assert (found.energy_wh, found.doubts) == (Decimal(7000), (Doubt.MISSING_START,))


def test_a_start_of_minus_one_never_makes_the_whole_register_energy() -> None:
    found = energy(-1, 1_000_000)
    assert (found.energy_wh, found.doubts) == (Decimal(0), (Doubt.MISSING_START,))


# ------------------------------------------------------------------------ backwards


def test_a_stop_below_the_start_is_the_best_estimate_and_held() -> None:
    found = energy(10_000, 9_000, 11_000, 12_000)
    assert (found.energy_wh, found.energy_basis) == (Decimal(2000), EnergyBasis.REGISTERS)
    assert found.doubts == (Doubt.NEGATIVE_ENERGY,)


def test_a_stop_below_the_start_without_readings_is_nothing_and_held() -> None:
    found = energy(10_000, 9_999)
    assert (found.energy_wh, found.doubts) == (Decimal(0), (Doubt.NEGATIVE_ENERGY,))
    assert energy(10_000, 10_000).doubts == ()


def test_a_stop_of_zero_after_lifetime_readings_is_held() -> None:
    found = energy(10_000, 0, 11_000, 12_000)
    assert (found.energy_wh, found.doubts) == (Decimal(2000), (Doubt.NEGATIVE_ENERGY,))


def test_readings_that_run_back_a_little_are_no_reset() -> None:
    found = energy(1000, 9000, 5000, 4990, 6000)
    assert (found.energy_wh, found.energy_basis) == (Decimal(8000), EnergyBasis.REGISTERS)


# ------------------------------------------------------------------------ resets


def test_a_register_that_was_reset_counts_in_segments() -> None:
    found = energy(100_000, 2500, 101_000, 102_000, 500, 1500)
    assert (found.energy_wh, found.energy_basis) == (Decimal(4500), EnergyBasis.SEGMENTS)
    assert found.doubts == ()


def test_a_register_that_was_reset_at_the_start_counts_from_zero() -> None:
    found = energy(100_000, 8000, 0, 4000)
    assert (found.energy_wh, found.energy_basis) == (Decimal(8000), EnergyBasis.SEGMENTS)


def test_two_resets_make_three_segments() -> None:
    found = energy(1000, 700, 3000, 0, 2000, 100, 600)
    assert found.energy_wh == 2000 + 2000 + 700


def test_a_single_zero_among_readings_is_a_slip_of_the_meter() -> None:
    found = energy(1000, 5000, 3000, 0, 4000)
    assert (found.energy_wh, found.energy_basis) == (Decimal(4000), EnergyBasis.REGISTERS)
    assert [point.energy_wh for point in found.usage] == [0, 2000, 3000, 4000]


# ------------------------------------------------------------------------ session-relative


def test_a_session_relative_register_is_like_any_other() -> None:
    assert energy(0, 8000, 2000, 6000).energy_wh == 8000


@pytest.mark.parametrize("curve", [(500,), (0, 2000, 6000), (0,), (2000, 2000)])
def test_readings_relative_to_the_start_do_not_disturb_lifetime_registers(
    curve: Sequence[float],
) -> None:
    found = energy(1_000_000, 1_008_000, *curve)
    assert (found.energy_wh, found.energy_basis) == (Decimal(8000), EnergyBasis.REGISTERS)
    assert found.doubts == ()


def test_readings_relative_to_the_start_still_show_when_the_energy_flowed() -> None:
    found = energy(1_000_000, 1_008_000, 0, 2000, 6000)
    assert [point.energy_wh for point in found.usage] == [0, 0, 2000, 6000, 8000]


def test_lifetime_readings_do_not_disturb_relative_start_and_stop() -> None:
    found = energy(0, 8000, 1_002_000, 1_006_000)
    assert (found.energy_wh, found.energy_basis) == (Decimal(8000), EnergyBasis.REGISTERS)
    assert [point.energy_wh for point in found.usage] == [0, 0, 4000, 8000]


# ------------------------------------------------------------------------ without the start


def test_without_its_start_a_transaction_has_what_its_readings_show() -> None:
    found = energy(None, 9000, reading(-20, 5000), reading(30, 7000), start_seen=False)
    assert (found.energy_wh, found.meter_start_wh) == (Decimal(4000), None)
    assert found.doubts == (Doubt.MISSING_START,)


def test_without_its_start_a_stop_below_the_readings_adds_nothing() -> None:
    found = energy(None, 3, reading(-20, 5000), reading(30, 7000), start_seen=False)
    assert found.energy_wh == 2000


# ------------------------------------------------------------------------ doubts


def test_each_doubt_is_told() -> None:
    doubtful = replace(claims(), inferred=True, clock_wrong=True, station_waiting=True)
    assert assemble(doubtful).doubts == (
        Doubt.INFERRED_END,
        Doubt.CLOCK_WRONG,
        Doubt.STATION_WAITING,
    )


def test_an_end_before_the_start_is_told_and_has_one_point_of_usage() -> None:
    found = assemble(claims(minutes=-1))
    assert (found.energy_wh, found.doubts) == (Decimal(8000), (Doubt.END_BEFORE_START,))
    assert [(point.at, point.energy_wh) for point in found.usage] == [(BEGUN, Decimal(0))]


def test_an_end_in_the_second_of_the_start_is_no_doubt() -> None:
    assert assemble(claims(1000, 1000, minutes=0)).doubts == ()


# ------------------------------------------------------------------------ usage


def test_usage_tells_when_energy_flowed_and_when_not() -> None:
    found = energy(1000, 9000, 5000, 5000, 5000)
    assert [(point.at, int(point.energy_wh), point.charging) for point in found.usage] == [
        (after(0), 0, True),
        (after(10), 4000, False),
        (after(20), 4000, False),
        (after(30), 4000, True),
        (after(60), 8000, False),
    ]


def test_usage_has_no_points_closer_than_a_minute() -> None:
    curve = [reading(place / 10, 1000 + place) for place in range(1, 100)]
    found = assemble(claims(1000, 9000, *curve))
    gaps = [later.at - earlier.at for earlier, later in pairwise(found.usage[:-1])]
    assert min(gaps) >= USAGE_SPACING


def test_readings_outside_the_transaction_do_not_count() -> None:
    found = energy(1000, None, reading(-10, 500), reading(30, 5000), reading(90, 7000))
    assert (found.energy_wh, found.meter_stop_wh) == (Decimal(4000), Decimal(5000))


# ------------------------------------------------------------------------ laws

registers = st.one_of(
    st.integers(-1, 2_000_000), st.decimals(0, 2_000_000, places=3), st.sampled_from([-1, 0, 1])
).map(Decimal)
some_readings = st.lists(
    st.builds(
        RegisterReading,
        at=st.integers(-3600, 10_800).map(lambda seconds: BEGUN + timedelta(seconds=seconds)),
        context=st.sampled_from(["Sample.Periodic", "Transaction.Begin", END, "Sample.Clock"]),
        register_wh=registers,
    ),
    max_size=12,
)
any_claims = st.builds(
    Claims,
    started_at=st.just(BEGUN),
    ended_at=st.none()
    | st.integers(-60, 7200).map(lambda seconds: BEGUN + timedelta(seconds=seconds)),
    start_wh=st.none() | registers,
    stop_wh=st.none() | registers,
    start_seen=st.booleans(),
    inferred=st.booleans(),
    clock_wrong=st.booleans(),
    station_waiting=st.booleans(),
    readings=some_readings,
)


@given(any_claims)
def test_energy_is_never_negative(said: Claims) -> None:
    assert assemble(said).energy_wh >= 0


@given(any_claims, st.randoms(use_true_random=False))
def test_the_order_of_the_readings_does_not_matter(said: Claims, random: object) -> None:
    shuffled = list(said.readings)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assemble(replace(said, readings=shuffled)) == assemble(said)


@given(any_claims)
@example(claims(minutes=0))
def test_usage_starts_at_zero_rises_and_ends_at_the_energy(said: Claims) -> None:
    found = assemble(said)
    first, last = found.usage[0], found.usage[-1]
    assert (first.at, first.energy_wh) == (said.started_at, Decimal(0))
    assert all(earlier.at < later.at for earlier, later in pairwise(found.usage))
    assert all(earlier.energy_wh <= later.energy_wh for earlier, later in pairwise(found.usage))
    assert not last.charging
    if said.ended_at is not None and said.ended_at > said.started_at:
        assert (last.at, last.energy_wh) == (said.ended_at, found.energy_wh)
    for earlier, later in pairwise(found.usage):
        assert earlier.charging == (later.energy_wh > earlier.energy_wh)


@given(
    st.integers(0, 10**7).map(Decimal),
    st.lists(st.integers(0, 30_000).map(Decimal), min_size=1, max_size=8),
)
def test_a_register_that_rises_gives_stop_minus_start(start: Decimal, steps: list[Decimal]) -> None:
    curve = [start + sum(steps[: place + 1], Decimal(0)) for place in range(len(steps))]
    found = assemble(claims(float(start), float(curve[-1]), *map(float, curve[:-1])))
    assert found.energy_wh == sum(steps)
    assert found.energy_basis is EnergyBasis.REGISTERS
    assert found.doubts == ()


@given(
    st.integers(100_000, 10**7).map(Decimal),
    st.lists(st.integers(1, 9000).map(Decimal), min_size=1, max_size=4),
    st.lists(st.integers(1, 9000).map(Decimal), min_size=2, max_size=4),
)
def test_a_reset_gives_the_sum_of_the_rises_of_its_segments(
    start: Decimal, before: list[Decimal], later: list[Decimal]
) -> None:
    rising = [start + sum(before[: place + 1], Decimal(0)) for place in range(len(before))]
    anew = [sum(later[: place + 1], Decimal(0)) for place in range(len(later))]
    curve = [*rising, *anew[:-1]]
    found = assemble(claims(float(start), float(anew[-1]), *map(float, curve), minutes=120))
    assert found.energy_wh == sum(before) + sum(later)
    assert found.energy_basis is EnergyBasis.SEGMENTS


@given(any_claims)
def test_what_was_said_of_the_registers_is_not_changed_silently(said: Claims) -> None:
    """A register that was said and known is the one that is kept, but for a closing reading."""
    found = assemble(said)
    if said.start_seen and said.start_wh is not None and said.start_wh >= 0:
        assert found.meter_start_wh == said.start_wh
    closings = {each.register_wh for each in said.readings if each.context == END}
    if said.stop_wh is not None and said.stop_wh >= 0 and found.meter_stop_wh != said.stop_wh:
        assert found.meter_stop_wh in closings
