"""Which alerts support refers to: such an alert is not forgotten."""

from collections.abc import Collection

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncSession

from support.first_aid_tables import FirstAidRunRow
from support.rule_tables import WatchRuleDeedRow
from support.tables import TicketRow


class AlertReferences:
    """Tickets, first aid and what rules did; fulfils `alerts.forgetting.References`."""

    async def referred(self, db: AsyncSession, alerts: Collection[int]) -> set[int]:
        """Return those of the alerts that something refers to."""
        if not alerts:
            return set()
        columns = (TicketRow.alert_id, FirstAidRunRow.alert, WatchRuleDeedRow.alert)
        found = await db.scalars(union(*(select(each).where(each.in_(alerts)) for each in columns)))
        return {each for each in found if each is not None}
