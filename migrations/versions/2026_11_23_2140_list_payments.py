"""Payments of all stations are listed by moment."""

from alembic import op

revision = "csms_16"
down_revision = "csms_15"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    "CREATE INDEX ix_settlements_settled_at_id ON settlements (settled_at, id)",
    "CREATE INDEX ix_direct_payments_begun_at ON direct_payments (begun_at)",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP INDEX ix_direct_payments_begun_at",
    "DROP INDEX ix_settlements_settled_at_id",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
