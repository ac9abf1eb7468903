"""The tables of the watch over silent stations: limits, probes, clocks, and the watch itself."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class StationLimitsRow(Base):
    """How long a station may be silent where that is not as the installation has it."""

    __tablename__ = "station_limits"
    __table_args__ = (
        CheckConstraint("pending_after_s > 0 and offline_after_s > pending_after_s", name="order"),
    )

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    pending_after_s: Mapped[int] = mapped_column(Integer)
    offline_after_s: Mapped[int] = mapped_column(Integer)
    set_at: Mapped[datetime]
    set_by: Mapped[str] = mapped_column(Text)


class StationProbeRow(Base):
    """A silent station that is connected all the same was tried before anybody was alarmed."""

    __tablename__ = "station_probes"
    __table_args__ = (
        CheckConstraint("(outcome is null) = (ended_at is null)", name="ended"),
        Index(
            "uq_station_probes_open",
            "station",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        Index(None, "station", "id"),
        Index(None, "ended_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    silent_since: Mapped[datetime]
    """When it was last heard before the probe."""
    began_at: Mapped[datetime]
    """When it was pinged."""
    read_at: Mapped[datetime | None]
    """When it was asked for something; None: not yet."""
    command: Mapped[int | None] = mapped_column(BigInteger)
    """By which command; None where it could not be asked."""
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    """heard, closed, no_answer (`csms.connectivity.ProbeOutcome`)."""


class StationClockRow(Base):
    """How far a station's clock is off, as last noted; no row: it was never seen wrong."""

    __tablename__ = "station_clocks"

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    skew_s: Mapped[int] = mapped_column(BigInteger)
    """Reported minus true time; 0: it is right again."""
    seen_at: Mapped[datetime]


class SilenceRoundRow(Base):
    """When the watch looked round last, and since when it does without a gap: one row."""

    __tablename__ = "silence_rounds"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    ran_at: Mapped[datetime]
    listening_since: Mapped[datetime]
