"""Face, read: how many charge points stations have, for prices that are per each."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from csms.tables import EvseRow
from foundation.identifiers import StationId


class ChargePoints:
    """The charge points of stations: EVSEs, without the one that is the station itself."""

    async def charge_points(
        self, db: AsyncSession, stations: Sequence[StationId]
    ) -> Mapping[StationId, int]:
        """Return how many each has now; a station that has none is missing."""
        found = await db.execute(
            select(EvseRow.station, func.count())
            .where(EvseRow.evse_id > 0, EvseRow.station == func.any(list(stations)))
            .group_by(EvseRow.station)
        )
        return {StationId(station): count for station, count in found}
