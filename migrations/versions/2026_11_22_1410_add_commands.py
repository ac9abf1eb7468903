"""Commands to stations and their outcomes."""

from alembic import op

revision = "csms_2"
down_revision = "accounts_2"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    "create sequence command_number as bigint start 1",
    """
    create table commands (
        id bigint not null constraint pk_commands primary key,
        station text not null constraint fk_commands_station references stations (identity),
        owner text not null,
        version text not null,
        vendor text,
        model text,
        firmware text,
        action text not null,
        payload jsonb not null,
        concealed jsonb,
        raw boolean not null,
        asked_at timestamptz not null,
        asked_by text not null,
        asked_by_name text not null,
        door text not null,
        asker_organisation text not null,
        reason text not null,
        reference text,
        priority integer not null,
        expires_at timestamptz not null,
        when_offline text not null,
        change_order text,
        billing_decision text,
        idempotency_key text,
        until_ended boolean not null,
        set_back_at timestamptz,
        state text not null,
        failure text,
        due_at timestamptz,
        earliest_at timestamptz,
        attempts integer not null,
        node text,
        epoch bigint,
        message_id text,
        sent_at timestamptz,
        unknown_since timestamptz,
        answered_at timestamptz,
        answer jsonb,
        read_back jsonb,
        read_back_at timestamptz,
        transaction_id bigint,
        remote_start_id bigint,
        finished_at timestamptz,
        constraint uq_commands_asked_by_idempotency_key unique (asked_by, idempotency_key)
    )
    """,
    """
    create index ix_commands_open on commands (station, priority, id)
    where due_at is not null
    """,
    "create index ix_commands_due on commands (due_at) where due_at is not null",
    """
    create index ix_commands_in_flight on commands (asked_by)
    where state in ('queued', 'sent')
    """,
    "create index ix_commands_set_back on commands (set_back_at) where set_back_at is not null",
    "create index ix_commands_message_id on commands (message_id)",
    "create index ix_commands_station_id on commands (station, id)",
    "create index ix_commands_owner_id on commands (owner, id)",
    """
    create index ix_commands_transaction_id on commands (transaction_id)
    where transaction_id is not null
    """,
    "create index ix_commands_asked_at on commands (asked_at)",
    """
    create table command_transitions (
        id bigint generated always as identity constraint pk_command_transitions primary key,
        command_id bigint not null constraint fk_command_transitions_command_id
            references commands (id) on delete cascade,
        state text not null,
        failure text,
        at timestamptz not null,
        note text
    )
    """,
    """
    create index ix_command_transitions_command_id_id on command_transitions (command_id, id)
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "drop table command_transitions",
    "drop table commands",
    "drop sequence command_number",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
