"""Contacts, contracts, and the papers that go to them."""

from alembic import op

revision = "billing_5"
down_revision = "billing_4"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table contacts (
        id bigint generated always as identity,
        managing text not null,
        kind text not null,
        name text not null,
        street text not null,
        postcode text not null,
        city text not null,
        country text not null,
        tax_country text not null,
        tax_status text not null,
        vat_id text,
        tax_number text,
        language text not null,
        email text,
        phone text,
        iban text,
        bic text,
        represents text,
        is_active boolean not null,
        created_at timestamptz not null,
        constraint pk_contacts primary key (id),
        constraint uq_contacts_represents unique (represents),
        constraint ck_contacts_kind check (kind in ('person', 'company')),
        constraint fk_contacts_managing foreign key(managing) references organisations (key)
    )
    """,
    "create index ix_contacts_managing on contacts (managing)",
    """
    create table contracts (
        id bigint generated always as identity,
        contact_id bigint not null,
        name text not null,
        base_fee_minor bigint not null,
        currency text not null,
        tokens_of text,
        valid_from date not null,
        valid_to date,
        created_at timestamptz not null,
        constraint pk_contracts primary key (id),
        constraint ck_contracts_period check (valid_to > valid_from),
        constraint fk_contracts_contact_id foreign key(contact_id) references contacts (id)
    )
    """,
    "create index ix_contracts_contact_id on contracts (contact_id)",
    "create index ix_contracts_tokens_of on contracts (tokens_of)",
    """
    create table contract_tokens (
        id bigint generated always as identity,
        contract_id bigint not null,
        token text not null,
        label text not null,
        valid_from timestamptz not null,
        valid_to timestamptz,
        constraint pk_contract_tokens primary key (id),
        constraint uq_contract_tokens_token_valid_from unique (token, valid_from),
        constraint ck_contract_tokens_period check (valid_to > valid_from),
        constraint fk_contract_tokens_contract_id foreign key(contract_id) references contracts (id)
    )
    """,
    "create index ix_contract_tokens_contract_id on contract_tokens (contract_id)",
    """
    create table invoicing_settings (
        issuer text not null,
        settings jsonb not null,
        changed_at timestamptz not null,
        constraint pk_invoicing_settings primary key (issuer),
        constraint fk_invoicing_settings_issuer foreign key(issuer) references organisations (key)
    )
    """,
    """
    create table number_ranges (
        issuer text not null,
        prefix text not null,
        year integer not null,
        last_number bigint not null,
        last_issued_on date,
        constraint pk_number_ranges primary key (issuer, prefix, year),
        constraint fk_number_ranges_issuer foreign key(issuer) references organisations (key)
    )
    """,
    """
    create table documents (
        number text not null,
        issuer text not null,
        kind text not null,
        recipient text not null,
        contact_id bigint,
        managing text not null,
        organisation text,
        month text,
        currency text not null,
        issued_at timestamptz not null,
        issued_on date not null,
        due_on date,
        first_day date not null,
        last_day date not null,
        language text not null,
        net_minor bigint not null,
        tax_minor bigint not null,
        gross_minor bigint not null,
        cancels text,
        statement_id text,
        document jsonb not null,
        sha256 text not null,
        constraint pk_documents primary key (number)
    )
    """,
    "create index ix_documents_cancels on documents (cancels)",
    "create index ix_documents_contact_id on documents (contact_id)",
    """
    create index ix_documents_issuer_issued_on_number
        on documents (issuer, issued_on, number)
    """,
    "create index ix_documents_recipient_month on documents (recipient, month)",
    "create index ix_documents_statement_id on documents (statement_id)",
    """
    create table document_states (
        number text not null,
        run_key text,
        mail_id bigint,
        sent_at timestamptz,
        paid_at timestamptz,
        credited_minor bigint not null,
        cancelled_at timestamptz,
        constraint pk_document_states primary key (number),
        constraint uq_document_states_run_key unique (run_key),
        constraint fk_document_states_number foreign key(number) references documents (number)
    )
    """,
    """
    create table document_sessions (
        document text not null,
        position integer not null,
        line integer not null,
        cdr_id bigint not null,
        sign smallint not null,
        transaction_id bigint not null,
        net_minor bigint not null,
        vat_rate numeric not null,
        is_released boolean default false not null,
        constraint pk_document_sessions primary key (document, position)
    )
    """,
    "create index ix_document_sessions_transaction_id on document_sessions (transaction_id)",
    """
    create unique index uq_document_sessions_cdr
        on document_sessions (cdr_id, sign) where not is_released
    """,
    """
    create table document_files (
        document text not null,
        form text not null,
        content bytea not null,
        sha256 text not null,
        made_at timestamptz not null,
        constraint pk_document_files primary key (document, form),
        constraint fk_document_files_document foreign key(document) references documents (number)
    )
    """,
    """
    create table document_entries (
        entry_id bigint not null,
        document text not null,
        constraint pk_document_entries primary key (entry_id),
        constraint fk_document_entries_document foreign key(document) references documents (number)
    )
    """,
    "create index ix_document_entries_document on document_entries (document)",
    """
    create trigger documents_append_only before update or delete on documents
    for each statement execute function refuse_change()
    """,
    """
    create trigger document_files_append_only before update or delete on document_files
    for each statement execute function refuse_change()
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "drop table document_entries",
    "drop table document_files",
    "drop table document_sessions",
    "drop table document_states",
    "drop table documents",
    "drop table number_ranges",
    "drop table invoicing_settings",
    "drop table contract_tokens",
    "drop table contracts",
    "drop table contacts",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
