"""The power goes in mid-charge: no goodbye, and the end is told after the next boot."""

from datetime import timedelta

from simulators.book import Book
from simulators.target import Target, a_car, charge, come_up, go_on_charging


async def run(target: Target) -> Book:
    """Lose the power under two cars at once; afterwards one charges again."""
    station = target.station()
    await come_up(station)
    for evse_id in (1, 2):
        station.plug_in(evse_id, a_car())
        station.begin(evse_id, target.token(evse_id - 1), remark="power_loss")
    await station.deliver()
    await go_on_charging(station, 1, hours=0.5)
    station.cut_power()
    await station.clock.pass_time(timedelta(minutes=40))
    station.start_afresh()
    await come_up(station)
    station.unplug(2)
    await charge(station, 1, target.token(0), hours=0.5, remark="after_the_power_loss")
    await station.disconnect()
    return target.book
