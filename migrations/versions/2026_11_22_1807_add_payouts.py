"""Payouts, as they are released and paid."""

from alembic import op

revision = "billing_6"
down_revision = "billing_5"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table payout_runs (
        id bigint generated always as identity,
        state text not null,
        currency text not null,
        execute_on date not null,
        created_at timestamptz not null,
        debtor_name text not null,
        debtor_iban text not null,
        debtor_bic text,
        left_out jsonb not null,
        file text,
        file_sha256 text,
        constraint pk_payout_runs primary key (id)
    )
    """,
    "create index ix_payout_runs_state on payout_runs (state)",
    """
    create table payout_steps (
        run_id bigint not null,
        state text not null,
        at timestamptz not null,
        by text not null,
        by_name text not null,
        constraint pk_payout_steps primary key (run_id, state)
    )
    """,
    """
    create unique index uq_payout_steps_releases on payout_steps (run_id, by)
    where state in ('released_once', 'released')
    """,
    """
    create table payout_payments (
        id bigint generated always as identity,
        run_id bigint not null,
        payee text not null,
        name text not null,
        iban text not null,
        bic text,
        amount_minor bigint not null,
        remittance text not null,
        constraint pk_payout_payments primary key (id),
        constraint uq_payout_payments_run_id_payee unique (run_id, payee),
        constraint ck_payout_payments_amount check (amount_minor > 0)
    )
    """,
    "create index ix_payout_payments_payee on payout_payments (payee)",
    """
    create table payout_statements (
        statement_id text not null,
        run_id bigint not null,
        payee text not null,
        position integer not null,
        due_on date not null,
        gross_minor bigint not null,
        paid_minor bigint not null,
        constraint pk_payout_statements primary key (statement_id)
    )
    """,
    "create index ix_payout_statements_run_id on payout_statements (run_id)",
    """
    create table self_billing_acceptances (
        id bigint generated always as identity,
        payee text not null,
        terms text not null,
        language text not null,
        tax_status text not null,
        vat_id text,
        iban text not null,
        accepted_at timestamptz not null,
        accepted_by text not null,
        accepted_by_name text not null,
        constraint pk_self_billing_acceptances primary key (id)
    )
    """,
    "create index ix_self_billing_acceptances_payee_id on self_billing_acceptances (payee, id)",
    """
    create trigger self_billing_acceptances_append_only
    before update or delete on self_billing_acceptances
    for each statement execute function refuse_change()
    """,
    # Papers in XML name the country of both parties; what was printed before did not keep it.
    """
    update statements s set document = jsonb_set(
        jsonb_set(s.document, '{payee,country}', to_jsonb(payee.country)),
        '{issuer,country}', to_jsonb(issuer.country))
    from organisations payee, organisations issuer
    where payee.key = s.document #>> '{payee,key}' and issuer.key = s.document #>> '{issuer,key}'
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "update statements set document = document #- '{payee,country}' #- '{issuer,country}'",
    "drop table self_billing_acceptances",
    "drop table payout_statements",
    "drop table payout_payments",
    "drop table payout_steps",
    "drop table payout_runs",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
