"""A small fleet lives through a month, and the server has what the book has."""

import asyncio
import struct
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from simulators.book import Book
from simulators.clock import HandClock, SharedClock
from simulators.month import Month, MonthFailed
from simulators.plan import MonthPlan, draw_up, read_plan
from tests.simulators.csms import TinyCsms
from tests.simulators.test_plan import plan_facts

pytestmark = pytest.mark.slow


def a_month(csms: TinyCsms, clock: HandClock | None = None, **changes: Any) -> Month:
    plan = read_plan({**plan_facts(), **changes})
    agenda = draw_up(plan)
    know_tokens(csms, plan)
    clock = clock or HandClock(agenda.begin)
    csms.now = clock.now
    return Month(plan, agenda, url=csms.url, book=Book(), clock=clock, validate=True)


def know_tokens(csms: TinyCsms, plan: MonthPlan) -> None:
    csms.bad_tokens = dict.fromkeys(plan.unknown_tokens, "Invalid")
    csms.bad_tokens |= {token.id_token: "Blocked" for token in plan.tokens if token.refused}


async def test_everything_is_stored_once_but_what_is_late(csms: TinyCsms) -> None:
    month = a_month(csms)
    await month.live()
    late = set(month.late_identities)
    assert csms.problems == []
    assert all(
        record.station in late for record in month.book.unfinished() if record.ended_at is not None
    )
    assert late.isdisjoint(
        stored.station
        for stored in csms.transactions.values()
        if _text(stored.start["timestamp"]) > datetime(2026, 10, 31, tzinfo=UTC)
    )

    assert await month.bring_back_the_late() == sorted(late)
    await month.leave()
    assert len(csms.transactions) == len(month.book.records)
    remarks = {record.remark for record in month.book.records.values()}
    assert {
        "across_first_border",
        "across_last_border",
        "late_after_close",
        "meter_backwards",
        "offline_start",
        "power_loss",
        "reported_after_the_border",
    } <= remarks
    assert any(
        note["what"] == "authorization" and note["status"] == "Invalid" for note in month.book.notes
    )


async def test_readers_of_the_clock_file_see_the_month_pass_and_then_real_time(
    csms: TinyCsms, tmp_path: Path
) -> None:
    path = tmp_path / "clock"
    plan = read_plan({**plan_facts(), "sessions": 5})
    clock = SharedClock(path, draw_up(plan).begin)
    seen: list[int] = []
    month = a_month(csms, clock, sessions=5)
    await month.live(lambda _: seen.append(_micros(path)))
    assert seen == sorted(seen)
    assert _micros(path) == int(plan.now.timestamp() * 1_000_000)
    clock.release()
    assert _micros(path) == 0
    await month.leave()
    clock.close()


async def test_it_stays_until_it_is_told_to_quit_and_brings_the_late_on_command(
    csms: TinyCsms,
) -> None:
    month = a_month(csms, sessions=5)
    await month.live()
    told: list[tuple[str, list[str]]] = []

    def tell(what: str, stations: list[str]) -> None:
        told.append((what, stations))

    async def lines() -> AsyncIterator[str]:
        yield "late\n"
        yield "quit\n"

    async with asyncio.timeout(20):
        await month.stay(lines(), tell)
    await month.leave()
    assert told == [("late_done", month.late_identities)]
    late = [r for r in month.book.records.values() if r.station in month.late_identities]
    assert late
    assert all(record.end_acknowledged for record in late if record.ended_at is not None)


async def test_it_gives_up_with_a_reason_when_a_station_is_not_accepted(csms: TinyCsms) -> None:
    month = a_month(csms, sessions=5)
    csms.admission["CS-002"] = "Rejected"
    with pytest.raises(MonthFailed, match="CS-002 is not accepted"):
        await month.live()
    await month.leave()


def _micros(path: Path) -> int:
    (micros,) = struct.unpack("<q", path.read_bytes())
    return int(micros)


def _text(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
