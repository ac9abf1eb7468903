"""What is done by a command stands in the book before it is done."""

from simulators.book import Book
from simulators.clock import HandClock
from simulators.deeds import Deed
from simulators.equipment import StationSpec
from simulators.station import Station
from tests.simulators.asking import NOON


def a_station() -> Station:
    return Station(
        StationSpec(identity="CS-1"), url="ws://127.0.0.1:1", clock=HandClock(NOON), book=Book()
    )


async def test_the_book_is_written_first_with_the_message_it_was_asked_by() -> None:
    station = a_station()
    deed = Deed(station, "Reset", "message-7", has_effect=True)
    seen: list[int] = []

    async def effect() -> None:
        seen.append(len(station.book.commands))

    deed.later("restarted", effect, transaction=lambda: "CS-1/1/1")
    assert station.book.commands == []
    [follow_up] = deed.follow_ups
    await follow_up()
    deed.at_once("more", lambda: seen.append(len(station.book.commands)))
    assert seen == [1, 2]
    assert station.book.commands[0] == {
        "station": "CS-1",
        "action": "Reset",
        "message_id": "message-7",
        "at": "2026-10-15T12:00:00.000Z",
        "did": "restarted",
        "transaction": "CS-1/1/1",
    }


async def test_without_effect_nothing_is_noted_or_done() -> None:
    station = a_station()
    deed = Deed(station, "Reset", "message-7", has_effect=False)

    async def effect() -> None:
        raise AssertionError

    deed.later("restarted", effect)
    deed.at_once("more", lambda: station.book.commands.append({}))
    assert deed.follow_ups == []
    assert station.book.commands == []
