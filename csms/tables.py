"""The tables of the central system.

Identities of stations are text keys; transactions have the number that a 1.6 station is given.
Owners of stations and holders of tokens are dated facts: rows valid in [valid_from, valid_to)
that are closed and followed by a new one, never edited.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Sequence,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from csms import balancing_tables as balancing_tables  # the rest of the room's tables
from csms import campaign_tables as campaign_tables
from csms import certificate_tables as certificate_tables
from csms import display_tables as display_tables
from csms import equipment_tables as equipment_tables
from csms import exchange_tables as exchange_tables
from csms import local_list_tables as local_list_tables
from csms import payment_tables as payment_tables
from csms import record_tables as record_tables
from csms import sheet_tables as sheet_tables
from csms import signed_value_tables as signed_value_tables
from csms import silence_tables as silence_tables
from foundation.database import Base

TRANSACTION_NUMBERS = Sequence(
    "transaction_number", start=1, maxvalue=2**31 - 1, metadata=Base.metadata
)
"""One per installation: never derived from time, never used again, positive and 31 bits wide."""


COMMAND_NUMBERS = Sequence("command_number", start=1, metadata=Base.metadata)
"""Of commands; drawn before the row is written, since a start's payload may hold it."""


class LocationRow(Base):
    """Where stations stand together."""

    __tablename__ = "locations"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    postal_code: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    latitude: Mapped[Decimal | None] = mapped_column(Numeric)
    longitude: Mapped[Decimal | None] = mapped_column(Numeric)


class StationRow(Base):
    """A charging station: what it says of itself and how it is set up here."""

    __tablename__ = "stations"
    __table_args__ = (Index(None, "admission"), Index(None, "location"))

    identity: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text, ForeignKey("locations.key"))
    time_zone: Mapped[str] = mapped_column(Text)
    admission: Mapped[str] = mapped_column(Text)
    boot_policy: Mapped[str] = mapped_column(Text)
    security_profile: Mapped[int] = mapped_column(SmallInteger)
    password: Mapped[bytes | None] = mapped_column(LargeBinary)
    next_password: Mapped[bytes | None] = mapped_column(LargeBinary)
    next_identity: Mapped[str | None] = mapped_column(Text, unique=True)
    aliases: Mapped[list[str]] = mapped_column(ARRAY(Text))
    items_per_message: Mapped[dict[str, Any]] = mapped_column(JSONB)
    free_vend: Mapped[bool] = mapped_column(Boolean)
    vendor: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    serial_number: Mapped[str | None] = mapped_column(Text)
    firmware: Mapped[str | None] = mapped_column(Text)
    iccid: Mapped[str | None] = mapped_column(Text)
    imsi: Mapped[str | None] = mapped_column(Text)
    ocpp_version: Mapped[str | None] = mapped_column(Text)
    booted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class StationOwnerRow(Base):
    """Whose station it is: a dated fact."""

    __tablename__ = "station_owners"
    __table_args__ = (UniqueConstraint("station", "valid_from"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class EvseRow(Base):
    """One place for one vehicle at a time."""

    __tablename__ = "evses"
    __table_args__ = (
        # Two IDs that differ in their separators alone are one: callers leave them out.
        Index(
            "uq_evses_emi3_id_without_separators",
            text("upper(translate(emi3_id, '*-_. +', ''))"),
            unique=True,
        ),
    )

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    evse_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    emi3_id: Mapped[str | None] = mapped_column(Text, unique=True)


class ConnectorRow(Base):
    """One plug of an EVSE, with its live status; EVSE 0, connector 0 is the station itself."""

    __tablename__ = "connectors"
    __table_args__ = (
        ForeignKeyConstraint(["station", "evse_id"], ["evses.station", "evses.evse_id"]),
    )

    station: Mapped[str] = mapped_column(Text, primary_key=True)
    evse_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    connector_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    type: Mapped[str | None] = mapped_column(Text)
    max_power_w: Mapped[Decimal | None] = mapped_column(Numeric)
    status: Mapped[str | None] = mapped_column(Text)
    charging_state: Mapped[str | None] = mapped_column(Text)
    original_status: Mapped[str | None] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(Text)
    vendor_error_code: Mapped[str | None] = mapped_column(Text)
    info: Mapped[str | None] = mapped_column(Text)
    status_at: Mapped[datetime | None]
    """When the status held by the station's clock, corrected; orders late messages."""
    status_received_at: Mapped[datetime | None]


class StatusHistoryRow(Base):
    """Every status a connector ever reported, also those too old to change the live one."""

    __tablename__ = "status_history"
    __table_args__ = (Index(None, "station", "received_at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text)
    evse_id: Mapped[int] = mapped_column(Integer)
    connector_id: Mapped[int] = mapped_column(Integer)
    original_status: Mapped[str] = mapped_column(Text)
    error_code: Mapped[str | None] = mapped_column(Text)
    vendor_error_code: Mapped[str | None] = mapped_column(Text)
    info: Mapped[str | None] = mapped_column(Text)
    reported_at: Mapped[datetime | None]
    received_at: Mapped[datetime]


class NodeRow(Base):
    """A process that holds sockets; its lease goes by the database's clock."""

    __tablename__ = "nodes"

    node: Mapped[str] = mapped_column(Text, primary_key=True)
    started_at: Mapped[datetime]
    lease_until: Mapped[datetime]


class ConnectionRow(Base):
    """The newest connection of a station: which node holds it, with a rising epoch.

    It counts as connected while `closed_at` is empty and the node's lease holds.
    """

    __tablename__ = "station_connections"
    __table_args__ = (Index(None, "node"),)

    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"), primary_key=True)
    node: Mapped[str] = mapped_column(Text)
    epoch: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[str] = mapped_column(Text)
    remote: Mapped[str | None] = mapped_column(Text)
    connected_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    close_reason: Mapped[str | None] = mapped_column(Text)
    last_heard_at: Mapped[datetime]
    silence: Mapped[str] = mapped_column(Text)
    """What was last told of its silence: online or offline."""
    back_since: Mapped[datetime | None]
    """Since when one that was told offline is heard again; None where it is not."""


class IdTokenRow(Base):
    """What a driver may present; `key` is the normalised value."""

    __tablename__ = "id_tokens"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    group_id: Mapped[str | None] = mapped_column(Text)
    valid_until: Mapped[datetime | None]
    language1: Mapped[str | None] = mapped_column(Text)
    language2: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]


class IdTokenHolderRow(Base):
    """Whose token it is, an organisation's or a provider's: a dated fact."""

    __tablename__ = "id_token_holders"
    __table_args__ = (UniqueConstraint("token", "valid_from"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    token: Mapped[str] = mapped_column(Text, ForeignKey("id_tokens.key"))
    organisation: Mapped[str | None] = mapped_column(Text)
    provider: Mapped[str | None] = mapped_column(Text)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class TransactionRow(Base):
    """A transaction: its claims, what was frozen at its start, and what we hold true of it.

    `ref` is the natural key: a 2.x station's own id, or of a 1.6 start its connector, time,
    register and token. `generation` tells apart the transactions of stations that repeat a key.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        UniqueConstraint("station", "ref", "generation"),
        Index(None, "station", "started_at"),
        Index(None, "ended_at"),
        Index(
            "ix_transactions_open",
            "station",
            "evse_id",
            postgresql_where="state <> 'ended'",
        ),
        Index(
            "ix_transactions_open_token",
            "token_key",
            postgresql_where="state = 'active'",
        ),
        Index(None, "owner", "ended_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    ref: Mapped[str] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(Integer)
    station_number: Mapped[int | None] = mapped_column(Numeric)
    """The id that the station uses itself where it ignored ours (-1, 0, its own negative one)."""
    version: Mapped[str] = mapped_column(Text)
    evse_id: Mapped[int] = mapped_column(Integer)
    connector_id: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    """active, ended, ended_waiting_for_queue or inferred_end."""
    revision: Mapped[int] = mapped_column(Integer)
    basis: Mapped[str | None] = mapped_column(Text)

    owner: Mapped[str] = mapped_column(Text)
    location: Mapped[str | None] = mapped_column(Text)
    time_zone: Mapped[str] = mapped_column(Text)
    free_vend: Mapped[bool] = mapped_column(Boolean)
    station_waiting: Mapped[bool] = mapped_column(Boolean)
    max_power_w: Mapped[Decimal | None] = mapped_column(Numeric)
    id_token: Mapped[str | None] = mapped_column(Text)
    id_token_type: Mapped[str | None] = mapped_column(Text)
    token_key: Mapped[str | None] = mapped_column(Text)
    token_status: Mapped[str | None] = mapped_column(Text)
    token_organisation: Mapped[str | None] = mapped_column(Text)
    token_provider: Mapped[str | None] = mapped_column(Text)
    authorization_status: Mapped[str | None] = mapped_column(Text)

    start_seen: Mapped[bool] = mapped_column(Boolean)
    offline: Mapped[bool] = mapped_column(Boolean)
    started_at: Mapped[datetime]
    start_reported_at: Mapped[datetime]
    start_received_at: Mapped[datetime]
    reported_start_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    """The start register as the station said it; `meter_start_wh` is what we hold true."""
    meter_start_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    remote_start_id: Mapped[int | None] = mapped_column(BigInteger)
    reservation_id: Mapped[int | None] = mapped_column(BigInteger)
    first_seq_no: Mapped[int | None] = mapped_column(BigInteger)
    clock_wrong: Mapped[bool] = mapped_column(Boolean)

    charging_state: Mapped[str | None] = mapped_column(Text)
    available_since: Mapped[datetime | None]
    """When the connector was reported free although no end came: starts the inference."""
    queue_asked_at: Mapped[datetime | None]

    ended_at: Mapped[datetime | None]
    end_reported_at: Mapped[datetime | None]
    end_received_at: Mapped[datetime | None]
    end_seq_no: Mapped[int | None] = mapped_column(BigInteger)
    reported_stop_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    """The stop register as the station said it; `meter_stop_wh` is what we hold true."""
    meter_stop_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    stop_reason: Mapped[str | None] = mapped_column(Text)
    energy_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    energy_basis: Mapped[str | None] = mapped_column(Text)
    doubts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    conflicting_ends: Mapped[int] = mapped_column(Integer)
    billing_decision: Mapped[str | None] = mapped_column(Text)
    """token or free, where staff started it and decided; else None."""
    correction: Mapped[str | None] = mapped_column(Text)
    """What a person corrected of it (JSON, `csms.corrections`); else None."""
    token_group: Mapped[str | None] = mapped_column(Text)


class ReportRow(Base):
    """The raw text of a message that made or changed a transaction; committed with its effect.

    `digest` is taken over the frame without its message id: retries come under new ones.
    """

    __tablename__ = "reports"
    __table_args__ = (
        Index(
            "uq_reports_station_digest_transaction_id",
            "station",
            "digest",
            "transaction_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "transaction_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    evse_id: Mapped[int | None] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(Text)
    """start, update, end or meter."""
    seq_no: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[str] = mapped_column(Text)
    epoch: Mapped[int] = mapped_column(BigInteger)
    reported_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    skew_s: Mapped[int] = mapped_column(Integer)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    raw: Mapped[str] = mapped_column(Text)
    repairs: Mapped[list[str]] = mapped_column(ARRAY(Text))


class ReadingRow(Base):
    """The values of one moment; partitioned by month, wrong clocks in the default partition."""

    __tablename__ = "readings"
    __table_args__ = (
        Index(
            "uq_readings_station_evse_id_transaction_id_measured_at_context",
            "station",
            "evse_id",
            "transaction_id",
            "measured_at",
            "context",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_readings_transaction_id", "transaction_id"),
        Index(
            "ix_readings_unlinked",
            "station",
            "evse_id",
            "measured_at",
            postgresql_where="transaction_id is null",
        ),
        {"postgresql_partition_by": "RANGE (measured_at)"},
    )
    __mapper_args__ = {  # noqa: RUF012 - SQLAlchemy's own declaration form
        "primary_key": ["station", "evse_id", "transaction_id", "measured_at", "context"]
    }

    station: Mapped[str] = mapped_column(Text)
    evse_id: Mapped[int] = mapped_column(Integer)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    measured_at: Mapped[datetime]
    context: Mapped[str] = mapped_column(Text)
    energy_register_wh: Mapped[Decimal | None] = mapped_column(Numeric)
    values: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    received_at: Mapped[datetime]


class FrameRow(Base):
    """Everything said on the wire, both ways: diagnostics, written behind, kept for days."""

    __tablename__ = "frames"
    __table_args__ = (
        Index("ix_frames_station_at", "station", "at"),
        {"postgresql_partition_by": "RANGE (at)"},
    )
    __mapper_args__ = {"primary_key": ["station", "at", "direction"]}  # noqa: RUF012

    station: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    direction: Mapped[str] = mapped_column(Text)
    """in or out."""
    epoch: Mapped[int] = mapped_column(BigInteger)
    raw: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    """Repairs that were needed, or why it was not understood."""


class QuarantineRow(Base):
    """A message that carries money and that a defect of ours kept from being handled."""

    __tablename__ = "quarantine"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime]
    action: Mapped[str] = mapped_column(Text)
    transaction_number: Mapped[int | None] = mapped_column(BigInteger)
    """The fresh id that a start was answered with."""
    raw: Mapped[str] = mapped_column(Text)
    error: Mapped[str] = mapped_column(Text)


class MonitoredEventRow(Base):
    """What a station reported by NotifyEvent or SecurityEventNotification."""

    __tablename__ = "station_events"
    __table_args__ = (
        Index(None, "station", "received_at"),
        Index(
            "uq_station_events_station_digest",
            "station",
            "digest",
            unique=True,
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


# ------------------------------------------------------------------------------------ commands


class CommandRow(Base):
    """What somebody asked a station for, and what became of it (`csms.queue`)."""

    __tablename__ = "commands"
    __table_args__ = (
        UniqueConstraint("asked_by", "idempotency_key"),
        Index(
            "ix_commands_open",
            "station",
            "priority",
            "id",
            postgresql_where="due_at is not null",
        ),
        Index(
            "ix_commands_due",
            "due_at",
            postgresql_where="due_at is not null",
        ),
        Index(
            "ix_commands_in_flight",
            "asked_by",
            postgresql_where="state in ('queued', 'sent')",
        ),
        Index("ix_commands_set_back", "set_back_at", postgresql_where="set_back_at is not null"),
        Index(None, "message_id"),
        Index(None, "station", "id"),
        Index(None, "owner", "id"),
        Index(None, "transaction_id", postgresql_where="transaction_id is not null"),
        Index(None, "asked_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    station: Mapped[str] = mapped_column(Text, ForeignKey("stations.identity"))
    owner: Mapped[str] = mapped_column(Text)
    """The station's organisation when it was asked."""
    version: Mapped[str] = mapped_column(Text)
    vendor: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    firmware: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """As it may be shown: secrets are masked."""
    concealed: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """The payload with its secrets, if it has any; goes when the command is over."""
    raw: Mapped[bool] = mapped_column(Boolean)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(Text)
    asked_by_name: Mapped[str] = mapped_column(Text)
    door: Mapped[str] = mapped_column(Text)
    asker_organisation: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime]
    when_offline: Mapped[str] = mapped_column(Text)
    change_order: Mapped[str | None] = mapped_column(Text)
    billing_decision: Mapped[str | None] = mapped_column(Text)
    idempotency_key: Mapped[str | None] = mapped_column(Text)
    until_ended: Mapped[bool] = mapped_column(Boolean)
    set_back_at: Mapped[datetime | None]
    """When a change of availability is taken back by itself; empty once that was asked."""

    state: Mapped[str] = mapped_column(Text)
    failure: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime | None]
    """When the state is looked at again: expiry, time-out, end of the wait for evidence.

    A failed command has it as long as late evidence may still turn it.
    """
    earliest_at: Mapped[datetime | None]
    """Not sent before: a stop that is asked again."""
    attempts: Mapped[int] = mapped_column(Integer)
    node: Mapped[str | None] = mapped_column(Text)
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    message_id: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    unknown_since: Mapped[datetime | None]
    """When the connection or the process was lost between sending and answer."""
    answered_at: Mapped[datetime | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    read_back: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What the station said when it was asked what it has now."""
    read_back_at: Mapped[datetime | None]
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    """The transaction that a start led to, or that a stop is about."""
    remote_start_id: Mapped[int | None] = mapped_column(BigInteger)
    finished_at: Mapped[datetime | None]


class CommandTransitionRow(Base):
    """A command came into a state; written once."""

    __tablename__ = "command_transitions"
    __table_args__ = (Index(None, "command_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    command_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("commands.id", ondelete="CASCADE")
    )
    state: Mapped[str] = mapped_column(Text)
    failure: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]
    note: Mapped[str | None] = mapped_column(Text)
