"""Messages, lists, reservations and other records of stations."""

from alembic import op

revision = "csms_10"
down_revision = "csms_9"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE station_records (
        station TEXT NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        content JSONB NOT NULL,
        state TEXT,
        told_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_station_records PRIMARY KEY (station, kind, key),
        CONSTRAINT fk_station_records_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    """CREATE TABLE station_tellings (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        kind TEXT NOT NULL,
        ref TEXT NOT NULL,
        digest TEXT NOT NULL,
        content JSONB NOT NULL,
        told_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_station_tellings PRIMARY KEY (id),
        CONSTRAINT uq_station_tellings_station_kind_ref_digest
            UNIQUE (station, kind, ref, digest),
        CONSTRAINT fk_station_tellings_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    """CREATE INDEX ix_station_tellings_station_kind_told_at
        ON station_tellings (station, kind, told_at)""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE station_tellings",
    "DROP TABLE station_records",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
