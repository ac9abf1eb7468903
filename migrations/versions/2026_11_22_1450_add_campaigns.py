"""Campaigns: the same command to many stations, at a rate."""

from alembic import op

revision = "csms_4"
down_revision = "portal_1"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """
    create table campaigns (
        id bigint generated always as identity,
        organisation text not null,
        title text not null,
        per_minute integer not null,
        when_offline text not null,
        expires_in_s integer not null,
        ends_in_s integer,
        change_order text,
        asked_at timestamptz not null,
        asked_by text not null,
        asked_by_name text not null,
        door text not null,
        is_authorised boolean not null,
        next_at timestamptz,
        stopped_at timestamptz,
        stopped_by_name text,
        constraint pk_campaigns primary key (id),
        constraint fk_campaigns_organisation foreign key (organisation)
            references organisations (key)
    )
    """,
    "create index ix_campaigns_organisation_id on campaigns (organisation, id)",
    "create index ix_campaigns_due on campaigns (next_at) where next_at is not null",
    """
    create table campaign_items (
        campaign_id bigint not null,
        position integer not null,
        station text not null,
        action text not null,
        payload jsonb not null,
        asked_at timestamptz,
        command_id bigint,
        refusal text,
        constraint pk_campaign_items primary key (campaign_id, position),
        constraint fk_campaign_items_campaign_id foreign key (campaign_id)
            references campaigns (id) on delete cascade,
        constraint fk_campaign_items_station foreign key (station)
            references stations (identity)
    )
    """,
    """
    create index ix_campaign_items_waiting on campaign_items (campaign_id, position)
    where asked_at is null
    """,
)

DOWNGRADE: tuple[str, ...] = ("drop table campaign_items", "drop table campaigns")


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
