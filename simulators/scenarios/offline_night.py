"""A night without a line: three cars charge, and everything is told in the morning."""

from datetime import timedelta

from simulators.book import Book
from simulators.target import Target, a_car, charge, come_up

_NIGHT = timedelta(hours=11)


async def run(target: Target) -> Book:
    """Live through the eleven hours before now without a line, then connect and deliver.

    The last car is still charging when the line is back.
    """
    station = target.station(clock=target.past(_NIGHT))
    await charge(station, 1, target.token(0), hours=3, remark="offline_night")
    await charge(station, 2, target.token(1), hours=4, remark="offline_night")
    station.plug_in(1, a_car())
    station.begin(1, target.token(2), remark="offline_night")
    await station.clock.pass_time(timedelta(hours=4))
    station.take_reading(1)
    station.clock = target.clock
    await come_up(station)
    if station.evses[1].is_charging:
        await station.clock.pass_time(timedelta(minutes=30))
        station.finish(1)
    station.unplug(1)
    await station.deliver()
    await station.disconnect()
    return target.book
