"""Face, read: what the number on a station's sticker leads to, however somebody says or types it.

Source: eMI3 standard, Electric Vehicle ICT Interface Specifications, part 2 (EVSE ID: separators
are optional), ISO 15118-1 annex H.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms.tables import EvseRow, StationOwnerRow, StationRow
from foundation.identifiers import EvseId, OrganisationKey, StationId

AT_MOST: Final = 20
"""How many places are returned where only a part of the number is known."""

_SEPARATORS: Final = "*-_. \t+"
_SHORTEST_PART: Final = 3


@dataclass(frozen=True, slots=True)
class Sticker:
    """An EVSE with the ID on its sticker, and whose it is now."""

    station: StationId
    evse_id: EvseId
    emi3_id: str
    organisation: OrganisationKey


def normalised_evse_id(text: str) -> str:
    """Return what EVSE IDs are compared by: upper case, without separators.

    `DE*ABC*E1001`, `de-abc-e1001` and `deabce1001` are one ID; of an address as in a QR code only
    the last part counts.
    """
    last = text.strip().partition("?")[0].partition("#")[0].rstrip("/").rpartition("/")[2]
    return last.translate(str.maketrans("", "", _SEPARATORS)).upper()


async def by_evse_id(db: AsyncSession, scope: Scope, text: str) -> list[Sticker]:
    """Return the EVSE with this ID; if there is none, those whose ID has it as a part.

    Only what is in scope is found. A part has at least three characters.
    """
    wanted = normalised_evse_id(text)
    if not wanted:
        return []
    written = func.upper(func.translate(EvseRow.emi3_id, _SEPARATORS, ""))
    found = await _stickers(db, scope, written == wanted)
    if found or len(wanted) < _SHORTEST_PART:
        return found
    return await _stickers(db, scope, written.contains(wanted, autoescape=True))


async def _stickers(db: AsyncSession, scope: Scope, where: ColumnElement[bool]) -> list[Sticker]:
    rows = await db.execute(
        select(EvseRow.station, EvseRow.evse_id, EvseRow.emi3_id, StationOwnerRow.organisation)
        .join(
            StationOwnerRow,
            and_(StationOwnerRow.station == EvseRow.station, StationOwnerRow.valid_to.is_(None)),
        )
        .where(EvseRow.emi3_id.is_not(None), where)
        .order_by(EvseRow.emi3_id)
    )
    found = [
        Sticker(StationId(station), EvseId(evse_id), emi3_id or "", OrganisationKey(organisation))
        for station, evse_id, emi3_id, organisation in rows
    ]
    seen = [each for each in found if scope.covers_station(each.organisation, each.station)]
    return seen[:AT_MOST]


async def stations_at(db: AsyncSession, location: str) -> list[StationId]:
    """Return the stations that stand at a location, whoever owns them."""
    found = await db.scalars(
        select(StationRow.identity)
        .where(StationRow.location == location)
        .order_by(StationRow.identity)
    )
    return [StationId(each) for each in found]


async def owners(db: AsyncSession, stations: Iterable[str]) -> dict[StationId, OrganisationKey]:
    """Return whose stations these are now; a station that does not exist is left out."""
    rows = await db.execute(
        select(StationOwnerRow.station, StationOwnerRow.organisation)
        .where(StationOwnerRow.station.in_(sorted(set(stations))))
        .where(StationOwnerRow.valid_to.is_(None))
    )
    return {StationId(station): OrganisationKey(owner) for station, owner in rows}
