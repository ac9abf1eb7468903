"""Partitions: made ahead, dropped when their time is over, never in the way."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from csms.partitions import _last_day, keep_partitions, month_start, wanted
from foundation.clock import SetClock
from foundation.database import Database
from tests.csms.central import settings_for_tests

NOW = datetime(2026, 12, 30, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "months", "start"),
    [
        (date(2026, 10, 15), 0, date(2026, 10, 1)),
        (date(2026, 12, 31), 1, date(2027, 1, 1)),
        (date(2026, 1, 1), -1, date(2025, 12, 1)),
        (date(2026, 3, 31), -14, date(2025, 1, 1)),
    ],
)
def test_the_months_around_a_day(day: date, months: int, start: date) -> None:
    assert month_start(day, months) == start


def test_a_week_of_days_and_five_months_must_exist() -> None:
    found = list(wanted(NOW))
    days = [each for each in found if each[0] == "frames"]
    months = [each for each in found if each[0] == "readings"]
    assert days[0] == ("frames", "frames_2026_12_30", date(2026, 12, 30), date(2026, 12, 31))
    assert days[-1][1] == "frames_2027_01_05"
    assert [each[1] for each in months] == [
        "readings_2026_10",
        "readings_2026_11",
        "readings_2026_12",
        "readings_2027_01",
        "readings_2027_02",
    ]
    for table in (days, months):
        for (_, _, _, end), (_, _, start, _) in itertools.pairwise(table):
            assert end == start


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("frames_2026_12_30", date(2026, 12, 30)),
        ("readings_2026_02", date(2026, 2, 28)),
        ("readings_2026_12", date(2026, 12, 31)),
        ("frames_default", None),
    ],
)
def test_a_partitions_last_day_is_in_its_name(name: str, day: date | None) -> None:
    assert _last_day(name) == day


async def partitions(database: Database) -> set[str]:
    async with database.unit_of_work() as db:
        found = await db.scalars(
            text(
                "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
                " where c.relname ~ '_[0-9]+$'"
            )
        )
        return set(found)


async def frame_at(database: Database, at: datetime) -> None:
    async with database.unit_of_work() as db:
        await db.execute(
            text(
                "insert into frames (station, at, direction, epoch, raw) values ('a',:at,'in',1,'')"
            ),
            {"at": at},
        )


async def test_they_are_made_ahead_and_asking_again_changes_nothing(database: Database) -> None:
    settings, clock = settings_for_tests(), SetClock(NOW)
    await keep_partitions(database, settings, clock)
    made = await partitions(database)
    assert made == {name for _, name, _, _ in wanted(NOW)}
    await keep_partitions(database, settings, clock)
    assert await partitions(database) == made


async def test_rows_lie_where_they_belong(database: Database) -> None:
    await keep_partitions(database, settings_for_tests(), SetClock(NOW))
    await frame_at(database, NOW)
    await frame_at(database, NOW + timedelta(days=400))
    async with database.unit_of_work() as db:
        found = await db.scalars(text("select tableoid::regclass::text from frames order by at"))
        assert list(found) == ["frames_2026_12_30", "frames_default"]


async def test_those_whose_time_is_over_are_dropped_and_no_day_too_early(
    database: Database,
) -> None:
    settings, clock = settings_for_tests(frames_kept_days=2), SetClock(NOW)
    await keep_partitions(database, settings, clock)
    await frame_at(database, NOW)
    clock.advance(timedelta(days=2))
    await keep_partitions(database, settings, clock)
    assert "frames_2026_12_30" in await partitions(database)
    clock.advance(timedelta(days=1))
    await keep_partitions(database, settings, clock)
    assert "frames_2026_12_30" not in await partitions(database)
    assert "readings_2026_10" in await partitions(database)


async def test_a_partition_under_rows_that_are_there_already_is_not_made_and_nothing_is_lost(
    database: Database,
) -> None:
    await frame_at(database, NOW)
    await keep_partitions(database, settings_for_tests(), SetClock(NOW))
    made = await partitions(database)
    assert "frames_2026_12_30" not in made
    assert "frames_2026_12_31" in made
    async with database.unit_of_work() as db:
        assert await db.scalar(text("select count(*) from frames")) == 1
