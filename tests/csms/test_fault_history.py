"""Faults from statuses: when they began and ended, and what is none."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from csms.fault_history import StatusReport, faults, spans_of

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)


def said(minute: int, status: str, error: str | None = None, evse: int = 1) -> StatusReport:
    return StatusReport(NOON + timedelta(minutes=minute), evse, 1, status, error)


def test_a_fault_that_is_reported_again_is_one_and_ends_with_the_next_good_status() -> None:
    [found] = spans_of(
        [
            said(0, "Faulted", "GroundFailure"),
            said(5, "Faulted", "GroundFailure"),
            said(9, "Available"),
        ]
    )
    assert (found.began_at, found.ended_at) == (NOON, NOON + timedelta(minutes=9))
    assert (found.reports, found.is_fault) == (2, True)


def test_faulted_without_an_error_is_no_fault_and_an_error_without_faulted_is_a_warning() -> None:
    assert spans_of([said(0, "Faulted")]) == []
    [warning] = spans_of([said(0, "Charging", "HighTemperature")])
    assert (warning.is_fault, warning.ended_at) == (False, None)


def test_another_error_and_another_connector_are_other_faults() -> None:
    found = spans_of(
        [
            said(0, "Faulted", "GroundFailure"),
            said(1, "Faulted", "OverVoltage", evse=2),
            said(2, "Faulted", "PowerMeterFailure"),
        ]
    )
    assert [(each.error_code, each.ended_at is None) for each in found] == [
        ("PowerMeterFailure", True),
        ("OverVoltage", True),
        ("GroundFailure", False),
    ]


async def test_only_the_stations_own_statuses_of_the_last_days_count(db: AsyncSession) -> None:
    for station, days in (("CS-1", 1), ("CS-1", 100), ("CS-2", 1)):
        await db.execute(
            text(
                "insert into status_history (station, evse_id, connector_id, original_status,"
                " error_code, received_at) values (:station, 1, 1, 'Faulted', 'GroundFailure', :at)"
            ),
            {"station": station, "at": NOON - timedelta(days=days)},
        )
    [found] = await faults(db, "CS-1", now=NOON)
    assert found.began_at == NOON - timedelta(days=1)
