"""What alerts keep, and for how long."""

from alembic import op

revision = "alerts_7"
down_revision = "csms_10"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """ALTER TABLE watch_rules
        ADD COLUMN secret BYTEA,
        ADD COLUMN old_secret BYTEA,
        ADD COLUMN old_secret_until TIMESTAMP WITH TIME ZONE""",
    """CREATE INDEX ix_alerts_over ON alerts (id) WHERE state <> 'open'""",
    """CREATE INDEX ix_alert_faults_unraised ON alert_faults (over_at)
        WHERE alert IS NULL AND over_at IS NOT NULL""",
    """CREATE INDEX ix_alert_notices_carried_by ON alert_notices (carried_by)
        WHERE carried_by IS NOT NULL""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP INDEX ix_alert_notices_carried_by",
    "DROP INDEX ix_alert_faults_unraised",
    "DROP INDEX ix_alerts_over",
    """ALTER TABLE watch_rules
        DROP COLUMN old_secret_until,
        DROP COLUMN old_secret,
        DROP COLUMN secret""",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
