"""Webhooks, and how far outsiders have read the journal."""

from alembic import op

revision = "portal_1"
down_revision = "support_1"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table journal_cursors (
        name text not null constraint pk_journal_cursors primary key,
        xid bigint not null,
        event_id bigint not null,
        moved_at timestamptz not null
    )
    """,
    "create table feed_topics (topic text not null constraint pk_feed_topics primary key)",
    """
    create table webhooks (
        id bigint generated always as identity constraint pk_webhooks primary key,
        organisation text not null
            constraint fk_webhooks_organisation references organisations (key),
        name text not null,
        url text not null,
        kinds text[] not null,
        reach text not null,
        sees_personal boolean not null,
        secret bytea not null,
        old_secret bytea,
        old_secret_until timestamptz,
        active boolean not null,
        inactive_because text,
        failures integer not null,
        failing_since timestamptz,
        created_at timestamptz not null,
        created_by text not null
    )
    """,
    "create index ix_webhooks_organisation on webhooks (organisation)",
    """
    create table webhook_deliveries (
        id bigint generated always as identity constraint pk_webhook_deliveries primary key,
        webhook bigint not null
            constraint fk_webhook_deliveries_webhook references webhooks (id) on delete cascade,
        event_id bigint not null,
        kind text not null,
        state text not null,
        attempts integer not null,
        response_status smallint,
        last_error text,
        created_at timestamptz not null,
        attempted_at timestamptz,
        next_try_at timestamptz,
        asked_by text
    )
    """,
    """
    create unique index uq_webhook_deliveries_webhook_event
        on webhook_deliveries (webhook, event_id) where asked_by is null
    """,
    "create index ix_webhook_deliveries_webhook_id on webhook_deliveries (webhook, id)",
    "create index ix_webhook_deliveries_created_at on webhook_deliveries (created_at)",
)

DOWNGRADE: tuple[str, ...] = (
    "drop table webhook_deliveries",
    "drop table webhooks",
    "drop table feed_topics",
    "drop table journal_cursors",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
