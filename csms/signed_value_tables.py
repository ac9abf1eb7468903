"""The tables of signed meter values, meters' keys, ghost guards and corrections by hand."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class MeterKeyRow(Base):
    """A meter's public key, valid in [valid_from, valid_to): a dated fact."""

    __tablename__ = "meter_keys"
    __table_args__ = (
        UniqueConstraint("station", "evse_id", "valid_from"),
        CheckConstraint("valid_to > valid_from", name="period"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    evse_id: Mapped[int] = mapped_column(Integer)
    """0: the key of all of the station's meters."""
    public_key: Mapped[str] = mapped_column(Text)
    """SubjectPublicKeyInfo in DER, as lower-case hexadecimal digits."""
    curve: Mapped[str] = mapped_column(Text)
    meter_serial: Mapped[str | None] = mapped_column(Text)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    entered_at: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(Text)


class SignedValueRow(Base):
    """What a meter signed, byte by byte, and whether its signature holds."""

    __tablename__ = "signed_values"
    __table_args__ = (UniqueConstraint("transaction_id", "digest"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(Integer)
    """Counts the values of a transaction from 1, in the order in which they were sent."""
    context: Mapped[str] = mapped_column(Text)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    original: Mapped[bytes] = mapped_column(LargeBinary)
    format: Mapped[str] = mapped_column(Text)
    offered_key: Mapped[str | None] = mapped_column(Text)
    """The public key that the station sent with it; nothing is verified with that."""
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    key_id: Mapped[int | None] = mapped_column(BigInteger)
    """The registered key that it was checked with."""
    document: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What it says: pagination, serial numbers, readings; None where it cannot be read."""
    checked_at: Mapped[datetime]


class SignedTransactionRow(Base):
    """What the signed values of a transaction come to as a whole."""

    __tablename__ = "signed_transactions"

    transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    station: Mapped[str] = mapped_column(Text, index=True)
    evse_id: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    begin_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    end_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    checked_at: Mapped[datetime]


class GhostGuardRow(Base):
    """A station whose transactions are stopped if they take no energy for so many minutes."""

    __tablename__ = "ghost_guards"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    minutes: Mapped[int] = mapped_column(Integer)
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(Text)


class TransactionCorrectionRow(Base):
    """What a person corrected of a transaction; written once, the newest one counts."""

    __tablename__ = "transaction_corrections"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transaction_id: Mapped[int] = mapped_column(BigInteger, index=True)
    revision: Mapped[int] = mapped_column(Integer)
    """The revision of the transaction that has it first."""
    before: Mapped[dict[str, Any]] = mapped_column(JSONB)
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime]
    made_by: Mapped[str] = mapped_column(Text)
