"""Prices of services, packages, and the months they are charged for."""

from alembic import op

revision = "billing_7"
down_revision = "billing_6"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE monitoring_switches (
        id BIGINT NOT NULL,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        is_on BOOLEAN NOT NULL,
        CONSTRAINT pk_monitoring_switches PRIMARY KEY (id)
    )""",
    """CREATE INDEX ix_monitoring_switches_organisation_station_at
            ON monitoring_switches (organisation, station, at)""",
    """CREATE TABLE service_price_lists (
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        currency TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_service_price_lists PRIMARY KEY (key)
    )""",
    """CREATE TABLE service_prices (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        price_list TEXT NOT NULL,
        kind TEXT NOT NULL,
        per TEXT NOT NULL,
        price NUMERIC NOT NULL,
        policy TEXT NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_service_prices PRIMARY KEY (id),
        CONSTRAINT uq_service_prices_price_list_kind_valid_from
            UNIQUE (price_list, kind, valid_from),
        CONSTRAINT ck_service_prices_price CHECK (price >= 0),
        CONSTRAINT fk_service_prices_price_list FOREIGN KEY(price_list)
            REFERENCES service_price_lists (key)
    )""",
    """CREATE TABLE service_price_assignments (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        debtor TEXT NOT NULL,
        price_list TEXT NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_service_price_assignments PRIMARY KEY (id),
        CONSTRAINT uq_service_price_assignments_debtor_valid_from UNIQUE (debtor, valid_from),
        CONSTRAINT fk_service_price_assignments_price_list FOREIGN KEY(price_list)
            REFERENCES service_price_lists (key)
    )""",
    """CREATE TABLE service_subscriptions (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        debtor TEXT NOT NULL,
        kind TEXT NOT NULL,
        active_from TIMESTAMP WITH TIME ZONE NOT NULL,
        active_to TIMESTAMP WITH TIME ZONE,
        started_by TEXT NOT NULL,
        ended_by TEXT,
        CONSTRAINT pk_service_subscriptions PRIMARY KEY (id),
        CONSTRAINT ck_service_subscriptions_period CHECK (active_to >= active_from)
    )""",
    """CREATE INDEX ix_service_subscriptions_debtor_active_from
            ON service_subscriptions (debtor, active_from)""",
    """CREATE UNIQUE INDEX uq_service_subscriptions_active
            ON service_subscriptions (debtor, kind) WHERE active_to is null""",
    """CREATE TABLE service_packages (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        key TEXT NOT NULL,
        name TEXT NOT NULL,
        first_aid BOOLEAN NOT NULL,
        hotline BOOLEAN NOT NULL,
        dispatch BOOLEAN NOT NULL,
        maintenance TEXT NOT NULL,
        remote_within_h INTEGER NOT NULL,
        answer_within_days INTEGER NOT NULL,
        on_site_within_days INTEGER NOT NULL,
        time_zone TEXT NOT NULL,
        opens TIME WITHOUT TIME ZONE NOT NULL,
        closes TIME WITHOUT TIME ZONE NOT NULL,
        weekdays SMALLINT[] NOT NULL,
        holidays DATE[] NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_service_packages PRIMARY KEY (id),
        CONSTRAINT uq_service_packages_key_valid_from UNIQUE (key, valid_from),
        CONSTRAINT ck_service_packages_hours CHECK (closes > opens)
    )""",
    """CREATE TABLE service_package_assignments (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        scope TEXT NOT NULL,
        target TEXT NOT NULL,
        organisation TEXT NOT NULL,
        package TEXT NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_to TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        CONSTRAINT pk_service_package_assignments PRIMARY KEY (id),
        CONSTRAINT uq_service_package_assignments_scope_target_valid_from
            UNIQUE (scope, target, valid_from),
        CONSTRAINT ck_service_package_assignments_period CHECK (valid_to >= valid_from),
        CONSTRAINT ck_service_package_assignments_scope
            CHECK (scope IN ('station', 'organisation'))
    )""",
    """CREATE INDEX ix_service_package_assignments_organisation
            ON service_package_assignments (organisation)""",
    """CREATE TABLE maintenance_jobs (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        done_on DATE NOT NULL,
        package TEXT,
        is_free BOOLEAN NOT NULL,
        net_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        note TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_by TEXT NOT NULL,
        CONSTRAINT pk_maintenance_jobs PRIMARY KEY (id),
        CONSTRAINT uq_maintenance_jobs_station_done_on UNIQUE (station, done_on)
    )""",
    "CREATE INDEX ix_maintenance_jobs_organisation ON maintenance_jobs (organisation)",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE maintenance_jobs",
    "DROP TABLE service_package_assignments",
    "DROP TABLE service_packages",
    "DROP TABLE service_subscriptions",
    "DROP TABLE service_price_assignments",
    "DROP TABLE service_prices",
    "DROP TABLE service_price_lists",
    "DROP TABLE monitoring_switches",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
