"""Create the tables of billing."""

revision = "billing_1"
down_revision = "csms_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
