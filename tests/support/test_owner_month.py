"""An owner's month, read from what is on record."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import raising
from alerts.detections import Detection, Finding, Severity
from billing.months import Month
from support.owner_month import owner_month, period_of
from support.uptime import Span
from tests.csms.some_statuses import ONE, OWNER, put_stations, put_status

MARCH = Month(2026, 3)
BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


async def test_a_month_tells_what_happened_what_was_done_and_what_it_cost(
    db: AsyncSession,
) -> None:
    """March in Berlin has 743 hours; CS-1 was down for 10 of them: 733 / 743 = 98.65… %."""
    await put_stations(db)
    await put_status(db, ONE, at(1) - timedelta(days=60), "Available")
    await put_status(db, ONE, at(10, 8), "Faulted", "GroundFailure")
    await put_status(db, ONE, at(10, 18), "Available")
    found = Finding(
        detection=Detection.FAULT,
        cause="GroundFailure",
        organisation=OWNER,
        station=ONE,
        severity=Severity.CRITICAL,
        seen_at=at(10, 8),
    )
    await raising.report(db, [found], now=at(10, 8))
    owner = await directory.organisation(db, OWNER)
    month = await owner_month(db, owner, MARCH, now=at(31) + timedelta(days=5))
    assert month.is_over
    assert month.together.uptime.measured == timedelta(hours=743)
    assert month.together.uptime.basis_points == 9865
    assert next(each.station for each in month.stations) == ONE, "the longest down comes first"
    assert (dict(month.alerts), month.still_open) == ({"fault": 1}, 1)
    assert (month.tickets_opened, month.tickets_closed) == (0, 0)
    assert list(month.earned) == list(month.payouts) == []

    before = await owner_month(db, owner, MARCH.previous, now=at(31))
    assert not before.alerts
    to_come = await owner_month(db, owner, MARCH.next.next, now=at(31))
    assert (to_come.is_over, to_come.together.uptime.measured) == (False, timedelta(0))


def test_a_month_that_runs_ends_now() -> None:
    start = datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert period_of(MARCH, BERLIN, at(5)) == Span(start, at(5))
    assert period_of(MARCH, BERLIN, at(1) - timedelta(days=9)) == Span(start, start)
