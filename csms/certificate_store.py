"""Certificates as they are stored: authorities, requests, what stations hold, upgrades.

What is asked at the handshake takes one statement; all else is seldom.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from csms.certificate_tables import (
    CertificateAuthorityRow,
    CertificateRequestRow,
    ProfileUpgradeRow,
    StationCertificateRow,
)
from csms.certificates import OWN, CertificateFacts, HashData, same_serial
from csms.equipment_tables import StationVariableRow
from csms.tables import StationRow
from foundation.database import Database

# ------------------------------------------------------------------------------ the handshake


@dataclass(frozen=True, slots=True)
class Bearer:
    """A station as its certificate must know it, and what is known of the one that it showed."""

    names: tuple[str, ...]
    is_revoked: bool
    is_anothers: bool
    """It was signed for another station, and not for this one."""


async def bearer_of(db: AsyncSession, station: str, fingerprint: bytes) -> Bearer:
    """Return by which names a station's certificate may call it, and what is known of this one."""
    found = (
        await db.execute(
            text("""
                select s.identity, s.aliases, s.serial_number, exists (
                    select 1 from certificate_requests r
                    where r.fingerprint = :fingerprint and r.revoked_at is not null) as is_revoked,
                    exists (select 1 from certificate_requests r
                        where r.fingerprint = :fingerprint and r.station <> s.identity)
                    and not exists (select 1 from certificate_requests r
                        where r.fingerprint = :fingerprint and r.station = s.identity)
                    as is_anothers
                from stations s where s.identity = :station
            """),
            {"station": station, "fingerprint": fingerprint},
        )
    ).one()
    names = [found.identity, *found.aliases, found.serial_number or ""]
    return Bearer(tuple(each for each in names if each), found.is_revoked, found.is_anothers)


async def names_of(db: AsyncSession, station: str) -> tuple[str, ...]:
    """Return by which names a station may call itself; for V2G also its SECC's identity."""
    row = await db.get_one(StationRow, station)
    secc = await db.scalars(
        select(StationVariableRow.value).where(
            StationVariableRow.station == station,
            func.lower(StationVariableRow.variable) == "seccid",
            StationVariableRow.value.is_not(None),
        )
    )
    names = [row.identity, *row.aliases, row.serial_number or "", *(each or "" for each in secc)]
    return tuple(each for each in names if each)


async def is_anothers_name(db: AsyncSession, station: str, name: str) -> bool:
    """Tell whether a name is the identity or an alias of another station, however it is written.

    Or the identity that another one was told.
    """
    found = await db.scalar(
        text("""
            select exists (select 1 from stations s where s.identity <> :station and (
                lower(s.identity) = lower(:name) or lower(s.next_identity) = lower(:name)
                or exists (select 1 from unnest(s.aliases) a where lower(a) = lower(:name))))
        """),
        {"station": station, "name": name},
    )
    return bool(found)


async def is_admitted(db: AsyncSession, station: str) -> bool:
    """Tell whether a person has accepted a station."""
    return (await db.get_one(StationRow, station, populate_existing=True)).admission == "accepted"


async def longest_chain(db: AsyncSession, station: str) -> int | None:
    """Return how many bytes of a chain a station takes, if it told."""
    found = await db.scalar(
        select(StationVariableRow.value).where(
            StationVariableRow.station == station,
            func.lower(StationVariableRow.variable).in_(
                ("maxcertificatechainsize", "certificatesignedmaxchainsize")
            ),
            StationVariableRow.value.is_not(None),
        )
    )
    return int(found) if found is not None and found.strip().isdecimal() else None


async def variable(db: AsyncSession, station: str, name: str) -> str | None:
    """Return the value that a station told of a variable by this name, in any component."""
    found: str | None = await db.scalar(
        select(StationVariableRow.value)
        .where(
            StationVariableRow.station == station,
            func.lower(StationVariableRow.variable) == name.lower(),
            StationVariableRow.attribute == "Actual",
        )
        .order_by(StationVariableRow.id)
        .limit(1)
    )
    return found


async def come_up_to(db: AsyncSession, station: str, profile: int, at: datetime) -> bool:
    """Note that a station came up to a profile: an upgrade that asked for it, or less, is done.

    Returns:
        Whether there was one.
    """
    upgrade = await open_upgrade(db, station)
    if upgrade is None or upgrade.profile > profile:
        return False
    upgrade.ended_at, upgrade.outcome, upgrade.step = at, "done", "reconnect"
    await db.execute(
        update(StationRow)
        .where(StationRow.identity == station)
        .values(security_profile=func.greatest(StationRow.security_profile, upgrade.profile))
    )
    await db.flush()
    return True


async def open_upgrade(db: AsyncSession, station: str) -> ProfileUpgradeRow | None:
    """Return a station's upgrade that is under way."""
    found: ProfileUpgradeRow | None = await db.scalar(
        select(ProfileUpgradeRow)
        .where(ProfileUpgradeRow.station == station, ProfileUpgradeRow.ended_at.is_(None))
        .with_for_update()
    )
    return found


# ------------------------------------------------------------------------------- authorities


_IS_TRUSTED: Final = or_(
    CertificateAuthorityRow.retired_at.is_(None), CertificateAuthorityRow.sealed_key.is_not(None)
)
"""One of ours that signs no more is trusted still; without its key, retired means distrusted."""


async def trusted_by_listener(database: Database) -> list[str]:
    """Return the authorities whose certificates of stations count, as PEM: for the listener.

    One that ended is among them: the handshake sees that, by the real time.
    """
    async with database.unit_of_work() as db:
        rows = await db.scalars(
            select(CertificateAuthorityRow.certificate)
            .where(CertificateAuthorityRow.purpose == "station", _IS_TRUSTED)
            .order_by(CertificateAuthorityRow.id)
        )
        return list(rows)


async def trusted_for(db: AsyncSession, purpose: str | None, now: datetime) -> list[str]:
    """Return the authorities trusted for a purpose (None: any) that have not ended, as PEM."""
    query = (
        select(CertificateAuthorityRow.certificate)
        .where(CertificateAuthorityRow.not_after > now, _IS_TRUSTED)
        .order_by(CertificateAuthorityRow.id.desc())
    )
    if purpose is not None:
        query = query.where(CertificateAuthorityRow.purpose == purpose)
    return list(await db.scalars(query))


async def authorities(
    db: AsyncSession, purpose: str | None = None
) -> list[CertificateAuthorityRow]:
    """Return the authorities, the newest first."""
    query = select(CertificateAuthorityRow).order_by(CertificateAuthorityRow.id.desc())
    if purpose is not None:
        query = query.where(CertificateAuthorityRow.purpose == purpose)
    return list(await db.scalars(query))


async def signing_authority(
    db: AsyncSession, purpose: str, now: datetime
) -> CertificateAuthorityRow | None:
    """Return the newest authority of ours that signs for a purpose and is valid."""
    found: CertificateAuthorityRow | None = await db.scalar(
        select(CertificateAuthorityRow)
        .where(
            CertificateAuthorityRow.purpose == purpose,
            CertificateAuthorityRow.sealed_key.is_not(None),
            CertificateAuthorityRow.retired_at.is_(None),
            CertificateAuthorityRow.not_after > now,
        )
        .order_by(CertificateAuthorityRow.id.desc())
        .limit(1)
    )
    return found


# ---------------------------------------------------------------------------------- requests


async def replace_requests(db: AsyncSession, station: str, kind: str, now: datetime) -> None:
    """End the requests of a station that it has asked anew."""
    await db.execute(
        update(CertificateRequestRow)
        .where(
            CertificateRequestRow.station == station,
            CertificateRequestRow.kind == kind,
            CertificateRequestRow.next_at.is_not(None),
        )
        .values(state="replaced", next_at=None, changed_at=now)
    )


async def requests_since(db: AsyncSession, station: str, kind: str, since: datetime) -> int:
    """Return how many certificates of a kind a station has asked for."""
    found = await db.scalar(
        select(func.count())
        .select_from(CertificateRequestRow)
        .where(
            CertificateRequestRow.station == station,
            CertificateRequestRow.kind == kind,
            CertificateRequestRow.requested_at > since,
        )
    )
    return found or 0


async def due_requests(
    db: AsyncSession, now: datetime, *, limit: int
) -> list[CertificateRequestRow]:
    """Return the requests that are to be looked at, locked; those that others hold are left."""
    return list(
        await db.scalars(
            select(CertificateRequestRow)
            .where(CertificateRequestRow.next_at <= now)
            .order_by(CertificateRequestRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


async def request_of_command(db: AsyncSession, command: int) -> CertificateRequestRow | None:
    """Return the request that a CertificateSigned answers."""
    found: CertificateRequestRow | None = await db.scalar(
        select(CertificateRequestRow).where(CertificateRequestRow.command_id == command)
    )
    return found


# ------------------------------------------------------------------------ what stations hold


async def held(
    db: AsyncSession, station: str, kinds: Sequence[str] | None = None
) -> list[StationCertificateRow]:
    """Return what a station holds, as far as is known, in the order in which it was first seen."""
    query = select(StationCertificateRow).where(
        StationCertificateRow.station == station, StationCertificateRow.removed_at.is_(None)
    )
    if kinds is not None:
        query = query.where(StationCertificateRow.kind.in_(kinds))
    return list(await db.scalars(query.order_by(StationCertificateRow.id)))


async def keep_known(
    db: AsyncSession,
    station: str,
    kind: str,
    facts: CertificateFacts,
    hashes: HashData | None,
    *,
    source: str,
    at: datetime,
) -> StationCertificateRow:
    """Keep a certificate whose text is known; one that is there already is seen once more."""
    for row in await held(db, station, (kind,)):
        if same_serial(row.serial_number, facts.serial_number) and row.issuer in (
            None,
            facts.issuer,
        ):
            break
    else:
        row = _new(station, kind, 0, facts.serial_number, source, at)
        db.add(row)
    row.subject, row.issuer = facts.subject, facts.issuer
    row.not_before, row.not_after = facts.not_before, facts.not_after
    row.certificate, row.last_seen_at = facts.pem, at
    if hashes is not None and row.hash_algorithm is None:
        _name(row, hashes)
    await db.flush()
    return row


async def keep_own(
    db: AsyncSession, station: str, facts: CertificateFacts, *, source: str, at: datetime
) -> None:
    """Keep the certificate by which a station shows who it is: it has one, the newest."""
    kept = await keep_known(db, station, OWN, facts, None, source=source, at=at)
    for row in await held(db, station, (OWN,)):
        if row.id != kept.id:
            row.removed_at = at
    await db.flush()


def _new(
    station: str, kind: str, place: int, serial_number: str, source: str, at: datetime
) -> StationCertificateRow:
    return StationCertificateRow(
        station=station,
        kind=kind,
        place=place,
        serial_number=serial_number,
        source=source,
        first_seen_at=at,
        last_seen_at=at,
    )


def _name(row: StationCertificateRow, hashes: HashData) -> None:
    row.hash_algorithm = hashes.hash_algorithm
    row.issuer_name_hash = hashes.issuer_name_hash
    row.issuer_key_hash = hashes.issuer_key_hash
    row.serial_number = hashes.serial_number


async def keep_reported(
    db: AsyncSession,
    station: str,
    kinds: Sequence[str] | None,
    told: Sequence[tuple[str, int, HashData]],
    at: datetime,
) -> None:
    """Keep what a station said that it holds (kind, place in its chain, hashes).

    What was known of these kinds (None: of all but its own) and is not among it is gone.
    """
    known = [row for row in await held(db, station, kinds) if row.kind != OWN]
    for kind, place, hashes in told:
        row = next((each for each in known if _is_it(each, kind, hashes)), None)
        if row is None:
            row = _new(station, kind, place, hashes.serial_number, "reported", at)
            db.add(row)
        else:
            known.remove(row)
        _name(row, hashes)
        row.place, row.last_seen_at = place, at
    for row in known:
        row.removed_at = at
    await db.flush()


def _is_it(row: StationCertificateRow, kind: str, hashes: HashData) -> bool:
    if row.kind != kind or not same_serial(row.serial_number, hashes.serial_number):
        return False
    if row.hash_algorithm != hashes.hash_algorithm or row.issuer_name_hash is None:
        return True  # named by another hash: kind and number must do
    return row.issuer_name_hash.casefold() == hashes.issuer_name_hash.casefold()


async def forget_deleted(
    db: AsyncSession, station: str, named: Mapping[str, Any], at: datetime
) -> None:
    """Note that a station no longer has the certificate that these hashes name."""
    serial = str(named.get("serialNumber", ""))
    name = str(named.get("issuerNameHash", "")).casefold()
    for row in await held(db, station):
        is_named = (row.issuer_name_hash or "").casefold() == name
        if is_named and same_serial(row.serial_number, serial):
            row.removed_at = at
    await db.flush()


async def taken_into_use(
    db: AsyncSession, station: str, facts: CertificateFacts, at: datetime
) -> None:
    """Note that a station connected with a certificate that it had asked for."""
    await db.execute(
        update(CertificateRequestRow)
        .where(
            CertificateRequestRow.station == station,
            CertificateRequestRow.fingerprint == facts.fingerprint,
            CertificateRequestRow.state != "installed",
        )
        .values(state="installed", next_at=None, reason=None, changed_at=at)
    )
