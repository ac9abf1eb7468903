"""What happens at a station stands in its book before it is told."""

from datetime import UTC, datetime, timedelta

from simulators.book import Book
from simulators.clock import HandClock
from simulators.dialect import Status
from simulators.equipment import Equipment, EvseSpec, Patience, StationSpec
from simulators.meter import Car, Quirk

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def equipment(version: str = "2.0.1", **facts: object) -> Equipment:
    evse = EvseSpec(**facts)  # type: ignore[arg-type]
    return Equipment(
        StationSpec(identity="CS-1", version=version, evses=(evse,)),
        clock=HandClock(NOON),
        book=Book(),
        patience=Patience(queued_messages=5),
    )


def a_car() -> Car:
    return Car(60_000, 0.2, 11_000)


def status_of(station: Equipment) -> Status:
    return station.evses[1].status


async def test_a_suspended_car_takes_nothing_until_it_goes_on() -> None:
    station = equipment()
    station.plug_in(1, a_car())
    station.begin(1, "04A1")
    await station.clock.pass_time(timedelta(hours=1))
    station.suspend(1)
    await station.clock.pass_time(timedelta(hours=5))
    station.resume(1)
    await station.clock.pass_time(timedelta(hours=1))
    station.finish(1)
    [record] = station.book.records.values()
    assert record.energy_wh == 22_000
    assert station.waiting == 4


async def test_no_energy_flows_between_two_cars_but_a_meter_may_run_on() -> None:
    station = equipment(quirks=frozenset({Quirk.RUNS_ON}))
    for _ in range(2):
        station.plug_in(1, a_car())
        station.begin(1, "04A1")
        await station.clock.pass_time(timedelta(hours=1))
        station.finish(1)
        station.unplug(1)
        await station.clock.pass_time(timedelta(hours=1))
    first, second = station.book.records.values()
    assert first.meter_stop_wh is not None
    assert second.meter_start_wh == first.meter_stop_wh + 4
    assert second.energy_wh == 11_000


async def test_a_full_queue_drops_readings_and_says_so_but_never_a_start_or_an_end() -> None:
    station = equipment()
    station.plug_in(1, a_car())
    station.begin(1, "04A1")
    for _ in range(10):
        station.take_reading(1)
    station.finish(1)
    assert station.waiting == 5
    assert [note["what"] for note in station.book.notes] == ["reading_dropped"] * 7
    [record] = station.book.records.values()
    assert record.readings == 10


async def test_a_fault_ends_what_runs_and_stands_until_it_is_mended() -> None:
    station = equipment("1.6")
    station.plug_in(1, a_car())
    station.begin(1, "04A1")
    station.fault(1, "GroundFailure")
    station.unplug(1)
    assert status_of(station) == Status.FAULTED
    station.clear_fault(1)
    assert status_of(station) == Status.AVAILABLE
    [record] = station.book.records.values()
    assert record.stop_reason == "GroundFault"


async def test_out_of_service_begins_when_the_car_has_left() -> None:
    station = equipment()
    station.plug_in(1, a_car())
    station.begin(1, "04A1")
    station.set_operative(1, operative=False)
    station.finish(1)
    assert status_of(station) == Status.FINISHING
    station.unplug(1)
    assert status_of(station) == Status.UNAVAILABLE
    station.set_operative(1, operative=True)
    assert status_of(station) == Status.AVAILABLE


async def test_a_boot_in_mid_charge_lets_the_transaction_go_on() -> None:
    station = equipment(quirks=frozenset({Quirk.RESET_AT_BOOT}), register_wh=5_000)
    station.plug_in(1, a_car())
    station.begin(1, "04A1")
    await station.clock.pass_time(timedelta(hours=1))
    station.take_reading(1)
    station.start_afresh("Watchdog")
    await station.clock.pass_time(timedelta(hours=1))
    station.finish(1)
    [record] = station.book.records.values()
    assert (record.energy_wh, record.said_start_wh, record.said_stop_wh) == (22_000, 5_000, 11_000)
    assert station.boot_reason == "Watchdog"


def test_16_meters_tell_whole_watt_hours_and_2x_meters_three_decimals() -> None:
    assert not equipment("1.6").evses[1].meter.fractional
    assert equipment("2.1").evses[1].meter.fractional
