"""Face: what stations are given, as the decisions of `support.hotline` want to know it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from alerts import monitoring
from billing import service_packages
from foundation.identifiers import OrganisationKey, StationId
from support.hotline import Service


async def service_of(
    db: AsyncSession, station: StationId, organisation: OrganisationKey, *, now: datetime
) -> Service:
    """Return what a station of an organisation is given now."""
    is_monitored = station in await monitoring.active(db, [station])
    package = await service_packages.package_of(db, station, organisation, at=now)
    if package is None:
        return Service(is_monitored, None)
    return Service(is_monitored, package.name, package.hotline, package.dispatch)
