"""Error-detection jobs and if/then rules."""

from alembic import op

revision = "alerts_4"
down_revision = "alerts_3"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE detection_groups (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        CONSTRAINT pk_detection_groups PRIMARY KEY (id),
        CONSTRAINT fk_detection_groups_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    """CREATE UNIQUE INDEX uq_detection_groups_organisation_name
            ON detection_groups (organisation, lower(name))""",
    """CREATE TABLE detection_group_points (
        group_id BIGINT NOT NULL,
        station TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        CONSTRAINT pk_detection_group_points PRIMARY KEY (group_id, station, evse_id),
        CONSTRAINT fk_detection_group_points_group_id FOREIGN KEY(group_id)
            REFERENCES detection_groups (id) ON DELETE CASCADE,
        CONSTRAINT fk_detection_group_points_station FOREIGN KEY(station)
            REFERENCES stations (identity)
    )""",
    """CREATE TABLE detection_jobs (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        execute_at TEXT NOT NULL,
        hours INTEGER NOT NULL,
        checks TEXT[] NOT NULL,
        location TEXT,
        site_meter TEXT,
        tolerance_percent INTEGER NOT NULL,
        meter_tolerance_percent INTEGER NOT NULL,
        is_active BOOLEAN NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        removed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_detection_jobs PRIMARY KEY (id),
        CONSTRAINT ck_detection_jobs_hours CHECK (hours between 1 and 168),
        CONSTRAINT ck_detection_jobs_checks CHECK (cardinality(checks) > 0),
        CONSTRAINT ck_detection_jobs_tolerances
            CHECK (tolerance_percent between 1 and 99
                and meter_tolerance_percent between 1 and 99),
        CONSTRAINT fk_detection_jobs_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key),
        CONSTRAINT fk_detection_jobs_location FOREIGN KEY(location) REFERENCES locations (key),
        CONSTRAINT fk_detection_jobs_site_meter FOREIGN KEY(site_meter)
            REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_detection_jobs_organisation_id ON detection_jobs (organisation, id)",
    """CREATE TABLE detection_job_groups (
        job BIGINT NOT NULL,
        group_id BIGINT NOT NULL,
        CONSTRAINT pk_detection_job_groups PRIMARY KEY (job, group_id),
        CONSTRAINT fk_detection_job_groups_job FOREIGN KEY(job) REFERENCES detection_jobs (id),
        CONSTRAINT fk_detection_job_groups_group_id FOREIGN KEY(group_id)
            REFERENCES detection_groups (id)
    )""",
    "CREATE INDEX ix_detection_job_groups_group_id ON detection_job_groups (group_id)",
    """CREATE TABLE detection_job_turns (
        job BIGINT NOT NULL,
        time_zone TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_detection_job_turns PRIMARY KEY (job, time_zone),
        CONSTRAINT fk_detection_job_turns_job FOREIGN KEY(job) REFERENCES detection_jobs (id)
    )""",
    "CREATE INDEX ix_detection_job_turns_due_at ON detection_job_turns (due_at)",
    """CREATE TABLE detection_job_runs (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        job BIGINT NOT NULL,
        time_zone TEXT NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ran_at TIMESTAMP WITH TIME ZONE NOT NULL,
        looked_from TIMESTAMP WITH TIME ZONE NOT NULL,
        looked_to TIMESTAMP WITH TIME ZONE NOT NULL,
        points INTEGER NOT NULL,
        found JSONB NOT NULL,
        remarks JSONB NOT NULL,
        CONSTRAINT pk_detection_job_runs PRIMARY KEY (id),
        CONSTRAINT fk_detection_job_runs_job FOREIGN KEY(job) REFERENCES detection_jobs (id)
    )""",
    "CREATE INDEX ix_detection_job_runs_job_id ON detection_job_runs (job, id)",
    "CREATE INDEX ix_detection_job_runs_ran_at ON detection_job_runs (ran_at)",
    """CREATE UNIQUE INDEX uq_detection_job_runs_job_time_zone_due_at
            ON detection_job_runs (job, time_zone, due_at)""",
    """CREATE TABLE watch_rules (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        conditions JSONB NOT NULL,
        consecutive INTEGER NOT NULL,
        grid TEXT NOT NULL,
        location TEXT,
        group_id BIGINT,
        severity TEXT NOT NULL,
        action TEXT NOT NULL,
        is_active BOOLEAN NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        removed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_watch_rules PRIMARY KEY (id),
        CONSTRAINT ck_watch_rules_consecutive CHECK (consecutive between 1 and 60),
        CONSTRAINT ck_watch_rules_grid CHECK (length(grid) = 168),
        CONSTRAINT fk_watch_rules_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key),
        CONSTRAINT fk_watch_rules_location FOREIGN KEY(location) REFERENCES locations (key),
        CONSTRAINT fk_watch_rules_group_id FOREIGN KEY(group_id) REFERENCES detection_groups (id)
    )""",
    "CREATE INDEX ix_watch_rules_organisation_id ON watch_rules (organisation, id)",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE watch_rules",
    "DROP TABLE detection_job_runs",
    "DROP TABLE detection_job_turns",
    "DROP TABLE detection_job_groups",
    "DROP TABLE detection_jobs",
    "DROP TABLE detection_group_points",
    "DROP TABLE detection_groups",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
