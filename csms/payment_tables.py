"""The tables of money at stations: limits, costs they counted, tariffs they hold, settlements."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class TransactionLimitsRow(Base):
    """What a transaction may come to: by its station, and by us as it was last told."""

    __tablename__ = "transaction_limits"

    transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    station_max_cost: Mapped[Decimal | None] = mapped_column(Numeric)
    station_max_energy_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    station_max_time_s: Mapped[int | None] = mapped_column(BigInteger)
    station_max_soc: Mapped[int | None] = mapped_column(Integer)
    our_max_cost: Mapped[Decimal | None] = mapped_column(Numeric)
    our_max_energy_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    our_max_time_s: Mapped[int | None] = mapped_column(BigInteger)
    our_max_soc: Mapped[int | None] = mapped_column(Integer)
    station_at: Mapped[datetime | None]
    """When the station said so."""
    our_at: Mapped[datetime | None]


class StationCostRow(Base):
    """What a station came to that counts the cost of a transaction itself, by its newest word."""

    __tablename__ = "station_costs"

    transaction_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    is_final: Mapped[bool] = mapped_column(Boolean)
    seq_no: Mapped[int] = mapped_column(BigInteger)
    tariff_id: Mapped[str | None] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    excl_tax: Mapped[Decimal | None] = mapped_column(Numeric)
    incl_tax: Mapped[Decimal | None] = mapped_column(Numeric)
    energy_wh: Mapped[Decimal] = mapped_column(Numeric)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    failure: Mapped[str | None] = mapped_column(Text)
    told_at: Mapped[datetime]


class StationTariffRow(Base):
    """A tariff that a station was asked to hold, and what became of it."""

    __tablename__ = "station_tariffs"
    __table_args__ = (
        Index(None, "station", "asked_at"),
        Index(None, "command", unique=True),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    evse_id: Mapped[int] = mapped_column(Integer)
    """0: the whole station."""
    transaction_ref: Mapped[str | None] = mapped_column(Text)
    """Of the one transaction that it is for (ChangeTransactionTariff)."""
    tariff_id: Mapped[str] = mapped_column(Text)
    tariff: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """As it was sent."""
    state: Mapped[str] = mapped_column(Text)
    """preparing, sent, held, central, replaced or cleared (`csms.held_tariffs.State`)."""
    outcome: Mapped[str | None] = mapped_column(Text)
    """The station's own word where it did not take it."""
    command: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]


class TariffReadingRow(Base):
    """Which tariffs a station said that it holds, when it was last asked."""

    __tablename__ = "station_tariff_readings"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    evse_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    assignments: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    read_at: Mapped[datetime]


class SettlementRow(Base):
    """What became of a payment at a station's terminal; failed ones are claims until closed."""

    __tablename__ = "settlements"
    __table_args__ = (
        UniqueConstraint("station", "psp_ref", "status", "amount", "settled_at"),
        Index(None, "transaction_id"),
        Index(None, "claim"),
        Index(None, "settled_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    transaction_ref: Mapped[str | None] = mapped_column(Text)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    psp_ref: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    amount: Mapped[Decimal] = mapped_column(Numeric)
    currency: Mapped[str] = mapped_column(Text)
    settled_at: Mapped[datetime]
    receipt_id: Mapped[str | None] = mapped_column(Text)
    receipt_url: Mapped[str | None] = mapped_column(Text)
    vat_number: Mapped[str | None] = mapped_column(Text)
    vat_company: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime]
    claim: Mapped[str] = mapped_column(Text)
    """none, open or closed."""
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(Text)
    closing_note: Mapped[str | None] = mapped_column(Text)


class PaymentPointRow(Base):
    """How drivers pay at a station without a contract: by its terminal, by its QR code."""

    __tablename__ = "payment_points"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    takes_cards: Mapped[bool] = mapped_column(Boolean)
    """Whether it has a terminal: a token of type DirectPayment is paid there."""
    shows_code: Mapped[str] = mapped_column(Text)
    """none, static or dynamic."""
    secret: Mapped[str | None] = mapped_column(Text)
    """Of the one-time codes; the station was told it, and nobody else."""
    code_length: Mapped[int] = mapped_column(Integer)
    code_lasts_s: Mapped[int] = mapped_column(Integer)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
