"""Face, read: where stations are and whose, for alerts (fulfils `alerts.raising.Sites`)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from csms.tables import EvseRow, LocationRow, StationOwnerRow, StationRow
from foundation.identifiers import OrganisationKey, StationId


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a station is now, and whose; `alerts.raising.Site` has the words."""

    station: StationId
    organisation: OrganisationKey
    location: str | None
    place: str | None
    time_zone: str
    emi3_ids: Mapping[int, str]
    is_accepted: bool


class Registered:
    """What the register of stations knows."""

    async def of(
        self, db: AsyncSession, stations: Collection[StationId]
    ) -> Mapping[StationId, Whereabouts]:
        """Return what is known of each now; one that is unknown, or nobody's, is missing."""
        if not stations:
            return {}
        wanted = sorted(stations)
        emi3_ids: dict[str, dict[int, str]] = {}
        found = await db.execute(
            select(EvseRow.station, EvseRow.evse_id, EvseRow.emi3_id).where(
                EvseRow.station == func.any(wanted), EvseRow.emi3_id.is_not(None)
            )
        )
        for station, evse_id, emi3_id in found:
            assert emi3_id is not None
            emi3_ids.setdefault(station, {})[evse_id] = emi3_id
        rows = await db.execute(
            select(
                StationRow.identity,
                StationOwnerRow.organisation,
                StationRow.location,
                LocationRow.name,
                func.coalesce(LocationRow.time_zone, StationRow.time_zone),
                StationRow.admission,
            )
            .join(
                StationOwnerRow,
                and_(
                    StationOwnerRow.station == StationRow.identity,
                    StationOwnerRow.valid_to.is_(None),
                ),
            )
            .outerjoin(LocationRow, LocationRow.key == StationRow.location)
            .where(StationRow.identity == func.any(wanted))
        )
        return {
            StationId(identity): Whereabouts(
                station=StationId(identity),
                organisation=OrganisationKey(organisation),
                location=location,
                place=place,
                time_zone=zone,
                emi3_ids=emi3_ids.get(identity, {}),
                is_accepted=admission == "accepted",
            )
            for identity, organisation, location, place, zone, admission in rows
        }
