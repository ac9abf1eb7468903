"""Limits of silence per station, and probes."""

from alembic import op

revision = "alerts_5"
down_revision = "alerts_4"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table station_limits (
        station text not null,
        pending_after_s integer not null,
        offline_after_s integer not null,
        set_at timestamptz not null,
        set_by text not null,
        constraint pk_station_limits primary key (station),
        constraint ck_station_limits_order
            check (pending_after_s > 0 and offline_after_s > pending_after_s),
        constraint fk_station_limits_station foreign key (station) references stations (identity)
    )
    """,
    """
    create table station_probes (
        id bigint generated always as identity,
        station text not null,
        silent_since timestamptz not null,
        began_at timestamptz not null,
        read_at timestamptz,
        command bigint,
        ended_at timestamptz,
        outcome text,
        constraint pk_station_probes primary key (id),
        constraint ck_station_probes_ended check ((outcome is null) = (ended_at is null)),
        constraint fk_station_probes_station foreign key (station) references stations (identity)
    )
    """,
    "create unique index uq_station_probes_open on station_probes (station) where ended_at is null",
    "create index ix_station_probes_station_id on station_probes (station, id)",
    "create index ix_station_probes_ended_at on station_probes (ended_at)",
    """
    create table station_clocks (
        station text not null,
        skew_s bigint not null,
        seen_at timestamptz not null,
        constraint pk_station_clocks primary key (station),
        constraint fk_station_clocks_station foreign key (station) references stations (identity)
    )
    """,
    """
    create table silence_rounds (
        id smallint not null,
        ran_at timestamptz not null,
        listening_since timestamptz not null,
        constraint pk_silence_rounds primary key (id),
        constraint ck_silence_rounds_one check (id = 1)
    )
    """,
    "alter table station_connections add column back_since timestamptz",
)

DOWNGRADE: tuple[str, ...] = (
    "alter table station_connections drop column back_since",
    "drop table silence_rounds",
    "drop table station_clocks",
    "drop table station_probes",
    "drop table station_limits",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
