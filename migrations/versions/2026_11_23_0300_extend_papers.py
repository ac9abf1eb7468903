"""Shares that are paid out when the provider's money is there."""

from alembic import op

revision = "billing_11"
down_revision = "support_3"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    "alter table agreements add column external_due text not null default 'close'",
    """
    alter table agreements add constraint ck_agreements_external_due
        check (external_due in ('close', 'receipt'))
    """,
    "alter table payout_statements add column is_last boolean not null default true",
    "alter table payout_statements add column is_over boolean not null default false",
    "alter table payout_statements drop constraint pk_payout_statements",
    """
    alter table payout_statements
        add constraint pk_payout_statements primary key (statement_id, run_id)
    """,
    """
    create unique index uq_payout_statements_under_way on payout_statements (statement_id)
        where not is_over
    """,
    """
    create table awaited_receipts (
        cdr_id bigint not null,
        statement_id text not null,
        net_minor bigint not null,
        constraint pk_awaited_receipts primary key (cdr_id)
    )
    """,
    "create index ix_awaited_receipts_statement_id on awaited_receipts (statement_id)",
)

DOWNGRADE: tuple[str, ...] = (
    "drop table awaited_receipts",
    "drop index uq_payout_statements_under_way",
    "delete from payout_statements where is_over",
    "alter table payout_statements drop constraint pk_payout_statements",
    """
    alter table payout_statements
        add constraint pk_payout_statements primary key (statement_id)
    """,
    "alter table payout_statements drop column is_over",
    "alter table payout_statements drop column is_last",
    "alter table agreements drop constraint ck_agreements_external_due",
    "alter table agreements drop column external_due",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
