"""Create the tables of csms: stations, tokens, transactions, readings, frames."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "csms_1"
down_revision = "accounts_1"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.execute("create sequence transaction_number as bigint start 1 maxvalue 2147483647")
    op.create_table(
        "frames",
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_frames_station_at", "frames", ["station", "at"], unique=False)
    op.create_table(
        "id_tokens",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("valid_until", MOMENT, nullable=True),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_id_tokens"),
    )
    op.create_table(
        "nodes",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_nodes"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("transaction_number", sa.BigInteger(), nullable=True),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
    )
    op.create_table(
        "readings",
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("measured_at", MOMENT, nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("energy_register_wh", sa.Numeric(), nullable=True),
        sa.Column("values", postgresql.JSONB, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        postgresql_partition_by="RANGE (measured_at)",
    )
    op.create_index("ix_readings_transaction_id", "readings", ["transaction_id"], unique=False)
    op.create_index(
        "ix_readings_unlinked",
        "readings",
        ["station", "evse_id", "measured_at"],
        unique=False,
        postgresql_where="transaction_id is null",
    )
    op.create_index(
        "uq_readings_station_evse_id_transaction_id_measured_at_context",
        "readings",
        ["station", "evse_id", "transaction_id", "measured_at", "context"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=True),
        sa.Column("evse_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("seq_no", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("reported_at", MOMENT, nullable=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("skew_s", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("repairs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
    )
    op.create_index(
        "ix_reports_transaction_id_id", "reports", ["transaction_id", "id"], unique=False
    )
    op.create_index(
        "uq_reports_station_digest_transaction_id",
        "reports",
        ["station", "digest", "transaction_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "station_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("details", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_station_events"),
    )
    op.create_index(
        "ix_station_events_station_received_at",
        "station_events",
        ["station", "received_at"],
        unique=False,
    )
    op.create_index(
        "uq_station_events_station_digest", "station_events", ["station", "digest"], unique=True
    )
    op.create_table(
        "status_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.Integer(), nullable=False),
        sa.Column("original_status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("vendor_error_code", sa.Text(), nullable=True),
        sa.Column("info", sa.Text(), nullable=True),
        sa.Column("reported_at", MOMENT, nullable=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_status_history"),
    )
    op.create_index(
        "ix_status_history_station_received_at",
        "status_history",
        ["station", "received_at"],
        unique=False,
    )
    op.create_table(
        "id_token_holders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("valid_from", MOMENT, nullable=False),
        sa.Column("valid_to", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["token"], ["id_tokens.key"], name="fk_id_token_holders_token"),
        sa.PrimaryKeyConstraint("id", name="pk_id_token_holders"),
        sa.UniqueConstraint("token", "valid_from", name="uq_id_token_holders_token_valid_from"),
    )
    op.create_table(
        "locations",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("postal_code", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("latitude", sa.Numeric(), nullable=True),
        sa.Column("longitude", sa.Numeric(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation"], ["organisations.key"], name="fk_locations_organisation"
        ),
        sa.PrimaryKeyConstraint("key", name="pk_locations"),
    )
    op.create_table(
        "stations",
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("admission", sa.Text(), nullable=False),
        sa.Column("boot_policy", sa.Text(), nullable=False),
        sa.Column("security_profile", sa.SmallInteger(), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=True),
        sa.Column("next_password", sa.LargeBinary(), nullable=True),
        sa.Column("aliases", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("items_per_message", postgresql.JSONB, nullable=False),
        sa.Column("free_vend", sa.Boolean(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("serial_number", sa.Text(), nullable=True),
        sa.Column("firmware", sa.Text(), nullable=True),
        sa.Column("iccid", sa.Text(), nullable=True),
        sa.Column("imsi", sa.Text(), nullable=True),
        sa.Column("ocpp_version", sa.Text(), nullable=True),
        sa.Column("booted_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["location"], ["locations.key"], name="fk_stations_location"),
        sa.PrimaryKeyConstraint("identity", name="pk_stations"),
    )
    op.create_index("ix_stations_admission", "stations", ["admission"], unique=False)
    op.create_index("ix_stations_location", "stations", ["location"], unique=False)
    op.create_table(
        "evses",
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("evse_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("emi3_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["station"], ["stations.identity"], name="fk_evses_station"),
        sa.PrimaryKeyConstraint("station", "evse_id", name="pk_evses"),
        sa.UniqueConstraint("emi3_id", name="uq_evses_emi3_id"),
    )
    op.create_table(
        "station_connections",
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=True),
        sa.Column("connected_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.Column("last_heard_at", MOMENT, nullable=False),
        sa.Column("silence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["station"], ["stations.identity"], name="fk_station_connections_station"
        ),
        sa.PrimaryKeyConstraint("station", name="pk_station_connections"),
    )
    op.create_index("ix_station_connections_node", "station_connections", ["node"], unique=False)
    op.create_table(
        "station_owners",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("valid_from", MOMENT, nullable=False),
        sa.Column("valid_to", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation"], ["organisations.key"], name="fk_station_owners_organisation"
        ),
        sa.ForeignKeyConstraint(
            ["station"], ["stations.identity"], name="fk_station_owners_station"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_station_owners"),
        sa.UniqueConstraint("station", "valid_from", name="uq_station_owners_station_valid_from"),
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("station_number", sa.Numeric(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("evse_id", sa.Integer(), nullable=False),
        sa.Column("connector_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("free_vend", sa.Boolean(), nullable=False),
        sa.Column("station_waiting", sa.Boolean(), nullable=False),
        sa.Column("max_power_w", sa.Numeric(), nullable=True),
        sa.Column("id_token", sa.Text(), nullable=True),
        sa.Column("id_token_type", sa.Text(), nullable=True),
        sa.Column("token_key", sa.Text(), nullable=True),
        sa.Column("token_status", sa.Text(), nullable=True),
        sa.Column("token_organisation", sa.Text(), nullable=True),
        sa.Column("token_provider", sa.Text(), nullable=True),
        sa.Column("authorization_status", sa.Text(), nullable=True),
        sa.Column("start_seen", sa.Boolean(), nullable=False),
        sa.Column("offline", sa.Boolean(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("start_reported_at", MOMENT, nullable=False),
        sa.Column("start_received_at", MOMENT, nullable=False),
        sa.Column("reported_start_wh", sa.Numeric(), nullable=True),
        sa.Column("meter_start_wh", sa.Numeric(), nullable=True),
        sa.Column("remote_start_id", sa.BigInteger(), nullable=True),
        sa.Column("reservation_id", sa.BigInteger(), nullable=True),
        sa.Column("first_seq_no", sa.BigInteger(), nullable=True),
        sa.Column("clock_wrong", sa.Boolean(), nullable=False),
        sa.Column("charging_state", sa.Text(), nullable=True),
        sa.Column("available_since", MOMENT, nullable=True),
        sa.Column("queue_asked_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("end_reported_at", MOMENT, nullable=True),
        sa.Column("end_received_at", MOMENT, nullable=True),
        sa.Column("end_seq_no", sa.BigInteger(), nullable=True),
        sa.Column("reported_stop_wh", sa.Numeric(), nullable=True),
        sa.Column("meter_stop_wh", sa.Numeric(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("energy_wh", sa.Numeric(), nullable=True),
        sa.Column("energy_basis", sa.Text(), nullable=True),
        sa.Column("doubts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("conflicting_ends", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["station"], ["stations.identity"], name="fk_transactions_station"),
        sa.PrimaryKeyConstraint("id", name="pk_transactions"),
        sa.UniqueConstraint(
            "station", "ref", "generation", name="uq_transactions_station_ref_generation"
        ),
    )
    op.create_index("ix_transactions_ended_at", "transactions", ["ended_at"], unique=False)
    op.create_index(
        "ix_transactions_open",
        "transactions",
        ["station", "evse_id"],
        unique=False,
        postgresql_where="state <> 'ended'",
    )
    op.create_index(
        "ix_transactions_open_token",
        "transactions",
        ["token_key"],
        unique=False,
        postgresql_where="state = 'active'",
    )
    op.create_index(
        "ix_transactions_owner_ended_at", "transactions", ["owner", "ended_at"], unique=False
    )
    op.create_index(
        "ix_transactions_station_started_at",
        "transactions",
        ["station", "started_at"],
        unique=False,
    )
    op.create_table(
        "connectors",
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("evse_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("connector_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("max_power_w", sa.Numeric(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("charging_state", sa.Text(), nullable=True),
        sa.Column("original_status", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("vendor_error_code", sa.Text(), nullable=True),
        sa.Column("info", sa.Text(), nullable=True),
        sa.Column("status_at", MOMENT, nullable=True),
        sa.Column("status_received_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["station", "evse_id"],
            ["evses.station", "evses.evse_id"],
            name="fk_connectors_station_evse_id",
        ),
        sa.PrimaryKeyConstraint("station", "evse_id", "connector_id", name="pk_connectors"),
    )
    # Wrong clocks and days that nobody prepared: what fits no partition is still kept.
    op.execute("create table readings_default partition of readings default")
    op.execute("create table frames_default partition of frames default")


def downgrade() -> None:
    op.drop_table("connectors")
    op.drop_table("transactions")
    op.drop_table("station_owners")
    op.drop_table("station_connections")
    op.drop_table("evses")
    op.drop_table("stations")
    op.drop_table("locations")
    op.drop_table("id_token_holders")
    op.drop_table("status_history")
    op.drop_table("station_events")
    op.drop_table("reports")
    op.drop_table("readings")
    op.drop_table("quarantine")
    op.drop_table("nodes")
    op.drop_table("id_tokens")
    op.drop_table("frames")
    op.execute("drop sequence transaction_number")
