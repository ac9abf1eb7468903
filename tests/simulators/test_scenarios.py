"""Every scenario plays to its end against a well-behaved central system, in every version."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.book import Book, Record
from simulators.clock import HandClock
from simulators.scenarios import (
    clock_wrong,
    kwh_as_wh,
    lost_acknowledgments,
    meter_backwards,
    normal_day,
    offline_night,
    power_loss,
    reconnect_storm,
    two_sockets,
)
from simulators.target import Target
from tests.simulators.csms import Stored, TinyCsms

MORNING = datetime(2026, 10, 15, 8, tzinfo=UTC)
VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
Run = Callable[[Target], Awaitable[Book]]


def a_target(csms: TinyCsms, version: str, **changes: Any) -> Target:
    return Target(url=csms.url, version=version, clock=HandClock(MORNING), book=Book(), **changes)


def stored_as(csms: TinyCsms, record: Record) -> Stored:
    """Return the server's transaction of a record, found as a good server finds it."""
    [found] = [
        stored
        for stored in csms.transactions.values()
        if stored.station == record.station
        and (
            stored.start.get("transactionInfo", {}).get("transactionId") == record.ref
            if record.ref is not None
            else (
                stored.start["connectorId"],
                stored.start["timestamp"],
                stored.start["meterStart"],
            )
            == (record.evse_id, record.said_started_at, record.said_start_wh)
        )
    ]
    return found


def said_stop(stored: Stored) -> Any:
    assert stored.end is not None
    if "meterStop" in stored.end:
        return stored.end["meterStop"]
    return stored.end["meterValue"][0]["sampledValue"][0]["value"]


@VERSIONS
@pytest.mark.parametrize(
    ("run", "sessions"),
    [
        (normal_day.run, 3),
        (offline_night.run, 3),
        (lost_acknowledgments.run, 2),
        (power_loss.run, 3),
        (clock_wrong.run, 5),
        (two_sockets.run, 1),
        (meter_backwards.run, 2),
        (kwh_as_wh.run, 2),
    ],
)
async def test_a_scenario_ends_with_every_session_told_and_stored_once(
    csms: TinyCsms, run: Run, sessions: int, version: str
) -> None:
    book = await run(a_target(csms, version))
    assert csms.problems == []
    assert len(csms.transactions) == len(book.records) == sessions
    assert book.unfinished() == []
    for record in book.records.values():
        assert said_stop(stored_as(csms, record)) == record.said_stop_wh
        assert record.energy_wh is not None
        assert record.energy_wh > 0


@VERSIONS
async def test_the_night_is_told_in_the_morning_with_its_own_times(
    csms: TinyCsms, version: str
) -> None:
    book = await offline_night.run(a_target(csms, version))
    first = next(iter(book.records.values()))
    assert (first.started_at, first.ended_at) == (
        "2026-10-14T21:00:00.000Z",
        "2026-10-15T00:00:00.000Z",
    )
    assert first.started_offline
    assert first.energy_wh == 33_000


async def test_lost_answers_make_the_same_message_come_again(csms: TinyCsms) -> None:
    book = await lost_acknowledgments.run(a_target(csms, "1.6"))
    first, second = book.records.values()
    assert (first.start_sent, first.end_sent) == (3, 3)
    assert (second.start_sent, second.end_sent) == (1, 2)
    assert stored_as(csms, second).ends_heard == 2
    assert len(set(csms.message_ids)) == len(csms.message_ids)


async def test_a_wrong_clock_is_wrong_in_the_messages_and_right_in_the_book(
    csms: TinyCsms,
) -> None:
    book = await clock_wrong.run(a_target(csms, "2.0.1"))
    first = next(iter(book.records.values()))
    assert first.started_at == "2026-10-15T08:00:00.000Z"
    assert first.said_started_at == "2025-10-15T08:00:00.000Z"
    assert stored_as(csms, first).start["timestamp"] == first.said_started_at


async def test_liars_say_something_else_than_the_truth(csms: TinyCsms) -> None:
    book = await meter_backwards.run(a_target(csms, "1.6"))
    backwards, reset = book.records.values()
    assert (backwards.energy_wh, backwards.said_energy_wh) == (11_000, -11_000)
    assert reset.energy_wh == 11_000
    assert reset.said_stop_wh == 5_500

    book = await kwh_as_wh.run(a_target(csms, "2.1", identity="SIM-LIAR"))
    assert [record.energy_wh for record in book.records.values()] == [22_000, 33_000]
    assert [record.said_energy_wh for record in book.records.values()] == [22, 33]


async def test_two_sockets_of_one_station_carry_one_transaction(csms: TinyCsms) -> None:
    await two_sockets.run(a_target(csms, "1.6"))
    assert csms.connections["SIM-STORY"] == 2


async def test_a_storm_brings_everybody_back(csms: TinyCsms) -> None:
    book = await reconnect_storm.run(a_target(csms, "1.6", stations=20, identity="STORM"))
    assert book.unfinished() == []
    assert len(csms.connections) == 20
    assert all(count >= 4 for count in csms.connections.values())
    assert len(book.records) == len(csms.transactions)
