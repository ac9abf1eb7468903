"""The tables of certificates: authorities, what was asked of them, what stations hold, upgrades.

Private keys are sealed (`foundation.sealing`); nothing here opens them.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class CertificateAuthorityRow(Base):
    """An authority: one of ours, with its key, or one that is only trusted."""

    __tablename__ = "certificate_authorities"
    __table_args__ = (Index(None, "purpose", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    purpose: Mapped[str] = mapped_column(Text)
    """station or v2g (they sign for stations), contract (drivers' contracts end at it)."""
    subject: Mapped[str] = mapped_column(Text)
    certificate: Mapped[str] = mapped_column(Text)
    """PEM, followed by those above it, the root last."""
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    """SHA-256 of the certificate."""
    sealed_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None: it is only trusted."""
    not_after: Mapped[datetime]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
    retired_at: Mapped[datetime | None]
    """Since when it signs nothing any more; what it signed stays valid."""


class CertificateRequestRow(Base):
    """A station's wish for a certificate, and what became of it."""

    __tablename__ = "certificate_requests"
    __table_args__ = (
        Index(None, "station", "id"),
        Index(
            "ix_certificate_requests_due",
            "next_at",
            postgresql_where="next_at is not null",
        ),
        Index(None, "fingerprint"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    kind: Mapped[str] = mapped_column(Text)
    """ChargingStationCertificate, V2GCertificate or V2G20Certificate."""
    version: Mapped[str] = mapped_column(Text)
    csr: Mapped[str] = mapped_column(Text)
    request_id: Mapped[int | None] = mapped_column(BigInteger)
    """The station's own number (2.1), which goes back with the certificate."""
    requested_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text)
    """waiting, signed, sent, installed, rejected, failed or replaced."""
    reason: Mapped[str | None] = mapped_column(Text)
    chain: Mapped[str | None] = mapped_column(Text)
    """PEM: the station's certificate, then those above it, without the root."""
    fingerprint: Mapped[bytes | None] = mapped_column(LargeBinary)
    not_after: Mapped[datetime | None]
    command_id: Mapped[int | None] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[datetime | None]
    """When it is to be looked at again; None: it is over."""
    changed_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    """Since when a station that shows it is turned away."""


class StationCertificateRow(Base):
    """A certificate that a station holds, as far as is known of it."""

    __tablename__ = "station_certificates"
    __table_args__ = (
        Index(None, "station", "id"),
        Index(
            "ix_station_certificates_ending",
            "not_after",
            postgresql_where="removed_at is null",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    kind: Mapped[str] = mapped_column(Text)
    """The words of 2.x: CSMSRootCertificate, V2GCertificateChain, ChargingStationCertificate …"""
    place: Mapped[int] = mapped_column(Integer)
    """0: by itself, or the end of a chain; 1 and more: above that one."""
    hash_algorithm: Mapped[str | None] = mapped_column(Text)
    """With the next three as the station says them: it deletes by them."""
    issuer_name_hash: Mapped[str | None] = mapped_column(Text)
    issuer_key_hash: Mapped[str | None] = mapped_column(Text)
    serial_number: Mapped[str] = mapped_column(Text)
    """Hexadecimal, as the station writes it."""
    subject: Mapped[str | None] = mapped_column(Text)
    issuer: Mapped[str | None] = mapped_column(Text)
    not_before: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    certificate: Mapped[str | None] = mapped_column(Text)
    """PEM, where we installed it or saw it."""
    source: Mapped[str] = mapped_column(Text)
    """installed (by us), reported (by the station) or shown (when it connected)."""
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class ProfileUpgradeRow(Base):
    """A station's way to a higher security profile, step by step."""

    __tablename__ = "profile_upgrades"
    __table_args__ = (
        Index(
            "uq_profile_upgrades_open",
            "station",
            unique=True,
            postgresql_where="ended_at is null",
        ),
        Index(None, "station", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    profile: Mapped[int] = mapped_column(SmallInteger)
    version: Mapped[str] = mapped_column(Text)
    slot: Mapped[int | None] = mapped_column(Integer)
    """The place of the new network profile (2.x)."""
    step: Mapped[str] = mapped_column(Text)
    """set, order, restart or reconnect: what is asked, or awaited, now."""
    command_id: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(Text)
    asked_by_name: Mapped[str] = mapped_column(Text)
    change_order: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    """done, refused or given_up; None: it is under way."""
    reason: Mapped[str | None] = mapped_column(Text)
