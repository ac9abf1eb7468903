"""Plays a scenario against a well-behaved central system, and looks at both sides afterwards."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.book import Book, Record
from simulators.clock import HandClock
from simulators.target import Target
from tests.simulators.csms import Stored, TinyCsms

MORNING = datetime(2026, 10, 15, 8, tzinfo=UTC)
VERSIONS = pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
Run = Callable[[Target], Awaitable[Book]]


def a_target(csms: TinyCsms, version: str, **changes: Any) -> Target:
    return Target(url=csms.url, version=version, clock=HandClock(MORNING), book=Book(), **changes)


async def play(csms: TinyCsms, version: str, run: Run, **changes: Any) -> list[Record]:
    """Play a scenario; every session of its book must be told, and stored once, as it was said."""
    book = await run(a_target(csms, version, **changes))
    assert csms.problems == []
    assert len(csms.transactions) == len(book.records)
    assert book.unfinished() == []
    for record in book.records.values():
        assert said_stop(stored_as(csms, record)) == record.said_stop_wh
        assert record.energy_wh is not None
        assert record.energy_wh > 0
    assert len(set(csms.message_ids)) == len(csms.message_ids)
    return list(book.records.values())


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
