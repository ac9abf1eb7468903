"""The tab "Further reports" of a station's data sheet: what it holds and told beside its sessions.

Controls of distributed energy, event streams with their values, exchanged batteries, charging
first, what vehicles asked for: each in the standard's words, the newest first. Of what has a last
word only that is shown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from csms import records
from csms.records import Held, Told
from foundation.identifiers import StationId
from portal.guard import Caller, require
from portal.pages.station_views import own_station, tab_of
from portal.routes import Db, Now, PageRoute
from portal.words import marked

router = APIRouter(route_class=PageRoute, prefix="/stations/{identity:segment}")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]

MOST: Final = 30
"""How many of a kind are shown; a station says which values of a stream at any pace."""

_SECTIONS: Final[tuple[tuple[str, Held | Told], ...]] = (
    (marked("What vehicles need"), Held.CHARGING_NEEDS),
    (marked("How vehicles mean to charge"), Held.VEHICLE_SCHEDULE),
    (marked("Charging first"), Held.CHARGES_FIRST),
    (marked("Controls of distributed energy"), Held.DER_CONTROL),
    (marked("Alarms of the grid"), Told.DER_ALARM),
    (marked("Starts and stops of controls"), Told.DER_START_STOP),
    (marked("Event streams"), Held.EVENT_STREAM),
    (marked("Values of event streams"), Told.STREAM_VALUES),
    (marked("Exchanged batteries"), Told.BATTERY_SWAP),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a station holds or told; `pairs` are its fields in the standard's words."""

    name: str
    state: str | None
    told_at: datetime
    pairs: tuple[tuple[str, str], ...]


@router.get("/reported")
async def reported(request: Request, db: Db, now: Now, caller: Reader, identity: str) -> Response:
    """Show what the station holds and told beside its sessions."""
    station = await own_station(request, db, now, caller, identity)
    found = [
        (title, entries[:MOST], len(entries) > MOST)
        for title, kind in _SECTIONS
        if (entries := await _entries(db, station.identity, kind))
    ]
    values = {"sections": found, "most": MOST}
    return await tab_of(request, db, caller, station, "reported", values)


async def _entries(db: AsyncSession, station: StationId, kind: Held | Told) -> list[Entry]:
    if isinstance(kind, Told):
        return [
            Entry(each.ref, None, each.told_at, tuple(pairs_of(each.content)))
            for each in await records.tellings(db, station, kind, most=MOST + 1)
        ]
    held = await records.held(db, station, kind)
    newest = sorted(held, key=lambda each: each.told_at, reverse=True)[: MOST + 1]
    return [
        Entry(each.key, each.state, each.told_at, tuple(pairs_of(each.content))) for each in newest
    ]


def pairs_of(content: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Return the fields of a message with their values, those within others by their path."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            if name != "customData":
                yield from pairs_of(value, f"{path}.{name}" if path else str(name))
    elif isinstance(content, list):
        for place, value in enumerate(content, start=1):
            yield from pairs_of(value, f"{path} {place}" if len(content) > 1 else path)
    elif isinstance(content, bool):
        yield path, "true" if content else "false"
    elif content is not None:
        yield path, str(content)
