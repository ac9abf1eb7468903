"""Reporting: what a station tells of its device model, part by part.

Parts are kept whatever their order; the report is announced when none is missing. A part that is
sent again changes nothing but the moment of reading.

Source: OCPP 2.0.1 part 2, B07 and B08.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms import equipment_store
from csms.equipment_store import Part, Told
from csms.handlers.context import HandlerContext
from csms.reports import Acknowledged, VariablesReport
from foundation import outbox
from foundation.events import VariablesReported
from foundation.identifiers import StationId


async def variables_reported(
    db: AsyncSession, context: HandlerContext, reports: Sequence[VariablesReport]
) -> list[Acknowledged]:
    """Keep what stations tell of their variables, and say which reports are whole now."""
    await equipment_store.save_variables(
        db,
        [
            Told(report.origin.station, report.origin.received_at, each)
            for report in reports
            for each in report.variables
        ],
    )
    whole = await equipment_store.save_report_parts(
        db,
        [
            Part(
                each.origin.station,
                each.request_id,
                each.seq_no,
                each.is_last,
                len(each.variables),
                each.origin.received_at,
            )
            for each in reports
        ],
    )
    told = [
        VariablesReported(
            happened_at=at, station=StationId(station), request_id=request_id, parts=parts
        )
        for station, request_id, parts, at in whole
    ]
    await outbox.append(db, told, recorded_at=context.clock.now())
    return [Acknowledged() for _ in reports]
