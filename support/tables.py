"""The tables of support: change orders, calls, tickets, and what else people put right with."""

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
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from foundation.database import Base
from support import first_aid_tables as first_aid_tables  # the rest of the room's tables
from support import maintenance_tables as maintenance_tables
from support import visit_tables as visit_tables


class CallRow(Base):
    """Somebody called the hotline: what about, what was done, how it ended."""

    __tablename__ = "calls"
    __table_args__ = (
        Index(None, "station", "opened_at"),
        Index(None, "opened_at"),
        CheckConstraint("(closed_at is null) = (outcome is null)", name="outcome"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(Text)
    opened_by_name: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    station: Mapped[str | None] = mapped_column(Text, ForeignKey("stations.identity"))
    evse_id: Mapped[int | None] = mapped_column(Integer)
    emi3_id: Mapped[str | None] = mapped_column(Text)
    caller: Mapped[str | None] = mapped_column(Text)
    concern: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    outcome_text: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(Text)


class CallNoteRow(Base):
    """Something that was said or done during a call; `subject` is what it led to, if anything."""

    __tablename__ = "call_notes"
    __table_args__ = (Index(None, "call_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    call_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("calls.id"))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(Text)


class TicketRow(Base):
    """Something that somebody has to put right, until it is closed with its outcome."""

    __tablename__ = "tickets"
    __table_args__ = (
        Index(None, "organisation", "state"),
        Index(None, "station"),
        Index(
            "uq_tickets_open_alert",
            "alert_id",
            unique=True,
            postgresql_where=text("state = 'open' and alert_id is not null"),
        ),
        CheckConstraint("(state = 'closed') = (closed_at is not null)", name="closed"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    station: Mapped[str | None] = mapped_column(Text, ForeignKey("stations.identity"))
    evse_id: Mapped[int | None] = mapped_column(Integer)
    call_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("calls.id"))
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime]
    opened_by: Mapped[str] = mapped_column(Text)
    opened_by_name: Mapped[str] = mapped_column(Text)
    assigned_to: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("people.id"))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)
    alert_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("alerts.id"))
    of_service: Mapped[bool] = mapped_column(Boolean)
    """It is the provider's to see to, since the station is monitored."""
    package: Mapped[str | None] = mapped_column(Text)
    """The service package by which its times were promised."""
    remote_due_at: Mapped[datetime | None]
    answer_due_at: Mapped[datetime | None]
    on_site_due_at: Mapped[datetime | None]
    acted_at: Mapped[datetime | None]
    """When something was first tried from afar."""
    answered_at: Mapped[datetime | None]
    """When the customer was first answered."""
    missed_at: Mapped[datetime | None]
    """When it was noted that a promised time is over."""


class TicketNoteRow(Base):
    """Something written to a ticket, or a change of it; never edited."""

    __tablename__ = "ticket_notes"
    __table_args__ = (Index(None, "ticket_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("tickets.id"))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Text)
    by_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)


class ChangeOrderRow(Base):
    """What an owner of stations wants changed; without a number it is a draft without effect."""

    __tablename__ = "change_orders"
    __table_args__ = (
        UniqueConstraint("number"),
        Index(None, "organisation", "state"),
        CheckConstraint(
            "(number is null) = (confirmed_at is null)"
            " and (confirmed_at is null) = (confirmed_by is null)"
            " and (confirmed_at is null) = (confirmed_how is null)",
            name="confirmed",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str | None] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    state: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    repeatable: Mapped[bool] = mapped_column(Boolean)
    call_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("calls.id"))
    drafted_at: Mapped[datetime]
    drafted_by: Mapped[str] = mapped_column(Text)
    drafted_by_name: Mapped[str] = mapped_column(Text)
    drafted_door: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime | None]
    requested_from: Mapped[str | None] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    confirmed_by_name: Mapped[str | None] = mapped_column(Text)
    confirmed_door: Mapped[str | None] = mapped_column(Text)
    confirmed_how: Mapped[str | None] = mapped_column(Text)
    valid_to: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(Text)


class ChangeOrderStationRow(Base):
    """A station that a change order names."""

    __tablename__ = "change_order_stations"
    __table_args__ = (Index(None, "station"),)

    order_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("change_orders.id"), primary_key=True, autoincrement=False
    )
    station: Mapped[str] = mapped_column(
        Text, ForeignKey("stations.identity"), primary_key=True, autoincrement=False
    )


class ChangeOrderItemRow(Base):
    """One thing to change: an OCPP action with exactly this payload, or something described.

    `canonical` is the payload with sorted keys, by which a command is compared.
    """

    __tablename__ = "change_order_items"
    __table_args__ = (
        CheckConstraint("(action is null) = (canonical is null)", name="canonical"),
        CheckConstraint("(kind = 'command') = (action is not null)", name="command"),
    )

    order_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("change_orders.id"), primary_key=True, autoincrement=False
    )
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(Text)
    action: Mapped[str | None] = mapped_column(Text)
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    canonical: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)


class ChangeOrderFileRow(Base):
    """The mail in which an order was given, as it came."""

    __tablename__ = "change_order_files"

    order_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("change_orders.id"), primary_key=True, autoincrement=False
    )
    name: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime]
    added_by: Mapped[str] = mapped_column(Text)


class ChangeOrderUseRow(Base):
    """That an item of an order was carried out on a station, by which command, and what came of it.

    At most one open or done use per item and station, unless the order is repeatable: then `turn`
    counts on.
    """

    __tablename__ = "change_order_uses"
    __table_args__ = (
        UniqueConstraint("order_id", "place", "station", "turn"),
        Index(
            "uq_change_order_uses_command",
            "command_id",
            unique=True,
            postgresql_where=text("command_id is not null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    order_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("change_orders.id"))
    place: Mapped[int] = mapped_column(Integer)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    turn: Mapped[int] = mapped_column(Integer)
    permitted_at: Mapped[datetime]
    command_id: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]


class StandingOrderRow(Base):
    """An action that a customer's contract orders once for all, in [valid_from, valid_to)."""

    __tablename__ = "standing_orders"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        UniqueConstraint("number"),
        Index(None, "organisation", "action"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    action: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(Text)


class ModelInstructionRow(Base):
    """What to tell callers about a model; empty vendor and model: about any."""

    __tablename__ = "model_instructions"
    __table_args__ = (UniqueConstraint("vendor", "model", "topic"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    vendor: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    topic: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    text_de: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str] = mapped_column(Text)
