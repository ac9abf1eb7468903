"""Doors of certificates and security profiles that the API and the pages share."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.permissions import Permission
from csms import authorities, profile_upgrades, registry, station_certificates
from csms.authorities import Authority
from csms.certificates import OWN
from csms.connectivity import SilenceLimits
from csms.queue import Command, StationUnreachable
from csms.registry import Station
from csms.reports import OcppVersion
from csms.station_certificates import Ending
from foundation.errors import InvalidInput
from portal import asking
from portal.context import PortalContext
from portal.guard import Caller

TOLD_DAYS = 90
"""How far ahead certificates are shown that end."""
_LASTS_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Wanted:
    """How something is asked of a station: by which order, and once by which key."""

    change_order: str | None = None
    once: str | None = None
    is_page: bool = False


async def found(
    db: AsyncSession, now: datetime, context: PortalContext, caller: Caller, identity: str
) -> Station:
    """Return a station of the caller's own side.

    Raises:
        NotFound: If it is not, even if it is shared.
    """
    limits = SilenceLimits(
        timedelta(seconds=context.settings.pending_after_s),
        timedelta(seconds=context.settings.offline_after_s),
    )
    station = await registry.station(db, caller.scope, identity, now, limits=limits)
    caller.must_see(station.organisation, "station", identity)
    return station


def version_of(station: Station) -> OcppVersion:
    """Return the version that a station speaks.

    Raises:
        StationUnreachable: It never said.
    """
    if station.ocpp_version is None:
        raise StationUnreachable(station.identity)
    return OcppVersion(f"ocpp{station.ocpp_version}")


async def install(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    kind: str,
    pem: str,
    wanted: Wanted,
) -> Command:
    """Ask a station to trust a root."""
    payload = station_certificates.install_payload(version_of(station), kind, pem)
    return await _ask(db, now, caller, station, "InstallCertificate", payload, wanted)


async def delete(
    db: AsyncSession, now: datetime, caller: Caller, station: Station, number: int, wanted: Wanted
) -> Command:
    """Ask a station to delete a certificate."""
    one = await station_certificates.certificate(db, caller.scope, station.identity, number)
    payload = station_certificates.delete_payload(one)
    return await _ask(db, now, caller, station, "DeleteCertificate", payload, wanted)


async def list_again(
    db: AsyncSession, now: datetime, caller: Caller, station: Station, wanted: Wanted
) -> list[Command]:
    """Ask a station for all that it holds."""
    asked = []
    for place, payload in enumerate(station_certificates.list_payloads(version_of(station))):
        once = None if wanted.once is None else f"{wanted.once} {place}"
        each = Wanted(wanted.change_order, once, wanted.is_page)
        asked.append(
            await _ask(db, now, caller, station, "GetInstalledCertificateIds", payload, each)
        )
    return asked


async def renew(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    wanted: Wanted,
    kind: str = OWN,
) -> Command:
    """Let a station ask for a new certificate of its own."""
    action, payload = station_certificates.renew_call(version_of(station), kind)
    return await _ask(db, now, caller, station, action, payload, wanted)


async def upgrade(
    db: AsyncSession, now: datetime, caller: Caller, station: Station, profile: int, wanted: Wanted
) -> Command:
    """Ask a station to come up to a higher security profile."""
    version = version_of(station)
    _, first = await profile_upgrades.first_step(db, station.identity, version, profile)
    command = await _ask(db, now, caller, station, first.action, first.payload, wanted)
    await profile_upgrades.begin(db, station.identity, version, profile, command, now)
    return command


async def revoke(
    db: AsyncSession, now: datetime, caller: Caller, station: Station, request: int
) -> None:
    """Turn a station away from now on that shows the certificate of a request."""
    caller.must_have(Permission.STATIONS_WRITE)
    await station_certificates.revoke(db, caller.scope, station.identity, request, now)
    await caller.note(
        db,
        "certificate.revoke",
        f"station/{station.identity}",
        organisation=station.organisation,
        after={"request": request},
        now=now,
    )


async def _ask(
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    action: str,
    payload: dict[str, object],
    wanted: Wanted,
) -> Command:
    caller.must_have(Permission.COMMANDS_CONFIGURE)
    return await asking.ask(
        db,
        caller,
        station,
        action,
        payload,
        now=now,
        reason="page" if wanted.is_page else "api",
        once=wanted.once,
        when_offline="queue",
        expires_in_s=_LASTS_S,
        change_order=wanted.change_order,
    )


async def ending(
    db: AsyncSession, now: datetime, caller: Caller, days: int = TOLD_DAYS
) -> list[Ending]:
    """Return the certificates that end soon, of the stations that somebody sees as his own.

    Raises:
        InvalidInput: If the days are not 1 to 3660.
    """
    if not 1 <= days <= 3660:
        raise InvalidInput("days must be 1 to 3660.", field="days")
    found = await station_certificates.ending(db, now, timedelta(days=days))
    return [each for each in found if caller.scope.covers(each.organisation)]


async def sees_authorities(db: AsyncSession, caller: Caller) -> bool:
    """Tell whether the installation's authorities are somebody's to see: the operator's people."""
    root = await directory.root(db)
    return caller.may(Permission.STATIONS_WRITE) and caller.scope.covers(root.key)


async def shown_authorities(db: AsyncSession, caller: Caller) -> list[Authority]:
    """Return the installation's authorities, to those whose they are to see."""
    if not await sees_authorities(db, caller):
        return []
    return await authorities.authorities(db)
