"""Conditions of tariffs: on whom, where and when they apply."""

from alembic import op

revision = "billing_3"
down_revision = "billing_2"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    alter table tariff_assignments
        add column side text not null default 'sale',
        add column priority integer not null default 0,
        add column conditions jsonb not null default '{}',
        add column conditions_key text not null default ''
    """,
    """
    alter table tariff_assignments
        alter column side drop default,
        alter column priority drop default,
        alter column conditions drop default,
        alter column conditions_key drop default,
        drop constraint uq_tariff_assignments_scope_scope_id_valid_from,
        add constraint uq_tariff_assignments_lane
            unique (scope, scope_id, side, priority, conditions_key, valid_from)
    """,
    """
    alter table transaction_terms
        add column purchase_number bigint,
        add column stop_at timestamptz,
        add column stop_asked_at timestamptz
    """,
    """
    create index ix_transaction_terms_stop_at on transaction_terms (stop_at)
        where stop_at is not null and stop_asked_at is null
    """,
    """
    alter table cdrs
        add column purchase_number bigint,
        add column purchase_net_minor bigint,
        add column purchase_lines jsonb
    """,
    "alter table transactions add column token_group text",
    """
    create table place_hours (
        id bigint generated always as identity,
        scope text not null,
        scope_id text not null,
        kind text not null,
        hours jsonb,
        transition_minutes integer not null,
        stops boolean not null,
        valid_from timestamptz not null,
        created_at timestamptz not null,
        constraint pk_place_hours primary key (id),
        constraint uq_place_hours_scope_scope_id_kind_valid_from
            unique (scope, scope_id, kind, valid_from),
        constraint ck_place_hours_transition check (transition_minutes >= 0)
    )
    """,
    """
    create table access_controls (
        id bigint generated always as identity,
        key text not null,
        organisation text,
        conditions jsonb not null,
        allowed jsonb not null,
        is_on boolean not null,
        created_at timestamptz not null,
        constraint pk_access_controls primary key (id)
    )
    """,
    "create index ix_access_controls_key on access_controls (key)",
)

DOWNGRADE: tuple[str, ...] = (
    "drop table access_controls",
    "drop table place_hours",
    "alter table transactions drop column token_group",
    """
    alter table cdrs
        drop column purchase_lines,
        drop column purchase_net_minor,
        drop column purchase_number
    """,
    "drop index ix_transaction_terms_stop_at",
    """
    alter table transaction_terms
        drop column stop_asked_at,
        drop column stop_at,
        drop column purchase_number
    """,
    # What has conditions, a priority or the other side has no place in the older table.
    """
    delete from tariff_assignments
    where side <> 'sale' or priority <> 0 or conditions_key <> '' or scope = 'connector'
    """,
    """
    alter table tariff_assignments
        drop constraint uq_tariff_assignments_lane,
        drop column conditions_key,
        drop column conditions,
        drop column priority,
        drop column side,
        add constraint uq_tariff_assignments_scope_scope_id_valid_from
            unique (scope, scope_id, valid_from)
    """,
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
