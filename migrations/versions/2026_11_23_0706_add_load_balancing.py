"""Load balancing by location."""

from alembic import op

revision = "csms_11"
down_revision = "alerts_7"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE load_balancers (
        location TEXT NOT NULL,
        is_on BOOLEAN NOT NULL,
        limit_a INTEGER NOT NULL,
        minimum_a INTEGER NOT NULL,
        fallback_a INTEGER NOT NULL,
        strategy TEXT NOT NULL,
        change_every_s INTEGER NOT NULL,
        windows JSONB NOT NULL,
        set_at TIMESTAMP WITH TIME ZONE NOT NULL,
        set_by TEXT NOT NULL,
        CONSTRAINT pk_load_balancers PRIMARY KEY (location),
        CONSTRAINT fk_load_balancers_location_locations
            FOREIGN KEY (location) REFERENCES locations (key)
    )""",
    """CREATE TABLE load_points (
        station TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        most_a INTEGER,
        priority INTEGER NOT NULL,
        rotation TEXT NOT NULL,
        CONSTRAINT pk_load_points PRIMARY KEY (station, evse_id),
        CONSTRAINT fk_load_points_station_stations
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    """CREATE TABLE load_signals (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        location TEXT NOT NULL,
        source TEXT NOT NULL,
        limit_a NUMERIC,
        limit_w NUMERIC,
        used_a NUMERIC,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        told_at TIMESTAMP WITH TIME ZONE NOT NULL,
        told_by TEXT NOT NULL,
        CONSTRAINT pk_load_signals PRIMARY KEY (id),
        CONSTRAINT ck_load_signals_order CHECK (ends_at > starts_at),
        CONSTRAINT ck_load_signals_one CHECK (num_nonnulls(limit_a, limit_w, used_a) = 1),
        CONSTRAINT fk_load_signals_location_locations
            FOREIGN KEY (location) REFERENCES locations (key)
    )""",
    "CREATE INDEX ix_load_signals_location_ends_at ON load_signals (location, ends_at)",
    """CREATE TABLE load_grants (
        station TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        location TEXT NOT NULL,
        transaction_id BIGINT,
        limit_a INTEGER,
        until TIMESTAMP WITH TIME ZONE,
        changed_at TIMESTAMP WITH TIME ZONE,
        raised_at TIMESTAMP WITH TIME ZONE,
        asked_a INTEGER,
        asked_until TIMESTAMP WITH TIME ZONE,
        asked_at TIMESTAMP WITH TIME ZONE,
        command BIGINT,
        refused INTEGER NOT NULL,
        CONSTRAINT pk_load_grants PRIMARY KEY (station, evse_id),
        CONSTRAINT fk_load_grants_station_stations
            FOREIGN KEY (station) REFERENCES stations (identity),
        CONSTRAINT fk_load_grants_location_locations
            FOREIGN KEY (location) REFERENCES locations (key)
    )""",
    "CREATE INDEX ix_load_grants_location ON load_grants (location)",
    """CREATE TABLE load_decisions (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        location TEXT NOT NULL,
        decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
        limit_a NUMERIC NOT NULL,
        limit_w NUMERIC,
        reason TEXT NOT NULL,
        allowed_a NUMERIC NOT NULL,
        taken_a NUMERIC,
        shares JSONB NOT NULL,
        CONSTRAINT pk_load_decisions PRIMARY KEY (id),
        CONSTRAINT fk_load_decisions_location_locations
            FOREIGN KEY (location) REFERENCES locations (key)
    )""",
    """CREATE INDEX ix_load_decisions_location_decided_at
            ON load_decisions (location, decided_at)""",
    "CREATE INDEX ix_load_decisions_decided_at ON load_decisions (decided_at)",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE load_decisions",
    "DROP TABLE load_grants",
    "DROP TABLE load_signals",
    "DROP TABLE load_points",
    "DROP TABLE load_balancers",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
