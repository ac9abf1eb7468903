"""Create the tables of jobs (procrastinate's own) and of mails."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "jobs_1"
down_revision = "foundation_1"
branch_labels = None
depends_on = None

MOMENT = postgresql.TIMESTAMP(timezone=True)
PROCRASTINATE = Path(__file__).parents[1] / "procrastinate_3_10.sql"
FUNCTIONS = (
    "defer_jobs_v1",
    "defer_periodic_job_v2",
    "fetch_job_v2",
    "finish_job_v1",
    "cancel_job_v1",
    "retry_job_v1",
    "retry_job_v2",
    "notify_queue_job_inserted_v1",
    "notify_queue_abort_job_v1",
    "trigger_function_status_events_insert_v1",
    "trigger_function_status_events_update_v1",
    "trigger_function_scheduled_events_v1",
    "trigger_abort_requested_events_procedure_v1",
    "unlink_periodic_defers_v1",
    "register_worker_v1",
    "unregister_worker_v1",
    "update_heartbeat_v1",
    "prune_stalled_workers_v1",
)


def upgrade() -> None:
    _run(PROCRASTINATE.read_text())
    op.create_table(
        "mails",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("recipient", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body_text", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("sent_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_mails"),
        sa.UniqueConstraint("key", name="uq_mails_key"),
    )
    op.create_table(
        "mail_attachments",
        sa.Column("mail_id", sa.BigInteger, nullable=False),
        sa.Column("place", sa.SmallInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("mail_id", "place", name="pk_mail_attachments"),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["mails.id"], name="fk_mail_attachments_mail_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("mail_attachments")
    op.drop_table("mails")
    for function in FUNCTIONS:
        op.execute(f"drop function procrastinate_{function} cascade")  # with its trigger
    for table in ("events", "periodic_defers", "jobs", "workers"):
        op.execute(f"drop table procrastinate_{table}")
    for name in ("job_to_defer_v1", "job_event_type", "job_status"):
        op.execute(f"drop type procrastinate_{name}")


def _run(script: str) -> None:
    """Run a script of many statements: the driver takes it whole if there are no parameters."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    connection.execute(script)
