"""A meter that says kWh and labels them Wh."""

from simulators.book import Book
from simulators.meter import Quirk
from simulators.target import Target, charge, come_up


async def run(target: Target) -> Book:
    """Charge twice; what is said is a thousandth of what flowed."""
    station = target.station(quirks=frozenset({Quirk.KWH_AS_WH}))
    await come_up(station)
    await charge(station, 1, target.token(0), hours=2, remark="kwh_as_wh")
    await charge(station, 2, target.token(1), hours=3, remark="kwh_as_wh")
    await station.disconnect()
    return target.book
