"""A day without trouble: cars come and go, one stays parked when it is full."""

from datetime import timedelta

from simulators.book import Book
from simulators.target import Target, a_car, charge, come_up, go_on_charging


async def run(target: Target) -> Book:
    """Charge three times at two EVSEs; the last car is full after a while and stays."""
    station = target.station()
    await come_up(station)
    if await station.authorize(target.id_token) == "Accepted":
        await charge(station, 1, target.token(0), hours=2)
    await station.clock.pass_time(timedelta(minutes=20))
    if await station.authorize(target.token(1)) == "Accepted":
        await charge(station, 2, target.token(1), hours=1)
    await station.heartbeat()
    if await station.authorize(target.id_token) == "Accepted":
        station.plug_in(1, a_car(soc=0.9))
        station.begin(1, target.token(0), remark="parked")
        await station.deliver()
        await go_on_charging(station, 1, hours=1)
        if station.evses[1].is_charging:
            station.suspend(1)
            await go_on_charging(station, 1, hours=3)
            station.finish(1)
        station.unplug(1)
        await station.deliver()
    await station.disconnect()
    return target.book
