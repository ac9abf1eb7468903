"""Meters' public keys and signed meter values."""

from alembic import op

revision = "csms_5"
down_revision = "accounts_3"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table meter_keys (
        id bigint generated always as identity,
        station text not null,
        evse_id integer not null,
        public_key text not null,
        curve text not null,
        meter_serial text,
        valid_from timestamptz not null,
        valid_to timestamptz,
        entered_at timestamptz not null,
        entered_by text not null,
        constraint pk_meter_keys primary key (id),
        constraint uq_meter_keys_station_evse_id_valid_from
            unique (station, evse_id, valid_from),
        constraint ck_meter_keys_period check (valid_to > valid_from),
        constraint fk_meter_keys_station foreign key (station) references stations (identity)
    )
    """,
    """
    create table signed_values (
        id bigint generated always as identity,
        transaction_id bigint not null,
        position integer not null,
        context text not null,
        digest bytea not null,
        original bytea not null,
        format text not null,
        offered_key text,
        status text not null,
        reason text,
        key_id bigint,
        document jsonb,
        checked_at timestamptz not null,
        constraint pk_signed_values primary key (id),
        constraint uq_signed_values_transaction_id_digest unique (transaction_id, digest)
    )
    """,
    """
    create table signed_transactions (
        transaction_id bigint not null,
        station text not null,
        evse_id integer not null,
        status text not null,
        reason text,
        begin_wh numeric,
        end_wh numeric,
        checked_at timestamptz not null,
        constraint pk_signed_transactions primary key (transaction_id)
    )
    """,
    "create index ix_signed_transactions_station on signed_transactions (station)",
    """
    create table ghost_guards (
        station text not null,
        minutes integer not null,
        set_at timestamptz not null,
        set_by text not null,
        constraint pk_ghost_guards primary key (station),
        constraint fk_ghost_guards_station foreign key (station) references stations (identity)
    )
    """,
    """
    create table transaction_corrections (
        id bigint generated always as identity,
        transaction_id bigint not null,
        revision integer not null,
        before jsonb not null,
        after jsonb not null,
        reason text not null,
        made_at timestamptz not null,
        made_by text not null,
        constraint pk_transaction_corrections primary key (id)
    )
    """,
    """
    create index ix_transaction_corrections_transaction_id
    on transaction_corrections (transaction_id)
    """,
    "alter table transactions add column correction text",
)

DOWNGRADE: tuple[str, ...] = (
    "alter table transactions drop column correction",
    "drop table transaction_corrections",
    "drop table ghost_guards",
    "drop table signed_transactions",
    "drop table signed_values",
    "drop table meter_keys",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
