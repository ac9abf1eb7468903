"""What stations tell of customers."""

from alembic import op

revision = "csms_15"
down_revision = "csms_14"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE customer_information (
        station TEXT NOT NULL,
        request_id BIGINT NOT NULL,
        seq_no BIGINT NOT NULL,
        data TEXT NOT NULL,
        is_last BOOLEAN NOT NULL,
        received_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_customer_information PRIMARY KEY (station, request_id, seq_no),
        CONSTRAINT fk_customer_information_station
            FOREIGN KEY (station) REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_customer_information_received_at ON customer_information (received_at)",
)

DOWNGRADE: tuple[str, ...] = ("DROP TABLE customer_information",)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
