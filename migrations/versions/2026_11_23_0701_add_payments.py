"""Direct payments, settlements and tariffs at stations."""

from alembic import op

revision = "csms_9"
down_revision = "csms_8"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE transaction_limits (
        transaction_id BIGINT NOT NULL,
        station_max_cost NUMERIC,
        station_max_energy_wh NUMERIC,
        station_max_time_s BIGINT,
        station_max_soc INTEGER,
        our_max_cost NUMERIC,
        our_max_energy_wh NUMERIC,
        our_max_time_s BIGINT,
        our_max_soc INTEGER,
        station_at TIMESTAMP WITH TIME ZONE,
        our_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_transaction_limits PRIMARY KEY (transaction_id)
    )""",
    """CREATE TABLE station_costs (
        transaction_id BIGINT NOT NULL,
        is_final BOOLEAN NOT NULL,
        seq_no BIGINT NOT NULL,
        tariff_id TEXT,
        currency TEXT NOT NULL,
        excl_tax NUMERIC,
        incl_tax NUMERIC,
        energy_wh NUMERIC NOT NULL,
        details JSONB NOT NULL,
        failure TEXT,
        told_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_station_costs PRIMARY KEY (transaction_id)
    )""",
    """CREATE TABLE station_tariffs (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        transaction_ref TEXT,
        tariff_id TEXT NOT NULL,
        tariff JSONB NOT NULL,
        state TEXT NOT NULL,
        outcome TEXT,
        command BIGINT,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        asked_by TEXT NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_station_tariffs PRIMARY KEY (id),
        CONSTRAINT fk_station_tariffs_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    "CREATE UNIQUE INDEX ix_station_tariffs_command ON station_tariffs (command)",
    "CREATE INDEX ix_station_tariffs_station_asked_at ON station_tariffs (station, asked_at)",
    """CREATE TABLE station_tariff_readings (
        station TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        assignments JSONB NOT NULL,
        read_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_station_tariff_readings PRIMARY KEY (station, evse_id),
        CONSTRAINT fk_station_tariff_readings_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    """CREATE TABLE settlements (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        transaction_ref TEXT,
        transaction_id BIGINT,
        psp_ref TEXT NOT NULL,
        status TEXT NOT NULL,
        note TEXT,
        amount NUMERIC NOT NULL,
        currency TEXT NOT NULL,
        settled_at TIMESTAMP WITH TIME ZONE NOT NULL,
        receipt_id TEXT,
        receipt_url TEXT,
        vat_number TEXT,
        vat_company TEXT,
        received_at TIMESTAMP WITH TIME ZONE NOT NULL,
        claim TEXT NOT NULL,
        closed_at TIMESTAMP WITH TIME ZONE,
        closed_by TEXT,
        closing_note TEXT,
        CONSTRAINT pk_settlements PRIMARY KEY (id),
        CONSTRAINT uq_settlements_station_psp_ref_status_amount_settled_at
            UNIQUE (station, psp_ref, status, amount, settled_at),
        CONSTRAINT fk_settlements_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_settlements_claim ON settlements (claim)",
    "CREATE INDEX ix_settlements_transaction_id ON settlements (transaction_id)",
    """CREATE TABLE payment_points (
        station TEXT NOT NULL,
        takes_cards BOOLEAN NOT NULL,
        shows_code TEXT NOT NULL,
        secret TEXT,
        code_length INTEGER NOT NULL,
        code_lasts_s INTEGER NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        CONSTRAINT pk_payment_points PRIMARY KEY (station),
        CONSTRAINT fk_payment_points_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    """CREATE TABLE direct_payments (
        key TEXT NOT NULL,
        station TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        provider TEXT NOT NULL,
        provider_ref TEXT,
        token_key TEXT,
        code_mark TEXT,
        state TEXT NOT NULL,
        reason TEXT,
        currency TEXT NOT NULL,
        wanted_minor BIGINT NOT NULL,
        authorised_minor BIGINT NOT NULL,
        captured_minor BIGINT NOT NULL,
        released_minor BIGINT NOT NULL,
        due_minor BIGINT,
        max_energy_wh NUMERIC,
        max_time_s BIGINT,
        transaction_id BIGINT,
        begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_direct_payments PRIMARY KEY (key)
    )""",
    "CREATE UNIQUE INDEX ix_direct_payments_code_mark ON direct_payments (code_mark)",
    "CREATE UNIQUE INDEX ix_direct_payments_provider_ref ON direct_payments (provider_ref)",
    "CREATE INDEX ix_direct_payments_state ON direct_payments (state)",
    "CREATE INDEX ix_direct_payments_station_begun_at ON direct_payments (station, begun_at)",
    "CREATE UNIQUE INDEX ix_direct_payments_token_key ON direct_payments (token_key)",
    """CREATE TABLE payment_facts (
        key TEXT NOT NULL,
        payment TEXT,
        kind TEXT NOT NULL,
        amount_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
        entry_id BIGINT,
        CONSTRAINT pk_payment_facts PRIMARY KEY (key),
        CONSTRAINT fk_payment_facts_payment
            FOREIGN KEY (payment) REFERENCES direct_payments (key)
    )""",
    "CREATE INDEX ix_payment_facts_payment ON payment_facts (payment)",
    """CREATE TABLE prepaid_cards (
        token_key TEXT NOT NULL,
        currency TEXT NOT NULL,
        balance_minor BIGINT NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        made_by TEXT NOT NULL,
        CONSTRAINT pk_prepaid_cards PRIMARY KEY (token_key)
    )""",
    """CREATE TABLE prepaid_bookings (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        token_key TEXT NOT NULL,
        key TEXT NOT NULL,
        kind TEXT NOT NULL,
        amount_minor BIGINT NOT NULL,
        balance_minor BIGINT NOT NULL,
        transaction_id BIGINT,
        booked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        booked_by TEXT NOT NULL,
        CONSTRAINT pk_prepaid_bookings PRIMARY KEY (id),
        CONSTRAINT fk_prepaid_bookings_token_key
            FOREIGN KEY (token_key) REFERENCES prepaid_cards (token_key)
    )""",
    "CREATE UNIQUE INDEX ix_prepaid_bookings_key ON prepaid_bookings (key)",
    "CREATE INDEX ix_prepaid_bookings_token_key_id ON prepaid_bookings (token_key, id)",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE prepaid_bookings",
    "DROP TABLE prepaid_cards",
    "DROP TABLE payment_facts",
    "DROP TABLE direct_payments",
    "DROP TABLE payment_points",
    "DROP TABLE settlements",
    "DROP TABLE station_tariff_readings",
    "DROP TABLE station_tariffs",
    "DROP TABLE station_costs",
    "DROP TABLE transaction_limits",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
