"""If/then rules with what they do, and playbooks that wait as long as they are told."""

from alembic import op

revision = "alerts_6"
down_revision = "csms_7"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """ALTER TABLE watch_rules
        ADD COLUMN needs_all BOOLEAN NOT NULL DEFAULT true,
        ADD COLUMN mails TEXT[] NOT NULL DEFAULT '{}',
        ADD COLUMN webhook TEXT,
        ADD COLUMN webhook_sealed BYTEA,
        ADD COLUMN opens_ticket BOOLEAN NOT NULL DEFAULT false,
        ADD COLUMN step TEXT,
        ADD COLUMN step_hours INTEGER NOT NULL DEFAULT 24,
        ADD COLUMN steps_per_day INTEGER NOT NULL DEFAULT 3,
        DROP COLUMN action""",
    """ALTER TABLE watch_rules
        ALTER COLUMN needs_all DROP DEFAULT,
        ALTER COLUMN mails DROP DEFAULT,
        ALTER COLUMN opens_ticket DROP DEFAULT,
        ALTER COLUMN step_hours DROP DEFAULT,
        ALTER COLUMN steps_per_day DROP DEFAULT,
        ADD CONSTRAINT ck_watch_rules_webhook
            CHECK ((webhook is null) = (webhook_sealed is null)),
        ADD CONSTRAINT ck_watch_rules_step
            CHECK (step_hours between 1 and 168 and steps_per_day between 1 and 20)""",
    """CREATE INDEX ix_alert_faults_rules ON alert_faults (cause, id) WHERE detection = 'rule'""",
    """CREATE TABLE watch_rule_deeds (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        rule BIGINT NOT NULL,
        alert BIGINT NOT NULL,
        fault BIGINT NOT NULL,
        organisation TEXT NOT NULL,
        station TEXT NOT NULL,
        deed TEXT NOT NULL,
        done_at TIMESTAMP WITH TIME ZONE NOT NULL,
        reference TEXT,
        refused TEXT,
        CONSTRAINT pk_watch_rule_deeds PRIMARY KEY (id),
        CONSTRAINT ck_watch_rule_deeds_result
            CHECK ((reference is null) <> (refused is null)),
        CONSTRAINT uq_watch_rule_deeds_fault_deed UNIQUE (fault, deed),
        CONSTRAINT fk_watch_rule_deeds_rule FOREIGN KEY(rule) REFERENCES watch_rules (id),
        CONSTRAINT fk_watch_rule_deeds_alert FOREIGN KEY(alert) REFERENCES alerts (id),
        CONSTRAINT fk_watch_rule_deeds_fault FOREIGN KEY(fault) REFERENCES alert_faults (id),
        CONSTRAINT fk_watch_rule_deeds_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key),
        CONSTRAINT fk_watch_rule_deeds_station FOREIGN KEY(station)
            REFERENCES stations (identity)
    )""",
    """CREATE INDEX ix_watch_rule_deeds_rule_id ON watch_rule_deeds (rule, id)""",
    """CREATE INDEX ix_watch_rule_deeds_station_done_at ON watch_rule_deeds (station, done_at)""",
    """ALTER TABLE first_aid_playbooks
        ADD COLUMN settles_min INTEGER NOT NULL DEFAULT 2,
        ADD COLUMN out_hours INTEGER NOT NULL DEFAULT 24""",
    """ALTER TABLE first_aid_playbooks
        ALTER COLUMN settles_min DROP DEFAULT,
        ALTER COLUMN out_hours DROP DEFAULT,
        ADD CONSTRAINT ck_first_aid_playbooks_times
            CHECK (settles_min between 1 and 60 and out_hours between 1 and 168)""",
    """ALTER TABLE first_aid_runs
        ADD COLUMN settles_min INTEGER NOT NULL DEFAULT 2,
        ADD COLUMN out_hours INTEGER NOT NULL DEFAULT 24""",
    """ALTER TABLE first_aid_runs
        ALTER COLUMN settles_min DROP DEFAULT,
        ALTER COLUMN out_hours DROP DEFAULT""",
)

DOWNGRADE: tuple[str, ...] = (
    """ALTER TABLE first_aid_runs DROP COLUMN out_hours, DROP COLUMN settles_min""",
    """ALTER TABLE first_aid_playbooks DROP COLUMN out_hours, DROP COLUMN settles_min""",
    """DROP TABLE watch_rule_deeds""",
    """DROP INDEX ix_alert_faults_rules""",
    """ALTER TABLE watch_rules
        ADD COLUMN action TEXT NOT NULL DEFAULT 'alert',
        DROP COLUMN needs_all,
        DROP COLUMN mails,
        DROP COLUMN webhook,
        DROP COLUMN webhook_sealed,
        DROP COLUMN opens_ticket,
        DROP COLUMN step,
        DROP COLUMN step_hours,
        DROP COLUMN steps_per_day""",
    """ALTER TABLE watch_rules ALTER COLUMN action DROP DEFAULT""",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
