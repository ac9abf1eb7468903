"""Alerts and what they are about: faults, each of which belongs to an alert once it was raised."""

from datetime import datetime
from typing import Any

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class AlertRow(Base):
    """Something that deserves attention, from its raising until it recovered or was closed."""

    __tablename__ = "alerts"
    __table_args__ = (
        CheckConstraint("state in ('open', 'recovered', 'closed')", name="state"),
        CheckConstraint("(state = 'open') = (over_at is null)", name="over"),
        CheckConstraint("(acknowledged_at is null) = (acknowledged_by is null)", name="taken"),
        CheckConstraint("(escalated_at is null) = (escalated_by is null)", name="escalated"),
        CheckConstraint("(state = 'closed') = (closed_by is not null)", name="closed"),
        Index(None, "organisation", "id"),
        Index(None, "organisation", "detection", "raised_at"),
        Index("ix_alerts_open", "organisation", "id", postgresql_where=text("state = 'open'")),
        Index("ix_alerts_over", "id", postgresql_where=text("state <> 'open'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    detection: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    """Of its faults; `storm` where it holds whatever the watch found while it found too much."""
    location: Mapped[str | None] = mapped_column(Text)
    station: Mapped[str | None] = mapped_column(Text)
    """What groups its faults: their location or, where they have none, their station."""
    severity: Mapped[str] = mapped_column(Text)
    """The worst that any of its faults had."""
    state: Mapped[str] = mapped_column(Text)
    raised_at: Mapped[datetime]
    grown_at: Mapped[datetime]
    """When a fault joined it last, the first one included."""
    repeated_at: Mapped[datetime]
    """When a repeat was told last, or it was raised: they are told damped."""
    repeats: Mapped[int] = mapped_column(Integer)
    """How often one of its faults was seen again."""
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    acknowledged_by_name: Mapped[str | None] = mapped_column(Text)
    escalated_at: Mapped[datetime | None]
    escalated_by: Mapped[str | None] = mapped_column(Text)
    escalated_by_name: Mapped[str | None] = mapped_column(Text)
    over_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(Text)
    closed_by_name: Mapped[str | None] = mapped_column(Text)


class FaultRow(Base):
    """One fault at one place, from when it was first seen until it was calm for long enough."""

    __tablename__ = "alert_faults"
    __table_args__ = (
        CheckConstraint("(calm_since is null) = (calm_until is null)", name="calm"),
        Index("uq_alert_faults_open", "key", unique=True, postgresql_where=text("over_at is null")),
        Index(None, "key", "over_at"),
        Index(None, "alert"),
        Index(None, "station", "id"),
        Index("ix_alert_faults_due", "calm_until", postgresql_where=text("over_at is null")),
        Index(
            "ix_alert_faults_untold",
            "id",
            postgresql_where=text("over_at is null and alert is null"),
        ),
        Index(
            "ix_alert_faults_unraised",
            "over_at",
            postgresql_where=text("alert is null and over_at is not null"),
        ),
        Index("ix_alert_faults_rules", "cause", "id", postgresql_where=text("detection = 'rule'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    """`alerts.detections.Finding.key`."""
    alert: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("alerts.id"))
    """None: it was not raised, since a maintenance window silences it."""
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    detection: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text)
    station: Mapped[str | None] = mapped_column(Text)
    evse_id: Mapped[int | None] = mapped_column(Integer)
    connector_id: Mapped[int | None] = mapped_column(Integer)
    severity: Mapped[str] = mapped_column(Text)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Of the newest finding."""
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    seen: Mapped[int] = mapped_column(Integer)
    flaps: Mapped[int] = mapped_column(Integer)
    """How often it came back lately, each time after it had been gone: it must stay away longer."""
    calm_since: Mapped[datetime | None]
    calm_until: Mapped[datetime | None]
    """When it counts as over, unless it comes back before."""
    over_at: Mapped[datetime | None]


class AlertChangeRow(Base):
    """What happened to an alert, in order; append-only."""

    __tablename__ = "alert_changes"
    __table_args__ = (Index(None, "alert", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert: Mapped[int] = mapped_column(BigInteger, ForeignKey("alerts.id"))
    at: Mapped[datetime]
    change: Mapped[str] = mapped_column(Text)
    by: Mapped[str | None] = mapped_column(Text)
    by_name: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
