"""One identity, two sockets: the station comes again before its old socket is known to be dead."""

from simulators.book import Book
from simulators.target import Target, a_car, come_up, go_on_charging


async def run(target: Target) -> Book:
    """Charge across two sockets; the old one says goodbye late, in the middle of the new one."""
    station = target.station()
    await come_up(station)
    station.plug_in(1, a_car())
    station.begin(1, target.token(0), remark="two_sockets")
    await station.deliver()
    await go_on_charging(station, 1, hours=0.5)

    old = station.let_go()
    await come_up(station)
    await go_on_charging(station, 1, hours=0.25)
    await old.close()
    await go_on_charging(station, 1, hours=0.25)
    if station.evses[1].is_charging:
        station.finish(1)
    station.unplug(1)
    await station.deliver()
    await station.disconnect()
    return target.book
