"""Local lists and reservations."""

from alembic import op

revision = "csms_14"
down_revision = "csms_13"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE local_lists (
        station TEXT NOT NULL,
        version BIGINT,
        is_known BOOLEAN NOT NULL,
        entries JSONB NOT NULL,
        last_version BIGINT NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_local_lists PRIMARY KEY (station),
        CONSTRAINT fk_local_lists_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    """CREATE TABLE local_list_updates (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        asked_by TEXT NOT NULL,
        asked_by_name TEXT NOT NULL,
        asker_organisation TEXT NOT NULL,
        door TEXT NOT NULL,
        is_authorised BOOLEAN NOT NULL,
        change_order TEXT,
        command BIGINT NOT NULL,
        messages INTEGER NOT NULL,
        restarts INTEGER NOT NULL,
        state TEXT NOT NULL,
        outcome TEXT,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_local_list_updates PRIMARY KEY (id),
        CONSTRAINT fk_local_list_updates_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    """CREATE UNIQUE INDEX uq_local_list_updates_under_way
        ON local_list_updates (station) WHERE ended_at IS NULL""",
    """CREATE INDEX ix_local_list_updates_station_id
        ON local_list_updates (station, id)""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE local_list_updates",
    "DROP TABLE local_lists",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
