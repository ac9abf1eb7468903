"""Certificates: those of all stations that end soon, and a station's own with what is asked of it.

What a button asks goes through the command queue; the page of the command shows how it goes.
"""

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from accounts.permissions import Permission
from alerts.conditions import Certificate, ending_severity, read_certificates
from csms import profile_upgrades, security_events, station_certificates
from csms.certificates import OWN, ROOT_KINDS
from csms.queue import Command
from csms.registry import Station
from csms.security_profiles import HIGHEST
from foundation.database import savepoint
from foundation.errors import ExpectedError
from portal import asking
from portal import certificate_doors as doors
from portal.certificate_doors import Wanted
from portal.context import PortalContext, context_of
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.station_views import own_station, tab_of
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, segment
from portal.routes import Db, Now, PageRoute
from portal.words import marked

router = APIRouter(route_class=PageRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.COMMANDS_CONFIGURE))]
Owner = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]
Order = Annotated[str, Form(max_length=50)]
Once = Annotated[str, Form(max_length=40)]

KINDS: Final = {
    "ChargingStationCertificate": marked("The station's own"),
    "CSMSRootCertificate": marked("Root of our servers"),
    "ManufacturerRootCertificate": marked("Root of its manufacturer"),
    "V2GRootCertificate": marked("Root for vehicles (V2G)"),
    "V2GCertificate": marked("For vehicles (V2G)"),
    "V2G20Certificate": marked("For vehicles (ISO 15118-20)"),
    "V2GCertificateChain": marked("For vehicles (V2G), chain"),
    "MORootCertificate": marked("Root of contracts"),
    "OEMRootCertificate": marked("Root of vehicle makers"),
}
SOURCES: Final = {
    "installed": marked("installed by us"),
    "reported": marked("listed by the station"),
    "shown": marked("shown when it connected"),
}
STATES: Final = {
    "waiting": marked("waits to be signed"),
    "signed": marked("signed"),
    "sent": marked("sent to the station"),
    "installed": marked("installed"),
    "rejected": marked("refused by the station"),
    "failed": marked("failed"),
    "replaced": marked("asked for anew"),
}
PURPOSES: Final = {
    "station": marked("Stations' own certificates"),
    "v2g": marked("Certificates for vehicles (V2G)"),
    "contract": marked("Drivers' contracts"),
}
OUTCOMES: Final = {
    "done": marked("done"),
    "refused": marked("refused"),
    "given_up": marked("given up"),
}


_FIELDS: Final = ("kind", "certificate", "change_order", "profile", "profile_order")


@router.get("/certificates")
async def certificates(request: Request, db: Db, now: Now, caller: Reader) -> Response:
    """Show what ends soon, our own certificates and the authorities."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    is_operator = await doors.sees_authorities(db, caller)
    ours, trouble = _ours(context_of(request)) if is_operator else ([], False)
    values = {
        "ending": [
            (each, said.gettext(KINDS.get(each.kind, each.kind)), _state(each.ends_at, now))
            for each in await doors.ending(db, now, caller)
        ],
        "is_operator": is_operator,
        "ours": [(each, _state(each.ends_at, now)) for each in ours],
        "is_unreadable": trouble,
        "authorities": [
            (each, said.gettext(PURPOSES.get(each.purpose, each.purpose)))
            for each in await doors.shown_authorities(db, caller)
        ],
        "days": doors.TOLD_DAYS,
    }
    return page(frame, "certificates.html", values)


def _state(ends_at: datetime, now: datetime) -> str:
    """Return the tone in which the end of a certificate is shown."""
    return {"info": "info", "warning": "warning"}.get(ending_severity(ends_at - now), "fault")


def _ours(context: PortalContext) -> tuple[list[Certificate], bool]:
    """Return our listener's certificates, and whether a file of theirs cannot be read."""
    settings = context.settings
    files = (settings.ocpp_tls_cert, settings.ocpp_tls_second_cert)
    try:
        return read_certificates([each for each in files if each is not None]), False
    except (OSError, ValueError):
        return [], True


@router.get("/stations/{identity:segment}/certificates")
async def station_page(
    request: Request, db: Db, now: Now, caller: Reader, identity: str
) -> Response:
    """Show a station's certificates, its profile, and its security events."""
    station = await own_station(request, db, now, caller, identity)
    return await _show(request, db, now, caller, station)


async def _show(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    errors: FormErrors | None = None,
    given: dict[str, str] | None = None,
) -> Response:
    said = (await frame_of(request, db, caller)).words
    held = await station_certificates.certificates(db, caller.scope, station.identity)
    asked = await station_certificates.requests(db, caller.scope, station.identity)
    told = await security_events.events(db, caller.scope, station.identity, limit=20)
    ways = await profile_upgrades.upgrades(db, caller.scope, station.identity, limit=5)
    more: dict[str, Any] = {
        "held": [
            (
                each,
                said.gettext(KINDS.get(each.kind, each.kind)),
                said.gettext(SOURCES.get(each.source, each.source)),
                "info" if each.not_after is None else _state(each.not_after, now),
                each.not_after is not None and (each.not_after - now).days < doors.TOLD_DAYS,
            )
            for each in held
        ],
        "asked": [
            (
                each,
                said.gettext(KINDS.get(each.kind, each.kind)),
                said.gettext(STATES.get(each.state, each.state)),
            )
            for each in asked
        ],
        "events": told,
        "upgrades": [
            (each, said.gettext(OUTCOMES[each.outcome]) if each.outcome else None) for each in ways
        ],
        "kinds": [(kind, said.gettext(KINDS[kind])) for kind in _kinds(station)],
        "profiles": [(str(each), str(each)) for each in range(station.security_profile + 1, 4)],
        "highest": HIGHEST,
        "own": OWN,
        "may_ask": asking.may_ask(caller, station) and caller.may(Permission.COMMANDS_CONFIGURE),
        "needs_order": not asking.acts_for_own(caller, station),
        "given": dict.fromkeys(_FIELDS, "") | (given or {}),
        "once": secrets.token_hex(16),
    }
    return await tab_of(request, db, caller, station, "certificates", more, errors)


def _kinds(station: Station) -> list[str]:
    """Return the kinds of roots that a station's version knows."""
    if station.ocpp_version in (None, "1.6"):
        return list(ROOT_KINDS[:2])
    return list(ROOT_KINDS if station.ocpp_version == "2.1" else ROOT_KINDS[:4])


@router.post("/stations/{identity:segment}/certificates")
async def install(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    kind: Annotated[str, Form(max_length=50)] = "",
    certificate: Annotated[str, Form(max_length=20_000)] = "",
    change_order: Order = "",
    once: Once = "",
) -> Response:
    """Ask the station to trust a root."""
    station = await own_station(request, db, now, caller, identity)
    given = {"kind": kind, "certificate": certificate, "change_order": change_order}

    async def ask() -> Command:
        wanted = _wanted(change_order, once)
        return await doors.install(db, now, caller, station, kind, certificate, wanted)

    return await _asked(request, db, now, caller, station, ask, "certificate", given)


@router.post("/stations/{identity:segment}/certificates/list")
async def list_again(
    request: Request, db: Db, now: Now, caller: Writer, identity: str, once: Once = ""
) -> Response:
    """Ask the station for what it holds."""
    station = await own_station(request, db, now, caller, identity)

    async def ask() -> Command:
        return (await doors.list_again(db, now, caller, station, _wanted("", once)))[-1]

    return await _asked(request, db, now, caller, station, ask, "list", {})


@router.post("/stations/{identity:segment}/certificates/renew")
async def renew(
    request: Request, db: Db, now: Now, caller: Writer, identity: str, once: Once = ""
) -> Response:
    """Let the station ask for a new certificate of its own."""
    station = await own_station(request, db, now, caller, identity)

    async def ask() -> Command:
        return await doors.renew(db, now, caller, station, _wanted("", once))

    return await _asked(request, db, now, caller, station, ask, "renew", {})


@router.post("/stations/{identity:segment}/certificates/{number:int}/delete")
async def delete(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    number: int,
    change_order: Order = "",
    once: Once = "",
) -> Response:
    """Ask the station to delete a certificate."""
    station = await own_station(request, db, now, caller, identity)

    async def ask() -> Command:
        wanted = _wanted(change_order, f"{once} {number}" if once else "")
        return await doors.delete(db, now, caller, station, number, wanted)

    return await _asked(request, db, now, caller, station, ask, f"delete-{number}", {})


@router.post("/stations/{identity:segment}/certificates/profile")
async def upgrade(
    request: Request,
    db: Db,
    now: Now,
    caller: Writer,
    identity: str,
    profile: Annotated[str, Form(max_length=1)] = "",
    change_order: Order = "",
    once: Once = "",
) -> Response:
    """Ask the station to come up to a higher security profile."""
    station = await own_station(request, db, now, caller, identity)
    wished = int(profile) if profile in ("1", "2", "3") else HIGHEST + 1

    async def ask() -> Command:
        return await doors.upgrade(db, now, caller, station, wished, _wanted(change_order, once))

    given = {"profile": profile, "profile_order": change_order}
    return await _asked(request, db, now, caller, station, ask, "profile", given)


@router.post("/stations/{identity:segment}/certificates/requests/{number:int}/revoke")
async def revoke(
    request: Request, db: Db, now: Now, caller: Owner, identity: str, number: int
) -> Response:
    """Turn the station away from now on with a certificate that was signed for it."""
    station = await own_station(request, db, now, caller, identity)
    await doors.revoke(db, now, caller, station, number)
    path = f"/stations/{segment(station.identity)}/certificates"
    return went(path, done="certificate-revoked")


def _wanted(change_order: str, once: str) -> Wanted:
    return Wanted(change_order.strip() or None, once or None, is_page=True)


async def _asked(
    request: Request,
    db: AsyncSession,
    now: datetime,
    caller: Caller,
    station: Station,
    ask: Callable[[], Awaitable[Command]],
    where: str,
    given: dict[str, str],
) -> Response:
    """Ask, and go to the command; what is refused stands beside its field, which stays filled."""
    try:
        async with await savepoint(db):
            command = await ask()
    except ExpectedError as error:
        said = (await frame_of(request, db, caller)).words
        errors = form_errors(error, said, otherwise=where)
        return await _show(request, db, now, caller, station, errors, given)
    return went(f"/commands/{command.id}")
