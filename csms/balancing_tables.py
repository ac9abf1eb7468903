"""The tables of load balancing: how a location is balanced, what was told, and what was decided."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Numeric,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class LoadBalancerRow(Base):
    """How a location is balanced (`csms.balancing.Settings`); whoever switched it on ordered it."""

    __tablename__ = "load_balancers"

    location: Mapped[str] = mapped_column(Text, ForeignKey("locations.key"), primary_key=True)
    is_on: Mapped[bool] = mapped_column(Boolean)
    limit_a: Mapped[int] = mapped_column(Integer)
    minimum_a: Mapped[int] = mapped_column(Integer)
    fallback_a: Mapped[int] = mapped_column(Integer)
    strategy: Mapped[str] = mapped_column(Text)
    change_every_s: Mapped[int] = mapped_column(Integer)
    windows: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(Text)


class LoadPointRow(Base):
    """What is particular to a charge point; no row: as its connectors say, phases as they come."""

    __tablename__ = "load_points"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    evse_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    most_a: Mapped[int | None] = mapped_column(Integer)
    priority: Mapped[int] = mapped_column(Integer)
    rotation: Mapped[str] = mapped_column(Text)


class LoadSignalRow(Base):
    """What somebody outside says for a time (`csms.balancing.Signal`)."""

    __tablename__ = "load_signals"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="order"),
        CheckConstraint("num_nonnulls(limit_a, limit_w, used_a) = 1", name="one"),
        Index(None, "location", "ends_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    location: Mapped[str] = mapped_column(Text, ForeignKey("locations.key"))
    source: Mapped[str] = mapped_column(Text)
    limit_a: Mapped[Decimal | None] = mapped_column(Numeric)
    limit_w: Mapped[Decimal | None] = mapped_column(Numeric)
    used_a: Mapped[Decimal | None] = mapped_column(Numeric)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    told_at: Mapped[datetime]
    told_by: Mapped[str] = mapped_column(Text)


class LoadGrantRow(Base):
    """What a charge point keeps to as far as is known; EVSE 0: what its station falls back to."""

    __tablename__ = "load_grants"
    __table_args__ = (Index(None, "location"),)

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    evse_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    location: Mapped[str] = mapped_column(Text, ForeignKey("locations.key"))
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    limit_a: Mapped[int | None] = mapped_column(Integer)
    """None: it has confirmed nothing yet."""
    until: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]
    raised_at: Mapped[datetime | None]
    """When it was last told that it may draw more."""
    asked_a: Mapped[int | None] = mapped_column(Integer)
    asked_until: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    command: Mapped[int | None] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(Integer)
    """How often in a row it did not take what it was told."""


class LoadDecisionRow(Base):
    """What a location was allowed at a moment, what it took, who had how much of it and why."""

    __tablename__ = "load_decisions"
    __table_args__ = (Index(None, "location", "decided_at"), Index(None, "decided_at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    location: Mapped[str] = mapped_column(Text, ForeignKey("locations.key"))
    decided_at: Mapped[datetime]
    limit_a: Mapped[Decimal] = mapped_column(Numeric)
    limit_w: Mapped[Decimal | None] = mapped_column(Numeric)
    reason: Mapped[str] = mapped_column(Text)
    allowed_a: Mapped[Decimal] = mapped_column(Numeric)
    """What all together may draw of the phase that carries most."""
    taken_a: Mapped[Decimal | None] = mapped_column(Numeric)
    """What they were measured to take of it; None: nobody measures."""
    shares: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
