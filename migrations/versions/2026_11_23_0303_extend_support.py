"""Addresses of stations' own pages, and who opened them through the tunnel."""

from alembic import op

revision = "support_4"
down_revision = "alerts_6"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table remote_pages (
        id bigint generated always as identity,
        station text not null,
        title text not null,
        url text not null,
        checks_certificate boolean not null,
        entered_at timestamptz not null,
        entered_by text not null,
        entered_by_name text not null,
        constraint pk_remote_pages primary key (id),
        constraint fk_remote_pages_station_stations
            foreign key (station) references stations (identity),
        constraint uq_remote_pages_station_title unique (station, title)
    )
    """,
    """
    create table remote_openings (
        id bigint generated always as identity,
        page bigint,
        station text not null,
        account text not null,
        owner text not null,
        title text not null,
        url text not null,
        checks_certificate boolean not null,
        label text not null,
        ticket_sha256 bytea not null,
        ticket_until timestamptz not null,
        secret_sha256 bytea,
        login_sha256 bytea not null,
        by text not null,
        by_name text not null,
        address text,
        opened_at timestamptz not null,
        last_used_at timestamptz not null,
        ended_at timestamptz,
        ended_why text,
        requests bigint not null,
        bytes_up bigint not null,
        bytes_down bigint not null,
        constraint pk_remote_openings primary key (id),
        constraint fk_remote_openings_page_remote_pages
            foreign key (page) references remote_pages (id) on delete set null,
        constraint fk_remote_openings_station_stations
            foreign key (station) references stations (identity),
        constraint fk_remote_openings_account_organisations
            foreign key (account) references organisations (key),
        constraint fk_remote_openings_owner_organisations
            foreign key (owner) references organisations (key),
        constraint uq_remote_openings_label unique (label),
        constraint uq_remote_openings_ticket_sha256 unique (ticket_sha256),
        constraint ck_remote_openings_ended check ((ended_at is null) = (ended_why is null))
    )
    """,
    """
    create index ix_remote_openings_station_account_id
        on remote_openings (station, account, id)
    """,
    """
    create index ix_remote_openings_open on remote_openings (last_used_at)
        where ended_at is null
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "drop table remote_openings",
    "drop table remote_pages",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
