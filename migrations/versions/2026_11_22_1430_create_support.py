"""Create the tables of support."""

from alembic import op

revision = "support_1"
down_revision = "csms_3"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    "CREATE SEQUENCE change_order_number AS BIGINT",
    """CREATE TABLE calls (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        opened_by TEXT NOT NULL,
        opened_by_name TEXT NOT NULL,
        organisation TEXT NOT NULL,
        station TEXT,
        evse_id INTEGER,
        emi3_id TEXT,
        caller TEXT,
        concern TEXT,
        outcome TEXT,
        outcome_text TEXT,
        closed_at TIMESTAMP WITH TIME ZONE,
        closed_by TEXT,
        CONSTRAINT pk_calls PRIMARY KEY (id),
        CONSTRAINT ck_calls_outcome CHECK ((closed_at is null) = (outcome is null)),
        CONSTRAINT fk_calls_organisation FOREIGN KEY(organisation) REFERENCES organisations (key),
        CONSTRAINT fk_calls_station FOREIGN KEY(station) REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_calls_opened_at ON calls (opened_at)",
    "CREATE INDEX ix_calls_station_opened_at ON calls (station, opened_at)",
    """CREATE TABLE call_notes (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        call_id BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        by TEXT NOT NULL,
        by_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        subject TEXT,
        CONSTRAINT pk_call_notes PRIMARY KEY (id),
        CONSTRAINT fk_call_notes_call_id FOREIGN KEY(call_id) REFERENCES calls (id)
    )""",
    "CREATE INDEX ix_call_notes_call_id_id ON call_notes (call_id, id)",
    """CREATE TABLE tickets (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        organisation TEXT NOT NULL,
        station TEXT,
        evse_id INTEGER,
        call_id BIGINT,
        title TEXT NOT NULL,
        text TEXT NOT NULL,
        state TEXT NOT NULL,
        opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
        opened_by TEXT NOT NULL,
        opened_by_name TEXT NOT NULL,
        assigned_to BIGINT,
        closed_at TIMESTAMP WITH TIME ZONE,
        closed_by TEXT,
        outcome TEXT,
        CONSTRAINT pk_tickets PRIMARY KEY (id),
        CONSTRAINT ck_tickets_closed CHECK ((state = 'closed') = (closed_at is not null)),
        CONSTRAINT fk_tickets_organisation FOREIGN KEY(organisation) REFERENCES organisations (key),
        CONSTRAINT fk_tickets_station FOREIGN KEY(station) REFERENCES stations (identity),
        CONSTRAINT fk_tickets_call_id FOREIGN KEY(call_id) REFERENCES calls (id),
        CONSTRAINT fk_tickets_assigned_to FOREIGN KEY(assigned_to) REFERENCES people (id)
    )""",
    "CREATE INDEX ix_tickets_organisation_state ON tickets (organisation, state)",
    "CREATE INDEX ix_tickets_station ON tickets (station)",
    """CREATE TABLE ticket_notes (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        ticket_id BIGINT NOT NULL,
        at TIMESTAMP WITH TIME ZONE NOT NULL,
        by TEXT NOT NULL,
        by_name TEXT NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        CONSTRAINT pk_ticket_notes PRIMARY KEY (id),
        CONSTRAINT fk_ticket_notes_ticket_id FOREIGN KEY(ticket_id) REFERENCES tickets (id)
    )""",
    "CREATE INDEX ix_ticket_notes_ticket_id_id ON ticket_notes (ticket_id, id)",
    """CREATE TABLE change_orders (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        number TEXT,
        organisation TEXT NOT NULL,
        state TEXT NOT NULL,
        title TEXT NOT NULL,
        reference TEXT,
        repeatable BOOLEAN NOT NULL,
        call_id BIGINT,
        drafted_at TIMESTAMP WITH TIME ZONE NOT NULL,
        drafted_by TEXT NOT NULL,
        drafted_by_name TEXT NOT NULL,
        drafted_door TEXT NOT NULL,
        requested_at TIMESTAMP WITH TIME ZONE,
        requested_from TEXT,
        confirmed_at TIMESTAMP WITH TIME ZONE,
        confirmed_by TEXT,
        confirmed_by_name TEXT,
        confirmed_door TEXT,
        confirmed_how TEXT,
        valid_to TIMESTAMP WITH TIME ZONE,
        ended_at TIMESTAMP WITH TIME ZONE,
        result TEXT,
        CONSTRAINT pk_change_orders PRIMARY KEY (id),
        CONSTRAINT uq_change_orders_number UNIQUE (number),
        CONSTRAINT ck_change_orders_confirmed
            CHECK ((number is null) = (confirmed_at is null)
                and (confirmed_at is null) = (confirmed_by is null)
                and (confirmed_at is null) = (confirmed_how is null)),
        CONSTRAINT fk_change_orders_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key),
        CONSTRAINT fk_change_orders_call_id FOREIGN KEY(call_id) REFERENCES calls (id)
    )""",
    "CREATE INDEX ix_change_orders_organisation_state ON change_orders (organisation, state)",
    """CREATE TABLE change_order_stations (
        order_id BIGINT NOT NULL,
        station TEXT NOT NULL,
        CONSTRAINT pk_change_order_stations PRIMARY KEY (order_id, station),
        CONSTRAINT fk_change_order_stations_order_id
            FOREIGN KEY(order_id) REFERENCES change_orders (id),
        CONSTRAINT fk_change_order_stations_station
            FOREIGN KEY(station) REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_change_order_stations_station ON change_order_stations (station)",
    """CREATE TABLE change_order_items (
        order_id BIGINT NOT NULL,
        place INTEGER NOT NULL,
        kind TEXT NOT NULL,
        action TEXT,
        payload JSONB,
        canonical TEXT,
        text TEXT,
        CONSTRAINT pk_change_order_items PRIMARY KEY (order_id, place),
        CONSTRAINT ck_change_order_items_canonical CHECK ((action is null) = (canonical is null)),
        CONSTRAINT ck_change_order_items_command CHECK ((kind = 'command') = (action is not null)),
        CONSTRAINT fk_change_order_items_order_id
            FOREIGN KEY(order_id) REFERENCES change_orders (id)
    )""",
    """CREATE TABLE change_order_files (
        order_id BIGINT NOT NULL,
        name TEXT NOT NULL,
        media_type TEXT NOT NULL,
        sha256 BYTEA NOT NULL,
        content BYTEA NOT NULL,
        added_at TIMESTAMP WITH TIME ZONE NOT NULL,
        added_by TEXT NOT NULL,
        CONSTRAINT pk_change_order_files PRIMARY KEY (order_id),
        CONSTRAINT fk_change_order_files_order_id
            FOREIGN KEY(order_id) REFERENCES change_orders (id)
    )""",
    """CREATE TABLE change_order_uses (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        order_id BIGINT NOT NULL,
        place INTEGER NOT NULL,
        station TEXT NOT NULL,
        turn INTEGER NOT NULL,
        permitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
        command_id TEXT,
        state TEXT NOT NULL,
        result TEXT,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_change_order_uses PRIMARY KEY (id),
        CONSTRAINT uq_change_order_uses_order_id_place_station_turn
            UNIQUE (order_id, place, station, turn),
        CONSTRAINT fk_change_order_uses_order_id
            FOREIGN KEY(order_id) REFERENCES change_orders (id),
        CONSTRAINT fk_change_order_uses_station FOREIGN KEY(station) REFERENCES stations (identity)
    )""",
    """CREATE UNIQUE INDEX uq_change_order_uses_command
        ON change_order_uses (command_id) WHERE command_id is not null""",
    """CREATE TABLE standing_orders (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        number TEXT NOT NULL,
        organisation TEXT NOT NULL,
        action TEXT NOT NULL,
        reference TEXT NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_to TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE,
        revoked_by TEXT,
        CONSTRAINT pk_standing_orders PRIMARY KEY (id),
        CONSTRAINT ck_standing_orders_period CHECK (valid_to > valid_from),
        CONSTRAINT uq_standing_orders_number UNIQUE (number),
        CONSTRAINT fk_standing_orders_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key)
    )""",
    """CREATE INDEX ix_standing_orders_organisation_action
        ON standing_orders (organisation, action)""",
    """CREATE TABLE model_instructions (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        vendor TEXT NOT NULL,
        model TEXT NOT NULL,
        topic TEXT NOT NULL,
        text_en TEXT NOT NULL,
        text_de TEXT NOT NULL,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        changed_by TEXT NOT NULL,
        CONSTRAINT pk_model_instructions PRIMARY KEY (id),
        CONSTRAINT uq_model_instructions_vendor_model_topic UNIQUE (vendor, model, topic)
    )""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE model_instructions",
    "DROP TABLE standing_orders",
    "DROP TABLE change_order_uses",
    "DROP TABLE change_order_files",
    "DROP TABLE change_order_items",
    "DROP TABLE change_order_stations",
    "DROP TABLE change_orders",
    "DROP TABLE ticket_notes",
    "DROP TABLE tickets",
    "DROP TABLE call_notes",
    "DROP TABLE calls",
    "DROP SEQUENCE change_order_number",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
