"""A meter obeys physics, and lies only in the way it was told to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.meter import Car, Meter, Quirk

HOUR = 3600.0


def a_car(soc: float = 0.1) -> Car:
    return Car(battery_wh=60_000, soc=soc, max_power_w=11_000)


def test_eleven_kilowatts_for_an_hour_are_eleven_kilowatt_hours() -> None:
    meter = Meter(22_000, counted_mwh=5_000_000)
    for _ in range(4):
        meter.advance(HOUR / 4, a_car())
    assert meter.true_wh() == meter.shown_wh() == Decimal(16_000)


def test_the_connector_limits_a_strong_car() -> None:
    assert Car(60_000, 0.1, 150_000).charge(HOUR, 22_000) == pytest.approx(22_000)


def test_power_falls_towards_full_and_ends_there() -> None:
    assert a_car(0.5).power_w(22_000) == 11_000
    assert a_car(0.9).power_w(22_000) == pytest.approx(11_000 * 0.525)
    assert a_car(1.0).power_w(22_000) == 0
    assert a_car(1.0).charge(HOUR, 22_000) == 0


@given(soc=st.floats(0, 0.99), power_w=st.floats(1_000, 400_000))
def test_a_car_is_full_when_it_said_it_would_be(soc: float, power_w: float) -> None:
    car = Car(battery_wh=60_000, soc=soc, max_power_w=power_w)
    seconds = car.seconds_until_full(power_w)
    taken = car.charge(seconds + 1, power_w)
    assert car.is_full
    assert car.seconds_until_full(power_w) == 0
    assert taken == pytest.approx((1 - soc) * 60_000)


@given(
    soc=st.floats(0, 0.99),
    first=st.floats(0, 20_000),
    second=st.floats(0, 20_000),
    limit_w=st.floats(100, 200_000),
)
def test_charging_in_two_parts_takes_what_charging_at_once_takes(
    soc: float, first: float, second: float, limit_w: float
) -> None:
    parts, whole = a_car(soc), a_car(soc)
    taken = parts.charge(first, limit_w) + parts.charge(second, limit_w)
    assert taken == pytest.approx(whole.charge(first + second, limit_w), abs=0.001)
    assert taken <= min(11_000, limit_w) * (first + second) / HOUR + 0.001


@given(st.lists(st.floats(0, 5_000), max_size=20))
def test_the_true_register_never_falls_and_loses_nothing(spans: list[float]) -> None:
    meter, car = Meter(22_000, quirks=frozenset({Quirk.BACKWARDS})), a_car(0.0)
    before = 0
    for seconds in spans:
        meter.advance(seconds, car)
        assert meter.counted_mwh >= before
        before = meter.counted_mwh
    assert meter.counted_mwh / 1000 == pytest.approx(car.soc * 60_000, abs=0.01)


def test_no_car_and_no_time_count_nothing() -> None:
    meter = Meter(22_000, counted_mwh=7)
    meter.advance(HOUR, None)
    meter.advance(0, a_car())
    assert meter.counted_mwh == 7


def test_whole_watt_hours_are_cut_off_and_fractions_are_told_where_the_meter_can() -> None:
    assert Meter(1, counted_mwh=1_999).shown_wh() == Decimal(1)
    assert Meter(1, counted_mwh=1_999, fractional=True).shown_wh() == Decimal("1.999")


def a_quirky_hour(quirk: Quirk) -> tuple[Decimal, Decimal, Decimal]:
    """Return what a lying meter shows before and after an hour at 11 kW, and after the end."""
    meter = Meter(22_000, counted_mwh=50_000_000, quirks=frozenset({quirk}))
    meter.begin()
    before = meter.shown_wh()
    meter.advance(HOUR, a_car())
    after = meter.shown_wh()
    assert meter.true_wh() == Decimal(61_000)
    meter.end()
    return before, after, meter.shown_wh()


@pytest.mark.parametrize(
    ("quirk", "shown"),
    [
        (Quirk.SESSION_RELATIVE, (0, 11_000, 11_000)),
        (Quirk.RESET_AT_BOOT, (50_000, 61_000, 61_000)),
        (Quirk.BACKWARDS, (50_000, 39_000, 39_000)),
        (Quirk.KWH_AS_WH, (50, 61, 61)),
        (Quirk.RUNS_ON, (50_000, 61_000, 61_004)),
    ],
)
def test_a_quirk_changes_what_is_shown_and_not_what_is_true(
    quirk: Quirk, shown: tuple[int, int, int]
) -> None:
    assert a_quirky_hour(quirk) == tuple(Decimal(value) for value in shown)


def test_only_a_meter_that_forgets_is_reset_by_a_boot() -> None:
    for quirks, shown in ((frozenset({Quirk.RESET_AT_BOOT}), 0), (frozenset[Quirk](), 9)):
        meter = Meter(22_000, counted_mwh=9_000, quirks=quirks)
        meter.boot()
        assert meter.shown_wh() == shown
        assert meter.true_wh() == 9


def test_a_register_does_not_fall_below_zero() -> None:
    meter = Meter(22_000, counted_mwh=1_000, quirks=frozenset({Quirk.BACKWARDS}))
    meter.advance(HOUR, a_car())
    assert meter.shown_wh() == 0
