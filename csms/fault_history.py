"""Face, read: what a station reported as faults, each from when to when, from all its statuses.

"Faulted" without an error code is no fault, and an error code without "Faulted" is an operating
warning: the connector goes on working.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from csms.tables import StatusHistoryRow

_FAULTED: Final = "Faulted"
MOST_STATUSES: Final = 5000
"""How many statuses are looked at; older ones are left out."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A status as the station reported it, when we received it."""

    at: datetime
    evse_id: int
    connector_id: int
    status: str
    error_code: str | None
    vendor_error_code: str | None = None
    info: str | None = None


@dataclass(frozen=True, slots=True)
class FaultSpan:
    """A fault or warning of a connector: in [began_at, ended_at), reported so many times."""

    evse_id: int
    connector_id: int
    is_fault: bool
    error_code: str
    vendor_error_code: str | None
    info: str | None
    began_at: datetime
    ended_at: datetime | None
    reports: int = 1


def spans_of(reports: Iterable[StatusReport]) -> list[FaultSpan]:
    """Return the faults in statuses that come oldest first; the newest fault is the first.

    The same error of a connector, reported again, is one span; another one ends it.
    """
    running: dict[tuple[int, int], FaultSpan] = {}
    over: list[FaultSpan] = []
    for each in reports:
        place = (each.evse_id, each.connector_id)
        present = running.get(place)
        new = _span(each)
        if present is not None and new is not None and _is_same(present, new):
            running[place] = replace(present, reports=present.reports + 1)
            continue
        if present is not None:
            over.append(replace(present, ended_at=each.at))
            del running[place]
        if new is not None:
            running[place] = new
    found = [*over, *running.values()]
    return sorted(found, key=lambda span: (span.began_at, span.evse_id), reverse=True)


def _span(report: StatusReport) -> FaultSpan | None:
    if report.error_code is None:
        return None
    return FaultSpan(
        evse_id=report.evse_id,
        connector_id=report.connector_id,
        is_fault=report.status == _FAULTED,
        error_code=report.error_code,
        vendor_error_code=report.vendor_error_code,
        info=report.info,
        began_at=report.at,
        ended_at=None,
    )


def _is_same(one: FaultSpan, other: FaultSpan) -> bool:
    return (one.is_fault, one.error_code, one.vendor_error_code) == (
        other.is_fault,
        other.error_code,
        other.vendor_error_code,
    )


async def faults(
    db: AsyncSession, station: str, *, now: datetime, days: int = 90
) -> list[FaultSpan]:
    """Return the faults and warnings of a station in the last days; the caller checked the scope.

    What began before is told from the first status in that time on.
    """
    row = StatusHistoryRow
    newest = (
        select(row)
        .where(row.station == station, row.received_at >= now - timedelta(days=days))
        .order_by(row.received_at.desc(), row.id.desc())
        .limit(MOST_STATUSES)
    )
    found = (await db.scalars(newest)).all()
    return spans_of(
        StatusReport(
            each.received_at,
            each.evse_id,
            each.connector_id,
            each.original_status,
            each.error_code,
            each.vendor_error_code,
            each.info,
        )
        for each in reversed(found)
    )
