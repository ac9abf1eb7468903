"""Maintenance windows and playbooks."""

from alembic import op

revision = "support_2"
down_revision = "csms_6"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE maintenance_windows (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        evses INTEGER[] NOT NULL,
        starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
        locks BOOLEAN NOT NULL,
        test_tokens TEXT[] NOT NULL,
        comment TEXT NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        created_by_name TEXT NOT NULL,
        withdrawn_at TIMESTAMP WITH TIME ZONE,
        locked_evses INTEGER[],
        unlocked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_maintenance_windows PRIMARY KEY (id),
        CONSTRAINT ck_maintenance_windows_period CHECK (ends_at > starts_at),
        CONSTRAINT ck_maintenance_windows_tokens CHECK (locks or test_tokens = '{}'),
        CONSTRAINT fk_maintenance_windows_station FOREIGN KEY(station)
            REFERENCES stations (identity),
        CONSTRAINT fk_maintenance_windows_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    """CREATE INDEX ix_maintenance_windows_station_ends_at
        ON maintenance_windows (station, ends_at)""",
    """CREATE INDEX ix_maintenance_windows_locks ON maintenance_windows (station)
        WHERE locks and withdrawn_at is null and unlocked_at is null""",
    """CREATE TABLE first_aid_playbooks (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        detection TEXT NOT NULL,
        causes TEXT[] NOT NULL,
        vendor TEXT NOT NULL,
        model TEXT NOT NULL,
        steps TEXT[] NOT NULL,
        per_day INTEGER NOT NULL,
        is_on BOOLEAN NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        retired_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_first_aid_playbooks PRIMARY KEY (id),
        CONSTRAINT ck_first_aid_playbooks_budget CHECK (per_day > 0),
        CONSTRAINT ck_first_aid_playbooks_retired CHECK (retired_at is null or not is_on),
        CONSTRAINT fk_first_aid_playbooks_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    """CREATE INDEX ix_first_aid_playbooks_organisation_detection
        ON first_aid_playbooks (organisation, detection)""",
    """CREATE TABLE first_aid_runs (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        alert BIGINT NOT NULL,
        organisation TEXT NOT NULL,
        station TEXT NOT NULL,
        evse_id INTEGER,
        connector_id INTEGER,
        playbook BIGINT NOT NULL,
        steps TEXT[] NOT NULL,
        per_day INTEGER NOT NULL,
        began_at TIMESTAMP WITH TIME ZONE NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        waits_for TEXT,
        outcome TEXT,
        over_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_first_aid_runs PRIMARY KEY (id),
        CONSTRAINT uq_first_aid_runs_alert_station_evse_id
            UNIQUE NULLS NOT DISTINCT (alert, station, evse_id),
        CONSTRAINT ck_first_aid_runs_over CHECK ((over_at is null) = (outcome is null)),
        CONSTRAINT fk_first_aid_runs_alert FOREIGN KEY(alert) REFERENCES alerts (id),
        CONSTRAINT fk_first_aid_runs_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key),
        CONSTRAINT fk_first_aid_runs_station FOREIGN KEY(station)
            REFERENCES stations (identity),
        CONSTRAINT fk_first_aid_runs_playbook FOREIGN KEY(playbook)
            REFERENCES first_aid_playbooks (id)
    )""",
    "CREATE INDEX ix_first_aid_runs_due ON first_aid_runs (due_at) WHERE over_at is null",
    "CREATE INDEX ix_first_aid_runs_station_began_at ON first_aid_runs (station, began_at)",
    """CREATE TABLE first_aid_steps (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        run BIGINT NOT NULL,
        place INTEGER NOT NULL,
        station TEXT NOT NULL,
        step TEXT NOT NULL,
        command_id TEXT,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        result TEXT,
        note TEXT,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_first_aid_steps PRIMARY KEY (id),
        CONSTRAINT uq_first_aid_steps_run_place UNIQUE (run, place),
        CONSTRAINT ck_first_aid_steps_ended CHECK ((ended_at is null) = (result is null)),
        CONSTRAINT fk_first_aid_steps_run FOREIGN KEY(run) REFERENCES first_aid_runs (id),
        CONSTRAINT fk_first_aid_steps_station FOREIGN KEY(station)
            REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_first_aid_steps_station_asked_at ON first_aid_steps (station, asked_at)",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE first_aid_steps",
    "DROP TABLE first_aid_runs",
    "DROP TABLE first_aid_playbooks",
    "DROP TABLE maintenance_windows",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
