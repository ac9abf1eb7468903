"""Create the tables of foundation: the journal and its deliveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "foundation_1"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)


class Xid8(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("xid", Xid8, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.Column("payload", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
    )
    op.create_index("ix_journal_xid_id", "journal", ["xid", "id"])
    op.create_index("ix_journal_subject", "journal", ["subject"])
    op.create_index("ix_journal_happened_at", "journal", ["happened_at"])
    op.create_table(
        "deliveries",
        sa.Column("reader", sa.Text, nullable=False),
        sa.Column("event_id", sa.BigInteger, nullable=False),
        sa.Column("lane", sa.SmallInteger, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("reader", "event_id", name="pk_deliveries"),
    )
    op.create_index(
        "ix_deliveries_reader_lane_subject_event_id",
        "deliveries",
        ["reader", "lane", "subject", "event_id"],
    )


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("journal")
