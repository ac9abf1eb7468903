"""What the plausibility monitor was set to, and what people decided."""

from alembic import op

revision = "billing_4"
down_revision = "billing_3"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table plausibility_settings (
        organisation text not null,
        settings jsonb not null,
        changed_at timestamptz not null,
        changed_by text not null,
        constraint pk_plausibility_settings primary key (organisation)
    )
    """,
    "alter table holds add column findings jsonb",
    """
    create index ix_cdrs_id_token_started_at on cdrs (id_token, started_at)
    where id_token is not null
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "drop index ix_cdrs_id_token_started_at",
    "alter table holds drop column findings",
    "drop table plausibility_settings",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
