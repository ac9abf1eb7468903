"""Create the tables of accounts."""

revision = "accounts_1"
down_revision = "foundation_1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
