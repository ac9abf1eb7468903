"""What stations report of firmware, logs, reservations and variables; their files."""

from alembic import op

revision = "csms_3"
down_revision = "csms_2"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    "alter table transactions add column billing_decision text",
    """
    create table station_progress (
        id bigint generated always as identity,
        station text not null,
        kind text not null,
        request_id bigint,
        status text not null,
        note text,
        changed_at timestamptz not null,
        constraint pk_station_progress primary key (id),
        constraint fk_station_progress_station foreign key (station)
            references stations (identity)
    )
    """,
    """
    create unique index uq_station_progress_station_kind_request_id
    on station_progress (station, kind, request_id)
    nulls not distinct
    """,
    """
    create table station_progress_steps (
        id bigint generated always as identity,
        progress_id bigint not null,
        status text not null,
        note text,
        at timestamptz not null,
        constraint pk_station_progress_steps primary key (id),
        constraint fk_station_progress_steps_progress_id foreign key (progress_id)
            references station_progress (id) on delete cascade
    )
    """,
    """
    create index ix_station_progress_steps_progress_id_id
    on station_progress_steps (progress_id, id)
    """,
    """
    create table reservations (
        id bigint generated always as identity,
        station text not null,
        reservation_id bigint not null,
        evse_id integer,
        connector_type text,
        id_token text,
        group_id text,
        made_at timestamptz not null,
        expires_at timestamptz,
        ended_at timestamptz,
        ending text,
        constraint pk_reservations primary key (id),
        constraint fk_reservations_station foreign key (station)
            references stations (identity)
    )
    """,
    "create index ix_reservations_station_id on reservations (station, id)",
    """
    create unique index uq_reservations_open
    on reservations (station, reservation_id) where ended_at is null
    """,
    """
    create table station_variables (
        id bigint generated always as identity,
        station text not null,
        component text not null,
        component_instance text,
        evse_id integer,
        connector_id integer,
        variable text not null,
        variable_instance text,
        attribute text not null,
        value text,
        is_known boolean not null,
        mutability text,
        data_type text,
        unit text,
        min_limit numeric,
        max_limit numeric,
        values_list text,
        changed_at timestamptz not null,
        read_at timestamptz not null,
        constraint pk_station_variables primary key (id),
        constraint fk_station_variables_station foreign key (station)
            references stations (identity)
    )
    """,
    """
    create unique index uq_station_variables_place
    on station_variables (station, component, component_instance,
        evse_id, connector_id, variable, variable_instance, attribute)
    nulls not distinct
    """,
    """
    create table station_variable_values (
        id bigint generated always as identity,
        variable_id bigint not null,
        value text,
        is_known boolean not null,
        at timestamptz not null,
        constraint pk_station_variable_values primary key (id),
        constraint fk_station_variable_values_variable_id foreign key (variable_id)
            references station_variables (id) on delete cascade
    )
    """,
    """
    create index ix_station_variable_values_variable_id_id
    on station_variable_values (variable_id, id)
    """,
    """
    create table variable_report_parts (
        station text not null,
        request_id bigint not null,
        seq_no bigint not null,
        is_last boolean not null,
        variables integer not null,
        received_at timestamptz not null,
        constraint pk_variable_report_parts primary key (station, request_id, seq_no),
        constraint fk_variable_report_parts_station foreign key (station)
            references stations (identity)
    )
    """,
    """
    create table station_files (
        id bigint generated always as identity,
        kind text not null,
        station text,
        organisation text not null,
        file_name text not null,
        media_type text not null,
        size_bytes bigint not null,
        sha256 bytea,
        begun_at timestamptz not null,
        stored_at timestamptz,
        stored_by text,
        stored_from text,
        constraint pk_station_files primary key (id),
        constraint fk_station_files_station foreign key (station)
            references stations (identity),
        constraint fk_station_files_organisation foreign key (organisation)
            references organisations (key)
    )
    """,
    "create index ix_station_files_organisation_id on station_files (organisation, id)",
    "create index ix_station_files_station_id on station_files (station, id)",
    """
    create table station_file_parts (
        file_id bigint not null,
        number integer not null,
        content bytea not null,
        constraint pk_station_file_parts primary key (file_id, number),
        constraint fk_station_file_parts_file_id foreign key (file_id)
            references station_files (id) on delete cascade
    )
    """,
    """
    create table file_places (
        id bigint generated always as identity,
        digest bytea not null,
        direction text not null,
        station text not null,
        file_id bigint,
        made_at timestamptz not null,
        made_by text not null,
        expires_at timestamptz not null,
        used_at timestamptz,
        uses integer not null,
        constraint pk_file_places primary key (id),
        constraint uq_file_places_digest unique (digest),
        constraint fk_file_places_station foreign key (station)
            references stations (identity),
        constraint fk_file_places_file_id foreign key (file_id)
            references station_files (id)
    )
    """,
    "create index ix_file_places_file_id on file_places (file_id)",
    "create index ix_file_places_station_id on file_places (station, id)",
)

DOWNGRADE: tuple[str, ...] = (
    "drop table file_places",
    "drop table station_file_parts",
    "drop table station_files",
    "drop table variable_report_parts",
    "drop table station_variable_values",
    "drop table station_variables",
    "drop table reservations",
    "drop table station_progress_steps",
    "drop table station_progress",
    "alter table transactions drop column billing_decision",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
