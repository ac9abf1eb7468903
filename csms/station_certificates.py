"""Face: what certificates stations hold, what they asked for, and how they are asked about it.

Kinds have 2.x's words everywhere here; 1.6's own ones stand only in what is sent.

Source: OCPP 1.6 security whitepaper edition 3, section 5; OCPP 2.0.1 part 2, A02 and M03 to M05.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import Scope
from csms import certificate_store, equipment
from csms.certificate_tables import CertificateRequestRow, StationCertificateRow
from csms.certificates import (
    OWN,
    ROOT_KINDS,
    V2G,
    HashData,
    UnusableCertificate,
    facts_of,
    first_in,
    hash_data_in,
    hash_data_of,
    weakness,
)
from csms.reports import OcppVersion
from csms.tables import StationOwnerRow
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.identifiers import OrganisationKey, StationId

_IN_16: Final = {
    "CSMSRootCertificate": "CentralSystemRootCertificate",
    "ManufacturerRootCertificate": "ManufacturerRootCertificate",
}
_FROM_16: Final = {told: kind for kind, told in _IN_16.items()}
_IN_201: Final = frozenset(ROOT_KINDS) - {"OEMRootCertificate"}
_LONGEST_201: Final = 5500


@dataclass(frozen=True, slots=True)
class StationCertificate:
    """A certificate of a station; what nobody told is None."""

    id: int
    station: StationId
    kind: str
    place: int
    serial_number: str
    hash_algorithm: str | None
    issuer_name_hash: str | None
    issuer_key_hash: str | None
    subject: str | None
    issuer: str | None
    not_before: datetime | None
    not_after: datetime | None
    source: str
    first_seen_at: datetime
    last_seen_at: datetime

    @property
    def hashes(self) -> HashData | None:
        """By which the station deletes it; None as long as it has not listed it."""
        if (
            self.hash_algorithm is None
            or self.issuer_name_hash is None
            or self.issuer_key_hash is None
        ):
            return None
        return HashData(
            self.hash_algorithm, self.issuer_name_hash, self.issuer_key_hash, self.serial_number
        )


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What a station asked to be signed, and what became of it."""

    id: int
    kind: str
    requested_at: datetime
    state: str
    reason: str | None
    not_after: datetime | None
    command_id: str | None
    revoked_at: datetime | None


def _value(row: StationCertificateRow) -> StationCertificate:
    return StationCertificate(
        row.id,
        StationId(row.station),
        row.kind,
        row.place,
        row.serial_number,
        row.hash_algorithm,
        row.issuer_name_hash,
        row.issuer_key_hash,
        row.subject,
        row.issuer,
        row.not_before,
        row.not_after,
        row.source,
        row.first_seen_at,
        row.last_seen_at,
    )


# -------------------------------------------------------------------------------------- reading


async def certificates(db: AsyncSession, scope: Scope, station: str) -> list[StationCertificate]:
    """Return what a station holds, as far as is known.

    Raises:
        NotFound: If there is no such station in scope.
    """
    await equipment.owner_seen(db, scope, station)
    return [_value(row) for row in await certificate_store.held(db, station)]


async def certificate(
    db: AsyncSession, scope: Scope, station: str, number: int
) -> StationCertificate:
    """Return one of them.

    Raises:
        NotFound: If there is no such station in scope, or it has no such certificate.
    """
    for each in await certificates(db, scope, station):
        if each.id == number:
            return each
    raise NotFound("certificate", str(number))


async def requests(
    db: AsyncSession, scope: Scope, station: str, *, limit: int = 20
) -> list[CertificateRequest]:
    """Return what a station asked to be signed, the newest first.

    Raises:
        NotFound: If there is no such station in scope.
    """
    await equipment.owner_seen(db, scope, station)
    rows = await db.scalars(
        select(CertificateRequestRow)
        .where(CertificateRequestRow.station == station)
        .order_by(CertificateRequestRow.id.desc())
        .limit(limit)
    )
    return [
        CertificateRequest(
            row.id,
            row.kind,
            row.requested_at,
            row.state,
            row.reason,
            row.not_after,
            None if row.command_id is None else str(row.command_id),
            row.revoked_at,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Ending:
    """A station's certificate that ends soon, or has ended, and whose station it is."""

    station: StationId
    organisation: OrganisationKey
    kind: str
    subject: str
    ends_at: datetime


async def ending(
    db: AsyncSession, now: datetime, within: timedelta, *, limit: int = 1000
) -> list[Ending]:
    """Return the certificates of all stations that end within a span, the first to end first.

    Whoever shows them to people looks which of the stations they see.
    """
    rows = await db.execute(
        select(
            StationCertificateRow.station,
            StationOwnerRow.organisation,
            StationCertificateRow.kind,
            StationCertificateRow.subject,
            StationCertificateRow.serial_number,
            StationCertificateRow.not_after,
        )
        .join(StationOwnerRow, StationOwnerRow.station == StationCertificateRow.station)
        .where(StationOwnerRow.valid_to.is_(None))
        .where(StationCertificateRow.removed_at.is_(None))
        .where(StationCertificateRow.not_after <= now + within)
        .order_by(StationCertificateRow.not_after, StationCertificateRow.id)
        .limit(limit)
    )
    return [
        Ending(
            StationId(row.station),
            OrganisationKey(row.organisation),
            row.kind,
            row.subject or row.serial_number,
            row.not_after,
        )
        for row in rows
    ]


class StationCertificates:
    """Whose certificates end (fulfils `alerts.conditions.StationCertificates`)."""

    async def ending(self, db: AsyncSession, now: datetime, within: timedelta) -> Sequence[Ending]:
        """Return the certificates of stations that end within a span, or have ended."""
        return await ending(db, now, within)


# --------------------------------------------------------------------------------------- asking


def install_payload(version: OcppVersion, kind: str, pem: str) -> dict[str, Any]:
    """Return the payload that gives a station a root to trust.

    Raises:
        InvalidInput: The version knows no such kind.
        UnusableCertificate: This is no certificate, it is too long, or its key is too weak.
    """
    certificate = first_in(pem)
    weak = weakness(certificate.public_key())
    if weak is not None:
        raise UnusableCertificate(weak)
    text = facts_of(certificate).pem
    if version is not OcppVersion.V21 and len(text) > _LONGEST_201:
        raise UnusableCertificate(f"Stations of this version take {_LONGEST_201} characters.")
    return {"certificateType": told_kind(version, kind), "certificate": text}


def told_kind(version: OcppVersion, kind: str) -> str:
    """Return a kind of root in a version's own word.

    Raises:
        InvalidInput: The version knows no such kind.
    """
    known = {OcppVersion.V16: frozenset(_IN_16), OcppVersion.V201: _IN_201}.get(
        version, frozenset(ROOT_KINDS)
    )
    if kind not in known:
        raise InvalidInput(f"kind must be one of {', '.join(sorted(known))}.", field="kind")
    return _IN_16[kind] if version is OcppVersion.V16 else kind


def list_payloads(version: OcppVersion) -> list[dict[str, Any]]:
    """Return the payloads that ask a station for all that it holds: 1.6 is asked kind by kind."""
    if version is OcppVersion.V16:
        return [{"certificateType": told} for told in _IN_16.values()]
    return [{}]


def delete_payload(certificate: StationCertificate) -> dict[str, Any]:
    """Return the payload that takes a certificate from a station.

    Raises:
        Conflict: The station has not said by which hashes it knows it, or it is its own.
    """
    if certificate.kind == OWN:
        raise Conflict("A station's own certificate is renewed, not deleted (M04.FR.06).")
    hashes = certificate.hashes
    if hashes is None:
        raise Conflict("Ask the station for its list first: it deletes by what it says there.")
    return {"certificateHashData": hashes.payload()}


def renew_call(version: OcppVersion, kind: str) -> tuple[str, dict[str, Any]]:
    """Return action and payload that let a station ask for a new certificate.

    Raises:
        InvalidInput: The version knows no such kind.
    """
    if version is OcppVersion.V16:
        if kind != OWN:
            raise InvalidInput("A 1.6 station only has its own certificate.", field="kind")
        return "ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}
    if kind not in (OWN, V2G):
        raise InvalidInput(f"kind must be {OWN} or {V2G}.", field="kind")
    return "TriggerMessage", {"requestedMessage": f"Sign{kind}"}


async def revoke(db: AsyncSession, scope: Scope, station: str, request: int, now: datetime) -> None:
    """Turn a station away from now on that shows the certificate of a request.

    Raises:
        NotFound: If there is no such station in scope, or no such certificate.
    """
    await equipment.owner_seen(db, scope, station)
    found = await db.execute(
        update(CertificateRequestRow)
        .where(
            CertificateRequestRow.id == request,
            CertificateRequestRow.station == station,
            CertificateRequestRow.fingerprint.is_not(None),
        )
        .values(revoked_at=now)
        .returning(CertificateRequestRow.id)
    )
    if found.scalar() is None:
        raise NotFound("certificate request", str(request))
    # Whoever is connected by it now is, too: he comes back as what he can still show.
    await db.execute(text("select pg_notify('dismissals', :station)"), {"station": station})


# ------------------------------------------------------------------------------- after answers


async def installed(
    db: AsyncSession, station: str, payload: Mapping[str, Any], at: datetime
) -> None:
    """Keep a root that a station accepted."""
    try:
        certificate = first_in(str(payload.get("certificate", "")))
    except UnusableCertificate:
        return  # sent raw by a person: then the station's list has to do
    told = str(payload.get("certificateType", ""))
    facts = facts_of(certificate)
    hashes = hash_data_of(certificate) if facts.is_self_signed else None
    await certificate_store.keep_known(
        db, station, _FROM_16.get(told, told), facts, hashes, source="installed", at=at
    )


async def listed(
    db: AsyncSession,
    station: str,
    version: str,
    payload: Mapping[str, Any],
    answer: Mapping[str, Any],
    at: datetime,
) -> None:
    """Keep what a station said that it holds of what it was asked for."""
    asked = payload.get("certificateType")
    if version == OcppVersion.V16:
        kind = _FROM_16.get(str(asked), str(asked))
        told = [(kind, 0, each) for each in _hashes(answer.get("certificateHashData"))]
        await certificate_store.keep_reported(db, station, (kind,), told, at)
        return
    found: list[tuple[str, int, HashData]] = []
    chains = answer.get("certificateHashDataChain")
    for chain in chains if isinstance(chains, list) else ():
        kind = str(chain.get("certificateType"))
        found += [(kind, 0, each) for each in _hashes([chain.get("certificateHashData")])]
        above = _hashes(chain.get("childCertificateHashData"))
        found += [(kind, place, each) for place, each in enumerate(above, start=1)]
    kinds = [str(each) for each in asked] if isinstance(asked, list) and asked else None
    await certificate_store.keep_reported(db, station, kinds, found, at)


def _hashes(told: Any) -> list[HashData]:
    read = (hash_data_in(each) for each in told or () if isinstance(each, Mapping))
    return [each for each in read if each is not None]
