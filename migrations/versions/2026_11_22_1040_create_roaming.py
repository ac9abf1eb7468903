"""Create the tables of roaming."""

from alembic import op

revision = "roaming_1"
down_revision = "billing_1"
branch_labels = None
depends_on = None

TABLES = (
    """CREATE TABLE providers (
        party_id TEXT NOT NULL,
        name TEXT NOT NULL,
        email TEXT,
        vat_id TEXT,
        terms_days INTEGER NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_providers PRIMARY KEY (party_id)
    )""",
    """CREATE TABLE agreements (
        id BIGINT GENERATED ALWAYS AS IDENTITY,
        payee TEXT NOT NULL,
        internal_bps INTEGER NOT NULL,
        external_bps INTEGER NOT NULL,
        basis TEXT NOT NULL,
        internal_scope TEXT NOT NULL,
        valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
        valid_to TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_agreements PRIMARY KEY (id),
        CONSTRAINT ck_agreements_period CHECK (valid_to > valid_from),
        CONSTRAINT ck_agreements_internal_bps CHECK (internal_bps between 0 and 10000),
        CONSTRAINT ck_agreements_external_bps CHECK (external_bps between 0 and 10000),
        CONSTRAINT fk_agreements_payee FOREIGN KEY(payee) REFERENCES organisations (key)
    )""",
    "CREATE INDEX ix_agreements_payee_valid_from ON agreements (payee, valid_from)",
    """CREATE TABLE agreement_ends (
        agreement_id BIGINT NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_agreement_ends PRIMARY KEY (agreement_id, ended_at),
        CONSTRAINT fk_agreement_ends_agreement_id
            FOREIGN KEY(agreement_id) REFERENCES agreements (id)
    )""",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("agreement_ends")
    op.drop_table("agreements")
    op.drop_table("providers")
