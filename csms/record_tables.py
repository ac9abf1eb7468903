"""The tables of what stations hold, and of what they told that happened once."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class StationRecordRow(Base):
    """Something that a station holds: a display message, a DER control, an event stream."""

    __tablename__ = "station_records"
    __table_args__ = (PrimaryKeyConstraint("station", "kind", "key"),)

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text)
    """What the station knows it by."""
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str | None] = mapped_column(Text)
    """What it does with it, by its last word; None where it said nothing of that."""
    told_at: Mapped[datetime]
    """When the station last said so, by our clock."""


class StationTellingRow(Base):
    """Something that a station told once: values of a stream, a DER event, a battery swap."""

    __tablename__ = "station_tellings"
    __table_args__ = (
        UniqueConstraint("station", "kind", "ref", "digest"),
        Index("ix_station_tellings_station_kind_told_at", "station", "kind", "told_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    kind: Mapped[str] = mapped_column(Text)
    ref: Mapped[str] = mapped_column(Text)
    """What it is about: the stream, the control, the request."""
    digest: Mapped[str] = mapped_column(Text)
    """SHA-256 of what was said: the same words again are the same telling."""
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    told_at: Mapped[datetime]


class CustomerInformationRow(Base):
    """A part of what a station told of a customer: personal data, forgotten before all else."""

    __tablename__ = "customer_information"
    __table_args__ = (
        PrimaryKeyConstraint("station", "request_id", "seq_no"),
        Index("ix_customer_information_received_at", "received_at"),
    )

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    request_id: Mapped[int] = mapped_column(BigInteger)
    """Of the command that asked for it."""
    seq_no: Mapped[int] = mapped_column(BigInteger)
    data: Mapped[str] = mapped_column(Text)
    is_last: Mapped[bool] = mapped_column(Boolean)
    received_at: Mapped[datetime]
