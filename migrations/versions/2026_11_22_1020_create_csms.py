"""Create the tables of csms."""

revision = "csms_1"
down_revision = "accounts_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
