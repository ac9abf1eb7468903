"""Monitoring, as it is switched on and off per station."""

from alembic import op

revision = "alerts_1"
down_revision = "csms_5"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE cost_releases (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        organisation TEXT NOT NULL,
        deed TEXT NOT NULL,
        subject TEXT NOT NULL,
        released_by TEXT NOT NULL,
        released_by_name TEXT NOT NULL,
        this_month_minor BIGINT NOT NULL,
        per_year_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        state TEXT NOT NULL,
        confirmed_at TIMESTAMP WITH TIME ZONE,
        confirmed_by TEXT,
        confirmed_by_name TEXT,
        CONSTRAINT pk_cost_releases PRIMARY KEY (id),
        CONSTRAINT ck_cost_releases_state CHECK (state IN ('released', 'waiting', 'withdrawn')),
        CONSTRAINT ck_cost_releases_second_person CHECK (confirmed_by <> released_by),
        CONSTRAINT fk_cost_releases_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    "CREATE INDEX ix_cost_releases_organisation_id ON cost_releases (organisation, id)",
    "CREATE INDEX ix_cost_releases_subject ON cost_releases (subject)",
    """CREATE UNIQUE INDEX uq_cost_releases_waiting
            ON cost_releases (deed, subject) WHERE state = 'waiting'""",
    """CREATE TABLE cost_limits (
        organisation TEXT NOT NULL,
        per_year_minor BIGINT NOT NULL,
        currency TEXT NOT NULL,
        set_at TIMESTAMP WITH TIME ZONE NOT NULL,
        set_by TEXT NOT NULL,
        CONSTRAINT pk_cost_limits PRIMARY KEY (organisation),
        CONSTRAINT fk_cost_limits_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    """CREATE TABLE zone_changes (
        organisation TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        CONSTRAINT pk_zone_changes PRIMARY KEY (organisation, at),
        CONSTRAINT fk_zone_changes_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    """CREATE TABLE monitoring_activations (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        active_from TIMESTAMP WITH TIME ZONE NOT NULL,
        active_to TIMESTAMP WITH TIME ZONE,
        started_by TEXT NOT NULL,
        started_by_name TEXT NOT NULL,
        ended_by TEXT,
        ended_by_name TEXT,
        ended_because TEXT,
        CONSTRAINT pk_monitoring_activations PRIMARY KEY (id),
        CONSTRAINT ck_monitoring_activations_period CHECK (active_to >= active_from),
        CONSTRAINT ck_monitoring_activations_end
            CHECK ((active_to is null) = (ended_by is null)
            and (active_to is null) = (ended_because is null)),
        CONSTRAINT fk_monitoring_activations_station FOREIGN KEY(station)
            REFERENCES stations (identity),
        CONSTRAINT fk_monitoring_activations_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
    """CREATE INDEX ix_monitoring_activations_organisation_active_from
            ON monitoring_activations (organisation, active_from)""",
    """CREATE INDEX ix_monitoring_activations_station_active_from
            ON monitoring_activations (station, active_from)""",
    """CREATE UNIQUE INDEX uq_monitoring_activations_active
            ON monitoring_activations (station) WHERE active_to is null""",
    """CREATE TABLE station_technicians (
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        phone TEXT,
        email TEXT,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        CONSTRAINT pk_station_technicians PRIMARY KEY (station),
        CONSTRAINT fk_station_technicians_station FOREIGN KEY(station)
            REFERENCES stations (identity),
        CONSTRAINT fk_station_technicians_organisation FOREIGN KEY(organisation)
            REFERENCES organisations (key)
    )""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE station_technicians",
    "DROP TABLE monitoring_activations",
    "DROP TABLE zone_changes",
    "DROP TABLE cost_limits",
    "DROP TABLE cost_releases",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
