"""What drivers were told about single sessions: by mail, and by the station's display."""

from alembic import op

revision = "csms_7"
down_revision = "billing_11"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table driver_letters (
        id bigint generated always as identity,
        transaction_id bigint not null,
        about text not null,
        outcome text not null,
        contact_id bigint,
        language text,
        mail_id bigint,
        noted_at timestamptz not null,
        constraint pk_driver_letters primary key (id),
        constraint uq_driver_letters_transaction_id_about unique (transaction_id, about)
    )
    """,
    """
    create table display_messages (
        transaction_id bigint not null,
        language text not null,
        content text not null,
        answered_at timestamptz not null,
        constraint pk_display_messages primary key (transaction_id)
    )
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "drop table display_messages",
    "drop table driver_letters",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
