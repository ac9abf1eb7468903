"""When connectors could not be used."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms.outages import unusable
from tests.csms.some_statuses import ONE, TWO, put_stations, put_status

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(hours: int) -> datetime:
    return NOON + timedelta(hours=hours)


async def test_what_began_before_and_what_goes_on_counts_within_the_period(
    db: AsyncSession,
) -> None:
    await put_stations(db)
    for hours, status, error in (
        (-50, "Available", None),
        (-2, "Unavailable", None),
        (1, "Available", None),
        (3, "Faulted", "GroundFailure"),
        (4, "Faulted", "OverVoltage"),
        (5, "Faulted", None),
        (6, "Charging", "HighTemperature"),
        (8, "Unavailable", None),
    ):
        await put_status(db, ONE, at(hours), status, error)
    found = await unusable(db, [ONE, TWO], NOON, at(10))
    assert list(found) == [ONE], "the other one never had a status"
    [(place, record)] = found[ONE].items()
    assert place == (1, 1)
    assert record.first_status_at == at(-50)
    assert record.unusable == [(NOON, at(1)), (at(3), at(5)), (at(8), at(10))]


async def test_nothing_is_told_of_the_time_before_the_present_owner(db: AsyncSession) -> None:
    await put_stations(db)
    await put_status(db, ONE, at(-50), "Available")
    await db.execute(
        text("update station_owners set valid_from = :at where station = 'CS-1'"), {"at": at(2)}
    )
    found = await unusable(db, [ONE], NOON, at(10))
    assert found[ONE][1, 1].first_status_at == at(2)
