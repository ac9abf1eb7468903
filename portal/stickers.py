"""The sticker sheet of a station, as every door gives it: only while the station is monitored."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import monitoring
from alerts.activation import EvseIdsMissing, without_evse_id
from csms.registry import Station
from foundation.errors import Conflict
from foundation.settings import Settings
from portal.monitoring import charge_points
from support.sticker_sheets import sheet
from support.sticker_sheets_pdf import sticker_sheet_pdf

STATUS_PATH: Final = "/at/"
"""Where the QR codes lead; the EVSE ID follows."""


class NotMonitored(Conflict):
    """Stickers with the hotline's number may be used only on stations that are monitored."""

    code = "not_monitored"

    def __init__(self, station: str) -> None:
        super().__init__(f"{station} is not monitored: its drivers may not call the hotline.")


class NoHotline(Conflict):
    """There is no number to put on a sticker."""

    code = "no_hotline"

    def __init__(self) -> None:
        super().__init__("The installation has no hotline number. Set it first.")


async def sticker_sheet(
    db: AsyncSession, settings: Settings, station: Station, *, language: str
) -> bytes:
    """Return a station's sticker sheet as a PDF.

    Raises:
        NotMonitored: If its monitoring is not switched on.
        EvseIdsMissing: If a charge point lost its EVSE ID meanwhile, or is new.
        NoHotline: If there is no number to call.
    """
    if station.identity not in await monitoring.active(db, [station.identity]):
        raise NotMonitored(station.identity)
    if settings.hotline_number is None:
        raise NoHotline
    points = charge_points(station)
    missing = without_evse_id(points)
    if missing:
        raise EvseIdsMissing(station.identity, missing)
    operator = await directory.root(db)
    made = sheet(
        station.identity,
        {int(number): evse_id or "" for number, evse_id in points.items()},
        hotline=settings.hotline_number,
        hours=settings.hotline_hours,
        operator=operator.name,
        language=language,
        address=f"{settings.reached_at}{STATUS_PATH}",
    )
    return sticker_sheet_pdf(made)
