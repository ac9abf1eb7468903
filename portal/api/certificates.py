"""Certificates of stations, their security profile and their security events."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field

from accounts.permissions import Permission
from csms import profile_upgrades, security_events, station_certificates
from csms.authorities import Authority
from csms.certificates import OWN
from csms.queue import Command
from csms.station_certificates import CertificateRequest, Ending, StationCertificate
from portal import certificate_doors as doors
from portal.api.models import Answer, Body, Moment, Number
from portal.certificate_doors import Wanted
from portal.guard import Caller, require
from portal.paging import Page
from portal.routes import ApiRoute, Context, Db, Now

router = APIRouter(prefix="/stations", tags=["stations"], route_class=ApiRoute)
all_router = APIRouter(prefix="/certificates", tags=["stations"], route_class=ApiRoute)

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.COMMANDS_CONFIGURE))]
Owner = Annotated[Caller, Depends(require(Permission.STATIONS_WRITE))]

_EXAMPLE_PEM = "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n"


class CertificateModel(Answer):
    """A certificate that a station holds; what nobody told is null."""

    certificate_id: int
    kind: str = Field(description="OCPP's word, of 2.x.")
    place: int = Field(description="0: by itself or the end of a chain; 1 and more: above it.")
    serial_number: str
    hash_algorithm: str | None
    subject: str | None
    issuer: str | None
    not_before: Moment | None
    not_after: Moment | None
    source: str = Field(description="installed, reported or shown.")
    last_seen_at: Moment


class CertificateRequestModel(Answer):
    """What a station asked to be signed."""

    request_id: int
    kind: str
    requested_at: Moment
    state: str = Field(
        description="waiting, signed, sent, installed, rejected, failed or replaced."
    )
    reason: str | None
    not_after: Moment | None
    command: str | None
    revoked_at: Moment | None


class AskedModel(Answer):
    """The command by which a station is asked."""

    command: str
    state: str


class InstallBody(Body):
    """A root that a station shall trust."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"kind": "CSMSRootCertificate", "certificate": _EXAMPLE_PEM}}
    )

    kind: Annotated[str, Field(max_length=50)] = Field(
        description="CSMSRootCertificate, ManufacturerRootCertificate; from 2.0.1 on"
        " V2GRootCertificate, MORootCertificate; in 2.1 OEMRootCertificate."
    )
    certificate: Annotated[str, Field(min_length=1, max_length=20_000)] = Field(description="PEM.")
    change_order: Annotated[str, Field(max_length=50)] | None = None


class OrderedBody(Body):
    """A written order, where one is needed."""

    model_config = ConfigDict(json_schema_extra={"example": {"change_order": None}})

    change_order: Annotated[str, Field(max_length=50)] | None = None


class RenewBody(OrderedBody):
    """Which certificate is to be renewed."""

    model_config = ConfigDict(json_schema_extra={"example": {"kind": OWN}})

    kind: Annotated[str, Field(max_length=50)] = OWN


class ProfileBody(OrderedBody):
    """The security profile that a station shall come up to."""

    model_config = ConfigDict(json_schema_extra={"example": {"profile": 2}})

    profile: Annotated[int, Field(ge=1, le=3)]


class UpgradeModel(Answer):
    """A station's way to a higher security profile."""

    profile: int
    step: str = Field(description="set, order, restart or reconnect.")
    command: str | None
    asked_at: Moment
    asked_by: str
    ended_at: Moment | None
    outcome: str | None = Field(description="done, refused or given_up; null: under way.")
    reason: str | None


class SecurityEventModel(Answer):
    """A security event of a station."""

    type: str
    is_critical: bool | None = Field(description="null: of a type that nobody rated.")
    at: Moment
    received_at: Moment
    tech_info: str | None
    noticed_by: str = Field(description="station, or csms: at the door.")


class EndingModel(Answer):
    """A certificate that ends soon."""

    station: str
    organisation: str
    kind: str
    subject: str
    ends_at: Moment


class AuthorityModel(Answer):
    """A certificate authority of the installation."""

    authority_id: int
    purpose: str = Field(description="station, v2g or contract.")
    subject: str
    key: str
    fingerprint: str = Field(description="SHA-256, hexadecimal.")
    not_after: Moment
    is_ours: bool = Field(description="Whether we have its key; the key itself is never told.")
    retired_at: Moment | None


@router.get("/{identity:segment}/certificates", summary="List a station's certificates")
async def list_certificates(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> Page[CertificateModel]:
    """As far as they are known: installed by us, listed by the station, or shown at the door."""
    station = await doors.found(db, now, context, caller, identity)
    held = await station_certificates.certificates(db, caller.scope, station.identity)
    return Page(items=[_certificate(each) for each in held], next=None)


@router.post(
    "/{identity:segment}/certificates", status_code=202, summary="Install a root at a station"
)
async def install_certificate(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: InstallBody
) -> AskedModel:
    """By InstallCertificate, through the command queue."""
    station = await doors.found(db, now, context, caller, identity)
    wanted = Wanted(body.change_order)
    return _asked(
        await doors.install(db, now, caller, station, body.kind, body.certificate, wanted)
    )


@router.post(
    "/{identity:segment}/certificates/list",
    status_code=202,
    summary="Ask a station for its certificates",
)
async def list_again(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: OrderedBody
) -> Page[AskedModel]:
    """By GetInstalledCertificateIds; a 1.6 station is asked kind by kind."""
    station = await doors.found(db, now, context, caller, identity)
    asked = await doors.list_again(db, now, caller, station, Wanted(body.change_order))
    return Page(items=[_asked(each) for each in asked], next=None)


@router.post(
    "/{identity:segment}/certificates/renew",
    status_code=202,
    summary="Let a station ask for a new certificate",
)
async def renew_certificate(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: RenewBody
) -> AskedModel:
    """It sends its request, which is signed and sent back."""
    station = await doors.found(db, now, context, caller, identity)
    wanted = Wanted(body.change_order)
    return _asked(await doors.renew(db, now, caller, station, wanted, body.kind))


@router.post(
    "/{identity:segment}/certificates/{certificate_id}/delete",
    status_code=202,
    summary="Delete a certificate at a station",
)
async def delete_certificate(
    db: Db,
    now: Now,
    context: Context,
    caller: Writer,
    identity: str,
    certificate_id: Number,
    body: OrderedBody,
) -> AskedModel:
    """By DeleteCertificate, with the hashes that the station itself named it by."""
    station = await doors.found(db, now, context, caller, identity)
    wanted = Wanted(body.change_order)
    return _asked(await doors.delete(db, now, caller, station, certificate_id, wanted))


@router.get(
    "/{identity:segment}/certificate-requests", summary="List a station's requests for certificates"
)
async def list_requests(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> Page[CertificateRequestModel]:
    """The newest first, at most 20."""
    station = await doors.found(db, now, context, caller, identity)
    made = await station_certificates.requests(db, caller.scope, station.identity)
    return Page(items=[_request(each) for each in made], next=None)


@router.post(
    "/{identity:segment}/certificate-requests/{request_id}/revoke",
    summary="Revoke a certificate that was signed for a station",
)
async def revoke_certificate(
    db: Db, now: Now, context: Context, caller: Owner, identity: str, request_id: Number
) -> Page[CertificateRequestModel]:
    """Whoever shows it is turned away from then on."""
    station = await doors.found(db, now, context, caller, identity)
    await doors.revoke(db, now, caller, station, request_id)
    made = await station_certificates.requests(db, caller.scope, station.identity)
    return Page(items=[_request(each) for each in made], next=None)


@router.get(
    "/{identity:segment}/security-profile", summary="List a station's upgrades of its profile"
)
async def list_upgrades(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> Page[UpgradeModel]:
    """The newest first, at most 10."""
    station = await doors.found(db, now, context, caller, identity)
    made = await profile_upgrades.upgrades(db, caller.scope, station.identity)
    return Page(
        items=[
            UpgradeModel(
                profile=each.profile,
                step=each.step,
                command=each.command_id,
                asked_at=each.asked_at,
                asked_by=caller.personal(each.asked_by_name) or "",
                ended_at=each.ended_at,
                outcome=each.outcome,
                reason=each.reason,
            )
            for each in made
        ],
        next=None,
    )


@router.post(
    "/{identity:segment}/security-profile",
    status_code=202,
    summary="Ask a station to come up to a higher security profile",
)
async def upgrade_profile(
    db: Db, now: Now, context: Context, caller: Writer, identity: str, body: ProfileBody
) -> AskedModel:
    """It holds once the station connects by it; from then on a lower one is refused."""
    station = await doors.found(db, now, context, caller, identity)
    wanted = Wanted(body.change_order)
    return _asked(await doors.upgrade(db, now, caller, station, body.profile, wanted))


@router.get("/{identity:segment}/security-events", summary="List a station's security events")
async def list_security_events(
    db: Db, now: Now, context: Context, caller: Reader, identity: str
) -> Page[SecurityEventModel]:
    """The newest first, at most 50."""
    station = await doors.found(db, now, context, caller, identity)
    told = await security_events.events(db, caller.scope, station.identity)
    return Page(
        items=[
            SecurityEventModel(
                type=each.type,
                is_critical=each.is_critical,
                at=each.at,
                received_at=each.received_at,
                tech_info=each.tech_info,
                noticed_by="csms" if each.is_ours else "station",
            )
            for each in told
        ],
        next=None,
    )


@all_router.get("", summary="List certificates that end soon")
async def list_ending(
    db: Db,
    now: Now,
    caller: Reader,
    days: Annotated[int, Query(ge=1, le=3660, description="How far ahead.")] = doors.TOLD_DAYS,
) -> Page[EndingModel]:
    """Of all one's stations, the first to end first; those that have ended are among them."""
    return Page(
        items=[_ending(each) for each in await doors.ending(db, now, caller, days)], next=None
    )


@all_router.get("/authorities", summary="List the certificate authorities")
async def list_authorities(db: Db, caller: Owner) -> Page[AuthorityModel]:
    """Of the installation; only its operator's people see them."""
    found = await doors.shown_authorities(db, caller)
    return Page(items=[_authority(each) for each in found], next=None)


def _asked(command: Command) -> AskedModel:
    return AskedModel(command=command.id, state=command.state.value)


def _certificate(each: StationCertificate) -> CertificateModel:
    return CertificateModel(
        certificate_id=each.id,
        kind=each.kind,
        place=each.place,
        serial_number=each.serial_number,
        hash_algorithm=each.hash_algorithm,
        subject=each.subject,
        issuer=each.issuer,
        not_before=each.not_before,
        not_after=each.not_after,
        source=each.source,
        last_seen_at=each.last_seen_at,
    )


def _request(each: CertificateRequest) -> CertificateRequestModel:
    return CertificateRequestModel(
        request_id=each.id,
        kind=each.kind,
        requested_at=each.requested_at,
        state=each.state,
        reason=each.reason,
        not_after=each.not_after,
        command=each.command_id,
        revoked_at=each.revoked_at,
    )


def _ending(each: Ending) -> EndingModel:
    return EndingModel(
        station=each.station,
        organisation=each.organisation,
        kind=each.kind,
        subject=each.subject,
        ends_at=each.ends_at,
    )


def _authority(each: Authority) -> AuthorityModel:
    return AuthorityModel(
        authority_id=each.id,
        purpose=each.purpose,
        subject=each.subject,
        key=each.key,
        fingerprint=each.fingerprint,
        not_after=each.not_after,
        is_ours=each.is_ours,
        retired_at=each.retired_at,
    )
