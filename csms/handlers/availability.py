"""Availability: what state the connectors are in.

A status never ends a transaction by itself: stations report Finishing before the stop, or
Available in mid-charge. It only starts the clock of the inference.

Source: OCPP 1.6 edition 2, section 4.9; OCPP 2.0.1 part 2, G01.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from csms import store, transaction_store
from csms.handlers.context import HandlerContext
from csms.reports import Acknowledged, ConnectorStatus, StatusReport
from csms.skew import corrected, is_implausible
from foundation import outbox
from foundation.events import ConnectorStatusChanged, Event, FaultCleared, FaultReported
from foundation.identifiers import ConnectorId, EvseId, StationId


async def statuses_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[StatusReport]
) -> list[Acknowledged]:
    """Keep every status; let one that is older than the live one change nothing live."""
    moments = []
    for report in reports:
        received = report.origin.received_at
        if report.reported_at is None or is_implausible(report.reported_at, received):
            # No clock: such a status keeps the order in which it arrived.
            moments.append(received)
        else:
            skew = timedelta(seconds=report.origin.skew_s)
            moments.append(corrected(report.reported_at, received, skew).at)
    changed = await store.save_statuses(db, reports, moments)

    events: list[Event] = []
    freed, taken = [], []
    for row in changed:
        station = StationId(row["station"])
        evse_id, connector_id = EvseId(row["evse_id"]), ConnectorId(row["connector_id"])
        place: dict[str, Any] = {
            "station": station,
            "evse_id": evse_id,
            "connector_id": connector_id,
        }
        before, now = row["old_status"], row["status"]
        if (before, row["old_charging_state"]) != (now, row["charging_state"]):
            events.append(
                ConnectorStatusChanged(
                    happened_at=row["at"],
                    status=now,
                    charging_state=row["charging_state"],
                    **place,
                )
            )
        old_error, error = row["old_error_code"], row["error_code"]
        if old_error and old_error != error:
            events.append(FaultCleared(happened_at=row["at"], error_code=old_error, **place))
        is_faulted = now == ConnectorStatus.FAULTED
        was_faulted = before == ConnectorStatus.FAULTED
        if error and (old_error != error or is_faulted != was_faulted):
            events.append(
                FaultReported(
                    happened_at=row["at"],
                    error_code=error,
                    info=row["info"],
                    vendor_error_code=row["vendor_error_code"],
                    faulted=is_faulted,
                    **place,
                )
            )
        if now == ConnectorStatus.AVAILABLE:
            freed.append((station, evse_id, row["at"]))
        elif now == ConnectorStatus.OCCUPIED:
            taken.append((station, evse_id))
    await transaction_store.suspect_ends(db, freed, taken)
    await outbox.append(db, events, recorded_at=context.clock.now())
    return [Acknowledged() for _ in reports]
