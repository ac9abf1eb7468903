"""Create the tables of roaming."""

revision = "roaming_1"
down_revision = "billing_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
