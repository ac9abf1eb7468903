"""First aid: playbooks, and what was done by them."""

from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class PlaybookRow(Base):
    """What is tried when a watch finds something at stations of a kind; off until switched on."""

    __tablename__ = "first_aid_playbooks"
    __table_args__ = (
        CheckConstraint("per_day > 0", name="budget"),
        CheckConstraint(
            "settles_min between 1 and 60 and out_hours between 1 and 168", name="times"
        ),
        CheckConstraint("retired_at is null or not is_on", name="retired"),
        Index(None, "organisation", "detection"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    """For its stations and those of the organisations below it."""
    name: Mapped[str] = mapped_column(Text)
    detection: Mapped[str] = mapped_column(Text)
    causes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Empty: whatever the watch finds."""
    vendor: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    """Empty, as the vendor: any."""
    steps: Mapped[list[str]] = mapped_column(ARRAY(Text))
    per_day: Mapped[int] = mapped_column(Integer)
    """How many steps a station gets in a day of its own time zone."""
    settles_min: Mapped[int] = mapped_column(Integer)
    """How long after a step it is looked whether the fault is still there."""
    out_hours: Mapped[int] = mapped_column(Integer)
    """After how many hours a station that is put out of service is put back."""
    is_on: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
    retired_at: Mapped[datetime | None]


class FirstAidRunRow(Base):
    """First aid for one fault of an alert: the steps as the playbook had them when it began."""

    __tablename__ = "first_aid_runs"
    __table_args__ = (
        CheckConstraint("(over_at is null) = (outcome is null)", name="over"),
        UniqueConstraint("alert", "station", "evse_id", postgresql_nulls_not_distinct=True),
        Index("ix_first_aid_runs_due", "due_at", postgresql_where=text("over_at is null")),
        Index(None, "station", "began_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert: Mapped[int] = mapped_column(BigInteger, ForeignKey("alerts.id"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    evse_id: Mapped[int | None] = mapped_column(Integer)
    connector_id: Mapped[int | None] = mapped_column(Integer)
    playbook: Mapped[int] = mapped_column(BigInteger, ForeignKey("first_aid_playbooks.id"))
    steps: Mapped[list[str]] = mapped_column(ARRAY(Text))
    per_day: Mapped[int] = mapped_column(Integer)
    settles_min: Mapped[int] = mapped_column(Integer)
    out_hours: Mapped[int] = mapped_column(Integer)
    began_at: Mapped[datetime]
    due_at: Mapped[datetime]
    """When it is looked after next."""
    waits_for: Mapped[str | None] = mapped_column(Text)
    """Why nothing is done at the moment."""
    outcome: Mapped[str | None] = mapped_column(Text)
    over_at: Mapped[datetime | None]


class FirstAidStepRow(Base):
    """One step that was tried, by which command, and what came of it."""

    __tablename__ = "first_aid_steps"
    __table_args__ = (
        UniqueConstraint("run", "place"),
        CheckConstraint("(ended_at is null) = (result is null)", name="ended"),
        Index(None, "station", "asked_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    run: Mapped[int] = mapped_column(BigInteger, ForeignKey("first_aid_runs.id"))
    place: Mapped[int] = mapped_column(Integer)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    step: Mapped[str] = mapped_column(Text)
    command_id: Mapped[str | None] = mapped_column(Text)
    """None: it could not be asked for."""
    asked_at: Mapped[datetime]
    result: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
