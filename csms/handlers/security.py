"""Security and monitoring events: what a station notices about itself.

The same event told again (stations repeat them by the minute) is one row.

Source: OCPP 1.6 security whitepaper, section 4.7; OCPP 2.0.1 part 2, A04 and N07.
"""

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import blake2b
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from csms import store
from csms.handlers.availability import statuses_reported
from csms.handlers.context import HandlerContext
from csms.monitors import fault_of
from csms.reports import (
    Acknowledged,
    ConnectorStatus,
    NotificationReport,
    SecurityEventReport,
    StatusReport,
)
from csms.store import StationEvent
from foundation import outbox
from foundation.events import FaultCleared, FaultReported, SecurityEventReported

_CONNECTOR_STATUSES: Final = frozenset(each.value for each in ConnectorStatus)


def _digest(kind: str, details: dict[str, object]) -> bytes:
    told = msgspec.json.encode([kind, details], order="sorted")
    return blake2b(told, digest_size=16).digest()


async def security_events_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[SecurityEventReport]
) -> list[Acknowledged]:
    """Keep security events; types that nobody knows are kept as the text they are."""
    events = []
    for report in reports:
        details: dict[str, object] = {"type": report.type, "tech_info": report.tech_info}
        dated = {**details, "at": report.at.isoformat()}
        events.append(
            StationEvent(
                report.origin.station,
                "security",
                report.at,
                report.origin.received_at,
                _digest("security", dated),
                details,
            )
        )
    new = await store.save_station_events(db, events)
    told = [
        SecurityEventReported(
            happened_at=report.at,
            station=report.origin.station,
            type=report.type,
            tech_info=report.tech_info,
        )
        for report, event in zip(reports, events, strict=True)
        if (event.station, event.digest) in new
    ]
    await outbox.append(db, told, recorded_at=context.clock.now())
    return [Acknowledged() for _ in reports]


def _statuses(report: NotificationReport) -> list[StatusReport]:
    """Return what a notification says of connectors: the other form of their status (G01)."""
    return [
        StatusReport(
            report.origin,
            evse_id=each.evse_id,
            connector_id=each.connector_id,
            status=ConnectorStatus(each.actual_value),
            charging_state=None,
            original_status=each.actual_value,
            reported_at=each.at,
            error_code="OtherError" if each.actual_value == ConnectorStatus.FAULTED else None,
        )
        for each in report.events
        if (each.component, each.variable) == ("Connector", "AvailabilityState")
        and each.evse_id is not None
        and each.connector_id is not None
        and each.actual_value in _CONNECTOR_STATUSES
    ]


async def events_notified(
    db: AsyncSession, context: HandlerContext, reports: Sequence[NotificationReport]
) -> list[Acknowledged]:
    """Keep what a station's monitors noticed, one row for each element; tell of what is wrong."""
    events = []
    faults: list[FaultReported | FaultCleared | None] = []
    for report in reports:
        for each in report.events:
            details = {key: value for key, value in asdict(each).items() if key != "at"}
            dated = {**details, "at": each.at.isoformat()}
            events.append(
                StationEvent(
                    report.origin.station,
                    "monitor",
                    each.at,
                    report.origin.received_at,
                    _digest("monitor", dated),
                    details,
                )
            )
            faults.append(fault_of(report.origin.station, each))
    if statuses := [status for report in reports for status in _statuses(report)]:
        await statuses_reported(db, context, statuses)
    if events:
        new = await store.save_station_events(db, events)
        told = [
            fault
            for fault, event in zip(faults, events, strict=True)
            if fault is not None and (event.station, event.digest) in new
        ]
        await outbox.append(db, told, recorded_at=context.clock.now())
    return [Acknowledged() for _ in reports]
