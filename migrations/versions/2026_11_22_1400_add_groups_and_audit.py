"""Groups of rights, shared stations, second factors, invitations, and the audit."""

from alembic import op

revision = "accounts_2"
down_revision = "roaming_1"
branch_labels = None
depends_on = None

UPGRADE: tuple[str, ...] = (
    (
        "ALTER TABLE organisations ADD COLUMN demands_second_factor boolean DEFAULT false NOT NULL,"
        " ADD COLUMN licence text DEFAULT 'business_premium' NOT NULL"
    ),
    """
    CREATE TABLE groups (
        id bigint GENERATED ALWAYS AS IDENTITY,
        organisation text,
        key text NOT NULL,
        name text NOT NULL,
        rights text[] NOT NULL,
        reach text NOT NULL,
        is_shipped boolean NOT NULL,
        created_at timestamp with time zone,
        CONSTRAINT pk_groups PRIMARY KEY (id),
        CONSTRAINT uq_groups_organisation_key UNIQUE NULLS NOT DISTINCT (organisation, key),
        CONSTRAINT fk_groups_organisation FOREIGN KEY (organisation)
            REFERENCES organisations (key),
        CONSTRAINT ck_groups_reach CHECK (reach IN ('own', 'own_and_below', 'installation')),
        CONSTRAINT ck_groups_shipped CHECK (is_shipped = (organisation IS NULL))
    )
    """,
    """
    INSERT INTO groups (key, name, rights, reach, is_shipped) VALUES
        ('super_admin', 'SuperAdmin', '{}', 'installation', true),
        ('administrator', 'Administrator', '{}', 'own_and_below', true),
        ('support', 'Support', '{}', 'own_and_below', true),
        ('customer_success', 'Customer success', '{}', 'own_and_below', true),
        ('finance', 'Finance', '{}', 'own_and_below', true),
        ('technician', 'Technician', '{}', 'own_and_below', true),
        ('owner', 'Owner', '{}', 'own_and_below', true)
    """,
    "ALTER TABLE people ADD COLUMN group_id bigint",
    """
    UPDATE people SET group_id = groups.id FROM groups
    WHERE groups.is_shipped AND groups.key = CASE
        WHEN 'administrator' = ANY (people.roles) THEN 'administrator'
        WHEN 'support' = ANY (people.roles) THEN 'support'
        ELSE 'owner' END
    """,
    "ALTER TABLE people ALTER COLUMN group_id SET NOT NULL",
    (
        "ALTER TABLE people ADD CONSTRAINT fk_people_group_id FOREIGN KEY (group_id)"
        " REFERENCES groups (id)"
    ),
    "CREATE INDEX ix_people_group_id ON people (group_id)",
    "ALTER TABLE people DROP COLUMN roles",
    """
    ALTER TABLE api_keys
        ALTER COLUMN role DROP NOT NULL,
        ADD COLUMN rights text[],
        ADD COLUMN reach text DEFAULT 'own_and_below' NOT NULL,
        ADD COLUMN rate_per_minute integer,
        ADD COLUMN created_by text,
        ADD COLUMN expires_at timestamp with time zone,
        ADD CONSTRAINT ck_api_keys_role_or_rights CHECK ((role IS NULL) <> (rights IS NULL)),
        ADD CONSTRAINT ck_api_keys_reach
            CHECK (reach IN ('own', 'own_and_below', 'installation')),
        ADD CONSTRAINT ck_api_keys_rate CHECK (rate_per_minute > 0)
    """,
    "ALTER TABLE api_keys ALTER COLUMN reach DROP DEFAULT",
    """
    ALTER TABLE logins
        ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
        ADD COLUMN address text DEFAULT '' NOT NULL,
        ADD COLUMN awaits_second_factor boolean DEFAULT false NOT NULL,
        ADD COLUMN revoked_at timestamp with time zone,
        ADD CONSTRAINT uq_logins_number UNIQUE (number)
    """,
    """
    CREATE TABLE second_factors (
        person_id bigint NOT NULL,
        secret_sealed bytea NOT NULL,
        created_at timestamp with time zone NOT NULL,
        confirmed_at timestamp with time zone,
        last_step bigint NOT NULL,
        CONSTRAINT pk_second_factors PRIMARY KEY (person_id),
        CONSTRAINT fk_second_factors_person_id FOREIGN KEY (person_id) REFERENCES people (id)
    )
    """,
    """
    CREATE TABLE recovery_codes (
        person_id bigint NOT NULL,
        code_hash bytea NOT NULL,
        used_at timestamp with time zone,
        CONSTRAINT pk_recovery_codes PRIMARY KEY (person_id, code_hash),
        CONSTRAINT fk_recovery_codes_person_id FOREIGN KEY (person_id) REFERENCES people (id)
    )
    """,
    """
    CREATE TABLE letters (
        secret_hash bytea NOT NULL,
        person_id bigint NOT NULL,
        purpose text NOT NULL,
        created_at timestamp with time zone NOT NULL,
        expires_at timestamp with time zone NOT NULL,
        used_at timestamp with time zone,
        CONSTRAINT pk_letters PRIMARY KEY (secret_hash),
        CONSTRAINT fk_letters_person_id FOREIGN KEY (person_id) REFERENCES people (id),
        CONSTRAINT ck_letters_purpose CHECK (purpose IN ('invitation', 'reset'))
    )
    """,
    "CREATE INDEX ix_letters_person_id ON letters (person_id)",
    """
    CREATE TABLE station_shares (
        id bigint GENERATED ALWAYS AS IDENTITY,
        station text NOT NULL,
        organisation text NOT NULL,
        owner text NOT NULL,
        level text NOT NULL,
        valid_from timestamp with time zone NOT NULL,
        valid_to timestamp with time zone,
        created_at timestamp with time zone NOT NULL,
        created_by text NOT NULL,
        is_void boolean NOT NULL,
        CONSTRAINT pk_station_shares PRIMARY KEY (id),
        CONSTRAINT fk_station_shares_owner FOREIGN KEY (owner) REFERENCES organisations (key),
        CONSTRAINT ck_station_shares_level CHECK (level IN ('read', 'command'))
    )
    """,
    "CREATE INDEX ix_station_shares_station ON station_shares (station)",
    "CREATE INDEX ix_station_shares_organisation ON station_shares (organisation)",
    """
    CREATE TABLE audit_heads (
        chain text NOT NULL,
        number bigint NOT NULL,
        hash bytea NOT NULL,
        CONSTRAINT pk_audit_heads PRIMARY KEY (chain)
    )
    """,
    """
    CREATE TABLE audit_entries (
        id bigint GENERATED ALWAYS AS IDENTITY,
        chain text NOT NULL,
        at timestamp with time zone NOT NULL,
        actor text NOT NULL,
        actor_name text NOT NULL,
        door text NOT NULL,
        address text,
        deed text NOT NULL,
        subject text NOT NULL,
        change_order text,
        content text NOT NULL,
        number bigint,
        previous bytea,
        hash bytea,
        CONSTRAINT pk_audit_entries PRIMARY KEY (id),
        CONSTRAINT uq_audit_entries_chain_number UNIQUE (chain, number)
    )
    """,
    "CREATE INDEX ix_audit_entries_chain_id ON audit_entries (chain, id)",
    "CREATE INDEX ix_audit_entries_subject ON audit_entries (subject)",
    "CREATE INDEX ix_audit_entries_at ON audit_entries (at)",
    # The link is forged at the commit: nobody waits for a chain longer than a commit takes.
    """
    CREATE FUNCTION audit_forge() RETURNS trigger LANGUAGE plpgsql AS $forge$
    DECLARE
        head audit_heads;
        forged bytea;
    BEGIN
        INSERT INTO audit_heads (chain, number, hash) VALUES (NEW.chain, 0, '')
            ON CONFLICT (chain) DO UPDATE SET chain = excluded.chain
            RETURNING * INTO head;
        SELECT sha256(head.hash
            || convert_to((head.number + 1)::text || chr(10) || NEW.content, 'UTF8')) INTO forged;
        UPDATE audit_entries SET number = head.number + 1, previous = head.hash, hash = forged
            WHERE id = NEW.id;
        UPDATE audit_heads SET number = head.number + 1, hash = forged WHERE chain = NEW.chain;
        RETURN NULL;
    END
    $forge$
    """,
    """
    CREATE CONSTRAINT TRIGGER audit_forge AFTER INSERT ON audit_entries
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_forge()
    """,
    """
    CREATE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $final$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF OLD.hash IS NULL AND NEW.hash IS NOT NULL
                AND (OLD.id, OLD.chain, OLD.at, OLD.actor, OLD.actor_name, OLD.door, OLD.deed,
                     OLD.subject, OLD.content)
                  = (NEW.id, NEW.chain, NEW.at, NEW.actor, NEW.actor_name, NEW.door, NEW.deed,
                     NEW.subject, NEW.content)
                AND OLD.address IS NOT DISTINCT FROM NEW.address
                AND OLD.change_order IS NOT DISTINCT FROM NEW.change_order
            THEN
                RETURN NEW;
            END IF;
        END IF;
        RAISE EXCEPTION 'entries of the audit are never changed or removed'
            USING ERRCODE = 'restrict_violation';
    END
    $final$
    """,
    """
    CREATE TRIGGER audit_is_final BEFORE UPDATE OR DELETE ON audit_entries
        FOR EACH ROW EXECUTE FUNCTION audit_is_final()
    """,
    """
    CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit_entries
        FOR EACH STATEMENT EXECUTE FUNCTION audit_is_final()
    """,
)

DOWNGRADE: tuple[str, ...] = (
    "DROP TABLE audit_entries",
    "DROP FUNCTION audit_forge()",
    "DROP FUNCTION audit_is_final()",
    "DROP TABLE audit_heads",
    "DROP TABLE station_shares",
    "DROP TABLE letters",
    "DROP TABLE recovery_codes",
    "DROP TABLE second_factors",
    (
        "ALTER TABLE logins DROP COLUMN number, DROP COLUMN address,"
        " DROP COLUMN awaits_second_factor, DROP COLUMN revoked_at"
    ),
    # What only has rights of its own cannot go on: an older program would take it for a role.
    "DELETE FROM api_keys WHERE role IS NULL OR role NOT IN ('administrator', 'support', 'owner')",
    """
    ALTER TABLE api_keys
        DROP COLUMN rights, DROP COLUMN reach, DROP COLUMN rate_per_minute,
        DROP COLUMN created_by, DROP COLUMN expires_at,
        ALTER COLUMN role SET NOT NULL
    """,
    "ALTER TABLE people ADD COLUMN roles text[]",
    """
    UPDATE people SET roles = ARRAY[CASE
        WHEN groups.key IN ('super_admin', 'administrator') AND groups.is_shipped
            THEN 'administrator'
        WHEN groups.key = 'support' AND groups.is_shipped THEN 'support'
        ELSE 'owner' END]
    FROM groups WHERE groups.id = people.group_id
    """,
    "ALTER TABLE people ALTER COLUMN roles SET NOT NULL",
    "ALTER TABLE people DROP COLUMN group_id",
    "DROP TABLE groups",
    "ALTER TABLE organisations DROP COLUMN demands_second_factor, DROP COLUMN licence",
)


def upgrade() -> None:
    """Change the tables."""
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    """Take the change back."""
    for statement in DOWNGRADE:
        op.execute(statement)
