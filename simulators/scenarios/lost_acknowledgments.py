"""Answers get lost: every kind of message is told again, under a new message id."""

from simulators.book import Book
from simulators.dialect import Kind
from simulators.link import LinkLost
from simulators.target import Target, a_car, charge, come_up, go_on_charging


async def run(target: Target) -> Book:
    """Lose answers to start, readings and end; then lose the whole socket with an end on it."""
    station = target.station()
    await come_up(station)
    station.lose_answers.update({Kind.START: 2, Kind.READING: 1, Kind.END: 2})
    await charge(station, 1, target.token(0), hours=1, remark="lost_acknowledgments")

    station.plug_in(2, a_car())
    station.begin(2, target.token(1), remark="socket_lost_with_the_end")
    await station.deliver()
    await go_on_charging(station, 2, hours=0.5)
    if station.evses[2].is_charging:
        station.finish(2)
    station.cut_when_sent = Kind.END
    try:
        await station.deliver()
    except LinkLost:
        await come_up(station)
    station.unplug(2)
    await station.deliver()
    await station.disconnect()
    return target.book
