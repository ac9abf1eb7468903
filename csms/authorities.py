"""Face: our own certificate authorities, and those that are only trusted.

A renewed authority signs from then on; what the old one signed stays valid until it ends, so both
are trusted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from csms import certificate_authority, certificate_store
from csms.certificate_authority import KEY_PURPOSE
from csms.certificate_tables import CertificateAuthorityRow
from csms.certificates import UnusableCertificate, certificates_in, facts_of, may_sign
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.sealing import Sealer

SIGNING: Final = ("station", "v2g")
"""Purposes that an authority of ours can have: stations' own certificates, and those for V2G."""
TRUSTED: Final = ("station", "contract")
"""Purposes for which another's authority can be trusted."""
_LONGEST_DAYS: Final = 40 * 366


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority; `is_ours`: we have its key, and it signs unless it is retired."""

    id: int
    purpose: str
    subject: str
    key: str
    serial_number: str
    fingerprint: str
    not_before: datetime
    not_after: datetime
    is_ours: bool
    created_at: datetime
    retired_at: datetime | None


def _value(row: CertificateAuthorityRow) -> Authority:
    facts = facts_of(certificates_in(row.certificate)[0])
    return Authority(
        row.id,
        row.purpose,
        row.subject,
        facts.key,
        facts.serial_number,
        facts.fingerprint.hex(),
        facts.not_before,
        row.not_after,
        row.sealed_key is not None,
        row.created_at,
        row.retired_at,
    )


async def authorities(db: AsyncSession) -> list[Authority]:
    """Return all authorities, the newest first."""
    return [_value(row) for row in await certificate_store.authorities(db)]


async def exported(db: AsyncSession, number: int) -> str:
    """Return an authority's certificate and those above it as PEM; never its key.

    Raises:
        NotFound: If there is none.
    """
    row = await db.get(CertificateAuthorityRow, number)
    if row is None:
        raise NotFound("authority", str(number))
    return row.certificate


async def create(
    db: AsyncSession,
    sealer: Sealer,
    *,
    purpose: str,
    name: str,
    organisation: str,
    days: int,
    by: str,
    now: datetime,
) -> Authority:
    """Make an authority of ours; its key is sealed.

    Raises:
        InvalidInput: A name, a purpose or the days are not allowed.
        Conflict: There is one that signs for this purpose; it is renewed instead.
    """
    if await certificate_store.signing_authority(db, purpose, now) is not None:
        raise Conflict(f"There is an authority for {purpose} certificates already; renew it.")
    return await _made(db, sealer, purpose, name, organisation, days, by, now)


async def renew(
    db: AsyncSession, sealer: Sealer, *, purpose: str, days: int, by: str, now: datetime
) -> Authority:
    """Make a fresh authority with a fresh key in the place of the one that signs now.

    Raises:
        NotFound: There is none for this purpose.
    """
    rows = [each for each in await certificate_store.authorities(db, purpose) if each.sealed_key]
    if not rows:
        raise NotFound("authority", purpose)
    certificate = certificates_in(rows[0].certificate)[0]
    facts = facts_of(certificate)
    for row in rows:
        row.retired_at = row.retired_at or now
    await db.flush()
    name, organisation = facts.common_name or purpose, facts.organisation or "Leitstand"
    return await _made(db, sealer, purpose, name, organisation, days, by, now)


async def trust(
    db: AsyncSession, *, purpose: str, pem: str, by: str, now: datetime
) -> list[Authority]:
    """Trust the authorities in a PEM text; those that are trusted already stay as they are.

    Raises:
        UnusableCertificate: This is no PEM, or not an authority's certificate.
        InvalidInput: The purpose is not allowed.
    """
    if purpose not in TRUSTED:
        raise InvalidInput(f"purpose must be one of {', '.join(TRUSTED)}.", field="purpose")
    known = {row.fingerprint: row for row in await certificate_store.authorities(db)}
    added = []
    for certificate in certificates_in(pem):
        facts = facts_of(certificate)
        if not may_sign(certificate):
            # As a trusted one, a station's own certificate would stand for itself.
            raise UnusableCertificate(f"This is no authority's certificate: {facts.subject}.")
        row = known.get(facts.fingerprint)
        if row is None:
            row = await _kept(db, purpose, facts.pem, None, by, now)
        elif row.sealed_key is None and row.retired_at is not None:
            row.retired_at = None
        else:
            continue
        known[facts.fingerprint] = row
        added.append(_value(row))
    await db.flush()
    return added


async def distrust(db: AsyncSession, number: int, now: datetime) -> Authority:
    """Trust an authority no longer: whoever shows what it signed is turned away from now on.

    The key of one of ours is destroyed; it cannot be had back. A trusted one can be trusted anew.

    Raises:
        NotFound: If there is none.
    """
    row = await db.get(CertificateAuthorityRow, number, with_for_update=True)
    if row is None:
        raise NotFound("authority", str(number))
    row.sealed_key, row.retired_at = None, row.retired_at or now
    await db.flush()
    return _value(row)


async def retire(db: AsyncSession, number: int, now: datetime) -> None:
    """Let an authority sign nothing more.

    Raises:
        NotFound: If there is none.
    """
    row = await db.get(CertificateAuthorityRow, number, with_for_update=True)
    if row is None:
        raise NotFound("authority", str(number))
    row.retired_at = row.retired_at or now
    await db.flush()


async def _made(
    db: AsyncSession,
    sealer: Sealer,
    purpose: str,
    name: str,
    organisation: str,
    days: int,
    by: str,
    now: datetime,
) -> Authority:
    if purpose not in SIGNING:
        raise InvalidInput(f"purpose must be one of {', '.join(SIGNING)}.", field="purpose")
    if not 1 <= days <= _LONGEST_DAYS:
        raise InvalidInput(f"days must be 1 to {_LONGEST_DAYS}.", field="days")
    for field, text in (("name", name), ("organisation", organisation)):
        if not 1 <= len(text.encode()) <= 58 or not text.isprintable():
            raise InvalidInput(f"{field} has 1 to 58 bytes of printable text.", field=field)
    make = certificate_authority.new_below_root
    if purpose == "station":
        make = certificate_authority.new_root
    made = make(name, organisation, days=days, now=now)
    key = sealer.seal(made.key_der, KEY_PURPOSE)
    return _value(await _kept(db, purpose, made.pem, key, by, now))


async def _kept(
    db: AsyncSession, purpose: str, pem: str, key: bytes | None, by: str, now: datetime
) -> CertificateAuthorityRow:
    facts = facts_of(certificates_in(pem)[0])
    row = CertificateAuthorityRow(
        purpose=purpose,
        subject=facts.subject,
        certificate=pem,
        fingerprint=facts.fingerprint,
        sealed_key=key,
        not_after=facts.not_after,
        created_at=now,
        created_by=by,
    )
    db.add(row)
    await db.flush()
    return row
