"""Certificates, their authorities, and the way to a higher security profile."""

from alembic import op

revision = "csms_8"
down_revision = "support_4"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE certificate_authorities (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        purpose TEXT NOT NULL,
        subject TEXT NOT NULL,
        certificate TEXT NOT NULL,
        fingerprint BYTEA NOT NULL,
        sealed_key BYTEA,
        not_after TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_by TEXT NOT NULL,
        retired_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_certificate_authorities PRIMARY KEY (id),
        CONSTRAINT uq_certificate_authorities_fingerprint UNIQUE (fingerprint)
    )""",
    """CREATE INDEX ix_certificate_authorities_purpose_id
            ON certificate_authorities (purpose, id)""",
    """CREATE TABLE certificate_requests (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        kind TEXT NOT NULL,
        version TEXT NOT NULL,
        csr TEXT NOT NULL,
        request_id BIGINT,
        requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        chain TEXT,
        fingerprint BYTEA,
        not_after TIMESTAMP WITH TIME ZONE,
        command_id BIGINT,
        attempts INTEGER NOT NULL,
        next_at TIMESTAMP WITH TIME ZONE,
        changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_certificate_requests PRIMARY KEY (id),
        CONSTRAINT fk_certificate_requests_station FOREIGN KEY(station)
            REFERENCES stations (identity)
    )""",
    """CREATE INDEX ix_certificate_requests_due
            ON certificate_requests (next_at)
            WHERE next_at is not null""",
    "CREATE INDEX ix_certificate_requests_fingerprint ON certificate_requests (fingerprint)",
    "CREATE INDEX ix_certificate_requests_station_id ON certificate_requests (station, id)",
    """CREATE TABLE station_certificates (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        kind TEXT NOT NULL,
        place INTEGER NOT NULL,
        hash_algorithm TEXT,
        issuer_name_hash TEXT,
        issuer_key_hash TEXT,
        serial_number TEXT NOT NULL,
        subject TEXT,
        issuer TEXT,
        not_before TIMESTAMP WITH TIME ZONE,
        not_after TIMESTAMP WITH TIME ZONE,
        certificate TEXT,
        source TEXT NOT NULL,
        first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
        last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
        removed_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_station_certificates PRIMARY KEY (id),
        CONSTRAINT fk_station_certificates_station FOREIGN KEY(station)
            REFERENCES stations (identity)
    )""",
    """CREATE INDEX ix_station_certificates_ending
            ON station_certificates (not_after)
            WHERE removed_at is null""",
    "CREATE INDEX ix_station_certificates_station_id ON station_certificates (station, id)",
    """CREATE TABLE profile_upgrades (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        station TEXT NOT NULL,
        profile SMALLINT NOT NULL,
        version TEXT NOT NULL,
        slot INTEGER,
        step TEXT NOT NULL,
        command_id BIGINT,
        asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        asked_by TEXT NOT NULL,
        asked_by_name TEXT NOT NULL,
        change_order TEXT,
        ended_at TIMESTAMP WITH TIME ZONE,
        outcome TEXT,
        reason TEXT,
        CONSTRAINT pk_profile_upgrades PRIMARY KEY (id),
        CONSTRAINT fk_profile_upgrades_station FOREIGN KEY(station)
            REFERENCES stations (identity)
    )""",
    "CREATE INDEX ix_profile_upgrades_station_id ON profile_upgrades (station, id)",
    """CREATE UNIQUE INDEX uq_profile_upgrades_open
            ON profile_upgrades (station)
            WHERE ended_at is null""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE profile_upgrades",
    "DROP TABLE station_certificates",
    "DROP TABLE certificate_requests",
    "DROP TABLE certificate_authorities",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    for statement in DOWNGRADE:
        op.execute(statement)
