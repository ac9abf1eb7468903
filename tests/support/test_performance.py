"""What stations did: read from what is on record, and the time it is counted in."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE
from csms import usage
from foundation import outbox
from foundation.events import StationCameBack, StationWentOffline
from support.performance import days_of, hours_of, measured, offline_spans
from support.uptime import Span
from tests.csms.some_statuses import ONE, TWO, put_stations, put_status

MARCH = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


async def test_uptime_is_read_from_statuses_silence_and_planned_work(db: AsyncSession) -> None:
    """CS-1: broken before March until the 1st, 6:00 (6 h); offline on the 10th from 8:00 to 18:00
    (10 h), of which 4 h were planned; 744 h: (744 - 12) / 744 = 98.387… %.

    CS-2: new on the 31st, and once "Faulted" without an error: 24 h of 24 h."""
    await put_stations(db)
    await put_status(db, ONE, at(1) - timedelta(days=60), "Available")
    await put_status(db, ONE, at(1) - timedelta(days=2), "Faulted", "GroundFailure")
    await put_status(db, ONE, at(1, 5), "Faulted", "GroundFailure")
    await put_status(db, ONE, at(1, 6), "Available")
    await put_status(db, ONE, at(2), "Charging", "HighTemperature")
    await put_status(db, TWO, at(31), "Available")
    await put_status(db, TWO, at(31, 4), "Faulted")
    await outbox.append(
        db,
        [
            StationWentOffline(happened_at=at(10, 9), station=ONE, last_heard_at=at(10, 8)),
            StationCameBack(happened_at=at(10, 18), station=ONE),
        ],
        recorded_at=at(10, 18),
    )
    await db.execute(
        text(
            "insert into maintenance_windows (station, organisation, evses, starts_at, ends_at,"
            " locks, test_tokens, comment, created_at, created_by, created_by_name)"
            " values ('CS-1', 'owner', '{1}', :start, :end, false, '{}', '', :start, 'x', 'X')"
        ),
        {"start": at(10, 6), "end": at(10, 12)},
    )
    read = await measured(db, WHOLE, [ONE, TWO], MARCH)
    one, two, all_ = read.of([ONE]), read.of([TWO]), read.of([ONE, TWO])
    assert (one.uptime.outage, one.uptime.excluded) == (timedelta(hours=16), timedelta(hours=4))
    assert (one.uptime.basis_points, one.evses) == (9838, 1)
    assert (two.uptime.basis_points, two.uptime.measured) == (10_000, timedelta(days=1))
    assert all_.uptime.basis_points == (768 - 12) * 10_000 // 768
    assert all_.starts == 0
    assert all_.worked_basis_points is None
    [tenth] = read.by_day(ONE, [Span(at(10), at(11))])
    assert tenth.down == timedelta(hours=6)


async def test_a_station_counts_for_its_owner_from_the_day_it_is_his(db: AsyncSession) -> None:
    await put_stations(db)
    await put_status(db, ONE, at(1) - timedelta(days=60), "Unavailable")
    await db.execute(
        text("update station_owners set valid_from = :at where station = 'CS-1'"), {"at": at(30)}
    )
    counted = (await measured(db, WHOLE, [ONE], MARCH)).of([ONE])
    assert counted.uptime.measured == counted.uptime.outage == timedelta(days=2)


async def test_nothing_is_used_where_nothing_happened(db: AsyncSession) -> None:
    await put_stations(db)
    assert await usage.session_spans(db, WHOLE, ONE, *MARCH) == []
    assert await usage.days(db, WHOLE, ONE, *MARCH, "Europe/Berlin") == {}


def test_who_did_not_come_back_was_away_until_the_end() -> None:
    changes = [(True, at(3)), (False, at(4)), (True, at(5)), (True, at(6))]
    assert offline_spans(changes, until=at(7)) == [Span(at(3), at(4)), Span(at(5), at(7))]
    assert offline_spans([(False, at(4))], until=at(7)) == []


def test_days_and_hours_are_local_also_when_the_clocks_change() -> None:
    """Berlin: 29 March 2026 has 23 hours; its hour 2 does not exist."""
    [(day, span)] = days_of(date(2026, 3, 29), date(2026, 3, 29), BERLIN)
    assert (day, span.end - span.start) == (date(2026, 3, 29), timedelta(hours=23))
    places = [place for place, _ in hours_of(span, BERLIN)]
    assert len(places) == 23
    assert 6 * 24 + 2 not in places
    [(_, longer)] = days_of(date(2026, 10, 25), date(2026, 10, 25), BERLIN)
    assert [place for place, _ in hours_of(longer, BERLIN)].count(6 * 24 + 2) == 2


def test_hours_of_a_part_of_an_hour_are_as_long_as_it() -> None:
    [(_, first), (_, second)] = hours_of(
        Span(at(2, 8) + timedelta(minutes=30), at(2, 9) + timedelta(minutes=10)), BERLIN
    )
    assert (first.end - first.start, second.end - second.start) == (
        timedelta(minutes=30),
        timedelta(minutes=10),
    )
