"""Who hears of an alert, and how."""

from alembic import op

revision = "alerts_3"
down_revision = "alerts_2"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    """CREATE TABLE alert_recipients (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        organisation TEXT NOT NULL,
        account TEXT NOT NULL,
        person BIGINT,
        entered_by TEXT NOT NULL,
        entered_by_name TEXT NOT NULL,
        entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
        channel TEXT NOT NULL,
        target TEXT NOT NULL,
        sealed BYTEA,
        label TEXT,
        language TEXT NOT NULL,
        zone TEXT NOT NULL,
        detections TEXT[] NOT NULL,
        stations TEXT[] NOT NULL,
        locations TEXT[] NOT NULL,
        least TEXT NOT NULL,
        monitored_only BOOLEAN NOT NULL,
        after_s INTEGER NOT NULL,
        repeat_s INTEGER,
        tells_end BOOLEAN NOT NULL,
        quiet_from TEXT,
        quiet_until TEXT,
        breaks_quiet TEXT,
        shifts JSONB NOT NULL,
        bundles BOOLEAN NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        ended_because TEXT,
        CONSTRAINT pk_alert_recipients PRIMARY KEY (id),
        CONSTRAINT ck_alert_recipients_channel
            CHECK (channel in ('mail', 'sms', 'chat', 'webhook')),
        CONSTRAINT ck_alert_recipients_end CHECK ((ended_at is null) = (ended_because is null)),
        CONSTRAINT ck_alert_recipients_quiet CHECK ((quiet_from is null) = (quiet_until is null)),
        CONSTRAINT ck_alert_recipients_after CHECK (after_s >= 0),
        CONSTRAINT ck_alert_recipients_repeat CHECK (repeat_s > 0),
        CONSTRAINT ck_alert_recipients_sealed
            CHECK ((sealed is not null) = (channel in ('chat', 'webhook'))),
        CONSTRAINT fk_alert_recipients_organisation
            FOREIGN KEY(organisation) REFERENCES organisations (key),
        CONSTRAINT fk_alert_recipients_account FOREIGN KEY(account) REFERENCES organisations (key),
        CONSTRAINT fk_alert_recipients_person FOREIGN KEY(person) REFERENCES people (id)
    )""",
    "CREATE INDEX ix_alert_recipients_account ON alert_recipients (account)",
    """CREATE INDEX ix_alert_recipients_active
        ON alert_recipients (organisation, id) WHERE ended_at is null""",
    """CREATE TABLE alert_notices (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        alert BIGINT NOT NULL,
        recipient BIGINT NOT NULL,
        occasion TEXT NOT NULL,
        number INTEGER NOT NULL,
        due_at TIMESTAMP WITH TIME ZONE NOT NULL,
        state TEXT NOT NULL,
        decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
        settled_at TIMESTAMP WITH TIME ZONE,
        carried_by BIGINT,
        error TEXT,
        letter_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_alert_notices PRIMARY KEY (id),
        CONSTRAINT ck_alert_notices_state
            CHECK (state in ('waiting', 'handed', 'sent', 'unpaid', 'failed', 'dropped')),
        CONSTRAINT fk_alert_notices_alert FOREIGN KEY(alert) REFERENCES alerts (id),
        CONSTRAINT fk_alert_notices_recipient
            FOREIGN KEY(recipient) REFERENCES alert_recipients (id),
        CONSTRAINT fk_alert_notices_carried_by FOREIGN KEY(carried_by) REFERENCES alert_notices (id)
    )""",
    """CREATE INDEX ix_alert_notices_due
        ON alert_notices (due_at) WHERE state = 'waiting'""",
    "CREATE INDEX ix_alert_notices_recipient_id ON alert_notices (recipient, id)",
    """CREATE INDEX ix_alert_notices_unpaid
        ON alert_notices (id) WHERE state = 'unpaid' and letter_at is null""",
    """CREATE UNIQUE INDEX uq_alert_notices_once
        ON alert_notices (alert, recipient, occasion, number)""",
    """CREATE TABLE alert_unpaid_letters (
        account TEXT NOT NULL,
        written_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_alert_unpaid_letters PRIMARY KEY (account),
        CONSTRAINT fk_alert_unpaid_letters_account
            FOREIGN KEY(account) REFERENCES organisations (key)
    )""",
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE alert_unpaid_letters",
    "DROP TABLE alert_notices",
    "DROP TABLE alert_recipients",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
