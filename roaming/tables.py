"""Roaming's tables: providers, and agreements with the owners of stations."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class ProviderRow(Base):
    """A provider (EMP): answers for its tokens and is invoiced for them."""

    __tablename__ = "providers"

    party_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    vat_id: Mapped[str | None] = mapped_column(Text)
    terms_days: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime]


class AgreementRow(Base):
    """What a payee was promised, in [valid_from, valid_to); never edited."""

    __tablename__ = "agreements"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        CheckConstraint("internal_bps between 0 and 10000", name="internal_bps"),
        CheckConstraint("external_bps between 0 and 10000", name="external_bps"),
        CheckConstraint("external_due in ('close', 'receipt')", name="external_due"),
        Index(None, "payee", "valid_from"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    payee: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    internal_bps: Mapped[int] = mapped_column(Integer)
    external_bps: Mapped[int] = mapped_column(Integer)
    basis: Mapped[str] = mapped_column(Text)
    internal_scope: Mapped[str] = mapped_column(Text)
    external_due: Mapped[str] = mapped_column(Text, server_default=text("'close'"))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    created_at: Mapped[datetime]


class AgreementEndRow(Base):
    """That an agreement ends earlier than it says; a fact of its own, never edited."""

    __tablename__ = "agreement_ends"

    agreement_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("agreements.id"), primary_key=True, autoincrement=False
    )
    ended_at: Mapped[datetime] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
