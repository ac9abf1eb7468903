"""Live pages: who hears of which change, and when."""

import asyncio
from datetime import UTC, datetime

import pytest

from accounts.directory import WHOLE, Scope
from foundation import outbox
from foundation.database import Database
from foundation.errors import InvalidInput
from foundation.events import StatementIssued, StationCameBack
from foundation.identifiers import OrganisationKey, StationId
from foundation.outbox import Cursor, JournalEntry
from portal.live import About, changes

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
NORTH = Scope(frozenset({OrganisationKey("north")}))


def entry(kind: str, **payload: object) -> JournalEntry:
    return JournalEntry(Cursor(1, 1), kind, "x", NOON, NOON, dict(payload))


@pytest.mark.parametrize(
    "written", ["", "stations/", "station/", "alert/", "alerts/7", "nonsense", "person/7"]
)
def test_only_what_exists_can_be_listened_to(written: str) -> None:
    with pytest.raises(InvalidInput):
        About.parse(written)


def test_a_list_hears_of_its_kind_and_a_thing_of_itself() -> None:
    booted = entry("station_booted", station="A")
    ended = entry("transaction_ended", station="A", transaction_id=7, owner="north")
    assert About.parse("stations").concerns(booted, WHOLE)
    assert not About.parse("sessions").concerns(booted, WHOLE)
    assert About.parse("station/A").concerns(booted, WHOLE)
    assert not About.parse("station/B").concerns(booted, WHOLE)
    assert About.parse("session/7").concerns(ended, WHOLE)
    assert not About.parse("session/8").concerns(ended, WHOLE)


def test_an_owner_hears_nothing_of_what_is_not_his() -> None:
    mine = entry("transaction_ended", station="A", transaction_id=7, owner="north")
    other = entry("transaction_ended", station="B", transaction_id=8, owner="south")
    nobodys = entry("station_booted", station="B")
    about = About.parse("overview")
    assert about.concerns(mine, NORTH)
    assert not about.concerns(other, NORTH)
    assert not about.concerns(nobodys, NORTH)
    assert about.concerns(entry("statement_issued", payee="north"), NORTH)


def test_alerts_are_told_to_those_whose_they_are() -> None:
    mine = entry("alert_changed", alert_id=7, organisation="north", stations=["A"])
    other = entry("alert_changed", alert_id=8, organisation="south", stations=["A"])
    assert About.parse("alerts").concerns(mine, NORTH)
    assert not About.parse("alerts").concerns(other, NORTH)
    assert About.parse("alerts").concerns(other, WHOLE)
    assert About.parse("alert/7").concerns(mine, NORTH)
    assert not About.parse("alert/8").concerns(mine, NORTH)
    assert not About.parse("alert/8").concerns(other, NORTH)
    assert not About.parse("alerts").concerns(entry("station_booted", station="A"), WHOLE)
    assert not About.parse("stations").concerns(mine, WHOLE)


async def test_the_stream_tells_of_what_happens_from_now_on(database: Database) -> None:
    async with database.unit_of_work() as db:
        await outbox.append(
            db, [StationCameBack(happened_at=NOON, station=StationId("A"))], recorded_at=NOON
        )
    stream = changes(database, About.parse("stations"), WHOLE, poll_s=0.01, look_again_s=600)
    assert await anext(stream) == "retry: 3000\n\n"
    assert await anext(stream) == ": listening\n\n"
    assert await anext(stream) == ":\n\n"
    async with database.unit_of_work() as db:
        await outbox.append(
            db, [StationCameBack(happened_at=NOON, station=StationId("A"))], recorded_at=NOON
        )
    async with asyncio.timeout(5):
        async for line in stream:
            if line.startswith("event: changed"):
                break
    assert await anext(stream) == ":\n\n"
    await stream.aclose()  # type: ignore[attr-defined]


async def test_other_kinds_are_not_told_but_every_page_looks_again(database: Database) -> None:
    stream = changes(database, About.parse("stations"), WHOLE, poll_s=0.01, look_again_s=600)
    lines = [await anext(stream) for _ in range(2)]
    async with database.unit_of_work() as db:
        issued = StatementIssued(
            happened_at=NOON, statement_id="s", payee=OrganisationKey("north"), month="2026-09"
        )
        await outbox.append(db, [issued], recorded_at=NOON)
    lines += [await anext(stream) for _ in range(5)]
    assert not any(line.startswith("event") for line in lines)
    await stream.aclose()  # type: ignore[attr-defined]
    stream = changes(database, About.parse("stations"), WHOLE, poll_s=0.01, look_again_s=0)
    assert [await anext(stream) for _ in range(3)][-1].startswith("event: changed")
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_stream_ends_so_that_its_reader_is_asked_again_who_he_is(
    database: Database,
) -> None:
    stream = changes(database, About.parse("stations"), WHOLE, poll_s=0.001, life_s=0.02)
    async with asyncio.timeout(5):
        lines = [line async for line in stream]
    assert lines[:2] == ["retry: 3000\n\n", ": listening\n\n"]
