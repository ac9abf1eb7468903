"""Dynamic schedules: a station asks what shall hold of a profile now (2.1).

Source: OCPP 2.1 part 2, K28 and Q06.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from csms import dynamic_schedules
from csms.handlers.context import HandlerContext
from csms.reports import DynamicScheduleAnswer, DynamicScheduleReport


async def schedules_asked_for(
    db: AsyncSession, context: HandlerContext, reports: Sequence[DynamicScheduleReport]
) -> list[DynamicScheduleAnswer]:
    """Tell stations what holds of their dynamic profiles; of what is none, that there is none."""
    keys = [(str(each.origin.station), str(each.profile_id)) for each in reports]
    known = await dynamic_schedules.known(db, set(keys))
    return [DynamicScheduleAnswer(known[key].holds if key in known else {}) for key in keys]
