"""Papers and payouts, mended."""

from alembic import op

revision = "billing_10"
down_revision = "billing_9"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table payout_returns (
        payment_id bigint not null,
        payee text not null,
        iban text not null,
        returned_on date not null,
        reason text not null,
        at timestamptz not null,
        by text not null,
        by_name text not null,
        constraint pk_payout_returns primary key (payment_id)
    )
    """,
    "create index ix_payout_returns_payee on payout_returns (payee)",
    """
    create table other_payments (
        statement_id text not null,
        amount_minor bigint not null,
        at timestamptz not null,
        by text not null,
        by_name text not null,
        constraint pk_other_payments primary key (statement_id)
    )
    """,
    "alter table credit_orders add column prepaid_entry bigint",
    "alter table document_states add column paid_minor bigint not null default 0",
    """
    update document_states set paid_minor = documents.gross_minor - credited_minor
    from documents
    where documents.number = document_states.number and paid_at is not null
    """,
    "alter table document_states alter column paid_minor drop default",
)

DOWNGRADE: tuple[str, ...] = (
    "alter table document_states drop column paid_minor",
    "alter table credit_orders drop column prepaid_entry",
    "drop table other_payments",
    "drop table payout_returns",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
