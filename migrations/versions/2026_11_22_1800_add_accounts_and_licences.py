"""Accounts with their licences and applications, and the metering points of tiers."""

from alembic import op

revision = "accounts_3"
down_revision = "csms_4"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table accounts (
        organisation text not null,
        name text not null,
        customer text not null,
        licence text not null,
        datapoints integer not null,
        sector text not null,
        rtc_lines integer not null,
        mail_domain text,
        comment text not null,
        anchor_on date not null,
        months integer not null,
        starts_on date not null,
        ends_on date not null,
        datapoints_used integer not null,
        tier text not null,
        counted_at timestamptz not null,
        archived_at timestamptz,
        created_at timestamptz not null,
        constraint pk_accounts primary key (organisation),
        constraint fk_accounts_organisation_organisations
            foreign key (organisation) references organisations (key),
        constraint ck_accounts_datapoints check (datapoints >= 20),
        constraint ck_accounts_months check (months > 0),
        constraint ck_accounts_term check (ends_on > starts_on)
    )
    """,
    "create index ix_accounts_ends_on on accounts (ends_on)",
    """
    create table account_applications (
        id bigint generated always as identity,
        organisation text not null,
        kind text not null,
        state text not null,
        wanted jsonb not null,
        applicant text not null,
        applicant_name text not null,
        applied_at timestamptz not null,
        decided_by text,
        decided_by_name text,
        decided_at timestamptz,
        reason text,
        constraint pk_account_applications primary key (id),
        constraint fk_account_applications_organisation_organisations
            foreign key (organisation) references organisations (key),
        constraint ck_account_applications_state
            check (state in ('pending', 'approved', 'rejected', 'withdrawn')),
        constraint ck_account_applications_reason
            check (state <> 'rejected' or reason is not null)
    )
    """,
    (
        "create unique index uq_account_applications_pending on account_applications"
        " (organisation, kind) where state = 'pending'"
    ),
    (
        "create index ix_account_applications_organisation_id on account_applications"
        " (organisation, id)"
    ),
    """
    create table account_terms (
        application bigint not null,
        organisation text not null,
        starts_on date not null,
        ends_on date not null,
        months integer not null,
        licence text not null,
        datapoints integer not null,
        constraint pk_account_terms primary key (application),
        constraint fk_account_terms_application_account_applications
            foreign key (application) references account_applications (id),
        constraint fk_account_terms_organisation_organisations
            foreign key (organisation) references organisations (key),
        constraint ck_account_terms_term check (ends_on > starts_on)
    )
    """,
    (
        "create index ix_account_terms_organisation_starts_on on account_terms"
        " (organisation, starts_on)"
    ),
    """
    create table account_reminders (
        organisation text not null,
        subject text not null,
        ends_on date not null,
        kind text not null,
        state text not null,
        done_at timestamptz not null,
        constraint pk_account_reminders primary key (organisation, subject, ends_on, kind),
        constraint fk_account_reminders_organisation_organisations
            foreign key (organisation) references organisations (key)
    )
    """,
    """
    create table point_licences (
        id bigint generated always as identity,
        organisation text not null,
        application bigint not null,
        kind text not null,
        model text not null,
        quantity integer not null,
        starts_on date not null,
        ends_on date,
        unit_price numeric,
        next_month_on date,
        constraint pk_point_licences primary key (id),
        constraint fk_point_licences_organisation_organisations
            foreign key (organisation) references organisations (key),
        constraint fk_point_licences_application_account_applications
            foreign key (application) references account_applications (id),
        constraint ck_point_licences_kind check (kind in ('heat_water_gas', 'all')),
        constraint ck_point_licences_model check (model in ('monthly', 'multi_year')),
        constraint ck_point_licences_quantity check (quantity > 0),
        constraint ck_point_licences_term check (model = 'monthly' or ends_on is not null)
    )
    """,
    "create index ix_point_licences_organisation on point_licences (organisation)",
    """
    create table licence_prices (
        item text not null,
        currency text not null,
        valid_from date not null,
        price numeric not null,
        created_at timestamptz not null,
        created_by text not null,
        constraint pk_licence_prices primary key (item, currency, valid_from),
        constraint ck_licence_prices_price check (price >= 0)
    )
    """,
    "alter table api_keys add column commercial boolean not null default false",
    "alter table mails add column sender text",
)

DOWNGRADE: tuple[str, ...] = (
    "alter table mails drop column sender",
    "alter table api_keys drop column commercial",
    "drop table licence_prices",
    "drop table point_licences",
    "drop table account_reminders",
    "drop table account_terms",
    "drop table account_applications",
    "drop table accounts",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
