"""Alerts: what deserves attention."""

from alembic import op

revision = "alerts_2"
down_revision = "billing_10"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE alerts (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        organisation TEXT NOT NULL,
        detection TEXT NOT NULL,
        cause TEXT NOT NULL,
        location TEXT,
        station TEXT,
        severity TEXT NOT NULL,
        state TEXT NOT NULL,
        raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
        grown_at TIMESTAMP WITH TIME ZONE NOT NULL,
        repeated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        repeats INTEGER NOT NULL,
        acknowledged_at TIMESTAMP WITH TIME ZONE,
        acknowledged_by TEXT,
        acknowledged_by_name TEXT,
        escalated_at TIMESTAMP WITH TIME ZONE,
        escalated_by TEXT,
        escalated_by_name TEXT,
        over_at TIMESTAMP WITH TIME ZONE,
        closed_by TEXT,
        closed_by_name TEXT,
        CONSTRAINT pk_alerts PRIMARY KEY (id),
        CONSTRAINT ck_alerts_state CHECK (state in ('open', 'recovered', 'closed')),
        CONSTRAINT ck_alerts_over CHECK ((state = 'open') = (over_at is null)),
        CONSTRAINT ck_alerts_taken
            CHECK ((acknowledged_at is null) = (acknowledged_by is null)),
        CONSTRAINT ck_alerts_escalated
            CHECK ((escalated_at is null) = (escalated_by is null)),
        CONSTRAINT ck_alerts_closed CHECK ((state = 'closed') = (closed_by is not null)),
        CONSTRAINT fk_alerts_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    "CREATE INDEX ix_alerts_organisation_id ON alerts (organisation, id)",
    """CREATE INDEX ix_alerts_organisation_detection_raised_at
            ON alerts (organisation, detection, raised_at)""",
    "CREATE INDEX ix_alerts_open ON alerts (organisation, id) WHERE state = 'open'",
    """CREATE TABLE alert_faults (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        key TEXT NOT NULL,
        alert BIGINT,
        organisation TEXT NOT NULL,
        detection TEXT NOT NULL,
        cause TEXT NOT NULL,
        location TEXT,
        station TEXT,
        evse_id INTEGER,
        connector_id INTEGER,
        severity TEXT NOT NULL,
        evidence JSONB NOT NULL,
        first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
        seen INTEGER NOT NULL,
        flaps INTEGER NOT NULL,
        calm_since TIMESTAMP WITH TIME ZONE,
        calm_until TIMESTAMP WITH TIME ZONE,
        over_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_alert_faults PRIMARY KEY (id),
        CONSTRAINT ck_alert_faults_calm CHECK ((calm_since is null) = (calm_until is null)),
        CONSTRAINT fk_alert_faults_alert FOREIGN KEY(alert) REFERENCES alerts (id),
        CONSTRAINT fk_alert_faults_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    "CREATE UNIQUE INDEX uq_alert_faults_open ON alert_faults (key) WHERE over_at is null",
    "CREATE INDEX ix_alert_faults_key_over_at ON alert_faults (key, over_at)",
    "CREATE INDEX ix_alert_faults_alert ON alert_faults (alert)",
    "CREATE INDEX ix_alert_faults_station_id ON alert_faults (station, id)",
    "CREATE INDEX ix_alert_faults_due ON alert_faults (calm_until) WHERE over_at is null",
    """CREATE INDEX ix_alert_faults_untold
            ON alert_faults (id) WHERE over_at is null and alert is null""",
    """CREATE TABLE alert_changes (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        alert BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        change TEXT NOT NULL,
        by TEXT,
        by_name TEXT,
        note TEXT,
        CONSTRAINT pk_alert_changes PRIMARY KEY (id),
        CONSTRAINT fk_alert_changes_alert FOREIGN KEY(alert) REFERENCES alerts (id)
    )""",
    "CREATE INDEX ix_alert_changes_alert_id ON alert_changes (alert, id)",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE alert_changes",
    "DROP TABLE alert_faults",
    "DROP TABLE alerts",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
