"""Visits, service times and exchanged meters."""

from alembic import op

revision = "support_3"
down_revision = "support_2"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """ALTER TABLE tickets
        ADD COLUMN alert_id BIGINT,
        ADD COLUMN of_service BOOLEAN NOT NULL DEFAULT false,
        ADD COLUMN package TEXT,
        ADD COLUMN remote_due_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN answer_due_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN on_site_due_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN acted_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN answered_at TIMESTAMP WITH TIME ZONE,
        ADD COLUMN missed_at TIMESTAMP WITH TIME ZONE,
        ADD CONSTRAINT fk_tickets_alert_id FOREIGN KEY(alert_id) REFERENCES alerts (id)""",
    "ALTER TABLE tickets ALTER COLUMN of_service DROP DEFAULT",
    """CREATE UNIQUE INDEX uq_tickets_open_alert ON tickets (alert_id)
            WHERE state = 'open' and alert_id is not null""",
    """CREATE TABLE ticket_waits (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        ticket_id BIGINT NOT NULL,
        waits_for TEXT NOT NULL,
        began_at TIMESTAMP WITH TIME ZONE NOT NULL,
        began_by TEXT NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        ended_by TEXT,
        CONSTRAINT pk_ticket_waits PRIMARY KEY (id),
        CONSTRAINT ck_ticket_waits_period CHECK (ended_at >= began_at),
        CONSTRAINT fk_ticket_waits_ticket_id FOREIGN KEY(ticket_id) REFERENCES tickets (id)
    )""",
    "CREATE INDEX ix_ticket_waits_ticket_id_id ON ticket_waits (ticket_id, id)",
    "CREATE UNIQUE INDEX uq_ticket_waits_open ON ticket_waits (ticket_id) WHERE ended_at is null",
    """CREATE TABLE visits (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        ticket_id BIGINT NOT NULL,
        organisation TEXT NOT NULL,
        station TEXT NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        planned_at TIMESTAMP WITH TIME ZONE NOT NULL,
        planned_by TEXT NOT NULL,
        planned_by_name TEXT NOT NULL,
        cover TEXT,
        cover_reason TEXT,
        cover_by TEXT,
        cover_by_name TEXT,
        cover_second TEXT,
        cover_at TIMESTAMP WITH TIME ZONE,
        wanted_cover TEXT,
        wanted_reason TEXT,
        wanted_by TEXT,
        wanted_by_name TEXT,
        latitude NUMERIC,
        longitude NUMERIC,
        fault_analysis TEXT,
        contact TEXT,
        technician TEXT,
        technician_phone TEXT,
        technician_email TEXT,
        dispatched_at TIMESTAMP WITH TIME ZONE,
        dispatched_by TEXT,
        link_sha256 BYTEA,
        link_until TIMESTAMP WITH TIME ZONE,
        device_sha256 BYTEA,
        arrived_at TIMESTAMP WITH TIME ZONE,
        outcome TEXT,
        measures TEXT,
        consent TEXT,
        technician_text TEXT,
        technician_by_name TEXT,
        technician_at TIMESTAMP WITH TIME ZONE,
        agent_text TEXT,
        agent_by TEXT,
        agent_by_name TEXT,
        agent_at TIMESTAMP WITH TIME ZONE,
        work_minor BIGINT,
        parts_minor BIGINT,
        currency TEXT,
        ended_at TIMESTAMP WITH TIME ZONE,
        ended_by TEXT,
        CONSTRAINT pk_visits PRIMARY KEY (id),
        CONSTRAINT uq_visits_link_sha256 UNIQUE (link_sha256),
        CONSTRAINT uq_visits_device_sha256 UNIQUE (device_sha256),
        CONSTRAINT ck_visits_state
            CHECK (state in ('planned', 'dispatched', 'documented', 'closed', 'cancelled')),
        CONSTRAINT ck_visits_dispatched
            CHECK (state in ('planned', 'cancelled') or (cover is not null and latitude is not
            null and longitude is not null and fault_analysis <> '' and contact <> '')),
        CONSTRAINT ck_visits_closed
            CHECK (state <> 'closed' or (outcome is not null and technician_at is not null and
            agent_at is not null)),
        CONSTRAINT ck_visits_cover CHECK ((cover is null) = (cover_reason is null)),
        CONSTRAINT ck_visits_wanted CHECK ((wanted_cover is null) = (wanted_by is null)),
        CONSTRAINT fk_visits_ticket_id FOREIGN KEY(ticket_id) REFERENCES tickets (id),
        CONSTRAINT fk_visits_organisation FOREIGN KEY(organisation) REFERENCES organisations (key),
        CONSTRAINT fk_visits_station FOREIGN KEY(station) REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_visits_organisation_state ON visits (organisation, state)",
    "CREATE INDEX ix_visits_ticket_id_id ON visits (ticket_id, id)",
    """CREATE UNIQUE INDEX uq_visits_open
            ON visits (ticket_id) WHERE state not in ('closed', 'cancelled')""",
    """CREATE TABLE visit_parts (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        visit_id BIGINT NOT NULL,
        name TEXT NOT NULL,
        pieces INTEGER NOT NULL,
        serial_number TEXT,
        added_at TIMESTAMP WITH TIME ZONE NOT NULL,
        added_by_name TEXT NOT NULL,
        CONSTRAINT pk_visit_parts PRIMARY KEY (id),
        CONSTRAINT fk_visit_parts_visit_id FOREIGN KEY(visit_id) REFERENCES visits (id)
    )""",
    "CREATE INDEX ix_visit_parts_visit_id_id ON visit_parts (visit_id, id)",
    """CREATE TABLE visit_photos (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        visit_id BIGINT NOT NULL,
        media_type TEXT NOT NULL,
        sha256 BYTEA NOT NULL,
        size_bytes BIGINT NOT NULL,
        content BYTEA NOT NULL,
        caption TEXT,
        added_at TIMESTAMP WITH TIME ZONE NOT NULL,
        added_by_name TEXT NOT NULL,
        CONSTRAINT pk_visit_photos PRIMARY KEY (id),
        CONSTRAINT uq_visit_photos_visit_id_sha256 UNIQUE (visit_id, sha256),
        CONSTRAINT fk_visit_photos_visit_id FOREIGN KEY(visit_id) REFERENCES visits (id)
    )""",
    """CREATE TABLE visit_exchanges (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        visit_id BIGINT NOT NULL,
        what TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        exchanged_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_wh NUMERIC NOT NULL,
        first_wh NUMERIC NOT NULL,
        serial_number TEXT,
        added_by_name TEXT NOT NULL,
        CONSTRAINT pk_visit_exchanges PRIMARY KEY (id),
        CONSTRAINT uq_visit_exchanges_visit_id_evse_id UNIQUE (visit_id, evse_id),
        CONSTRAINT fk_visit_exchanges_visit_id FOREIGN KEY(visit_id) REFERENCES visits (id)
    )""",
    """CREATE TABLE meter_exchanges (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        evse_id INTEGER NOT NULL,
        exchanged_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_wh NUMERIC NOT NULL,
        first_wh NUMERIC NOT NULL,
        serial_number TEXT,
        about TEXT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_by TEXT NOT NULL,
        CONSTRAINT pk_meter_exchanges PRIMARY KEY (id),
        CONSTRAINT uq_meter_exchanges_station_evse_id_exchanged_at
            UNIQUE (station, evse_id, exchanged_at),
        CONSTRAINT fk_meter_exchanges_station FOREIGN KEY(station) REFERENCES stations (identity)
    )""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE meter_exchanges",
    "DROP TABLE visit_exchanges",
    "DROP TABLE visit_photos",
    "DROP TABLE visit_parts",
    "DROP TABLE visits",
    "DROP TABLE ticket_waits",
    "DROP INDEX uq_tickets_open_alert",
    """ALTER TABLE tickets
        DROP COLUMN alert_id,
        DROP COLUMN of_service,
        DROP COLUMN package,
        DROP COLUMN remote_due_at,
        DROP COLUMN answer_due_at,
        DROP COLUMN on_site_due_at,
        DROP COLUMN acted_at,
        DROP COLUMN answered_at,
        DROP COLUMN missed_at""",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
