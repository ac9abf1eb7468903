"""The identity that a station was told, the password of a place, the languages of a driver."""

from alembic import op

revision = "csms_13"
down_revision = "csms_11"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    "ALTER TABLE stations ADD COLUMN next_identity TEXT",
    "ALTER TABLE stations ADD CONSTRAINT uq_stations_next_identity UNIQUE (next_identity)",
    "ALTER TABLE file_places ADD COLUMN password BYTEA",
    "ALTER TABLE id_tokens ADD COLUMN language1 TEXT",
    "ALTER TABLE id_tokens ADD COLUMN language2 TEXT",
)

DOWNGRADE: tuple[str, ...] = (
    "ALTER TABLE id_tokens DROP COLUMN language2",
    "ALTER TABLE id_tokens DROP COLUMN language1",
    "ALTER TABLE file_places DROP COLUMN password",
    "ALTER TABLE stations DROP COLUMN next_identity",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
