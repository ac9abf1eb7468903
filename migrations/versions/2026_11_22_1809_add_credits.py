"""The prepaid wallet."""

from alembic import op

revision = "billing_8"
down_revision = "billing_7"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table credit_tiers (
        valid_from timestamptz not null,
        quantity bigint not null,
        unit_price_micro bigint not null,
        constraint pk_credit_tiers primary key (valid_from, quantity),
        constraint ck_credit_tiers_quantity check (quantity > 0),
        constraint ck_credit_tiers_price check (unit_price_micro > 0)
    )
    """,
    """
    create table credit_prices (
        service text not null,
        valid_from timestamptz not null,
        credits bigint not null,
        constraint pk_credit_prices primary key (service, valid_from),
        constraint ck_credit_prices_credits check (credits >= 0)
    )
    """,
    """
    create table credit_wallets (
        account text not null,
        balance bigint not null,
        reserved bigint not null,
        constraint pk_credit_wallets primary key (account),
        constraint ck_credit_wallets_balance check (0 <= reserved and reserved <= balance)
    )
    """,
    """
    create table credit_bookings (
        id bigint generated always as identity,
        account text not null,
        booked_at timestamptz not null,
        service text not null,
        about text,
        quantity bigint not null,
        balance_after bigint not null,
        reference text not null,
        booked_by text not null,
        constraint pk_credit_bookings primary key (id),
        constraint uq_credit_bookings_reference unique (reference),
        constraint ck_credit_bookings_quantity check (quantity <> 0),
        constraint ck_credit_bookings_balance_after check (balance_after >= 0)
    )
    """,
    "create index ix_credit_bookings_account_id on credit_bookings (account, id)",
    """
    create table credit_reservations (
        id bigint generated always as identity,
        account text not null,
        service text not null,
        about text,
        quantity bigint not null,
        reference text not null,
        reserved_by text not null,
        state text not null,
        reserved_at timestamptz not null,
        settled_at timestamptz,
        constraint pk_credit_reservations primary key (id),
        constraint uq_credit_reservations_reference unique (reference),
        constraint ck_credit_reservations_quantity check (quantity > 0),
        constraint ck_credit_reservations_state check (state in ('open', 'captured', 'released'))
    )
    """,
    (
        "create index ix_credit_reservations_open on credit_reservations (reserved_at)"
        " where state = 'open'"
    ),
    "create sequence credit_order_numbers",
    """
    create table credit_orders (
        id bigint generated always as identity,
        number text not null,
        account text,
        user_name text,
        person_id bigint,
        source text not null,
        quantity bigint not null,
        unit_price_micro bigint not null,
        list_price_micro bigint not null,
        net_minor bigint not null,
        currency text not null,
        is_invoiced_elsewhere boolean not null,
        state text not null,
        ordered_at timestamptz not null,
        ordered_by text not null,
        booked_at timestamptz,
        booked_by text,
        paid_at timestamptz,
        payment text,
        constraint pk_credit_orders primary key (id),
        constraint uq_credit_orders_number unique (number),
        constraint ck_credit_orders_quantity check (quantity > 0),
        constraint ck_credit_orders_state
            check (state in ('unmatched', 'open', 'booked', 'cancelled')),
        constraint ck_credit_orders_booked check ((state = 'booked') = (booked_at is not null)),
        constraint ck_credit_orders_account
            check (account is not null or state in ('unmatched', 'cancelled'))
    )
    """,
    "create index ix_credit_orders_account_id on credit_orders (account, id)",
    (
        "create index ix_credit_orders_to_do on credit_orders (id)"
        " where state in ('unmatched', 'open')"
    ),
    """
    create table remote_accesses (
        account text not null,
        station text not null,
        is_on boolean not null,
        renews boolean not null,
        months smallint not null,
        until timestamptz not null,
        warned_days integer,
        person_id bigint,
        changed_by text not null,
        changed_at timestamptz not null,
        constraint pk_remote_accesses primary key (account, station),
        constraint ck_remote_accesses_months check (months in (1, 12))
    )
    """,
    "create index ix_remote_accesses_due on remote_accesses (until) where is_on and renews",
    "create index ix_remote_accesses_station on remote_accesses (station)",
    """
    create table remote_terms (
        id bigint generated always as identity,
        account text not null,
        station text not null,
        valid_from timestamptz not null,
        valid_to timestamptz not null,
        months smallint not null,
        origin_at timestamptz not null,
        months_before integer not null,
        credits bigint not null,
        reference text not null,
        constraint pk_remote_terms primary key (id),
        constraint uq_remote_terms_reference unique (reference),
        constraint ck_remote_terms_period check (valid_to > valid_from),
        constraint ck_remote_terms_months check (months in (1, 12))
    )
    """,
    (
        "create index ix_remote_terms_account_station_valid_to"
        " on remote_terms (account, station, valid_to)"
    ),
    # Refused by the function that guards the ledger.
    *(
        f"""
        create trigger {table}_append_only before update or delete on {table}
        for each statement execute function refuse_change()
        """
        for table in ("credit_bookings", "remote_terms")
    ),
)

DOWNGRADE: tuple[str, ...] = (
    "drop table remote_terms",
    "drop table remote_accesses",
    "drop table credit_orders",
    "drop sequence credit_order_numbers",
    "drop table credit_reservations",
    "drop table credit_bookings",
    "drop table credit_wallets",
    "drop table credit_prices",
    "drop table credit_tiers",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
