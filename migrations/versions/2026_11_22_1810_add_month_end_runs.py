"""Runs of the month end, and shadow statements."""

from alembic import op

revision = "billing_9"
down_revision = "billing_8"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table month_runs (
        month text not null,
        asked_by text not null,
        asked_at timestamptz not null,
        begun_at timestamptz not null,
        finished_at timestamptz,
        constraint pk_month_runs primary key (month)
    )
    """,
    """
    create table month_steps (
        month text not null,
        payee text not null,
        step text not null,
        state text not null,
        tries integer not null,
        tried_at timestamptz,
        code text,
        detail text,
        made text[] not null,
        constraint pk_month_steps primary key (month, payee, step)
    )
    """,
    """
    create table shadow_statements (
        id bigint generated always as identity,
        payee text not null,
        month text not null,
        currency text not null,
        drawn_at timestamptz not null,
        drawn_by text not null,
        pending integer not null,
        figures jsonb not null,
        constraint pk_shadow_statements primary key (id)
    )
    """,
    """
    create index ix_shadow_statements_payee_month_drawn_at
        on shadow_statements (payee, month, drawn_at)
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "drop table shadow_statements",
    "drop table month_steps",
    "drop table month_runs",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
