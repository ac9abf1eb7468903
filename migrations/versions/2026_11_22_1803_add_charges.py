"""What services cost, before it stands on a paper."""

from alembic import op

revision = "billing_2"
down_revision = "alerts_1"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table charges (
        id bigint generated always as identity,
        key text not null,
        kind text not null,
        debtor text not null,
        quantity numeric not null,
        unit text not null,
        net_minor bigint not null,
        currency text not null,
        period_start date not null,
        period_end date not null,
        about text,
        details jsonb not null,
        booked_at timestamptz not null,
        document text,
        constraint pk_charges primary key (id),
        constraint uq_charges_key unique (key),
        constraint ck_charges_period check (period_end >= period_start)
    )
    """,
    "create index ix_charges_open on charges (debtor, id) where document is null",
    "create index ix_charges_document on charges (document)",
)

DOWNGRADE: tuple[str, ...] = ("drop table charges",)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
