"""A meter that runs backwards, and one that was reset in mid-charge."""

from simulators.book import Book
from simulators.meter import Quirk
from simulators.target import Target, a_car, charge, come_up, go_on_charging


async def run(target: Target) -> Book:
    """Charge once with a falling register, once with one that a boot sets to zero."""
    station = target.station(quirks=frozenset({Quirk.BACKWARDS}))
    await come_up(station)
    await charge(station, 1, target.token(0), hours=1, remark="meter_backwards")
    await station.disconnect()

    station = target.station(quirks=frozenset({Quirk.RESET_AT_BOOT}))
    station.begin_numbering_at(1)
    await come_up(station)
    station.plug_in(2, a_car())
    station.begin(2, target.token(1), remark="register_reset")
    await station.deliver()
    await go_on_charging(station, 2, hours=0.5)
    station.cut_link()
    station.start_afresh("Watchdog")
    await come_up(station)
    await go_on_charging(station, 2, hours=0.5)
    if station.evses[2].is_charging:
        station.finish(2)
    station.unplug(2)
    await station.deliver()
    await station.disconnect()
    return target.book
