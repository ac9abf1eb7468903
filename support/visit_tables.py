"""The tables of visits: who pays, what the technician is handed, what he did, and until when."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base


class TicketWaitRow(Base):
    """The customer had to do something: until he did, the ticket's clock stood."""

    __tablename__ = "ticket_waits"
    __table_args__ = (
        Index(
            "uq_ticket_waits_open",
            "ticket_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        CheckConstraint("ended_at >= began_at", name="period"),
        Index(None, "ticket_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("tickets.id"))
    waits_for: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime]
    began_by: Mapped[str] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Text)


class VisitRow(Base):
    """A technician goes to a station.

    Who pays is decided before he is sent; `wanted_…` is a change of it that waits for a second
    person. Of the link and of the device that redeemed it only the SHA-256 is kept.
    """

    __tablename__ = "visits"
    __table_args__ = (
        Index(None, "ticket_id", "id"),
        Index(None, "organisation", "state"),
        Index(
            "uq_visits_open",
            "ticket_id",
            unique=True,
            postgresql_where=text("state not in ('closed', 'cancelled')"),
        ),
        UniqueConstraint("link_sha256"),
        UniqueConstraint("device_sha256"),
        CheckConstraint(
            "state in ('planned', 'dispatched', 'documented', 'closed', 'cancelled')",
            name="state",
        ),
        CheckConstraint(
            "state in ('planned', 'cancelled') or (cover is not null and latitude is not null"
            " and longitude is not null and fault_analysis <> '' and contact <> '')",
            name="dispatched",
        ),
        CheckConstraint(
            "state <> 'closed' or (outcome is not null and technician_at is not null"
            " and agent_at is not null)",
            name="closed",
        ),
        CheckConstraint("(cover is null) = (cover_reason is null)", name="cover"),
        CheckConstraint("(wanted_cover is null) = (wanted_by is null)", name="wanted"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("tickets.id"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    planned_at: Mapped[datetime]
    planned_by: Mapped[str] = mapped_column(Text)
    planned_by_name: Mapped[str] = mapped_column(Text)
    cover: Mapped[str | None] = mapped_column(Text)
    cover_reason: Mapped[str | None] = mapped_column(Text)
    cover_by: Mapped[str | None] = mapped_column(Text)
    cover_by_name: Mapped[str | None] = mapped_column(Text)
    cover_second: Mapped[str | None] = mapped_column(Text)
    cover_at: Mapped[datetime | None]
    wanted_cover: Mapped[str | None] = mapped_column(Text)
    wanted_reason: Mapped[str | None] = mapped_column(Text)
    wanted_by: Mapped[str | None] = mapped_column(Text)
    wanted_by_name: Mapped[str | None] = mapped_column(Text)
    latitude: Mapped[Decimal | None] = mapped_column(Numeric)
    longitude: Mapped[Decimal | None] = mapped_column(Numeric)
    fault_analysis: Mapped[str | None] = mapped_column(Text)
    contact: Mapped[str | None] = mapped_column(Text)
    technician: Mapped[str | None] = mapped_column(Text)
    technician_phone: Mapped[str | None] = mapped_column(Text)
    technician_email: Mapped[str | None] = mapped_column(Text)
    dispatched_at: Mapped[datetime | None]
    dispatched_by: Mapped[str | None] = mapped_column(Text)
    link_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    link_until: Mapped[datetime | None]
    device_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    arrived_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    measures: Mapped[str | None] = mapped_column(Text)
    consent: Mapped[str | None] = mapped_column(Text)
    technician_text: Mapped[str | None] = mapped_column(Text)
    technician_by_name: Mapped[str | None] = mapped_column(Text)
    technician_at: Mapped[datetime | None]
    agent_text: Mapped[str | None] = mapped_column(Text)
    agent_by: Mapped[str | None] = mapped_column(Text)
    agent_by_name: Mapped[str | None] = mapped_column(Text)
    agent_at: Mapped[datetime | None]
    work_minor: Mapped[int | None] = mapped_column(BigInteger)
    parts_minor: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    """When it was closed or cancelled."""
    ended_by: Mapped[str | None] = mapped_column(Text)


class VisitPartRow(Base):
    """A part that was put in."""

    __tablename__ = "visit_parts"
    __table_args__ = (Index(None, "visit_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    visit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("visits.id"))
    name: Mapped[str] = mapped_column(Text)
    pieces: Mapped[int] = mapped_column(Integer)
    serial_number: Mapped[str | None] = mapped_column(Text)
    added_at: Mapped[datetime]
    added_by_name: Mapped[str] = mapped_column(Text)


class VisitPhotoRow(Base):
    """A picture from a visit."""

    __tablename__ = "visit_photos"
    __table_args__ = (UniqueConstraint("visit_id", "sha256"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    visit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("visits.id"))
    media_type: Mapped[str] = mapped_column(Text)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    caption: Mapped[str | None] = mapped_column(Text)
    added_at: Mapped[datetime]
    added_by_name: Mapped[str] = mapped_column(Text)


class VisitExchangeRow(Base):
    """A meter or a whole station was exchanged: the old one's last reading, the new one's first.

    Both are of the lifetime register, in Wh.
    """

    __tablename__ = "visit_exchanges"
    __table_args__ = (UniqueConstraint("visit_id", "evse_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    visit_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("visits.id"))
    what: Mapped[str] = mapped_column(Text)
    evse_id: Mapped[int] = mapped_column(Integer)
    exchanged_at: Mapped[datetime]
    last_wh: Mapped[Decimal] = mapped_column(Numeric)
    first_wh: Mapped[Decimal] = mapped_column(Numeric)
    serial_number: Mapped[str | None] = mapped_column(Text)
    added_by_name: Mapped[str] = mapped_column(Text)
