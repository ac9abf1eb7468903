"""The tables of error-detection jobs with their groups and runs, and of if/then rules."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class DetectionGroupRow(Base):
    """Charge points that are compared with each other."""

    __tablename__ = "detection_groups"
    __table_args__ = (
        Index(
            "uq_detection_groups_organisation_name",
            "organisation",
            text("lower(name)"),
            unique=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    name: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)


class DetectionGroupPointRow(Base):
    """A charge point of a group; EVSE 0 stands for every one of its station."""

    __tablename__ = "detection_group_points"

    group_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("detection_groups.id", ondelete="CASCADE"), primary_key=True
    )
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    evse_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class DetectionJobRow(Base):
    """An error-detection job; one that was removed keeps its runs."""

    __tablename__ = "detection_jobs"
    __table_args__ = (
        CheckConstraint("hours between 1 and 168", name="hours"),
        CheckConstraint("cardinality(checks) > 0", name="checks"),
        CheckConstraint(
            "tolerance_percent between 1 and 99 and meter_tolerance_percent between 1 and 99",
            name="tolerances",
        ),
        Index(None, "organisation", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    name: Mapped[str] = mapped_column(Text)
    execute_at: Mapped[str] = mapped_column(Text)
    """HH:MM where the stations stand."""
    hours: Mapped[int] = mapped_column(Integer)
    checks: Mapped[list[str]] = mapped_column(ARRAY(Text))
    location: Mapped[str | None] = mapped_column(Text, ForeignKey("locations.key"))
    site_meter: Mapped[str | None] = mapped_column(Text, ForeignKey("stations.identity"))
    tolerance_percent: Mapped[int] = mapped_column(Integer)
    meter_tolerance_percent: Mapped[int] = mapped_column(Integer)
    is_active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
    removed_at: Mapped[datetime | None]


class DetectionJobGroupRow(Base):
    """A group that a job looks at."""

    __tablename__ = "detection_job_groups"
    __table_args__ = (Index(None, "group_id"),)

    job: Mapped[int] = mapped_column(BigInteger, ForeignKey("detection_jobs.id"), primary_key=True)
    group_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("detection_groups.id"), primary_key=True
    )


class DetectionJobTurnRow(Base):
    """When a job is due next in a time zone in which stations of it stand."""

    __tablename__ = "detection_job_turns"
    __table_args__ = (Index(None, "due_at"),)

    job: Mapped[int] = mapped_column(BigInteger, ForeignKey("detection_jobs.id"), primary_key=True)
    time_zone: Mapped[str] = mapped_column(Text, primary_key=True)
    due_at: Mapped[datetime]


class DetectionJobRunRow(Base):
    """A run of a job with its result; append-only, once for each time it was due."""

    __tablename__ = "detection_job_runs"
    __table_args__ = (
        Index(
            "uq_detection_job_runs_job_time_zone_due_at", "job", "time_zone", "due_at", unique=True
        ),
        Index(None, "job", "id"),
        Index(None, "ran_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job: Mapped[int] = mapped_column(BigInteger, ForeignKey("detection_jobs.id"))
    time_zone: Mapped[str] = mapped_column(Text)
    due_at: Mapped[datetime]
    ran_at: Mapped[datetime]
    looked_from: Mapped[datetime]
    looked_to: Mapped[datetime]
    points: Mapped[int] = mapped_column(Integer)
    """How many charge points it looked at."""
    found: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Where it found something, with the checks and what shows them."""
    remarks: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """What it could not say, and why."""


class WatchRuleRow(Base):
    """An if/then rule; what it found is known by its faults."""

    __tablename__ = "watch_rules"
    __table_args__ = (
        CheckConstraint("consecutive between 1 and 60", name="consecutive"),
        CheckConstraint("length(grid) = 168", name="grid"),
        CheckConstraint("(webhook is null) = (webhook_sealed is null)", name="webhook"),
        CheckConstraint(
            "step_hours between 1 and 168 and steps_per_day between 1 and 20", name="step"
        ),
        Index(None, "organisation", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    name: Mapped[str] = mapped_column(Text)
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """What is measured, how it is compared, with which value."""
    needs_all: Mapped[bool] = mapped_column(Boolean)
    """All of them must be met, else any."""
    consecutive: Mapped[int] = mapped_column(Integer)
    grid: Mapped[str] = mapped_column(Text)
    """The hours of a week from Monday on, 1 where the rule applies, by the site's clock."""
    location: Mapped[str | None] = mapped_column(Text, ForeignKey("locations.key"))
    group_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("detection_groups.id"))
    severity: Mapped[str] = mapped_column(Text)
    mails: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Who is written to, besides whoever hears of alerts."""
    webhook: Mapped[str | None] = mapped_column(Text)
    """Which program is told; of its URL, which may hold a secret, only what may be shown."""
    webhook_sealed: Mapped[bytes | None]
    secret: Mapped[bytes | None]
    """Sealed: what calls to the program are signed with; None: it was not called yet."""
    old_secret: Mapped[bytes | None]
    old_secret_until: Mapped[datetime | None]
    opens_ticket: Mapped[bool] = mapped_column(Boolean)
    step: Mapped[str | None] = mapped_column(Text)
    """What is tried at the station."""
    step_hours: Mapped[int] = mapped_column(Integer)
    """After how many hours a station that is put out of service is put back."""
    steps_per_day: Mapped[int] = mapped_column(Integer)
    is_active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
    removed_at: Mapped[datetime | None]
