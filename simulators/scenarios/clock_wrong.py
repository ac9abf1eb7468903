"""The station's clock is wrong, by a year and by hours; the book has both times."""

from datetime import timedelta

from simulators.book import Book
from simulators.target import Target, charge, come_up

_ERRORS = {
    "clock_a_year_behind": timedelta(days=-365),
    "clock_a_year_ahead": timedelta(days=365),
    "clock_hours_behind": timedelta(hours=-5),
    "clock_hours_ahead": timedelta(hours=2),
    "clock_right_again": timedelta(0),
}


async def run(target: Target) -> Book:
    """Charge once with each wrong clock, and once with the right one."""
    station = target.station()
    for remark, wrong_by in _ERRORS.items():
        station.wrong_by = wrong_by
        await come_up(station)
        await charge(station, 1, target.token(0), hours=0.5, remark=remark)
        await station.disconnect()
        await station.clock.pass_time(timedelta(minutes=10))
    return target.book
