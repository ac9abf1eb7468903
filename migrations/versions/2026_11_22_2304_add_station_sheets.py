"""What a station's data sheet holds beside its technology."""

from alembic import op

revision = "csms_6"
down_revision = "alerts_5"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE UNIQUE INDEX uq_evses_emi3_id_without_separators
            ON evses (upper(translate(emi3_id, '*-_. +', '')))""",
    """CREATE TABLE station_facts (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        CONSTRAINT pk_station_facts PRIMARY KEY (id),
        CONSTRAINT uq_station_facts_station_organisation_name UNIQUE (station, organisation, name),
        CONSTRAINT fk_station_facts_station FOREIGN KEY(station) REFERENCES stations (identity),
        CONSTRAINT fk_station_facts_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key)
    )""",
    """CREATE TABLE station_parts (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        is_external BOOLEAN NOT NULL,
        model TEXT,
        serial_number TEXT,
        version TEXT,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_by TEXT NOT NULL,
        removed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_station_parts PRIMARY KEY (id),
        CONSTRAINT fk_station_parts_station FOREIGN KEY(station) REFERENCES stations (identity),
        CONSTRAINT fk_station_parts_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key)
    )""",
    "CREATE INDEX ix_station_parts_station_id ON station_parts (station, id)",
    """CREATE TABLE station_documents (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        file_name TEXT NOT NULL,
        media_type TEXT NOT NULL,
        size_bytes BIGINT NOT NULL,
        sha256 BYTEA NOT NULL,
        content BYTEA,
        about TEXT,
        stored_at TIMESTAMP WITH TIME ZONE NOT NULL,
        stored_by TEXT NOT NULL,
        stored_by_name TEXT NOT NULL,
        removed_at TIMESTAMP WITH TIME ZONE,
        removed_by TEXT,
        CONSTRAINT pk_station_documents PRIMARY KEY (id),
        CONSTRAINT ck_station_documents_content
            CHECK ((removed_at is null) = (content is not null)),
        CONSTRAINT fk_station_documents_station FOREIGN KEY(station) REFERENCES stations (identity),
        CONSTRAINT fk_station_documents_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key)
    )""",
    "CREATE INDEX ix_station_documents_station_id ON station_documents (station, id)",
    """CREATE TABLE station_entries (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        kind TEXT,
        text TEXT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        by TEXT NOT NULL,
        by_name TEXT NOT NULL,
        CONSTRAINT pk_station_entries PRIMARY KEY (id),
        CONSTRAINT fk_station_entries_station FOREIGN KEY(station) REFERENCES stations (identity),
        CONSTRAINT fk_station_entries_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key)
    )""",
    "CREATE INDEX ix_station_entries_station_id ON station_entries (station, id)",
    """CREATE TABLE station_entry_kinds (
        organisation TEXT NOT NULL,
        name TEXT NOT NULL,
        made_at TIMESTAMP WITH TIME ZONE NOT NULL,
        made_by TEXT NOT NULL,
        CONSTRAINT pk_station_entry_kinds PRIMARY KEY (organisation, name),
        CONSTRAINT fk_station_entry_kinds_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key)
    )""",
    """CREATE TABLE monitoring_tasks (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        organisation TEXT NOT NULL,
        kind TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        ending TEXT,
        ended_by TEXT,
        ended_by_name TEXT,
        CONSTRAINT pk_monitoring_tasks PRIMARY KEY (id),
        CONSTRAINT ck_monitoring_tasks_end
            CHECK ((ended_at is null) = (ending is null)
                and (ended_at is null) = (ended_by is null)),
        CONSTRAINT fk_monitoring_tasks_station FOREIGN KEY(station) REFERENCES stations (identity),
        CONSTRAINT fk_monitoring_tasks_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key)
    )""",
    "CREATE INDEX ix_monitoring_tasks_organisation_id ON monitoring_tasks (organisation, id)",
    """CREATE UNIQUE INDEX uq_monitoring_tasks_open
            ON monitoring_tasks (station, kind) WHERE ended_at is null""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE monitoring_tasks",
    "DROP TABLE station_entry_kinds",
    "DROP TABLE station_entries",
    "DROP TABLE station_documents",
    "DROP TABLE station_parts",
    "DROP TABLE station_facts",
    "DROP INDEX uq_evses_emi3_id_without_separators",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
