"""The tables of accounts: organisations, groups, people, API keys, logins, shares, the audit."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from accounts import account_tables as account_tables
from accounts import cost_tables as cost_tables
from foundation.database import Base


class OrganisationRow(Base):
    """An organisation; the one without a parent is the root of the tree."""

    __tablename__ = "organisations"
    __table_args__ = (
        Index(
            "uq_organisations_one_root",
            "parent",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("parent IS NULL"),
        ),
        Index(None, "parent"),
    )

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    parent: Mapped[str | None] = mapped_column(Text, ForeignKey("organisations.key"))
    time_zone: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text)
    tax_status: Mapped[str] = mapped_column(Text)
    vat_id: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    iban: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    demands_second_factor: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    licence: Mapped[str] = mapped_column(Text, server_default="business_premium")


class GroupRow(Base):
    """A group of rights with one reach; the shipped ones belong to nobody, their rights to code."""

    __tablename__ = "groups"
    __table_args__ = (
        UniqueConstraint("organisation", "key", postgresql_nulls_not_distinct=True),
        CheckConstraint("reach IN ('own', 'own_and_below', 'installation')", name="reach"),
        CheckConstraint("is_shipped = (organisation IS NULL)", name="shipped"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    organisation: Mapped[str | None] = mapped_column(Text, ForeignKey("organisations.key"))
    key: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    rights: Mapped[list[str]] = mapped_column(ARRAY(Text))
    reach: Mapped[str] = mapped_column(Text)
    is_shipped: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime | None]


class PersonRow(Base):
    """Somebody who may sign in; never deleted, so that what he did stays his."""

    __tablename__ = "people"
    __table_args__ = (Index(None, "organisation"), Index(None, "group_id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_name: Mapped[str] = mapped_column(Text, unique=True)
    email: Mapped[str | None] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)
    group_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("groups.id"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    language: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]


class ApiKeyRow(Base):
    """A key for programs; only a hash of its secret is kept.

    Its rights are those of a shipped group (`role`), or are listed (`rights`).
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        Index(None, "organisation"),
        CheckConstraint("(role IS NULL) <> (rights IS NULL)", name="role_or_rights"),
        CheckConstraint("reach IN ('own', 'own_and_below', 'installation')", name="reach"),
        CheckConstraint("rate_per_minute > 0", name="rate"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    prefix: Mapped[str] = mapped_column(Text, unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    name: Mapped[str] = mapped_column(Text)
    role: Mapped[str | None] = mapped_column(Text)
    rights: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    reach: Mapped[str] = mapped_column(Text)
    rate_per_minute: Mapped[int | None] = mapped_column(Integer)
    commercial: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    organisation: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class LoginRow(Base):
    """A browser that is signed in; `id_hash` is the SHA-256 of the secret in its cookie.

    `number` is what lists name it by. While it awaits the second factor it opens nothing.
    """

    __tablename__ = "logins"
    __table_args__ = (
        Index(None, "person_id"),
        Index(None, "expires_at"),
        UniqueConstraint("number"),
    )

    id_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("people.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    user_agent: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text, server_default="")
    awaits_second_factor: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    revoked_at: Mapped[datetime | None]


class SecondFactorRow(Base):
    """A person's secret for one-time codes, sealed with the installation's key.

    It counts once it is confirmed; `last_step` is the newest time step a code was taken of.
    """

    __tablename__ = "second_factors"

    person_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("people.id"), primary_key=True, autoincrement=False
    )
    secret_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCodeRow(Base):
    """A code that stands in for the second factor once; only its hash is kept."""

    __tablename__ = "recovery_codes"

    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("people.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    used_at: Mapped[datetime | None]


class LetterRow(Base):
    """A link that was mailed to a person, to choose a password by: an invitation or a reset."""

    __tablename__ = "letters"
    __table_args__ = (
        Index(None, "person_id"),
        CheckConstraint("purpose IN ('invitation', 'reset')", name="purpose"),
    )

    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("people.id"))
    purpose: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class StationShareRow(Base):
    """A station shown to another organisation, valid in [valid_from, valid_to).

    One that names an organisation which did not exist (`is_void`) is kept, so that nobody learns
    from sharing who exists; it never takes effect.
    """

    __tablename__ = "station_shares"
    __table_args__ = (
        Index(None, "station"),
        Index(None, "organisation"),
        CheckConstraint("level IN ('read', 'command')", name="level"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    station: Mapped[str] = mapped_column(Text)
    organisation: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text, ForeignKey("organisations.key"))
    level: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)
    is_void: Mapped[bool] = mapped_column(Boolean)


class AuditHeadRow(Base):
    """The end of a chain of the audit: how many entries it has, and the hash of the last."""

    __tablename__ = "audit_heads"

    chain: Mapped[str] = mapped_column(Text, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditEntryRow(Base):
    """Who did what to what; `content` is all of it as canonical JSON, the rest is to search by.

    A trigger gives number, previous and hash when the unit of work commits, and then refuses
    every change. `chain` is the organisation's key, or `*`.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("chain", "number"),
        Index(None, "chain", "id"),
        Index(None, "subject"),
        Index(None, "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    chain: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(Text)
    actor_name: Mapped[str] = mapped_column(Text)
    door: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    deed: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    change_order: Mapped[str | None] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    number: Mapped[int | None] = mapped_column(BigInteger)
    previous: Mapped[bytes | None] = mapped_column(LargeBinary)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)


class LoginAttemptRow(Base):
    """What is known of tries to sign in for an account, from an address, or for both together."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index(None, "counted_at"),)

    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    failures: Mapped[int] = mapped_column(Integer)
    counted_at: Mapped[datetime]
    blocked_until: Mapped[datetime]
    succeeded_at: Mapped[datetime | None]


class AnsweredRequestRow(Base):
    """A writing call that was answered, so that its repetition gets the same answer."""

    __tablename__ = "answered_requests"
    __table_args__ = (Index(None, "answered_at"),)

    principal: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    answered_at: Mapped[datetime]
